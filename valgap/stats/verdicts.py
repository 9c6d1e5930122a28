"""What a paired contrast between two arms may be called, and what it could have found.

The verdict word, the drawn interval and the minimum detectable effect all come from one interval at one
confidence, so that none can contradict another. Scores are float64, (replicates,) or, where the test
examples' luck counts too, (replicates, examples or groups of examples) whose mean is the score.
"""

import dataclasses
import math

import numpy as np
from scipy import special, stats

from valgap.stats.intervals import (
    Interval,
    Values,
    correlation,
    over_replicates,
    over_replicates_and_examples,
    two_way_variance,
    wins,
)

ALPHA = 0.05  # probability of any false alarm in the whole family, all looks together
POWER = 0.8  # probability with which an effect counts as detectable
EXACT_UP_TO = 12  # replicates: 2**12 sign flips are enumerated
FLIPS = 4096  # random sign flips beyond that


@dataclasses.dataclass(frozen=True)
class Contrast:
    """Paired difference treated - control, in the scores' own unit (accuracy: a fraction).

    With n' replicates on the same test examples the difference's variance is `between / n' + examples`;
    at its own n that is `standard_error**2`, estimated with `df` degrees of freedom; `examples` is 0 for scores (n,).
    NaN limits, `standard_error` and `between` where they are unknown (one replicate or one example).
    """

    interval: Interval
    confidence: float
    standard_error: float
    df: float
    between: float
    examples: float
    wins: str
    correlation: float


def paired_contrast(treated: Values, control: Values, confidence: float, redrawn: float = 0.0) -> Contrast:
    """Contrast of two arms over shared replicates, (n,) by Student's t, (n, examples) by the two-way interval.

    `redrawn` corrects (n,) scores of folds that take turns as the test set, as `over_replicates` says.
    Differences that are all the same value have an interval of zero width there: arms that agree bit for
    bit give exactly 0..0. Raises ValueError on unequal shapes, no shared replicates or scores not finite.
    """
    if treated.shape != control.shape:
        raise ValueError(f"paired arms need the same shape, received treated {treated.shape}, control {control.shape}")
    if treated.size == 0:
        raise ValueError(f"no shared replicates to contrast, received shape {treated.shape}")
    if not (np.isfinite(treated).all() and np.isfinite(control).all()):
        raise ValueError("scores to contrast must be finite, received some that are not finite")
    difference = treated - control
    two_way = difference.ndim == 2
    rows = difference.mean(axis=1) if two_way else difference
    arms = (treated.mean(axis=1), control.mean(axis=1)) if two_way else (treated, control)
    n = len(difference)
    if n > 1 and np.ptp(difference) == 0:
        value = float(difference.flat[0])
        interval, variance, df, examples = Interval(n, value, 0.0, value, value), 0.0, float(n - 1), 0.0
    elif two_way:
        interval = over_replicates_and_examples(difference, confidence)
        variance, df, examples = two_way_variance(difference)
    else:
        interval = over_replicates(difference, confidence, redrawn)
        examples = redrawn * interval.sd**2  # more replicates do not shrink it
        variance, df = interval.sd**2 / n + examples, float(n - 1)
    between = (variance - examples) * n
    return Contrast(
        interval, confidence, math.sqrt(variance), df, between, examples, wins(rows), correlation(arms[0], arms[1])
    )


def look_alpha(look: int) -> float:
    """Alpha of look 0, 1, 2, ... at the same family: 0.04, 0.008, ...; all looks together spend ALPHA.

    An arm that is given more replicates because it was inconclusive is judged again on all of them at the
    next, smaller alpha; by Bonferroni the looks together stay under ALPHA. Raises ValueError below 0.
    """
    if look < 0:
        raise ValueError(f"look counts from 0, received {look}")
    return 0.8 * ALPHA * 0.2**look  # geometric: 0.8 (1 + 0.2 + 0.04 + ...) = 1


def adjusted_confidence(family: int, look: int = 0) -> float:
    """Confidence of each interval among `family` confirmatory contrasts: Bonferroni. Raises ValueError below 1."""
    if family < 1:
        raise ValueError(f"family counts at least one contrast, received {family}")
    return 1 - look_alpha(look) / family


def default_margin(requested: float, test_images: int) -> float:
    """Margin that counts as no effect, as a fraction: the requested one, never under two test images."""
    if test_images < 1:
        raise ValueError(f"test_images must be at least 1, received {test_images}")
    return max(requested, 2 / test_images)


def minimum_detectable_effect(contrast: Contrast, n: int | None = None, power: float = POWER) -> float:
    """Smallest true difference that a two-sided test at the contrast's confidence finds with `power` in [.5, 1).

    Over `n` replicates, by default its own. Noncentral t (Cohen 1988, section 2.2) with variance
    between / n + examples. One degree of freedom is gained per replicate: exact without test examples'
    luck; with it nothing hangs on the degrees of freedom of large test sets. NaN where n < 2 or the
    variance is unknown, 0 where it is 0.
    """
    count = contrast.interval.n if n is None else n
    variance = contrast.between / count + contrast.examples if count > 1 else math.nan
    if math.isnan(variance) or variance == 0:
        return variance
    df = max(1.0, contrast.df + count - contrast.interval.n)
    critical = stats.t.ppf((1 + contrast.confidence) / 2, df)
    # the other tail's share of the power is below 1e-5 for a power of .5 and more at confidence .95 and more
    return float(special.nctdtrinc(df, 1 - power, critical)) * math.sqrt(variance)


def replicates_to_settle(contrast: Contrast, margin: float, limit: int = 10_000, power: float = POWER) -> int | None:
    """Smallest total number of replicates whose minimum detectable effect is at most the margin.

    At least 2; may be fewer than the contrast has. None where no number up to `limit` does, as when the
    test examples' own variance is too large, or where the variance is unknown.
    """

    def settles(n: int) -> bool:
        return minimum_detectable_effect(contrast, n, power) <= margin  # False for NaN

    low, high = 1, limit
    if limit < 2 or not settles(limit):
        return None
    while high - low > 1:  # low does not settle it, high does: the effect falls with n
        middle = (low + high) // 2
        low, high = (low, middle) if settles(middle) else (middle, high)
    return high


def max_t_p(differences: Values, seed: int = 0) -> Values:
    """Joint sign-flip p values, (contrasts,), of (contrasts, replicates) paired differences.

    The same flips for all contrasts and the largest |T| among them: Westfall and Young 1993. All 2**n
    flips up to n = 12 (p is then at least 2 / 2**n), else 4096 random ones, the identity among them. A
    contrast that is 0 throughout has p = 1 and leaves the others alone. Raises ValueError on NaN or no replicate.
    """
    contrasts, n = differences.shape
    if n == 0 or not np.isfinite(differences).all():
        raise ValueError(f"differences must be finite, of at least one replicate; received shape {differences.shape}")
    if n <= EXACT_UP_TO:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, np.newaxis] >> np.arange(n)) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(FLIPS, n))
        signs[0] = 1.0
    # |T| rises with |cosine| between differences and signs, which is finite for a constant row too
    norms = np.linalg.norm(differences, axis=1, keepdims=True)
    unit = np.divide(differences, norms * math.sqrt(n), out=np.zeros((contrasts, n)), where=norms > 0)
    cosines = np.abs(unit @ signs.T)  # the identity is column 0
    largest = cosines.max(axis=0, initial=0.0)
    ties = 1e-12  # flips equal in exact arithmetic count as equal
    return np.mean(largest >= cosines[:, :1] - ties, axis=1)
