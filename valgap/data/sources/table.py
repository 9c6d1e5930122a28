"""Source `table`: a .csv or .tsv that says what the images are. Reads data.path and data.table in it.

    path,label,split,patient          split and others are optional; data.group_column: patient names the groups
    scans/a 1.png,benign,train,p17
    scans/b.png,malignant,val,p18

Read as `valgap check` reads it, by the same code (valgap/data/layouts/tables.py), which knows other names of columns,
other separators and spellings of splits. UTF-8, with a header; all of it is text, so a class may be called NA or 01.
A row names a file below data.path, by its path, or by an end of it that is no other's; one that leaves data.path by a
link is refused, and so are two of one file that differ. An image below data.path that the table does not name, and a
row without a file or a label, are unreadable: see data.on_unreadable. Classes, files passed over, and the order of
images are as in source `folder`.
"""

import collections
import os
from pathlib import Path

from valgap.data.layouts.layout import Layout
from valgap.data.layouts.tree import TABLES
from valgap.data.layouts.understand import understand_table
from valgap.data.names import listing, readable
from valgap.data.sources.files import load_files
from valgap.data.sources.images import Images
from valgap.data.sources.source import Source
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data


def load(data: Data, target: Path) -> Images:
    """The images that the table names. Raises SuiteError on all that the module's text does not allow."""
    root, name = Path(data.path), data.table or ""
    if not _inside(os.path.realpath(root), name):
        raise SuiteError(f"data.table = {name!r} leaves data.path = {data.path!r}: it must be a file in it")
    if not name.lower().endswith(TABLES):
        raise SuiteError(f"data.table = {name!r} must end in .csv (commas or semicolons) or .tsv (tabs)")
    layout = understand_table(root, name, data.group_column)
    _check_links(layout, name)
    return load_files(data, layout, target)


def _check_links(layout: Layout, table: str) -> None:
    """Raise SuiteError where a link leads out of the folder, or two names to one file."""
    root = os.path.realpath(layout.root)
    real = {entry.path: _inside(root, entry.path) for entry in layout.entries}
    counts = collections.Counter(real.values())

    def refuse(paths: list[str], problem: str) -> None:
        if paths:
            named = listing([readable(path) for path in paths])
            raise SuiteError(f"{table}: {len(paths):,} rows {problem}: {named}")

    refuse([path for path, place in real.items() if not place], f"name a file outside {layout.root}, by a link")
    refuse([path for path, place in real.items() if counts[place] > 1], "name a file that another row names, by a link")


def _inside(root: str, path: str) -> str:
    """The file that a path below `root`, itself without links, leads to; "" where it is absolute or leaves `root`."""
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        return ""
    real = os.path.realpath(os.path.join(root, path))
    return real if real.startswith(os.path.join(root, "")) else ""


SOURCE = Source(load, needs=("table",), own=True)
