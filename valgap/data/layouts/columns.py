"""A table beside images: its rows, and which of its columns name files, labels and splits."""

import collections
import csv
import dataclasses
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from valgap.data.layouts.layout import quoted, split_of
from valgap.data.names import listing, shown
from valgap.ground.errors import SuiteError

PATHS = (
    "path", "filepath", "file_path", "image_path", "img_path", "filename", "file_name", "image_name", "img_name",
    "image_file", "file", "image", "img", "fname", "image_id", "img_id", "imageid", "id", "id_code", "name", "paths",
    "filenames", "filepaths", "files", "images",
)  # fmt: skip
LABELS = (
    "label", "labels", "class", "class_name", "classname", "class_label", "category", "target", "species", "breed",
    "diagnosis", "dx",
)  # fmt: skip
SPLIT_COLUMNS = ("split", "set", "subset", "partition", "dataset", "data_set", "usage", "phase")
MAX_BYTES = 200_000_000  # of a table: a larger one is no list of images


@dataclasses.dataclass(frozen=True)
class Columns:
    """A table's columns by their names, each of one text a row."""

    path: str  # below the root
    cells: dict[str, tuple[str, ...]]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.cells.values()), ()))

    def called(self, names: Sequence[str]) -> list[str]:
        """Its columns that go by one of the names, in the order of the names."""
        known = {_plain(column): column for column in reversed(self.cells)}
        return [known[name] for name in names if name in known]


def read_columns(root: Path, path: str) -> Columns:
    """The table at a path below `root`. Raises SuiteError on what is none, or not UTF-8."""
    place = root / path
    try:
        if not place.is_file() or place.stat().st_size > MAX_BYTES:
            raise SuiteError(f"{place} is no file, or too large for a table of images")
        text = place.read_bytes().decode("utf-8-sig")
        header = text.partition("\n")[0]
        separator = max(",;\t", key=header.count)
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(row)]
    except UnicodeDecodeError as error:
        raise SuiteError(f"{place} is not UTF-8 ({error}): save it so") from None
    except (OSError, csv.Error) as error:
        raise SuiteError(f"{place} is no table that can be read: {' '.join(str(error).split())}") from None
    if len(rows) < 2:
        raise SuiteError(f"{place} has no row below a header")
    names, *cells = rows
    width = len(names)
    counts = collections.Counter(filter(None, map(str.strip, names)))
    if twice := [name for name, count in counts.items() if count > 1]:
        raise SuiteError(f"{place} has columns twice: {listing(twice)}; its first row is {listing(names)}")
    if longer := [number for number, row in enumerate(cells, 1) if any(row[width:])]:
        raise SuiteError(
            f"{place} has rows with more cells than its header, {listing(names)}: {listing([*map(str, longer)])}, "
            "the first below the header being 1; put quotes around a cell that holds its separator"
        )
    filled = [(*row[:width], *[""] * (width - len(row))) for row in cells]
    by_name = zip(names, zip(*filled, strict=True), strict=True)
    return Columns(path, {name.strip(): tuple(map(str.strip, column)) for name, column in by_name})


def label_column(table: Columns, taken: Iterable[str]) -> str | None:
    """The column of labels: one of LABELS, or the only one beside those `taken`; None where there is none.

    Raises SuiteError where several say different things.
    """
    left = [column for column in table.cells if column not in taken]
    known = [column for column in table.called(LABELS) if column in left]
    if not known:
        return left[0] if len(left) == 1 else None
    first = [column for column in known if not all(map(_is_number, table.cells[column]))] or known
    differing = [column for column in known if not _one_to_one(table.cells[first[0]], table.cells[column])]
    if differing:
        raise SuiteError(
            f"{shown(table.path)} has several columns that may be the label, {quoted([first[0], *differing])}: "
            "keep one, called label"
        )
    return first[0]


def split_column(table: Columns) -> str | None:
    """The column of splits, whose every value is one or nothing. Raises SuiteError where `split` holds another."""
    for column in table.called(SPLIT_COLUMNS):
        values = {value for value in table.cells[column] if value}
        unknown = sorted(value for value in values if not split_of(value))
        if values and not unknown:
            return column
        if unknown and _plain(column) == "split":
            raise SuiteError(f"{shown(table.path)} has splits that are neither train, val nor test: {quoted(unknown)}")
    return None


def _plain(column: str) -> str:
    return re.sub(r"[-_\s]+", "_", column.strip().casefold()).strip("_")


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?[\d.]+", text))


def _one_to_one(one: Sequence[str], other: Sequence[str]) -> bool:
    pairs = collections.Counter(zip(one, other, strict=True))
    return len(pairs) == len(set(one)) == len(set(other))
