"""Scores of class probabilities. Adding one is a function and its entry in METRICS.

Everywhere: probabilities float (n, classes) with rows summing to 1, labels int (n,) in [0, classes).
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

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
    """A score. `each` gives per-example values whose mean is the score, where there are such.

    `classes` limits it to data with so many.
    """

    score: Callable[[Probabilities, Labels], float]
    each: Callable[[Probabilities, Labels], Values] | None = None
    needs_probabilities: bool = True  # else hard predictions suffice
    classes: int | None = None


METRICS: dict[str, Metric] = {
    "accuracy": Metric(lambda p, y: float(correct(p, y).mean()), correct, needs_probabilities=False),
    "nll": Metric(lambda p, y: float(negative_log_likelihood(p, y).mean()), negative_log_likelihood),
    "ece": Metric(expected_calibration_error),
    "balanced_accuracy": Metric(balanced_accuracy, needs_probabilities=False),
    "auroc": Metric(auroc, classes=2),
}


def metrics_for(classes: int) -> dict[str, Metric]:
    """The metrics that data with so many classes has."""
    return {name: metric for name, metric in METRICS.items() if metric.classes in (None, classes)}
