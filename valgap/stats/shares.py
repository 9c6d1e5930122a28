"""What the scores of one fixed model can tell: intervals over images or groups, the gap, the best order of classes.

Pure functions. The model is given, so an interval speaks for other images of the same kind, not for other trainings.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from valgap.stats import metrics
from valgap.stats.intervals import Interval, by_group, over_replicates, wilson

CONFIDENCE = 0.95
CHANCE = 1e-3  # p value below which that is no accident

Labels = NDArray[np.int64]
Groups = NDArray[np.int64] | None


@dataclasses.dataclass(frozen=True)
class Share:
    """How many of `images` are right, the share with its limits, and what clustering in groups costs.

    `design` is the design effect, the factor by which groups widen the variance; None where no image, or every
    one, is right, so that it cannot be told. Limits are NaN where one group alone is there.
    """

    right: int
    images: int
    mean: float
    low: float
    high: float
    design: float | None


@dataclasses.dataclass(frozen=True)
class Scores:
    """One split: how many images of each class, accuracy and recalls with intervals, every metric by name.

    `excess` is confidence minus accuracy, its mean over images with an interval; `mistaken` the mean confidence on
    wrong images, NaN where there are none.
    """

    images: int
    counts: tuple[int, ...]
    accuracy: Share
    recalls: tuple[Share | None, ...]  # None for a class without an image
    metrics: dict[str, float]
    excess: Interval
    mistaken: float


def share(right: NDArray[np.bool_], groups: Groups, design: float | None = None) -> Share:
    """Share of (n,) images that are right, at least one, with limits over images or, where given, over (n,) groups.

    Over groups Wilson's limits take the effective number of images, n over the design effect (Franco et al. 2019,
    "Comparative Study of Confidence Intervals for Proportions in Complex Sample Surveys"), and Student's t. `design`
    is the design effect to assume where this split cannot tell it, else that of groups that agree throughout.
    """
    n, mean = len(right), float(right.mean())
    if groups is None:
        quantile = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
        return Share(int(right.sum()), n, mean, *wilson(mean, n, quantile), design=1.0)
    sizes = np.unique(groups, return_counts=True)[1]
    if len(sizes) < 2:
        return Share(int(right.sum()), n, mean, math.nan, math.nan, None)
    found = None
    if 0 < mean < 1:
        values = by_group(right[np.newaxis].astype(np.float64), groups)[0]
        found = max(1.0, float(np.var(values, ddof=1)) / len(sizes) * n / (mean * (1 - mean)))
    assumed = found or design or float(np.sum(sizes**2)) / n
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(sizes) - 1))
    return Share(int(right.sum()), n, mean, *wilson(mean, n / assumed, quantile), design=found)


def difference(first: list[Share], second: list[Share]) -> Interval:
    """Mean of the first shares minus mean of the second, all of them independent, with limits from theirs.

    Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10; for means of
    several shares Zou et al. 2009, "A note on confidence interval estimation for a linear function of binomial
    proportions". Groups that span classes are taken as independent between classes.
    """
    means = [float(np.mean([each.mean for each in shares])) for shares in (first, second)]
    down, up = (
        math.sqrt(
            sum((getattr(each, low) - each.mean) ** 2 for each in first) / len(first) ** 2
            + sum((getattr(each, high) - each.mean) ** 2 for each in second) / len(second) ** 2
        )
        for low, high in (("low", "high"), ("high", "low"))
    )
    mean = means[0] - means[1]
    return Interval(sum(each.images for each in first + second), mean, math.nan, mean - down, mean + up)


def scores(probabilities: NDArray[np.float32], labels: Labels, groups: Groups, design: float | None = None) -> Scores:
    """Everything that one split tells; `design` as for `share`. `probabilities` (n, classes), at least one image."""
    classes = probabilities.shape[1]
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    accuracy = share(right, groups, design)
    rows = [np.flatnonzero(labels == label) for label in range(classes)]
    known = accuracy.design or design
    excess = (confidence - right)[np.newaxis]
    return Scores(
        images=len(labels),
        counts=tuple(len(members) for members in rows),
        accuracy=accuracy,
        recalls=tuple(
            share(right[members], None if groups is None else groups[members], known) if len(members) else None
            for members in rows
        ),
        metrics={name: m.score(probabilities, labels) for name, m in metrics.metrics_for(classes).items()},
        excess=over_replicates((excess if groups is None else by_group(excess, groups))[0], CONFIDENCE),
        mistaken=float(confidence[~right].mean()) if not right.all() else math.nan,
    )


def gap(train: Scores, held_out: Scores, balanced: bool) -> Interval:
    """Accuracy on training minus that on held-out images; balanced accuracy over the classes that both have."""
    if not balanced:
        return difference([train.accuracy], [held_out.accuracy])
    pairs = [(a, b) for a, b in zip(train.recalls, held_out.recalls, strict=True) if a and b]
    return difference([a for a, _ in pairs], [b for _, b in pairs])


def matching_order(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each actual class the predicted one it matches best, one to one, (classes,); of equal matches its own.

    `counts` (classes, classes): rows are actual classes, columns predicted ones. The assignment maximises the
    number of images that agree (Kuhn 1955, "The Hungarian method").
    """
    classes = len(counts)
    return optimize.linear_sum_assignment(counts * (classes + 1) + np.eye(classes, dtype=np.int64), maximize=True)[1]
