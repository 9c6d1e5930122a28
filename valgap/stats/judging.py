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
from valgap.stats.hypotheses import Hypothesis, Proposal, wider, with_diff
from valgap.stats.intervals import Interval
from valgap.stats.measured import Measured
from valgap.stats.verdict import CauseEffect, Estimate
from valgap.stats.verdicts import Contrast
from valgap.stats.words import HELPS, OfCause


@dataclasses.dataclass(frozen=True)
class Judged:
    """A hypothesis with its comparison, what is said of it, and the arms that it asks for."""

    hypothesis: Hypothesis
    comparison: Comparison
    effect: CauseEffect
    proposals: tuple[Proposal, ...]


@dataclasses.dataclass(frozen=True)
class Bench:
    """What all hypotheses are judged on.

    `curves` are the learning curves by variant; `collapsed` are replicates whose baseline learned nothing: a fault of
    training, so only `training` is judged on them. `margin` is of the verdict's `metric`.
    """

    params: Suite
    measured: Measured
    curves: Mapping[str, pd.DataFrame]
    collapsed: tuple[int, ...]
    metric: str
    margin: float


def judge(bench: Bench, found: Sequence[Hypothesis]) -> list[Judged]:
    """All hypotheses, each by itself; their intervals are adjusted for their number (Bonferroni)."""
    return [_judge(bench, each, len(found)) for each in found]


def _judge(bench: Bench, hypothesis: Hypothesis, family: int) -> Judged:
    arms, proposals = trials(bench.params, bench.measured, bench.curves, hypothesis)
    look = max(bench.params.looks.get(arm, 0) for arm in hypothesis.arms)
    confidence = verdicts.adjusted_confidence(family, look)
    comparison = _compared(bench, hypothesis, arms, confidence)
    word, sound, found = _said(bench, hypothesis, comparison)
    fair = [arm for arm in arms if arm.fair]
    if word not in HELPS and not {part.variant for part in comparison.parts} <= _names(fair):
        comparison = _compared(bench, hypothesis, fair or arms, confidence)
        word, sound, found = _said(bench, hypothesis, comparison)
        word = word if fair else "not tested fairly"
    if word == "inconclusive" and found.interval.mean >= bench.margin:
        proposals += _wider(bench, hypothesis.arms)
    chosen = [arm for arm in arms if arm.variant in {part.variant for part in comparison.parts}]
    best = best_of(bench.measured, chosen, bench.metric, comparison.replicates) or chosen[0]
    settle, interval = verdicts.replicates_to_settle(found, bench.margin), found.interval
    effect = CauseEffect(
        cause=hypothesis.name,
        title=hypothesis.title,
        verdict=word,
        arms=tuple(dict.fromkeys(part.variant for part in comparison.parts)),
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
        unfair=tuple(arm.arm for arm in arms if not arm.fair),
        given=(),
        after=None,
        sound=sound,
    )
    return Judged(hypothesis, comparison, effect, tuple(proposals))


def _wider(bench: Bench, arms: Sequence[str]) -> list[Proposal]:
    """Arms that are wider than those that may help, and not trained yet: the same cause, removed further."""
    diffs = {arm: wider(bench.params, arm) for arm in arms}
    return [
        Proposal(diff, "wider", (arm,))
        for arm, diff in diffs.items()
        if diff and with_diff(bench.params, bench.measured.loaded, diff) is None
    ]


def _names(arms: Sequence[Trial]) -> set[str]:
    return {arm.variant for arm in arms}


def _compared(bench: Bench, hypothesis: Hypothesis, arms: Sequence[Trial], confidence: float) -> Comparison:
    parts = crossed(bench.measured, arms, bench.metric)
    return Comparison(parts, hypothesis.name, "removes", "cause", confidence)


def _said(bench: Bench, hypothesis: Hypothesis, comparison: Comparison) -> tuple[OfCause, Estimate | None, Contrast]:
    """The word, the effect without collapsed replicates where there are any, and the contrast of all replicates."""
    found = contrast(bench.measured, comparison, bench.metric)
    rest = without(comparison, bench.collapsed)
    if len(rest.replicates) == len(comparison.replicates):
        return word_for(found.interval, bench.margin), None, found
    cured = _cures(hypothesis, found, bench.margin)
    if not rest.replicates:
        return "contributes" if cured else "unknown", None, found
    interval = contrast(bench.measured, rest, bench.metric).interval
    sound = Estimate.of(interval)
    return "contributes" if cured else word_for(interval, bench.margin), sound, found


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
