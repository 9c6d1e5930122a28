"""The tables of a review that stand beside the judged changes. Pure functions to Markdown; empty where none is due."""

from typing import Any

import pandas as pd

from valgap.document.environments import environments
from valgap.document.markdown import ROWS, code, table
from valgap.document.numbers import effect, percent, signed
from valgap.pipeline.freshness import NOT_CHECKED, Finding
from valgap.results.provenance import VariantRecord
from valgap.review.changes import ABSENT, Variants
from valgap.stats.verdict import CauseEntry, Untested

Costs = list[tuple[str, dict[str, float], dict[str, float]]]
Causes = list[tuple[str, CauseEntry | None, CauseEntry | None]]
Entries = dict[str, VariantRecord]  # of provenance.json, by variant
SHOWN = 3  # stages that a stale thing names; it counts the others


def parameters(rows: list[tuple[str, Any, Any]], limit: int | None = ROWS) -> str:
    """Every parameter that differs."""
    lines = [[code(key), *("–" if value == ABSENT else code(value) for value in values)] for key, *values in rows]
    return table(["parameter", "base", "head"], lines, 3, limit) if rows else "None."


def variants(names: Variants, diffs: list[dict[str, Any]], limit: int | None = ROWS) -> str:
    """Variants added, removed, redefined, with their diffs from `train`; `diffs` are (base's, head's)."""
    lines = [
        [what, code(name), *(code(side[name]) if name in side else "–" for side in diffs)]
        for what, found in (("removed", names.removed), ("added", names.added), ("redefined", names.redefined))
        for name in found
    ]
    return table(["", "variant", "base", "head"], lines, 4, limit)


def causes(rows: Causes) -> str:
    """Causes whose verdict changed."""
    lines = [[code(title), *(_cause(entry) for entry in entries)] for title, *entries in rows]
    note = "The words of two diagnoses; the change itself is not tested."
    return f"{table(['cause', 'base', 'head'], lines, 3)}\n\n{note}" if rows else "No cause's verdict changed."


def recalls(rows: pd.DataFrame, limit: int = 10) -> str:
    """The largest changes of a class's recall."""
    columns = (rows.head(limit)[name] for name in ("variant", "class", "base", "head", "change"))
    lines = [
        [code(variant), code(name), percent(old), percent(new), signed(change)]
        for variant, name, old, new, change in zip(*columns, strict=True)
    ]
    note = f"The largest of {len(rows)} changes of mean test recall. The largest of many is large by chance: no claim."
    return f"{table(['variant', 'class', 'base', 'head', 'pp'], lines, 2, None)}\n\n{note}" if lines else ""


def costs(rows: Costs, limit: int | None = ROWS) -> str:
    """Changed costs; compute is relative to the base's baseline."""
    forms = {"parameters": "{:,}", "steps": "{:,}", "compute": "{:g}×"}

    def cell(old: float, new: float, form: str) -> str:
        return form.format(new) if old == new else f"{form.format(old)} → {form.format(new)}"

    lines = [[code(name), *(cell(old[key], new[key], form) for key, form in forms.items())] for name, old, new in rows]
    note = (
        "Compute is steps × images a step × operations of the network, over that of the base's baseline. reports/ "
        "hold no durations, so that the same clone gives the same bytes: `make plan` measures time."
    )
    return f"{table(['variant', *forms], lines, 1, limit)}\n\n{note}" if rows else ""


def made_in(base: Entries, head: Entries) -> str:
    """The environments of both sides' variants, unless all were made in one and the same."""
    old, new = ([environment for e in side.values() for environment in e.environments] for side in (base, head))
    if all(environment == old[0] for environment in [*old, *new]):
        return ""
    note = "Not all was made in one environment: other processors, GPUs and versions give other bits."
    return f"{environments(old, new, 'base', 'head')}\n\n{note}"


def freshness(findings: list[Finding], limit: int | None = ROWS) -> str:
    """What is stale and the command that cures it."""
    lines = [[code(f.what, 200), _stages(f.stages), f.cure] for f in findings]
    head = "dvc.lock belongs to dvc.yaml, params.yaml and the code, and reports/ to dvc.lock." if not findings else ""
    return f"{head or table(['stale', 'stages', 'cure'], lines, 3, limit)}\n\n{NOT_CHECKED}"


def _stages(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (", ".join(code(name) for name in names[:SHOWN]) + more) or "all"


def _cause(entry: CauseEntry | None) -> str:
    """The word on a cause, with its evidence where it was tested."""
    if entry is None:
        return "–"
    return code(entry.verdict) if isinstance(entry, Untested) else f"{code(entry.verdict)} {effect(entry)}"
