"""contrasts.csv: what each variant changed, paired by replicate, on every measure.

A contrast of role `cause` is confirmatory: an adjusted interval and a verdict word. `after` is the same once other
causes are removed. `remedy` is the simultaneous interval of an arm that may be a remedy, `exploratory` a 95% interval;
neither has a word. Pure functions on predictions.
"""

import dataclasses
import math
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valgap.stats import metrics, verdicts
from valgap.stats.measured import MEASURES, Measured, Values, per_replicate
from valgap.stats.verdicts import Contrast, paired_contrast

CONFIDENCE = 0.95
JOINS = "+"  # between the arms of a crossed contrast, in its name
COLUMNS = [
    "variant", "against", "cause", "kind", "role", "metric", "n", "mean", "sd", "low", "high", "confidence", "wins",
    "correlation", "verdict", "mde", "replicates_to_settle", "max_t_p",
]  # fmt: skip
Role = Literal["cause", "after", "remedy", "exploratory"]


@dataclasses.dataclass(frozen=True)
class Part:
    """Two arms compared on some replicates that both have."""

    variant: str
    against: str
    replicates: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Arms to compare, and as what: of one part, or of more whose replicates are others each."""

    parts: tuple[Part, ...]
    cause: str = ""
    kind: str = ""
    role: Role = "exploratory"
    confidence: float = CONFIDENCE

    @property
    def variant(self) -> str:
        """The arm's name; of several, all of them."""
        return JOINS.join(dict.fromkeys(part.variant for part in self.parts))

    @property
    def against(self) -> str:
        """The name of what it is compared with; of several, all of them."""
        return JOINS.join(dict.fromkeys(part.against for part in self.parts))

    @property
    def replicates(self) -> tuple[int, ...]:
        """All replicates, in the order of the parts."""
        return tuple(number for part in self.parts for number in part.replicates)


def pair(measured: Measured, variant: str, against: str, **what: Any) -> Comparison:
    """The comparison of two arms on all replicates that both have; `what` as Comparison has it."""
    return Comparison((Part(variant, against, tuple(measured.shared([variant, against]))),), **what)


def difference(measured: Measured, comparison: Comparison, measure: str) -> tuple[Values, Values]:
    """Values of the treated arms and of their controls, rows in the order of the comparison's replicates."""
    sides = [
        [measured.values(getattr(part, side), measure, list(part.replicates)) for part in comparison.parts]
        for side in ("variant", "against")
    ]
    return np.concatenate(sides[0]), np.concatenate(sides[1])


def contrast(measured: Measured, comparison: Comparison, measure: str) -> Contrast:
    """The paired contrast of a comparison on a measure."""
    treated, control = difference(measured, comparison, measure)
    arms = [name for part in comparison.parts for name in (part.variant, part.against)]
    ratio = measured.redrawn(arms) if treated.ndim == 1 else 0.0
    return paired_contrast(treated, control, comparison.confidence, ratio)


def without(comparison: Comparison, replicates: tuple[int, ...]) -> Comparison:
    """The comparison without some replicates; parts that lose all of theirs are left out."""
    kept = (
        dataclasses.replace(part, replicates=tuple(each for each in part.replicates if each not in replicates))
        for part in comparison.parts
    )
    return dataclasses.replace(comparison, parts=tuple(part for part in kept if part.replicates))


def table(
    measured: Measured, judged: list[tuple[Comparison, str]], others: list[Comparison], metric: str, margin: float
) -> pd.DataFrame:
    """contrasts.csv: every comparison on every measure; the `judged` ones with their verdict's word on `metric`.

    Balanced accuracy is listed where the verdict rests on it.
    """
    stand_ins = {found.name for found in metrics.METRICS.values() if found.stands_in}
    measures = [name for name in MEASURES if name not in stand_ins or metric == name]
    together = joint_p(measured, [comparison for comparison, _ in judged], metric)
    rows = [
        _row(measured, comparison, name, margin, word if name == metric else None, p if name == metric else math.nan)
        for (comparison, word), p in zip(judged, together, strict=True)
        for name in measures
    ]
    rows += [_row(measured, comparison, name, margin, None, math.nan) for comparison in others for name in measures]
    return pd.DataFrame(rows, columns=COLUMNS)  # the baseline alone leaves none, but a table


def _row(
    measured: Measured, comparison: Comparison, measure: str, margin: float, word: str | None, p: float
) -> dict[str, Any]:
    found = contrast(measured, comparison, measure)
    interval = found.interval
    return {
        "variant": comparison.variant,
        "against": comparison.against,
        "cause": comparison.cause,
        "kind": comparison.kind,
        "role": comparison.role,
        "metric": measure,
        "n": interval.n,
        "mean": interval.mean,
        "sd": interval.sd,
        "low": interval.low,
        "high": interval.high,
        "confidence": comparison.confidence,
        "wins": found.wins,
        "correlation": found.correlation,
        "verdict": word or "",
        "mde": math.nan if word is None else verdicts.minimum_detectable_effect(found),
        "replicates_to_settle": None if word is None else verdicts.replicates_to_settle(found, margin),
        "max_t_p": p,
    }


def joint_p(measured: Measured, judged: list[Comparison], metric: str) -> list[float]:
    """Max-T sign-flip p of each judged comparison, over the replicates that all of them share; NaN where none."""
    common = set.intersection(*(set(each.replicates) for each in judged)) if judged else set()
    if not common or measured.redrawn(measured.loaded):
        return [math.nan] * len(judged)  # folds overlap in what they train on: their signs cannot be flipped
    differences = [_by_replicate(measured, each, metric, common) for each in judged]
    return [float(p) for p in verdicts.max_t_p(np.stack(differences))]


def _by_replicate(measured: Measured, comparison: Comparison, metric: str, kept: set[int]) -> NDArray[np.float64]:
    """(kept,) differences in ascending order of replicates."""
    treated, control = difference(measured, comparison, metric)
    found = dict(zip(comparison.replicates, per_replicate(treated - control), strict=True))
    return np.array([found[number] for number in sorted(kept)])
