"""Does the baseline reproduce what made the user come? A run of theirs against one more run of the baseline."""

import math

import numpy as np
from numpy.typing import NDArray

from valgap.ground.params.experiment import Train
from valgap.ground.params.suite import BASELINE, Suite
from valgap.stats.intervals import by_group, one_more, two_way_variance
from valgap.stats.measured import on_split, split_accuracy, split_score
from valgap.stats.metrics import correct
from valgap.stats.run import Run
from valgap.stats.seen import Expected, Reproduction, Seen
from valgap.stats.verdict import Gap
from valgap.stats.words import OfSeen, OfSymptom

TOGETHER = 0.95  # confidence of all limits that decide, together
ROUNDED = 0.01  # what a gap may be off by whose accuracies are whole percents
VAGUE = 0.4  # between limits of an accuracy, from where on to lie within them says nothing; half of it for a gap
TINY = 1e-9  # what a difference of decimals may be off by
FILES = ("folder", "table")  # sources whose images are files of the user
LOWERS = ("dropout", "augmentation")  # what can only lower the training accuracy that `fit` measures
OWN_LAYERS, STATISTICS, AVERAGE, MIX = "own layers", "batch normalisation", "averaged weights", "oversampling"

Values = NDArray[np.float64]


def reproduction(params: Suite, seen: Seen | None, run: Run, gap: Gap, margin: float) -> Reproduction | None:
    """What the baseline's `run` says of what was seen; None where nothing was.

    The user's run is one run: it is placed by where one more replicate is expected, with the luck of the images where
    the user's are others than ours. Closer than the margin is no difference.
    """
    if seen is None:
        return None
    train = params.variants[BASELINE]
    otherwise = measured_otherwise(train, params.model.builder) if seen.by == "fit" else ()
    found = _deciding(seen, run)
    confidence = 1 - (1 - TOGETHER) / len(found)
    values = [_expected(name, *each, confidence, max(margin, ROUNDED)) for name, each in found.items()]
    if not loss_differs(train, params.model.builder):
        values += [_expected(name, *each, confidence, 0.0) for name, each in _losses(seen, run).items()]
    values = [_allowed(each, otherwise) for each in values]
    return Reproduction(
        verdict=word({each.name: each for each in values}, gap, margin),
        seen=seen,
        n=len(run["replicates"]),
        confidence=confidence,
        otherwise=otherwise,
        values=tuple(values),
        images=params.data.path if params.data.source in FILES else None,
    )


def measured_otherwise(train: Train, builder: str) -> tuple[str, ...]:
    """Why the training accuracy that `fit` shows is not that of the same network afterwards; () where it nearly is.

    LOWERS alone can only lower it: its network is a part of the network, or its images are harder.
    """
    reasons = {
        "dropout": any(train.dropout),
        "augmentation": bool(train.transforms),
        STATISTICS: train.batch_norm or builder == "resnet" or builder.startswith("applications:"),
        OWN_LAYERS: _is_users(builder),
        AVERAGE: bool(train.ema_momentum),
        MIX: train.class_remedy == "oversampling",
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def loss_differs(train: Train, builder: str) -> bool:
    """Whether the loss that Keras shows is more, or other, than the negative log-likelihood of the labels."""
    penalties = (train.l1_penalty, train.l2_penalty, train.label_smoothing)
    return any(penalties) or train.class_remedy != "none" or _is_users(builder)


def _is_users(builder: str) -> bool:
    """Whether it is a function of the user's own, whose layers and penalties are not known here."""
    return ":" in builder and not builder.startswith("applications:")


def word(values: dict[str, Expected], gap: Gap, margin: float) -> OfSymptom:
    """The word that the values allow; `gap` is the baseline's with the limits of its mean."""
    found = values["gap"]
    if found.verdict == "unknown":
        return "unknown"
    if found.verdict == "not compared":
        return _of_validation(values["val_accuracy"].verdict)
    if found.verdict == "above":
        if values["train_accuracy"].verdict == "above":
            return "trained less"
        hardly = gap.train_val.low <= max(margin, ROUNDED) and gap.train_val.high < found.seen / 2
        return "vanishes" if hardly else "larger"
    if found.verdict == "below":
        return "smaller"
    accuracies = [each for name, each in values.items() if name.endswith("accuracy")]
    if _is_too_wide(found, max(margin, ROUNDED)) or any(each.high - each.low > VAGUE for each in accuracies):
        return "too wide"
    return "reproduced" if all(each.verdict == "within" for each in accuracies) else "gap reproduced"


def _is_too_wide(gap: Expected, margin: float) -> bool:
    """Whether the limits that hold the user's gap hold no gap, too, or hold a large one where the user saw none."""
    if gap.seen > margin + TINY:
        return gap.low <= 0
    return gap.high - gap.low > VAGUE / 2


def _of_validation(verdict: OfSeen) -> OfSymptom:
    words: dict[OfSeen, OfSymptom] = {"below": "validation worse", "above": "validation better"}
    return words.get(verdict, "validation alone")


def _deciding(seen: Seen, run: Run) -> dict[str, tuple[float, Values, float]]:
    """What decides, by name: the value seen, those of the replicates, the variance that the user's images add."""
    accuracy = {split: split_accuracy(split)(run) for split in ("train", "val", "test")}
    luck = _luck(run, "val", seen.val_images)
    found = {
        "train_accuracy": (seen.train_accuracy, accuracy["train"], 0.0),
        "val_accuracy": (seen.val_accuracy, accuracy["val"], luck),
        "gap": (seen.train_accuracy - seen.val_accuracy, accuracy["train"] - accuracy["val"], luck),
    }
    if seen.test_accuracy is not None:
        # Whether the user's test images are ours is not known: taken for others, the limits are wide enough for both.
        images = seen.test_images or run["test_index"].shape[1]
        found["test_accuracy"] = (seen.test_accuracy, accuracy["test"], _luck(run, "test", images))
    return found


def _losses(seen: Seen, run: Run) -> dict[str, tuple[float, Values, float]]:
    """Likewise of the losses, which decide nothing."""
    given = {"train": seen.train_loss, "val": seen.val_loss}
    return {
        f"{split}_loss": (value, split_score(split, "nll")(run), 0.0)
        for split, value in given.items()
        if value is not None
    }


def _luck(run: Run, split: str, images: int | None) -> float:
    """The variance of an accuracy that the user's `images` add to that between replicates.

    Replicates that draw images of their own vary by them already: what is added is what fewer images vary more. Where
    all replicates have the same images, as a given split has, None stands for these; others add the luck of both sets.
    An image varies as one of a binomial does, or as the two-way layout shows, if that is more: groups vary together.
    """
    if images is None:
        return 0.0
    index = run[f"{split}_index"]
    ours, mean = index.shape[1], float(split_accuracy(split)(run).mean())
    of_one = mean * (1 - mean)
    if not (index == index[0]).all():
        return of_one * max(0.0, 1 / images - 1 / ours)
    if split == "val" and images == ours:
        return 0.0
    shown = two_way_variance(by_group(on_split(split, correct)(run), run[f"{split}_groups"][0]))[2] * ours
    return max(of_one, 0.0 if math.isnan(shown) else shown) * (1 / images + 1 / ours)


def _expected(name: str, seen: float, values: Values, luck: float, confidence: float, margin: float) -> Expected:
    found = one_more(values, confidence, luck)
    low, high = min(found.low, found.mean - margin), max(found.high, found.mean + margin)
    if name != "gap":
        low = max(low, 0.0)
    if name.endswith("accuracy"):
        high = min(high, 1.0)
    if math.isnan(found.low):
        return Expected(name, seen, found.mean, math.nan, math.nan, "unknown")
    verdict: OfSeen = "below" if seen < low - TINY else "above" if seen > high + TINY else "within"
    return Expected(name, seen, found.mean, low, high, verdict)


def _allowed(value: Expected, otherwise: tuple[str, ...]) -> Expected:
    """The value with the word that is safe to give where `fit` measured training images otherwise than the suite.

    What can only be lowered, and is above, is above all the more.
    """
    if not otherwise or value.verdict == "unknown" or value.name not in ("train_accuracy", "gap", "train_loss"):
        return value
    lowered = set(otherwise) <= set(LOWERS) and value.name != "train_loss"
    if lowered and value.verdict == "above":
        return value
    return Expected(value.name, value.seen, value.mean, value.low, value.high, "not compared")
