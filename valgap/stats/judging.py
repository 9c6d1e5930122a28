"""Each cause by itself: its best arm's effect, and the word that it allows."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from valgap.ground.params.suite import Suite
from valgap.stats import verdicts
from valgap.stats.contrasts import Comparison, contrast, without
from valgap.stats.crossed import best_of, crossed
from valgap.stats.fairness import Trial, trials
from valgap.stats.hypotheses import Hypothesis, Proposal
from valgap.stats.intervals import Interval
from valgap.stats.measured import Measured
from valgap.stats.verdict import CauseEffect, Estimate
from valgap.stats.verdicts import Contrast
from valgap.stats.words import OfCause


@dataclasses.dataclass(frozen=True)
class Judged:
    """A hypothesis with its comparison, what is said of it, and the arms with more steps that it asks for."""

    hypothesis: Hypothesis
    comparison: Comparison
    effect: CauseEffect
    proposals: tuple[Proposal, ...]


def judge(
    params: Suite,
    measured: Measured,
    curves: Mapping[str, pd.DataFrame],
    found: Sequence[Hypothesis],
    collapsed: tuple[int, ...],
    metric: str,
    margin: float,
) -> list[Judged]:
    """All hypotheses, each by itself; their intervals are adjusted for their number (Bonferroni).

    `collapsed` are replicates whose baseline learned nothing: a fault of training, so only `training` is judged on
    them, and any cure of it is one.
    """
    return [_judge(params, measured, curves, each, len(found), collapsed, metric, margin) for each in found]


def _judge(
    params: Suite,
    measured: Measured,
    curves: Mapping[str, pd.DataFrame],
    hypothesis: Hypothesis,
    family: int,
    collapsed: tuple[int, ...],
    metric: str,
    margin: float,
) -> Judged:
    arms, proposals = trials(params, measured, curves, hypothesis)
    look = max(params.looks.get(arm, 0) for arm in hypothesis.arms)
    confidence = verdicts.adjusted_confidence(family, look)

    def compared(among: Sequence[Trial]) -> Comparison:
        parts = crossed(measured, among, metric)
        return Comparison(parts, hypothesis.name, "removes", "cause", confidence)

    comparison = compared(arms)
    word, sound, found = _said(measured, hypothesis, comparison, collapsed, metric, margin)
    unfair = tuple(arm.arm for arm in arms if not arm.fair)
    chosen = {part.variant for part in comparison.parts}
    if not word.startswith("contributes") and chosen & {arm.variant for arm in arms if not arm.fair}:
        fair = [arm for arm in arms if arm.fair]
        if fair:
            comparison = compared(fair)
            word, sound, found = _said(measured, hypothesis, comparison, collapsed, metric, margin)
        else:
            word = "not tested fairly"
    by_name = {arm.variant: arm for arm in arms}
    among = [by_name[name] for name in dict.fromkeys(part.variant for part in comparison.parts)]
    best = best_of(measured, among, metric, comparison.replicates) or among[0]
    settle = verdicts.replicates_to_settle(found, margin)
    interval = found.interval
    effect = CauseEffect(
        cause=hypothesis.name,
        title=hypothesis.title,
        verdict=word,
        arms=tuple(arm.variant for arm in among),
        arm=best.variant,
        against=best.against,
        n=interval.n,
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        confidence=confidence,
        wins=found.wins,
        mde=verdicts.minimum_detectable_effect(found),
        more_replicates=None if settle is None else max(0, settle - interval.n),
        unfair=unfair,
        given=(),
        after=None,
        sound=sound,
    )
    return Judged(hypothesis, comparison, effect, tuple(proposals))


def _said(
    measured: Measured,
    hypothesis: Hypothesis,
    comparison: Comparison,
    collapsed: tuple[int, ...],
    metric: str,
    margin: float,
) -> tuple[OfCause, Estimate | None, Contrast]:
    """The word, the effect without collapsed replicates where there are any, and the contrast of all replicates."""
    found = contrast(measured, comparison, metric)
    rest = without(comparison, collapsed)
    if len(rest.replicates) == len(comparison.replicates):
        return word_for(found.interval, margin), None, found
    if not rest.replicates:
        return "contributes" if _cures(hypothesis, found, margin) else "unknown", None, found
    interval = contrast(measured, rest, metric).interval
    sound = Estimate(interval.mean, interval.low, interval.high)
    return "contributes" if _cures(hypothesis, found, margin) else word_for(interval, margin), sound, found


def _cures(hypothesis: Hypothesis, found: Contrast, margin: float) -> bool:
    """Whether training is to blame for runs that collapsed: its best arm gains the margin over them all.

    That they learned nothing is no matter of chance, so no interval is asked.
    """
    return hypothesis.name == "training" and found.interval.mean >= margin


def word_for(interval: Interval, margin: float) -> OfCause:
    """The word that an adjusted interval of removing a cause allows; `margin` in its unit.

    It contributes where the interval lies above 0, a little where its mean is under the margin, and is not to blame
    where it lies below the margin.
    """
    if math.isnan(interval.low) or math.isnan(interval.high):
        return "unknown"
    if interval.low > 0:
        return "contributes" if interval.mean >= margin else "contributes a little"
    return "not to blame" if interval.high < margin else "inconclusive"
