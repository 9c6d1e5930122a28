"""Estimates on one curve: its trend, its noise, where it is lowest and how surely, how fast it still falls.

Curves are worked on by their logarithm, in which noise of a loss is about the same at every height.
"""

import dataclasses
import math

import numpy as np

from valgap.diagnostics.history.curves import Curve

MAD = 1.4826  # of a median absolute deviation, to that of a normal distribution's standard deviation
SECOND = math.sqrt(1.5)  # standard deviation of x[t] - (x[t-1] + x[t+1]) / 2 over that of independent x
FLOOR = 0.002  # of the noise: short curves can seem to have none
DIGITS = 1e-6  # to which a share is taken as exact: float32 has 7 digits
LARGEST, PAIR = 5000, 500  # images that rounding can tell from three values, and from two: beyond it is chance


@dataclasses.dataclass(frozen=True)
class Turn:
    """Where a curve is lowest, and what it does after. Places count from 0.

    `low` to `high` are the places that the noise does not tell from the lowest. `rise` is the log of the end over the
    lowest value of the trend, `z` that over its standard error.
    """

    best: int
    low: int
    high: int
    rise: float
    z: float


@dataclasses.dataclass(frozen=True)
class Slope:
    """How a curve moves at its end: log units an epoch, negative where it falls, and that over its standard error."""

    mean: float
    z: float
    over: int  # epochs that it was taken over
    further: float  # log units that it promises to fall


def logs(curve: Curve) -> Curve:
    """The log of a curve that must not be negative; zeros count as the smallest of what is not."""
    least = float(np.min(curve[curve > 0], initial=1.0))
    return np.log(np.maximum(curve, least))


def width(epochs: int) -> int:
    """Epochs that the trend is smoothed over, odd."""
    return max(3, epochs // 10 | 1)


def trend(values: Curve) -> Curve:
    """A curve (n,) without its noise: the median of three, which drops lone spikes, then a moving mean."""
    size = width(len(values))
    return _moving(_medians(values), size)


def _medians(values: Curve) -> Curve:
    padded = np.concatenate([values[:1], values, values[-1:]])
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1)


def _moving(values: Curve, size: int) -> Curve:
    """The mean of a straight line through the `size` values around each; fewer at the ends, on both sides alike."""
    half, n = size // 2, len(values)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    reach = np.minimum(half, np.minimum(np.arange(n), n - 1 - np.arange(n)))
    reach = np.maximum(reach, 0)
    low, high = np.arange(n) - reach, np.arange(n) + reach + 1
    return (sums[high] - sums[low]) / (high - low)


def noise(values: Curve) -> float:
    """Robust standard deviation of a curve (n,) about its trend, n >= 3.

    The larger of that from second differences, which no trend reaches, and that about the smoothed curve, which noise
    that hangs together does not escape.
    """
    second = values[1:-1] - (values[:-2] + values[2:]) / 2
    late = values[len(values) // 3 :]
    rest = late - trend(late) if len(late) >= 5 else np.zeros(1)
    return max(FLOOR, MAD * float(np.median(np.abs(second))) / SECOND, MAD * float(np.median(np.abs(rest))))


def without_spike(values: Curve) -> Curve:
    """A curve (n,), n >= 3, whose one value that lies farthest from the mean of its neighbours is that mean.

    In a short curve one spike is in half of all second differences, so that no median is safe from it.
    """
    between = (values[:-2] + values[2:]) / 2
    place = int(np.argmax(np.abs(values[1:-1] - between)))
    found = values.copy()
    found[place + 1] = between[place]
    return found


def turn(values: Curve, reach: float) -> Turn:
    """Where a curve (n,) of logs is lowest, and its rise since. `reach` is in standard errors of two trend values."""
    n, size = len(values), width(len(values))
    found, sd = trend(values), noise(values)
    best = int(np.argmin(found))
    error = sd * math.sqrt(2 / size)
    near = found <= found[best] + reach * error
    low = best - int(np.argmin(np.append(near[best::-1], False))) + 1
    high = best + int(np.argmin(np.append(near[best:], False))) - 1
    low, high = max(0, min(low, best - size // 2)), min(n - 1, max(high, best + size // 2))  # smoothing blurs as much
    after = n - 1 - best
    if after < 2:
        return Turn(best, low, high, 0.0, 0.0)
    last = max(2, math.ceil(after / 3))
    # medians at both ends: one far value makes no rise
    around = values[max(0, best - size // 2) : best + size // 2 + 1]
    rise = float(np.median(values[-last:]) - max(found[best], float(np.median(around))))
    return Turn(best, low, high, rise, rise / (sd * math.sqrt(1 / last + 1 / len(around))))


def slope(values: Curve, ahead: int) -> Slope:
    """The slope of a curve (n,) over its last third, at least 5 values: the median of all pairs' slopes (Theil 1950).

    What it falls further in `ahead` epochs is followed in steps of half that stretch, each of which falls by as much
    less than the one before as the second half fell less than the first: a straight line promises too much of a curve
    that flattens out.
    """
    size = min(len(values), max(5, len(values) // 3))
    last, half = values[-size:], size // 2
    mean = _theil(last)
    first, second = -_theil(last[: size - half]), -_theil(last[-half - 1 :])
    ratio = min(1.0, max(0.0, second) / first) if first > 0 else 1.0
    steps = ahead / half
    sums = steps if ratio == 1 else ratio * (1 - ratio**steps) / (1 - ratio)
    further = min(-mean * ahead, max(0.0, second) * half * sums)
    return Slope(mean, mean / (noise(values) * math.sqrt(12 / (size**3 - size))), size, further)


def _theil(values: Curve) -> float:
    first, second = np.triu_indices(len(values), 1)
    return float(np.median((values[second] - values[first]) / (second - first)))


def images(accuracy: Curve) -> int | None:
    """The fewest images of which all values are whole shares; None where it cannot be told."""
    values = np.unique(np.round(accuracy[np.isfinite(accuracy)], 9))
    values = values[(values > 0) & (values < 1)]
    if len(values) < 2:
        return None
    counts = np.arange(2, LARGEST if len(values) > 2 else PAIR)
    for share in values:  # each leaves the counts of which it is a whole share
        scaled = share * counts
        counts = counts[np.abs(scaled - np.round(scaled)) <= DIGITS * counts]
    if not len(counts):
        return None
    rounded = 1000 % counts[0] == 0 and counts[0] >= 100  # as well two or three decimals of any number of images
    return None if rounded else int(counts[0])
