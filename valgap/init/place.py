"""Where the images are: a folder, or a table beside them, as block `data` says it."""

import dataclasses
from pathlib import Path

from valgap.data.layouts.columns import read_columns
from valgap.data.layouts.layout import Layout
from valgap.data.layouts.understand import understand, understand_table
from valgap.ground.errors import SuiteError, Term
from valgap.init.grouping import FEWEST, WORDS

TERMS = {"data.path": Term("--data"), "data.table": Term("--data")}


@dataclasses.dataclass(frozen=True)
class Place:
    """The layout of `said`, the user's words; `path` is its folder, `table` a file in it where that says the labels.

    `group_column` is the table's column of patients, cameras or sessions.
    """

    said: str
    path: str
    layout: Layout
    table: str | None = None
    group_column: str | None = None


def place_of(said: str) -> Place:
    """Understand a folder or table. Raises SuiteError, in the words of the command line, on what is neither."""
    path = Path(said)
    try:
        layout = understand(path)
        named = (path.name,) if path.is_file() else layout.tables
        folder = path.parent.as_posix() if path.is_file() else said
        column = group_column(layout.root, named[0]) if len(named) == 1 else None
        if not path.is_file() and column is None:
            return Place(said, folder, layout)
        return Place(said, folder, understand_table(layout.root, named[0], column), named[0], column)
    except SuiteError as error:
        raise error.named(TERMS) from None


def group_column(root: Path, table: str) -> str | None:
    """The first column of a table whose name says what its rows are of, and whose values come again; else None."""
    columns = read_columns(root, table)
    names = [f"{word}{end}" for word in WORDS for end in ("", "s", "_id", "id", "_number", "_name", "_no")]
    for column in columns.called([*names, "group", "groups", "group_id"]):
        values = columns.cells[column]
        if all(values) and len(values) >= FEWEST * len(set(values)) and len(set(values)) > 2:
            return column
    return None
