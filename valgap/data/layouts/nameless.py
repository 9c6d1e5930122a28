"""Why no row of a table gives an image."""

from collections.abc import Sequence

from valgap.data.layouts.columns import PATHS, Columns
from valgap.data.layouts.layout import quoted
from valgap.data.layouts.meant import Files, stem_of
from valgap.data.layouts.tree import Tree
from valgap.data.names import listing, shown


def why_none(tree: Tree, table: Columns, files: Files, group: str | None, blank: Sequence[str]) -> str:
    """What is missing: a row, and what was looked for, as an example. `blank` are files of rows without a label."""
    if blank:
        return f"all {len(blank):,} rows that name a file, such as {quoted(blank[:1])}, have no label"
    having = listing([*table.cells])
    columns = [column for column in table.called(PATHS) if column != group and any(table.cells[column])]
    if not columns:
        return f"no column is called as one that names files, or it is empty: its columns are {having}"
    for column in columns:
        if any(files.find_all(table.cells[column], "")):
            return f"column {quoted([column])} names files, but none is their label: its columns are {having}"
    column = columns[0]
    value = next(filter(None, table.cells[column]))
    name = value.replace("\\", "/").rpartition("/")[2]
    suffix = "" if stem_of(name) != name else ", with or without an image suffix,"
    return (
        f"none of its rows ({table.rows:,}) does; column {quoted([column])} says {quoted([value])}, but no file "
        f"{quoted([name])}{suffix} lies below {shown(str(tree.root))}, where one is called "
        f"{quoted(tree.top.all_images[:1])}"
    )
