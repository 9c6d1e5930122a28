"""Scores of results.csv that reviews and verifications judge by."""

import dataclasses
from typing import Literal

import pandas as pd

Series = dict[int, float]  # a score by replicate


@dataclasses.dataclass(frozen=True)
class Measure:
    """A score of results.csv: where it stands, what it is called, whether more is better, in what a change is given."""

    split: str
    metric: str
    title: str
    higher_is_better: bool = True
    unit: Literal["pp", "nats"] = "pp"


MEASURES = {
    "test_accuracy": Measure("test", "accuracy", "test accuracy"),
    "test_balanced_accuracy": Measure("test", "balanced_accuracy", "balanced test accuracy"),
    "test_nll": Measure("test", "nll", "test NLL", higher_is_better=False, unit="nats"),
    "test_ece": Measure("test", "ece", "test ECE", higher_is_better=False),
    "val_accuracy": Measure("val", "accuracy", "val accuracy"),
    "val_nll": Measure("val", "nll", "val NLL", higher_is_better=False, unit="nats"),
    "train_accuracy": Measure("train", "accuracy", "train accuracy"),
    "gap": Measure("train-val", "gap", "gap", higher_is_better=False),
}


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
