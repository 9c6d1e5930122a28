"""Scores of results.csv that reviews judge by."""

import dataclasses
import math

Series = dict[int, float]  # a score by replicate


@dataclasses.dataclass(frozen=True)
class Measure:
    """A score of results.csv: where it stands, whether more is better, how it is written."""

    split: str
    metric: str
    title: str
    higher_is_better: bool = True
    unit: str = "pp"  # or nats

    def text(self, value: float, sign: bool = True) -> str:
        """A change in its unit, without naming it: `+1.2` for 0.012 in pp, `−0.031` in nats; `n/a` for NaN."""
        if math.isnan(value):
            return "n/a"
        digits, scale = (1, 100) if self.unit == "pp" else (3, 1)
        return f"{scale * value:{'+' if sign else ''}.{digits}f}".replace("-", "−")


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
