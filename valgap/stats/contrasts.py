"""contrasts.csv: what each variant changed, paired by replicate, on every measure.

A contrast is confirmatory (roles `primary` and `remedy`: adjusted interval and a verdict word) or
exploratory (95% interval, no word). Pure functions on predictions and parameters.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError
from valgap.ground.params.causes import IMBALANCED
from valgap.stats import metrics, verdicts
from valgap.stats.intervals import by_group
from valgap.stats.run import Run
from valgap.stats.verdicts import Contrast, paired_contrast

Values = NDArray[np.float64]
CONFIDENCE = 0.95
COLUMNS = [
    "variant", "against", "cause", "kind", "role", "metric", "n", "mean", "sd", "low", "high", "confidence", "wins",
    "correlation", "verdict", "material", "mde", "replicates_to_settle",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two arms to compare, and as what. `replicates` limits it to some; None takes all that both have."""

    variant: str
    against: str
    cause: str = ""
    kind: str = ""
    role: str = "exploratory"  # primary | remedy | strength | exploratory
    confidence: float = CONFIDENCE
    replicates: frozenset[int] | None = None


def on_test(each: Callable[[metrics.Probabilities, metrics.Labels], Values]) -> Callable[[Run], Values]:
    """A function from a run to per-example values of each replicate's test images, (replicates, images)."""
    return lambda run: np.stack(
        [each(p, y) for p, y in zip(run["test_probabilities"], run["test_labels"], strict=True)]
    )


def split_accuracy(split: str) -> Callable[[Run], Values]:
    """A function from a run to the accuracy of each replicate on a split, (replicates,)."""
    return lambda run: (run[f"{split}_probabilities"].argmax(axis=2) == run[f"{split}_labels"]).mean(axis=1)


MEASURES: dict[str, Callable[[Run], Values]] = {
    metric.name: on_test(each) for metric in metrics.in_reading_order() if (each := metric.paired or metric.each)
} | {
    "val_accuracy": split_accuracy("val"),
    "train_accuracy": split_accuracy("train"),
    "gap": lambda run: split_accuracy("train")(run) - split_accuracy("val")(run),
}


def redrawn(run: Run) -> float:
    """Test images over training images where replicates test on other images each, as in k-fold; else 0."""
    test = run["test_index"]
    return 0.0 if (test == test[0]).all() else test.shape[1] / int(run["train_images"][0])


def units(run: Run, values: Values) -> Values:
    """What intervals count of (replicates, test images) values: images or groups, but means where folds take turns."""
    if values.ndim == 1:
        return values
    return per_replicate(values) if redrawn(run) else by_group(values, run["test_groups"][0])


def per_replicate(values: Values) -> Values:
    """(replicates,) means of (replicates, examples or groups) values, or of what is so already."""
    return values.mean(axis=1) if values.ndim == 2 else values


def rows_of(run: Run, replicates: list[int]) -> list[int]:
    """Rows of the run's arrays that hold the replicates, in that order."""
    numbers = run["replicates"].tolist()
    return [numbers.index(replicate) for replicate in replicates]


def shared_replicates(loaded: dict[str, Run], comparison: Comparison) -> list[int]:
    """Replicates that both arms have. Raises SuiteError naming the arms when there are none."""
    shared = set(loaded[comparison.variant]["replicates"].tolist()) & set(
        loaded[comparison.against]["replicates"].tolist()
    )
    if comparison.replicates is not None:
        shared &= comparison.replicates
    if not shared:
        raise SuiteError(
            f"{comparison.variant} and {comparison.against} share no replicate, so nothing can be paired: "
            "train both on one block (`split.blocks`, or `extra`)"
        )
    return sorted(shared)


class Measured:
    """Values of every run on every measure, computed once."""

    def __init__(self, loaded: dict[str, Run]) -> None:
        self.loaded = loaded
        self._values: dict[tuple[str, str], Values] = {}

    def values(self, variant: str, measure: str, replicates: list[int]) -> Values:
        """(replicates,) or (replicates, test images or groups of them) values of a variant."""
        key = (variant, measure)
        if key not in self._values:
            run = self.loaded[variant]
            self._values[key] = units(run, MEASURES[measure](run))
        return self._values[key][rows_of(self.loaded[variant], replicates)]

    def contrast(self, comparison: Comparison, measure: str) -> Contrast:
        """The paired contrast of a comparison on a measure."""
        replicates = shared_replicates(self.loaded, comparison)
        treated, control = (self.values(name, measure, replicates) for name in (comparison.variant, comparison.against))
        ratio = max(redrawn(self.loaded[name]) for name in (comparison.variant, comparison.against))
        return paired_contrast(treated, control, comparison.confidence, ratio if treated.ndim == 1 else 0.0)


def primary_metric(labels: NDArray[np.int64]) -> str:
    """accuracy, or balanced_accuracy where the largest class has over 1.5 times the examples of the smallest."""
    counts = np.unique(labels, return_counts=True)[1]
    return "balanced_accuracy" if counts.max() > IMBALANCED * counts.min() else "accuracy"


def contrast_row(
    measured: Measured, comparison: Comparison, measure: str, margin: float, headline: bool
) -> dict[str, Any]:
    """One line of contrasts.csv. Only a confirmatory comparison on the headline metric carries a verdict word."""
    contrast = measured.contrast(comparison, measure)
    interval = contrast.interval
    confirmatory = comparison.role in ("primary", "remedy") and headline
    row: dict[str, Any] = {
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
        "wins": contrast.wins,
        "correlation": contrast.correlation,
        "verdict": verdicts.verdict(interval, margin) if confirmatory else "",
        "material": verdicts.is_material(interval, margin) if confirmatory else "",
        "mde": verdicts.minimum_detectable_effect(contrast) if confirmatory else math.nan,
        "replicates_to_settle": verdicts.replicates_to_settle(contrast, margin) if confirmatory else None,
    }
    return row


def _per_replicate(measured: Measured, comparison: Comparison, measure: str) -> Values:
    replicates = shared_replicates(measured.loaded, comparison)
    first, second = (measured.values(name, measure, replicates) for name in (comparison.variant, comparison.against))
    return per_replicate(first - second)


def table(measured: Measured, comparisons: list[Comparison], metric: str, margin: float) -> pd.DataFrame:
    """contrasts.csv: every comparison on every measure, and the joint sign-flip p of the confirmatory ones.

    Balanced accuracy is listed where the verdict rests on it. The remedy is judged on fewer replicates than
    the primaries, so their joint p leaves it out, and its own is over the fresh replicates of all.
    """
    stand_ins = {found.name for found in metrics.METRICS.values() if found.stands_in}
    measures = [name for name in MEASURES if name not in stand_ins or metric == name]
    rows = [contrast_row(measured, c, measure, margin, measure == metric) for c in comparisons for measure in measures]
    frame = pd.DataFrame(rows, columns=COLUMNS)  # the baseline alone leaves none, but a table
    frame["max_t_p"] = math.nan
    primaries = [c for c in comparisons if c.role == "primary"]
    remedies = [c for c in comparisons if c.role == "remedy"]
    for judged, family in ((primaries, primaries), (remedies, primaries + remedies)):
        for comparison, p in joint_p(measured, judged, family, metric):
            of_family = (frame.variant == comparison.variant) & (frame.role == comparison.role)
            frame.loc[of_family & (frame.metric == metric), "max_t_p"] = p
    return frame


def joint_p(
    measured: Measured, judged: list[Comparison], family: list[Comparison], metric: str
) -> list[tuple[Comparison, float]]:
    """Max-T sign-flip p of the judged among their family, over the replicates that all of the family share."""
    if any(redrawn(run) for run in measured.loaded.values()):
        return []  # folds overlap in what they train on: their signs cannot be flipped one by one
    common = [frozenset(shared_replicates(measured.loaded, c)) for c in family]
    shared = frozenset.intersection(*common) if judged else frozenset()
    if not shared:
        return []
    limited = [dataclasses.replace(c, replicates=shared) for c in family]
    found = verdicts.max_t_p(np.stack([_per_replicate(measured, c, metric) for c in limited]))
    return [(comparison, float(found[family.index(comparison)])) for comparison in judged]
