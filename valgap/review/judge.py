"""What a change of one variant between two revisions may be called. Pure functions on numbers.

The word, the drawn interval and the fall that would have been missed all come from one interval at one
confidence, adjusted by Bonferroni for all that is tested, so that none can contradict another (with Holm's
steps a word could stand beside an interval that includes 0). It covers new replicates on this test set.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from scipy import special

from valgap.ground.params.suite import Review
from valgap.stats.intervals import Interval, Values
from valgap.stats.measures import MEASURES, Series
from valgap.stats.verdicts import ALPHA, Contrast, minimum_detectable_effect, paired_contrast
from valgap.stats.words import OfChange

Trouble = Literal["regression", "gap_growth", "stale"]  # as `review.fail_on` of params.yaml names them

BESIDE = ("test_accuracy", "train_accuracy", "gap", "test_nll")  # shown beside the primary, without words


@dataclasses.dataclass(frozen=True)
class Confirmation:
    """The same comparison on a block that no choice has seen."""

    contrast: Contrast
    stands: bool


@dataclasses.dataclass(frozen=True)
class Reason:
    """Why the gate fails; of a variant with `amount`, what its change for the worse is at least, in its unit."""

    trouble: Trouble
    variant: str = ""
    amount: float = math.nan


@dataclasses.dataclass(frozen=True)
class Judged:
    """One variant's change, head minus base, of the primary metric and (`beside`) of the others."""

    variant: str
    word: OfChange
    contrast: Contrast | None = None
    paired: bool = True
    beside: Mapping[str, float] = dataclasses.field(default_factory=dict)
    gap: Contrast | None = None
    confirmation: Confirmation | None = None

    @property
    def detectable(self) -> float:
        """The change that would have been found with 80% probability, in the primary's unit."""
        return minimum_detectable_effect(self.contrast) if self.contrast else math.nan


def compare(head: Series, base: Series, pair: bool, confidence: float) -> tuple[Contrast, bool]:
    """(head - base, whether it is paired): over shared replicates where `pair` allows it and there are any, else Welch.

    Replicates with other numbers or other streams are independent draws.
    """
    shared = sorted(set(head) & set(base)) if pair else []
    if shared:
        treated, control = (np.array([side[replicate] for replicate in shared]) for side in (head, base))
        return paired_contrast(treated, control, confidence), True
    return welch(np.array([*head.values()]), np.array([*base.values()]), confidence), False


def mean_change(head: Series, base: Series, paired: bool) -> float:
    """Difference of means, over shared replicates where `paired`."""
    shared = set(head) & set(base)
    sides = ([value for replicate, value in side.items() if not paired or replicate in shared] for side in (head, base))
    new, old = (sum(values) / len(values) for values in sides)
    return new - old


def welch(head: Values, base: Values, confidence: float) -> Contrast:
    """Contrast of two independent samples with unequal variances, (n,) and (m,): Welch 1947. NaN limits under 2 each.

    `interval.n` is the smaller sample's; `interval.sd` is NaN: there are no differences to take it of.
    """
    n, mean = min(len(head), len(base)), float(np.mean(head) - np.mean(base))
    if n < 2:
        return Contrast(Interval(n, mean, *[math.nan] * 3), confidence, math.nan, math.nan, math.nan, 0, "–", math.nan)
    parts = np.array([np.var(values, ddof=1) / len(values) for values in (head, base)])
    error = math.sqrt(parts.sum())
    freedom = np.array([len(head) - 1, len(base) - 1])
    df = float(parts.sum() ** 2 / np.sum(parts**2 / freedom)) if error else float(freedom.sum())
    half = float(special.stdtrit(df, (1 + confidence) / 2)) * error
    interval = Interval(n, mean, math.nan, mean - half, mean + half)
    return Contrast(interval, confidence, error, df, error**2 * n, 0.0, "–", math.nan)


def word_for(interval: Interval, margin: float, higher_is_better: bool) -> OfChange:
    """The word that an adjusted interval earns; `margin` in its unit."""
    low, high = (interval.low, interval.high) if higher_is_better else (-interval.high, -interval.low)
    if math.isnan(low) or math.isnan(high):
        return "unknown"
    if high < 0:
        return "regressed"
    if low > 0:
        return "improved"
    return "no effect" if -margin < low and high < margin else "no change detected"


def confidence_of(family: int, review: Review) -> float:
    """Confidence of each interval, so that false alarms of a whole review stay under 5%.

    The gap counts as a second test of every variant where the gate may fail on it.
    """
    return 1 - ALPHA / (family * (2 if "gap_growth" in review.fail_on else 1))


def judge(
    head: Mapping[str, Mapping[str, Series]],
    base: Mapping[str, Mapping[str, Series]],
    identical: set[str],
    pair: bool,
    review: Review,
    margin: float,
) -> tuple[Judged, ...]:
    """Every variant of both sides, the worst first. `head[variant][measure]` are its scores, by names of MEASURES.

    The family is what is not bit-identical. `margin` is in the primary's unit.
    """
    variants = [name for name in head if name in base]
    family = [name for name in variants if name not in identical]
    primary = MEASURES[review.primary]
    judged = [Judged(name, "bit-identical") for name in variants if name in identical]
    for name in family:
        confidence = confidence_of(len(family), review)
        contrast, paired = compare(head[name][review.primary], base[name][review.primary], pair, confidence)
        judged.append(
            Judged(
                variant=name,
                word=word_for(contrast.interval, margin, primary.higher_is_better),
                contrast=contrast,
                paired=paired,
                beside={
                    measure: mean_change(head[name][measure], base[name][measure], paired)
                    for measure in BESIDE
                    if measure != review.primary
                },
                gap=compare(head[name]["gap"], base[name]["gap"], pair, confidence)[0],
            )
        )
    return tuple(sorted(judged, key=_importance))


def confirm(contrasts: Mapping[str, Contrast], judged: Iterable[Judged], review: Review) -> tuple[Judged, ...]:
    """The judged variants with what a fresh block said of those that improved."""
    higher = MEASURES[review.primary].higher_is_better
    return tuple(
        dataclasses.replace(
            row, confirmation=Confirmation(found, word_for(found.interval, math.inf, higher) == "improved")
        )
        if (found := contrasts.get(row.variant))
        else row
        for row in judged
    )


def reasons(judged: Iterable[Judged], review: Review, stale: bool) -> tuple[Reason, ...]:
    """Why the gate fails, by `review.fail_on`; empty where it passes."""
    higher, found = MEASURES[review.primary].higher_is_better, list[Reason]()
    for row in judged:
        if row.contrast is None or row.gap is None:
            continue
        interval, growth = row.contrast.interval, row.gap.interval.low
        best = interval.high if higher else -interval.low  # NaN compares as False
        if "regression" in review.fail_on and best < -review.tolerance:
            found.append(Reason("regression", row.variant, -best))
        if "gap_growth" in review.fail_on and growth > review.gap_tolerance:
            found.append(Reason("gap_growth", row.variant, growth))
    if stale and "stale" in review.fail_on:
        found.append(Reason("stale"))
    return tuple(found)


def _importance(row: Judged) -> tuple[int, float]:
    order = ("regressed", "improved", "no change detected", "unknown", "no effect", "bit-identical")
    return order.index(row.word), -abs(row.contrast.interval.mean) if row.contrast else 0.0
