"""Trends: the price of data, divergence of the validation loss, and a given split among re-splits."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from valgap.stats.intervals import Interval, Values, over_replicates


@dataclasses.dataclass(frozen=True)
class Divergence:
    """Whether the validation loss rises late in training.

    `slope` in nats per epoch over the last half; `p` two-sided, of a slope of 0; `rising` where the slope's
    interval lies above 0, None where it is unknown; `from_epoch` of the mean curve's minimum, if rising.
    """

    slope: Interval
    p: float
    rising: bool | None
    from_epoch: float | None


@dataclasses.dataclass(frozen=True)
class Resplit:
    """Score on the given split minus the mean over re-splits, and the limits between which chance leaves it.

    `low..high` is symmetric about 0; `outside` is None where fewer than two re-splits leave them unknown.
    """

    difference: float
    low: float
    high: float
    outside: bool | None


def price_of_data(sizes: Sequence[int], accuracy: Values, confidence: float = 0.95, redrawn: float = 0.0) -> Interval:
    """Gain in accuracy per doubling of the training set, over replicates.

    Each replicate's least-squares slope of (R, S) `accuracy` on log2 of the S `sizes` (images), then
    Student's t interval over the R slopes, corrected by `redrawn` as `over_replicates` says. Raises ValueError
    on under two distinct sizes, sizes below 1, unequal lengths or scores that are not finite.
    """
    if len(set(sizes)) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes need two distinct numbers of images from 1 up, received {list(sizes)}")
    _check(accuracy, len(sizes), "accuracy")
    return over_replicates(_slopes(np.log2(np.array(sizes, np.float64)), accuracy), confidence, redrawn)


def data_needed(size: int, gain_needed: float, per_doubling: Interval) -> tuple[float, float, float]:
    """Training images (estimate, low, high) for a mean gain of `gain_needed` over the accuracy at `size`.

    Solves gain = slope * log2(images / size). An extrapolation: it takes the straight line in log2 of the
    size, fitted on the sizes tried, to go on beyond them. Infinite where the slope is 0 or falls, `size`
    where no gain is needed, NaN where the slope's limits are unknown; low comes from the interval's high.
    """

    def images(slope: float) -> float:
        if gain_needed <= 0:
            return float(size)
        if slope <= 0 or gain_needed / slope > 1000:  # 2**1000: more than any number of images
            return math.inf
        return size * 2 ** (gain_needed / slope)

    return images(per_doubling.mean), images(per_doubling.high), images(per_doubling.low)


def divergence(epochs: Values, val_nll: Values, alpha: float = 0.05) -> Divergence:
    """Divergence of (R, P) validation losses in nats at the (P,) `epochs`: one-sample t on the R late slopes.

    Slopes are least squares over the points from half of the last epoch on, one a replicate, so noise
    along a curve needs no model. (The minimum lying before the last epoch says nothing: it does on nearly
    every flat noisy curve.) Unknown with one replicate or one late point. Raises ValueError on NaN.
    """
    _check(val_nll, len(epochs), "val_nll")
    late = epochs >= np.max(epochs) / 2
    if len(np.unique(epochs[late])) < 2 or len(val_nll) < 2:
        return Divergence(Interval(len(val_nll), *[math.nan] * 4), math.nan, None, None)
    slope = over_replicates(_slopes(epochs[late], val_nll[:, late]), 1 - alpha)
    if slope.sd > 0:
        p = float(2 * stats.t.sf(abs(slope.mean) / (slope.sd / math.sqrt(slope.n)), slope.n - 1))
    else:
        p = float(slope.mean == 0)
    rising = bool(slope.low > 0)
    return Divergence(slope, p, rising, float(epochs[np.argmin(val_nll.mean(axis=0))]) if rising else None)


def paired_difference(differences: Values, confidence: float = 0.95) -> Resplit:
    """Place the given split among re-splits by the (R,) differences of its scores to theirs, paired by replicate.

    The given split is one more draw, not the mean of many: t = mean / (s sqrt(1 + 1/R)) with R - 1 degrees of freedom
    and s the differences' deviation (prediction interval: Hahn and Meeker 1991, section 4.7). What a replicate's seeds
    do to both sides cancels; what its draw of a split does stays in s, R times over. Raises ValueError on no
    difference, or one that is not finite.
    """
    count = len(differences)
    if count == 0 or not np.isfinite(differences).all():
        raise ValueError("a given split and at least one re-split need finite scores")
    alike = np.ptp(differences) == 0  # their mean and sd would carry rounding errors
    difference = float(differences[0] if alike else np.mean(differences))
    if count < 2:
        return Resplit(difference, math.nan, math.nan, None)
    spread = 0.0 if alike else float(np.std(differences, ddof=1))
    half = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * spread * math.sqrt(1 + 1 / count)
    return Resplit(difference, -half, half, bool(abs(difference) > half))


def _slopes(x: Values, y: Values) -> Values:
    """Least-squares slope of each row of (R, P) `y` on (P,) `x`; exactly 0 for a constant row."""
    centred = x - x.mean()
    return (y - y[:, :1]) @ centred / np.sum(centred**2)


def _check(values: Values, points: int, name: str) -> None:
    if values.ndim != 2 or len(values) == 0 or values.shape[1] != points:
        raise ValueError(f"{name} must be (replicates, {points}), received {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite, received NaN or infinity")
