"""Reads a training history in whatever form it is in hand, into `Curves`."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from valgap.diagnostics.history import events, tables
from valgap.diagnostics.history.curves import Curve, Curves
from valgap.diagnostics.history.names import columns
from valgap.ground.errors import SuiteError

FORMS = (
    "give what `fit` returned, its dict `history.history`, a file of keras.callbacks.CSVLogger, a JSON file of that "
    "dict, or an event file or the log_dir of keras.callbacks.TensorBoard"
)
PICKLES = (".pkl", ".pickle", ".joblib", ".p")
PICKLED = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
PERCENT = 1.5  # an accuracy above this is meant in percent

Columns = Mapping[str, Any]


def read_history(thing: Any) -> Curves:
    """The curves of a training run.

    `thing` is a keras History, its dict of lists, a data frame, or the path of a CSVLogger file, of a JSON file of
    the dict, of a TensorBoard event file or log folder. Accuracies in percent are divided by 100. Raises SuiteError
    on anything else, on curves of lengths that do not belong together, and where neither a loss nor an accuracy is in.
    """
    if isinstance(thing, str | os.PathLike):
        return _of_path(Path(thing))
    inner = thing if isinstance(thing, Mapping) else getattr(thing, "history", None)
    if inner is None and hasattr(thing, "columns") and hasattr(thing, "__getitem__"):  # a data frame
        inner = {str(name): list(thing[name]) for name in thing.columns}
    if not isinstance(inner, Mapping):
        raise SuiteError(f"history = a {type(thing).__name__}: it is no training history; {FORMS}")
    return _of_runs([inner], type(thing).__name__)


def _of_path(path: Path) -> Curves:
    if not path.exists():
        raise SuiteError(f"history = {path}: it does not exist; {FORMS}")
    if path.is_dir() or "tfevents" in path.name:
        return _of_runs([_of_events(run) for run in events.runs_in(path)], str(path))
    with path.open("rb") as file:
        start = file.read(2)
    if path.suffix.lower() in PICKLES or start in PICKLED:
        raise SuiteError(
            f"history = {path}: it is a pickle, which could run any code when it is read; where you trust it, load it "
            "yourself and give the dict"
        )
    if path.suffix.lower() == ".json" or start[:1] == b"{":
        return _of_runs([tables.of_json(path)], str(path))
    return _of_runs(tables.of_csv(path), str(path))


def _of_events(run: Mapping[str, events.Series]) -> Columns:
    """Columns of a run's scalars: one row for each step that training or validation has."""
    steps = sorted({step for series in run.values() for step in series})
    return {tag: [series.get(step) for step in steps] for tag, series in run.items()} | {"epoch": steps}


def _of_runs(runs: Sequence[Columns], name: str) -> Curves:
    """The curves of stretches of rows, the oldest first."""
    found = [_numbers(_inner(run), name) for run in runs]
    found = [run for run in found if run]
    if not found:
        known = ", ".join(f"`{str(column)[:40]}`" for column in list(_inner(runs[0]))[:8]) if runs else ""
        raise SuiteError(
            f"history = {name}: neither a loss nor an accuracy is in it (it has {known or 'nothing'}); {FORMS}"
        )
    joined, count = found[0], 1
    for later in found[1:]:
        joined, new = _continued(joined, later)
        count += new
    return _curves(joined, _metric(_inner(runs[-1])), count, name)


def _inner(run: Columns) -> Columns:
    """The dict of lists, which a saved History has below `history`."""
    inner = run.get("history")
    return inner if isinstance(inner, Mapping) else run


def _metric(run: Columns) -> str | None:
    names = columns(map(str, run))
    return names.get("accuracy") or names.get("val_accuracy", "").removeprefix("val_") or None


def _numbers(run: Columns, name: str) -> dict[str, list[float | None]]:
    """Values by curve; `epoch` too, where it is there. Raises SuiteError on what is no number."""
    texts = {str(column): column for column in run}
    wanted = dict(columns(texts))
    if not wanted.keys() & {"loss", "accuracy", "val_loss", "val_accuracy"}:
        return {}
    wanted |= {column.lower(): column for column in texts if column.lower() == "epoch"}
    found = {curve: _list(run[texts[column]], column, name) for curve, column in wanted.items()}
    return {curve: values for curve, values in found.items() if any(value is not None for value in values)}


def _list(values: Any, column: str, name: str) -> list[float | None]:
    if isinstance(values, Mapping):  # by epoch, as pandas writes JSON
        values = [values[key] for key in sorted(values, key=lambda key: float(key) if _is_number(key) else math.inf)]
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise SuiteError(
            f"history = {name}: `{column[:40]}` is {str(values)[:40]!r}, no list with a value an epoch; {FORMS}"
        )
    found = []
    for value in values:
        if value is not None and not _is_number(value):
            raise SuiteError(
                f"history = {name}: `{column[:40]}` holds {str(value)[:40]!r}, which is no number; {FORMS}"
            )
        found.append(None if value is None else float(value))
    return found


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _continued(
    earlier: dict[str, list[float | None]], later: dict[str, list[float | None]]
) -> tuple[dict[str, list[float | None]], int]:
    """Two stretches as one run, and 1 where the later one began anew, so that it is the run.

    Resumed at a later epoch than the first, its epochs take the place of those with the same number. Where the
    epochs are counted from the start again, the loss says: nearer to where the earlier stretch ended, it goes on.
    """
    first, start = (next(iter(run.get("epoch", [0])), 0) or 0 for run in (earlier, later))
    kept = len(next(iter(earlier.values())))
    if start > first:
        kept = sum(1 for epoch in earlier["epoch"] if epoch is not None and epoch < start)
    else:
        key = next((name for name in ("loss", "accuracy", "val_loss") if name in earlier and name in later), None)
        if key is None or not _goes_on(earlier[key], later[key]):
            return later, 1
    width = len(next(iter(later.values())))
    return {
        key: earlier.get(key, [None] * kept)[:kept] + later.get(key, [None] * width) for key in {**earlier, **later}
    }, 0


def _goes_on(earlier: list[float | None], later: list[float | None]) -> bool:
    known = [value for value in earlier if value is not None and math.isfinite(value)]
    if not known or later[0] is None or not math.isfinite(later[0]):
        return False
    return abs(later[0] - known[-1]) < abs(later[0] - known[0])


def _curves(found: dict[str, list[float | None]], metric: str | None, runs: int, name: str) -> Curves:
    """Curves of equal lengths, at the epochs that have a validation value where some have none."""
    found = {key: values for key, values in found.items() if key != "epoch"}
    fitted = {key: len(values) for key, values in found.items() if not key.startswith("val_")}
    held = {key: len(values) for key, values in found.items() if key.startswith("val_")}
    if len(set(fitted.values())) > 1 or len(set(held.values())) > 1:
        raise SuiteError(f"history = {name}: its curves have different lengths ({_lengths(found)}); {FORMS}")
    found, every = _aligned(found, fitted, held, name)
    missing = [key for key, values in found.items() if None in values]
    if missing and not (every == 1 and all(key == "learning_rate" for key in missing)):
        raise SuiteError(f"history = {name}: `{missing[0]}` lacks values of some epochs; {FORMS}")
    made: dict[str, Curve] = {key: np.array(values, np.float64) for key, values in found.items()}
    return Curves(
        loss=made.get("loss"),
        val_loss=made.get("val_loss"),
        metric=metric,
        learning_rate=made.get("learning_rate"),
        every=every,
        runs=runs,
        **_shares(made, name),
    )


def _aligned(
    found: dict[str, list[float | None]], fitted: dict[str, int], held: dict[str, int], name: str
) -> tuple[dict[str, list[float | None]], int]:
    """All curves at the epochs that were validated, and the distance of these."""
    if not held:
        return found, 1
    n, m = max([*fitted.values(), *held.values()]), min(held.values())
    if n == 0:
        return found, 1
    if m == n:  # missing validation stands as None: a table, or an event file
        of = [key for key in held if None in found[key]]
        rows = [row for row in range(n) if all(found[key][row] is not None for key in of)]
    else:
        every = n // max(m, 1)
        rows = list(range(m)) if m == n - 1 else [every * (place + 1) - 1 for place in range(m)]  # stopped by hand
        if m == 0 or (m < n - 1 and n // every != m):
            raise SuiteError(f"history = {name}: its curves have different lengths ({_lengths(found)}); {FORMS}")
    if not rows:
        return found, 1
    steps = np.diff(rows)
    every = int(np.median(steps)) if len(steps) else rows[0] + 1
    taken = {
        key: values if len(values) == len(rows) and key in held else [values[row] for row in rows]
        for key, values in found.items()
    }
    return taken, max(every, 1)


def _lengths(found: Mapping[str, Sequence[Any]]) -> str:
    return ", ".join(f"`{key}` {len(values)}" for key, values in found.items())


def _shares(made: Mapping[str, Curve], name: str) -> dict[str, Curve | None]:
    """Accuracies from 0 to 1, of what may be in percent."""
    keys = ("accuracy", "val_accuracy")
    values = [made[key][np.isfinite(made[key])] for key in keys if key in made]
    known = np.concatenate(values) if values else np.zeros(0)
    scale = 100.0 if known.size and known.max() > PERCENT else 1.0
    if known.size and (known.min() < 0 or known.max() > scale * 1.0001):
        raise SuiteError(
            f"history = {name}: an accuracy is {known.max():g}, which is no share and no percentage; {FORMS}"
        )
    return {key: made[key] / scale if key in made else None for key in keys}
