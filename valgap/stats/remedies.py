"""Remedies as a set: simultaneous intervals of all arms, and those of which none is shown to be worse than another.

Simultaneous intervals hold after any choice among the arms, so choosing costs nothing (Dunnett 1955, "A Multiple
Comparison Procedure for Comparing Several Treatments with a Control"). An arm may be the best unless another is shown
to be better (Hsu 1981, "Simultaneous Confidence Intervals for All Distances from the Best").
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from valgap.ground.params.suite import BASELINE, Suite
from valgap.stats.contrasts import Comparison, contrast, pair
from valgap.stats.measured import Measured
from valgap.stats.operations import Costs, training_operations
from valgap.stats.verdict import Estimate, Remedies, Remedy
from valgap.stats.verdicts import Contrast

CONFIDENCE = 0.95
DRAWS = 20_000  # of the largest |t|: its quantile is then known to a hundredth
CHUNK = 1_000_000  # normal numbers at once


@functools.cache
def critical(arms: int, replicates: int, two_sided: bool = True) -> float:
    """CONFIDENCE quantile of the largest t, or |t|, of so many arms' paired differences to one control.

    By simulation of normal scores of equal variance, so that differences correlate by a half, as those to a shared
    control do; each t has its own deviation over the replicates. Infinite with one replicate, Student's with one arm.
    """
    if replicates < 2:
        return math.inf
    if arms == 1:
        return float(stats.t.ppf((1 + CONFIDENCE) / 2 if two_sided else CONFIDENCE, replicates - 1))
    rng, largest = np.random.default_rng(0), []
    chunk = max(1, CHUNK // (arms * replicates))
    for start in range(0, DRAWS, chunk):
        count = min(chunk, DRAWS - start)
        control = rng.normal(size=(count, 1, replicates))
        difference = rng.normal(size=(count, arms, replicates)) - control
        t = difference.mean(axis=2) / (difference.std(axis=2, ddof=1) / math.sqrt(replicates))
        largest.append((np.abs(t) if two_sided else t).max(axis=1))
    return float(np.quantile(np.concatenate(largest), CONFIDENCE))


def simultaneous(measured: Measured, arms: Sequence[str]) -> list[Comparison]:
    """The comparison of each arm with the baseline, with the confidence that its own interval must have.

    Student's t at that confidence, and the arm's replicates, is the critical value of all arms together.
    """
    found = []
    for arm in arms:
        comparison = pair(measured, arm, BASELINE, role="remedy", kind="removes")
        n = len(comparison.replicates)
        confidence = 1 - 2 * float(stats.t.sf(critical(len(arms), n), n - 1)) if n > 1 else CONFIDENCE
        found.append(dataclasses.replace(comparison, confidence=confidence))
    return found


def remedies(params: Suite, measured: Measured, compared: Sequence[Comparison], metric: str, costs: Costs) -> Remedies:
    """The set of remedies among the arms `compared` with the baseline, the cheapest first."""
    if not compared:
        return Remedies((), 0, CONFIDENCE, math.nan)
    found = {each.variant: contrast(measured, each, metric) for each in compared}
    beaten = _beaten(measured, [BASELINE, *found], metric)
    helps = [arm for arm, each in found.items() if each.interval.low > 0 and arm not in beaten]
    nll = {each.variant: contrast(measured, each, "nll").interval for each in compared}
    best = [
        Remedy(
            variant=arm,
            n=found[arm].interval.n,
            mean=found[arm].interval.mean,
            low=found[arm].interval.low,
            high=found[arm].interval.high,
            wins=found[arm].wins,
            nll=Estimate.of(nll[arm]),
            diff=params.diffs[arm],
            parameters=costs[arm].parameters,
            steps=params.variants[arm].steps,
            relative_compute=relative_compute(params, arm, costs),
        )
        for arm in helps
    ]
    best.sort(key=lambda each: (each.relative_compute, len(each.diff), -each.mean))  # the cheapest, then the simplest
    width = critical(len(compared), max(len(each.replicates) for each in compared))
    return Remedies(tuple(best), len(compared), CONFIDENCE, width if math.isfinite(width) else math.nan)


def _beaten(measured: Measured, arms: Sequence[str], metric: str) -> set[str]:
    """The arms than which another is shown to be better, at CONFIDENCE for all comparisons with one arm together."""
    found = set()
    for arm in arms:
        for other in arms:
            if other != arm and set(measured.replicates(arm)) & set(measured.replicates(other)):
                difference = contrast(measured, pair(measured, other, arm), metric)
                limit = critical(len(arms) - 1, difference.interval.n, two_sided=False)
                if _lower(difference, limit) > 0:
                    found.add(arm)
                    break
    return found


def _lower(difference: Contrast, limit: float) -> float:
    if math.isnan(difference.standard_error) or math.isinf(limit):
        return -math.inf
    return difference.interval.mean - limit * difference.standard_error


def relative_compute(params: Suite, name: str, costs: Costs) -> float:
    """Operations of a variant's training over those of the baseline's."""
    operations = {
        arm: training_operations(settings.steps, settings.batch_size, costs[arm].forward_flops)
        for arm, settings in ((arm, params.variants[arm]) for arm in (name, BASELINE))
    }
    return round(operations[name] / operations[BASELINE], 3)
