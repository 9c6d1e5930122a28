"""Entries of the summary table, and a variant's diff in words. Pure functions."""

import dataclasses
from typing import Any

import pandas as pd

from valgap.ground.records import Plain

BASELINE = "baseline"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One entry of the summary: a mean over n replicates with its 95% limits."""

    n: int
    mean: float
    low: float
    high: float


def cell(summary: pd.DataFrame, variant: str, split: str, metric: str) -> Cell | None:
    """The summary's entry, or None where there is none, as for the references' NLL."""
    rows = summary[(summary.variant == variant) & (summary.split == split) & (summary.metric == metric)]
    if rows.empty:
        return None
    row: Plain = rows.iloc[0].to_dict()
    return Cell(row["n"], row["mean"], row["low"], row["high"])


def describe(diff: Plain) -> str:
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
