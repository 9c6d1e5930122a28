"""Reads and writes the tables of reports/, and writes its records."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from valgap.ground import paths, records
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_together

Content = Any  # a table; a record, as a dataclass or a mapping of plain values
SCHEMA = 4  # of the tables: raise it when a file, column, name or unit of them changes its meaning


TEXTS = {  # columns by file that hold text, whatever it looks like: a class may be called 01, 1e3, True or NA
    paths.RESULTS: ("variant", "split", "metric"),
    paths.SUMMARY: ("variant", "split", "metric", "covers"),
    paths.CURVES: ("variant",),
    paths.CLASSES: ("variant", "split", "class"),
    paths.CONFUSION: ("variant", "actual", "predicted"),
    paths.RELIABILITY: ("variant",),
    paths.HARDEST: ("actual", "predicted", "png"),
    paths.SEGMENTS: ("segment", "pngs"),
    paths.SHIFT: ("what", "split", "against", "name"),
    paths.LOOKS: ("actual", "predicted", "place", "png", "drawn"),
    paths.WRONG_LABELS: ("part",),
    paths.SUSPECTS: ("part", "label", "predicted", "png"),
    paths.CONTRASTS: ("variant", "against", "cause", "kind", "role", "metric", "wins", "verdict"),
}


OPTIONAL = {paths.LOOKS}  # of a stage that a dvc.yaml of an older release has not


def read_table(path: Path) -> pd.DataFrame:
    """A table of reports/, as `parse_table` takes it; without a row where one of OPTIONAL is missing.

    Raises SuiteError where another is missing, or one is malformed.
    """
    try:
        return parse_table(path, path.read_bytes())
    except FileNotFoundError:
        if path in OPTIONAL:
            return pd.DataFrame(columns=TEXTS[path])
        raise SuiteError(f"{path} is missing: run `dvc repro diagnose`, or restore it from Git") from None
    except (OSError, ValueError) as error:
        raise SuiteError(f"{path} cannot be read ({error}): run `dvc repro -f -s evaluate diagnose`") from None


def parse_table(path: Path, content: bytes) -> pd.DataFrame:
    """The table that is called `path`: columns of TEXTS as they stand, "" where empty; others numbers, NaN where empty.

    Raises ValueError on a column of text that is missing and on a number that is none.
    """
    columns = pd.read_csv(io.BytesIO(content), nrows=0).columns
    if missing := [name for name in TEXTS[path] if name not in columns]:
        raise ValueError(f"column {missing[0]} is missing")
    numbers = {name: [""] for name in columns if name not in TEXTS[path]}
    table = pd.read_csv(
        io.BytesIO(content), dtype=dict.fromkeys(TEXTS[path], str), keep_default_na=False, na_values=numbers
    )
    if table.empty:  # nobody was wrong, say: then nothing tells what kind a column is of
        return table.astype(dict.fromkeys(numbers, float))
    if odd := [name for name in numbers if not pd.api.types.is_numeric_dtype(table[name])]:
        raise ValueError(f"column {odd[0]} holds what is no number")
    return table


def write_all(contents: Mapping[Path, Content]) -> None:
    """Write every table as CSV, every record as JSON; a kill leaves the old file or the new.

    Raises SuiteError when reports/ cannot be written; then none has changed.
    """
    try:
        write_together({path: _text(content) for path, content in contents.items()})
    except OSError as error:
        raise SuiteError(f"cannot write {paths.REPORTS}: {error}; check its owner and free space") from None


def _text(content: Content) -> str:
    if isinstance(content, pd.DataFrame):
        return content.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return records.text(content, indent=2)


def write_metrics(folder: Path, rows: Mapping[str, Mapping[str, float]]) -> None:
    """Write a JSON file of numbers a row below the folder, and remove any other: DVC shows each file as one row.

    Raises SuiteError when reports/ cannot be written.
    """
    write_all({folder / f"{name}.json": numbers for name, numbers in rows.items()})
    for path in folder.iterdir():
        if path.stem not in rows:
            path.unlink()
