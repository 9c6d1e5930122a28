"""Scores of class probabilities. Adding one is one object in METRICS: every table and choice of scores is made of them.

Everywhere: probabilities float (n, classes) with rows summing to 1, labels int (n,) in [0, classes).
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Probabilities = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]
Values = NDArray[np.float64]

CALIBRATION_BINS = 15  # Guo et al. 2017, "On Calibration of Modern Neural Networks"
TINY = float(np.finfo(np.float32).tiny)  # probabilities are float32; 0 would give an infinite NLL


def correct(probabilities: Probabilities, labels: Labels) -> Values:
    """1 where the most probable class is the label, else 0, (n,); of equal probabilities the first class counts."""
    return (probabilities.argmax(axis=1) == labels).astype(np.float64)


def negative_log_likelihood(probabilities: Probabilities, labels: Labels) -> Values:
    """-ln p(label) of each example in nats, (n,), p floored at the smallest normal float32 (87.3 nats)."""
    return -np.log(np.maximum(probabilities[np.arange(len(labels)), labels].astype(np.float64), TINY))


def expected_calibration_error(probabilities: Probabilities, labels: Labels) -> float:
    """Mean |accuracy - confidence| over equal-width confidence bins, weighted by their size; in [0, 1].

    Guo et al. 2017, equation 3. Bin b holds confidences in (b / 15, (b + 1) / 15].
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    difference = correct(probabilities, labels) - confidence
    return float(np.abs(np.bincount(bins, difference, CALIBRATION_BINS)).sum() / len(labels))


def confusion(predicted: Labels, labels: Labels, classes: int) -> NDArray[np.int64]:
    """Counts (classes, classes): rows are actual classes, columns predicted ones."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def recall(counts: NDArray[np.int64]) -> Values:
    """Recall of each class from a confusion matrix, (classes,); NaN for a class without examples."""
    with np.errstate(invalid="ignore"):
        return np.diag(counts) / counts.sum(axis=1)


def balanced_accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Mean recall over the classes that are present; in [0, 1]."""
    counts = confusion(probabilities.argmax(axis=1), labels, probabilities.shape[1])
    return float(np.nanmean(recall(counts)))


def balanced_correct(probabilities: Probabilities, labels: Labels) -> Values:
    """As `correct`, weighted so that the mean is the balanced accuracy, (n,)."""
    counts = np.bincount(labels)
    return correct(probabilities, labels) * (len(labels) / (np.count_nonzero(counts) * counts[labels]))


def auroc(probabilities: Probabilities, labels: Labels) -> float:
    """Area under the ROC curve of the second class against the first, in [0, 1]; NaN where either has no example.

    For two classes only.
    """
    positive = labels == 1
    return math.nan if positive.all() or not positive.any() else auc(probabilities[:, 1], positive)


def auc(scores: NDArray[np.floating[Any]], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve of (n,) scores, of which some are and some are not (n,) `positive`; in [0, 1].

    Mann and Whitney's U over the number of pairs, ties half.
    """
    count = int(positive.sum())
    rank_sum = float(stats.rankdata(scores)[positive].sum())
    return (rank_sum - count * (count + 1) / 2) / (count * (len(scores) - count))


@dataclasses.dataclass(frozen=True)
class Metric:
    """A score, how it is computed and how it is written. In `title` and `short` {} is the place of the split's name.

    `each` gives per-example values whose mean is the score, where there are such; `paired` those of contrasts, where
    they are others. `classes` limits it to data with so many. A `percent` score is a fraction, shown in percent and its
    differences in pp; others are in nats. `stands_in` marks one that is listed only where the verdict rests on it.
    `columns` are the splits on which the report lists it, `headline` those on which metrics.json does.
    """

    name: str
    title: str
    short: str
    score: Callable[[Probabilities, Labels], float]
    each: Callable[[Probabilities, Labels], Values] | None = None
    paired: Callable[[Probabilities, Labels], Values] | None = None
    needs_probabilities: bool = True  # else hard predictions suffice
    classes: int | None = None
    higher_is_better: bool = True
    percent: bool = True
    stands_in: bool = False
    columns: tuple[str, ...] = ("test",)
    headline: tuple[str, ...] = ()

    @property
    def unit(self) -> Literal["pp", "nats"]:
        """Of a difference."""
        return "pp" if self.percent else "nats"

    @property
    def scale(self) -> int:
        """From the score to what is shown."""
        return 100 if self.percent else 1

    @property
    def form(self) -> str:
        """Of what is shown."""
        return "{:.1f}" if self.percent else "{:.3f}"

    def titled(self, split: str) -> str:
        """`test accuracy`."""
        return self.title.format(f"{split} ")

    def heading(self, split: str = "") -> str:
        """`test acc. %`; without a split `acc. %`."""
        return self.short.format(f"{split} " if split else "") + (" %" if self.percent else "")


METRICS = {  # in the order of results.csv
    metric.name: metric
    for metric in (
        Metric(
            "accuracy", "{}accuracy", "{}acc.", lambda p, y: float(correct(p, y).mean()), correct,
            needs_probabilities=False, columns=("train", "val", "test"), headline=("val", "test"),
        ),
        Metric(
            "nll", "{}NLL", "{}NLL", lambda p, y: float(negative_log_likelihood(p, y).mean()),
            negative_log_likelihood, higher_is_better=False, percent=False, headline=("test",),
        ),
        Metric("ece", "{}ECE", "{}ECE", expected_calibration_error, higher_is_better=False),
        Metric(
            "balanced_accuracy", "balanced {}accuracy", "balanced {}acc.", balanced_accuracy, paired=balanced_correct,
            needs_probabilities=False, stands_in=True,
        ),
        Metric("auroc", "{}AUROC", "{}AUROC", auroc, classes=2),
    )
}  # fmt: skip


def in_reading_order() -> list[Metric]:
    """The metrics as tables list them: what should be high first."""
    return sorted(METRICS.values(), key=lambda metric: not metric.higher_is_better)


def metrics_for(classes: int) -> dict[str, Metric]:
    """The metrics that data with so many classes has."""
    return {name: metric for name, metric in METRICS.items() if metric.classes in (None, classes)}
