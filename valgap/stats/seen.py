"""What the user saw before the suite ran, and how it compares with one more run of the baseline: the records."""

import dataclasses
from typing import Literal

from valgap.ground.records import Number
from valgap.stats.words import OfSeen, OfSymptom

Source = Literal["accuracies", "history", "model"]
By = Literal["fit", "evaluate"]


@dataclasses.dataclass(frozen=True)
class Seen:
    """One training run of the user's own: accuracies from 0 to 1, losses in nats, None for what was not seen.

    `by` says who measured the training images: `fit` while it trained, or `evaluate` afterwards. `epoch` of `epochs` is
    the one that was read off a history, counted from 1. `val_images` and `test_images` count the user's own, None where
    they are not known.
    """

    source: Source
    by: By
    train_accuracy: float
    val_accuracy: float
    test_accuracy: float | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    val_images: int | None = None
    test_images: int | None = None
    file: str | None = None
    epoch: int | None = None
    epochs: int | None = None


@dataclasses.dataclass(frozen=True)
class Expected:
    """A value that the user saw, the baseline's mean, and the limits between which one more run is expected.

    `name` is a field of `Seen`, or `gap`. Values closer to the mean than the margin are within the limits.
    """

    name: str
    seen: float
    mean: Number
    low: Number
    high: Number
    verdict: OfSeen


@dataclasses.dataclass(frozen=True)
class Reproduction:
    """Whether the baseline reproduces what the user saw, over `n` replicates.

    `confidence` is that of each pair of limits; those of accuracies and the gap hold together with 95%. `otherwise` are
    the reasons why `fit` measures training images otherwise than afterwards. `images` is where the user's own images
    lie, None where they are no files.
    """

    verdict: OfSymptom
    seen: Seen
    n: int
    confidence: float
    otherwise: tuple[str, ...]
    values: tuple[Expected, ...]
    images: str | None = None

    def value(self, name: str) -> Expected:
        """The value of that name. Raises KeyError where there is none."""
        return {each.name: each for each in self.values}[name]
