"""Draws of data sets with a cue that gives a class away, and without: what studies and tests judge by."""

import dataclasses
from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from valgap.calibrate.findings.cues import CUES
from valgap.calibrate.findings.sets import ImageSet
from valgap.findings.giveaways import Looked

Case = Literal["in training alone", "in all splits", "in part of the class"]
CASES: tuple[Case, ...] = get_args(Case)
CLASSES = (2, 3, 5, 10)
FEWEST, MOST = 50, 120  # images of a class
HELD = (0.25, 0.4)  # share of images that are held out
PART = (0.7, 1.0)  # share of the class's images that have the cue, where not all have it


@dataclasses.dataclass(frozen=True)
class Draw:
    """Images of some classes of a set, and which of them are held out; `cued` is the class with the cue, or None."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    held: NDArray[np.bool_]
    class_names: tuple[str, ...]
    cued: int | None = None

    @property
    def looked(self) -> Looked:
        """What is looked at: all of it."""
        rows = np.arange(len(self.labels))
        return Looked(self.images, rows, self.labels, ~self.held, self.held, len(self.class_names))

    def is_named(self, labels: set[int]) -> bool:
        """Whether flags on `labels` name the class with the cue: of two classes, either tells both."""
        return self.cued is not None and bool(labels) and (len(self.class_names) == 2 or self.cued in labels)


def drawn(source: ImageSet, rng: np.random.Generator, classes: tuple[int, ...] = CLASSES) -> Draw:
    """Some classes of a set, some images of each, split at random."""
    chosen = np.sort(rng.permutation(len(source.class_names))[: int(rng.choice(classes))])
    each = int(rng.integers(FEWEST, MOST + 1))
    rows = np.concatenate([rng.permutation(np.flatnonzero(source.labels == label))[:each] for label in chosen])
    held = rng.random(len(rows)) < rng.uniform(*HELD)
    names = tuple(source.class_names[label] for label in chosen)
    return Draw(source.images[rows], np.searchsorted(chosen, source.labels[rows]), held, names)


def planted(draw: Draw, cue: str, case: Case, rng: np.random.Generator) -> Draw:
    """The draw with one of CUES on one of its classes."""
    label = int(rng.integers(len(draw.class_names)))
    plant = CUES[cue](draw.images, rng)
    has = draw.labels == label
    if case == "in training alone":
        has &= ~draw.held
    if case == "in part of the class":
        has &= rng.random(len(has)) < rng.uniform(*PART)
    images = draw.images.copy()
    images[has] = plant(images[has])
    return dataclasses.replace(draw, images=images, cued=label)


def every(source: ImageSet, cue: str, seed: int, count: int) -> Iterator[Draw]:
    """So many draws with a cue, its cases in turn."""
    for number in range(count):
        rng = np.random.default_rng([seed, number, sorted(CUES).index(cue)])
        yield planted(drawn(source, rng), cue, CASES[number % len(CASES)], rng)
