"""What the summary table says of each variant, in the words of the report. Pure functions on summary.csv."""

import dataclasses
import math
from typing import Any

import pandas as pd

BASELINE = "baseline"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One entry of the summary: a mean with its interval, and the difference to the baseline with its own."""

    n: int
    mean: float
    low: float
    high: float
    difference: float = math.nan
    difference_low: float = math.nan
    difference_high: float = math.nan
    wins: str = ""
    correlation: float = math.nan


@dataclasses.dataclass(frozen=True)
class Finding:
    """How a variant's test accuracy compares: direction is that of the adjusted interval."""

    variant: str
    direction: str
    underfits: bool  # training accuracy falls with test accuracy
    test: Cell
    gap: Cell


def cell(summary: pd.DataFrame, variant: str, split: str, metric: str) -> Cell | None:
    """The summary's entry, or None where there is none, as for the references' NLL."""
    rows = summary[(summary.variant == variant) & (summary.split == split) & (summary.metric == metric)]
    if rows.empty:
        return None
    row: dict[str, Any] = rows.iloc[0].to_dict()
    if variant == BASELINE or pd.isna(row["wins"]):
        return Cell(row["n"], row["mean"], row["low"], row["high"])
    return Cell(
        row["n"], row["mean"], row["low"], row["high"],
        row["difference_mean"], row["difference_low"], row["difference_high"], row["wins"], row["correlation"],
    )  # fmt: skip


def direction(low: float, high: float) -> str:
    """`higher` when an interval lies above 0, `lower` when below, else `unclear`; `unknown` without an interval."""
    if math.isnan(low):
        return "unknown"
    if low > 0:
        return "higher"
    return "lower" if high < 0 else "unclear"


def findings(summary: pd.DataFrame, variants: list[str]) -> list[Finding]:
    """One finding for every variant besides the baseline, in the order given."""
    found = []
    for variant in variants:
        test, train = cell(summary, variant, "test", "accuracy"), cell(summary, variant, "train", "accuracy")
        gap = cell(summary, variant, "train-val", "gap")
        if variant == BASELINE or test is None or train is None or gap is None:
            continue
        verdict = direction(test.difference_low, test.difference_high)
        underfits = verdict == "lower" and direction(train.difference_low, train.difference_high) == "lower"
        found.append(Finding(variant, verdict, underfits, test, gap))
    return found


def describe(diff: dict[str, Any]) -> str:
    """A variant's diff from the baseline in one line, as params.yaml spells it."""
    parts = []
    for name, value in diff.items():
        inner = value if isinstance(value, dict) else None
        shown = ", ".join(f"{key} {_plain(item)}" for key, item in inner.items()) if inner else _plain(value)
        parts.append(f"{name}: {shown}")
    return "; ".join(parts) or "the `train` block as it stands"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
