"""Scores on splits, as results.csv has them: those that reviews judge by and that the report lists."""

import dataclasses
from typing import Literal

import pandas as pd

from valgap.ground.params.schema import ParamsError
from valgap.ground.params.suite import Review
from valgap.stats.metrics import METRICS, Metric, in_reading_order

Series = dict[int, float]  # a score by replicate


@dataclasses.dataclass(frozen=True)
class Measure:
    """A score of results.csv: where it stands, what it is called, whether more is better, in what a change is given."""

    split: str
    metric: str
    title: str
    heading: str
    higher_is_better: bool = True
    unit: Literal["pp", "nats"] = "pp"

    @property
    def percent(self) -> bool:
        """Whether it is a fraction, shown in percent."""
        return self.unit == "pp"


def of(split: str, metric: Metric) -> Measure:
    """A metric on a split."""
    title, heading = metric.titled(split), metric.heading(split)
    return Measure(split, metric.name, title, heading, metric.higher_is_better, metric.unit)


GAP = Measure("train-val", "gap", "gap", "gap (pp)", higher_is_better=False)
MEASURES = {
    f"{split}_{name}": of(split, metric) for split in ("test", "val", "train") for name, metric in METRICS.items()
}
MEASURES["gap"] = GAP
PRIMARY = tuple(name for name, measure in MEASURES.items() if measure.split in ("test", "val"))  # may judge a review


def listed() -> list[Measure]:
    """The columns of the report's results: what should be high, the gap, what should be low."""
    metrics = in_reading_order()
    of_each = {
        high: [of(s, m) for m in metrics if m.higher_is_better is high for s in m.columns] for high in (True, False)
    }
    return [*of_each[True], GAP, *of_each[False]]


def primary_measure(review: Review) -> Measure:
    """The score that a review judges by. Raises ParamsError where it is none of PRIMARY."""
    if review.primary not in PRIMARY:
        raise ParamsError(
            f"params.yaml: review.primary = {review.primary!r} is not a score to judge by "
            f"(allowed: {', '.join(PRIMARY)})"
        )
    return MEASURES[review.primary]


def series(results: pd.DataFrame) -> dict[str, dict[str, Series]]:
    """Scores by variant, name of MEASURES and replicate, from rows of results.csv; empty for a measure without rows."""
    found: dict[str, dict[str, Series]] = {}
    names = {(measure.split, measure.metric): name for name, measure in MEASURES.items()}
    columns = (results[column] for column in ("variant", "replicate", "split", "metric", "value"))
    for variant, replicate, split, metric, value in zip(*columns, strict=True):
        of_variant = found.setdefault(variant, {name: {} for name in MEASURES})
        if (split, metric) in names:
            of_variant[names[split, metric]][int(replicate)] = float(value)
    return found
