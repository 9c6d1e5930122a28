"""Histories in text files: what CSVLogger writes, and JSON of a history's dict."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from valgap.ground.errors import SuiteError

SEPARATORS = ",;\t|"
MISSING = ("", "na", "n/a", "none", "null")  # NA is what CSVLogger writes for what an epoch has not; nan is a number


def of_csv(path: Path) -> list[dict[str, list[Any]]]:
    """Columns of a table of text by name, one dict for each stretch of rows whose `epoch` goes up.

    Missing cells are None. Raises SuiteError where it is no such table.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SuiteError(
            f"history = {path}: it is no text in UTF-8; give a file of keras.callbacks.CSVLogger"
        ) from None
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        raise SuiteError(f"history = {path}: it holds no epoch; give a file of keras.callbacks.CSVLogger")
    separator = max(SEPARATORS, key=lines[0].count)
    header, *rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator)
    header = [name.strip() for name in header]
    rows = [row for row in rows if [cell.strip() for cell in row] != header]  # a second run wrote it again
    number = next((place for place, name in enumerate(header) if name.lower() == "epoch"), None)
    stretches: list[list[list[str]]] = []
    last = None
    for row in rows:
        epoch = None if number is None else _cell(row[number] if number < len(row) else "", separator)
        if not stretches or (isinstance(epoch, float) and isinstance(last, float) and epoch <= last):
            stretches.append([])
        stretches[-1].append(row)
        last = epoch
    return [_columns(header, stretch, separator) for stretch in stretches]


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]], separator: str) -> dict[str, list[Any]]:
    return {
        name: [_cell(row[place] if place < len(row) else "", separator) for row in rows]
        for place, name in enumerate(header)
        if name
    }


def _cell(text: str, separator: str) -> float | str | None:
    """A number, None for a missing one, the text itself where it is neither."""
    text = text.strip()
    if text.lower() in MISSING:
        return None
    try:
        return float(text.replace(",", ".") if separator != "," else text)
    except ValueError:
        return text


def of_json(path: Path) -> Mapping[str, Any]:
    """A history's dict from JSON: of lists, of dicts by epoch as pandas writes them, or a list of epochs."""
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise SuiteError(f"history = {path}: it is no JSON ({error}); write json.dump(history.history, file)") from None
    if isinstance(found, list) and found and all(isinstance(row, dict) for row in found):
        return {name: [row.get(name) for row in found] for name in found[0]}
    if not isinstance(found, dict):
        raise SuiteError(f"history = {path}: it holds no dict of lists; write json.dump(history.history, file)")
    return found
