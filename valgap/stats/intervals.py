"""Confidence intervals of means over replicates, and of paired differences."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.ground.records import Number

Values = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Interval:
    """Mean, standard deviation over replicates (ddof=1) and confidence limits; NaN limits where n is 1."""

    n: int
    mean: Number
    sd: Number
    low: Number
    high: Number


def over_replicates(values: Values, confidence: float = 0.95, redrawn: float = 0.0) -> Interval:
    """Student t interval of the mean of (n,) values, one a replicate. Raises ValueError on no value.

    `redrawn` is test images over training images where each replicate tests on a fold of the images that the others
    train on: the variance is then s^2 (1/n + redrawn) (Nadeau and Bengio 2003, "Inference for the Generalization
    Error", section 3; for repeated k-fold Bouckaert and Frank 2004); 0 for a test set that no replicate trains on.
    """
    if len(values) == 0:
        raise ValueError("an interval needs at least one replicate, received none")
    variance = float(np.var(values, ddof=1)) * (1 / len(values) + redrawn) if len(values) > 1 else math.nan
    return _interval(values, variance, len(values) - 1, confidence)


def one_more(values: Values, confidence: float = 0.95, images: float = 0.0) -> Interval:
    """Where one more value like the (n,) values is expected: mean +- t s sqrt(1 + 1/n), NaN limits where n is 1.

    The prediction interval of normal values (Hahn and Meeker 1991, "Statistical Intervals", chapter 4). Values that
    share what they are drawn from, as folds do, need no correction: s^2 and one more value vary about what they share.
    `images` is a variance that the images of the one value add, and is taken as known, with Satterthwaite's degrees of
    freedom for the sum. Raises ValueError on no value.
    """
    if len(values) == 0:
        raise ValueError("a prediction needs at least one replicate, received none")
    if len(values) < 2:
        return _interval(values, math.nan, 0, confidence)
    own = float(np.var(values, ddof=1)) * (1 + 1 / len(values))
    total = own + images
    freedom = (len(values) - 1) * (total / own) ** 2 if own > 0 else math.inf if images else len(values) - 1
    return _interval(values, total, freedom, confidence)


def by_group(values: Values, groups: NDArray[np.int64]) -> Values:
    """(replicates, examples) values as (replicates, groups) whose two-way variance counts groups.

    With m a row's mean, a group's entry is m + G/N times the sum of its examples' deviations from m, so that a row's
    mean stays m whatever the groups' sizes: the linearised ratio estimator of cluster sampling (Cochran 1977,
    "Sampling Techniques", section 9A.1). `groups` (examples,) of any integers; where each is its own, the values.
    """
    names, member = np.unique(groups, return_inverse=True)
    if len(names) == len(groups):
        return values
    mean = values.mean(axis=1, keepdims=True)
    sums = np.stack([np.bincount(member, row, len(names)) for row in values - mean])
    return mean + sums * len(names) / len(groups)


def over_replicates_and_examples(values: Values, confidence: float = 0.95) -> Interval:
    """Interval of the mean of (replicates, examples) values that covers new draws of both.

    All replicates share the examples, so a test set's luck does not average out over replicates.
    """
    variance, df, _ = two_way_variance(values)
    return _interval(values.mean(axis=1), variance, df, confidence)


def two_way_variance(values: Values) -> tuple[float, float, float]:
    """(variance of the mean, its degrees of freedom, the examples' own part of it) of (replicates, examples) values.

    With the two-way mean squares, Var = (MS_rep + MS_ex - MS_res) / (R G), at least each of MS_rep and
    MS_ex over R G, with Satterthwaite's degrees of freedom: Owen 2007, "The pigeonhole bootstrap",
    gives the variance; Satterthwaite 1946 the degrees of freedom. NaN for one replicate or one example.
    """
    count, examples = values.shape
    if count < 2 or examples < 2:
        return math.nan, math.nan, math.nan
    rows, columns, mean = values.mean(axis=1), values.mean(axis=0), values.mean()
    residual = values - rows[:, np.newaxis] - columns + mean
    freedom = np.array([count - 1, examples - 1, (count - 1) * (examples - 1)])
    sums = [examples * np.sum((rows - mean) ** 2), count * np.sum((columns - mean) ** 2), np.sum(residual**2)]
    replicate, example, rest = squares = np.array(sums) / freedom
    total, df = max(replicate, example), float(freedom[int(example > replicate)])
    if replicate + example - rest >= total:
        total = replicate + example - rest
        df = float(total**2 / np.sum(squares**2 / freedom)) if total > 0 else float(count - 1)
    cells = count * examples
    return float(total) / cells, df, max(0.0, float(example - rest)) / cells


def wilson(mean: float, images: float, quantile: float) -> tuple[float, float]:
    """Wilson's score limits of a share `mean` of `images`, which need not be whole: effective numbers are not.

    Wilson 1927, "Probable Inference"; with whole numbers as in scipy.stats.binomtest.
    """
    square = quantile**2 / images
    centre = (mean + square / 2) / (1 + square)
    half = math.sqrt(square * (mean * (1 - mean) + square / 4)) / (1 + square)
    return max(0.0, centre - half), min(1.0, centre + half)


def wins(difference: Values) -> str:
    """`k/n`: replicates in which the paired difference is above 0."""
    return f"{int(np.sum(difference > 0))}/{len(difference)}"


def correlation(first: Values, second: Values) -> float:
    """Pearson correlation of two variants over replicates: what pairing bought. NaN where either is constant."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


def _interval(rows: Values, variance: float, df: float, confidence: float) -> Interval:
    half = stats.t.ppf((1 + confidence) / 2, df) * math.sqrt(variance) if df > 0 else math.nan
    mean = float(np.mean(rows))
    sd = float(np.std(rows, ddof=1)) if len(rows) > 1 else math.nan
    return Interval(len(rows), mean, sd, mean - half, mean + half)
