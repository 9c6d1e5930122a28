"""Source `table`: a .csv or .tsv that says what the images are. Reads data.path and data.table in it.

    path,label,split,patient          split and others are optional; data.group_column: patient names the groups
    scans/a 1.png,benign,train,p17
    scans/b.png,malignant,val,p18

UTF-8, with a header; .csv has commas, .tsv tabs; all of it is text, so a class may be called NA or 01. `path` is below
data.path, with `/`; one that leaves it, by `..` or by a link, is refused, and so is a file named twice. `split` is
train, val, test or empty: the suite may draw. Other columns are not read. An image below data.path that the table does
not name, and a row without a file, are unreadable: see data.on_unreadable. Classes, files passed over, and the order of
images are as in source `folder`.
"""

import collections
import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from valgap.data.sources.entries import Entry
from valgap.data.sources.folder import SUFFIXES, list_files, listing, read_entries, readable, shown
from valgap.data.sources.images import GIVEN, Dropped, Images
from valgap.data.sources.source import Source
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

SEPARATORS = {".csv": ",", ".tsv": "\t"}
NO_FILE, NO_LABEL = "in the table, but no file", "an image, but not in the table"


def load(data: Data, target: Path) -> Images:
    """The images that the table names. Raises SuiteError on all that the module's text does not allow."""
    root, name = Path(data.path), data.table or ""
    files, _ = list_files(root)
    if not _inside(os.path.realpath(root), name):
        raise SuiteError(f"data.table = {name!r} leaves data.path = {data.path!r}: it must be a file in it")
    content, columns = read_table(root / name)
    entries = _entries(data, columns)
    named = {entry.path for entry in entries}
    missing = {path for path in named if not _is_file(root / path)}
    unnamed = [path for path in files if path.lower().endswith(SUFFIXES) and path not in named]
    dropped = [Dropped(path, NO_FILE) for path in sorted(missing)]
    dropped += [Dropped(readable(path), NO_LABEL) for path in unnamed]
    if dropped and data.on_unreadable == "error":
        raise SuiteError(
            f"{root / name} and the files below {root} do not agree. Rows without a file ({len(missing):,}): "
            f"{listing(sorted(missing)) or 'none'}. Images without a row ({len(unnamed):,}): "
            f"{listing([readable(path) for path in unnamed]) or 'none'}. "
            "Mend the table, or set data.on_unreadable: skip, which the report counts"
        )
    images = read_entries(data, [entry for entry in entries if entry.path not in missing], dropped, target)
    images.sha256[str(root / name)] = hashlib.sha256(content).hexdigest()
    return images


def read_table(path: Path) -> tuple[bytes, dict[str, list[str]]]:
    """The file's content, and its columns by name, as text. Raises SuiteError on what is no such table."""
    if path.suffix.lower() not in SEPARATORS:
        raise SuiteError(f"data.table = {path.name!r} must end in .csv (commas) or .tsv (tabs)")
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
        rows = pd.read_csv(
            io.StringIO(text), sep=SEPARATORS[path.suffix.lower()], header=None, dtype=str, keep_default_na=False
        ).fillna("")  # of rows that are too short
    except UnicodeDecodeError as error:
        raise SuiteError(f"{path} is not UTF-8 ({error}): save it so") from None
    except (OSError, ValueError, OverflowError) as error:  # pandas's own errors are ValueErrors
        raise SuiteError(f"{path} is no table that can be read: {' '.join(str(error).split())}") from None
    header, *cells = rows.to_numpy(dtype=object).tolist()
    twice = [name for name, count in collections.Counter(header).items() if count > 1 and name]
    if twice or (lacking := [name for name in ("path", "label") if name not in header]):
        problem = f"has columns twice: {listing(twice)}" if twice else f"lacks the column {' and '.join(lacking)}"
        raise SuiteError(f"{path} {problem}; its first row is {listing(header)}, and must name path and label")
    if not cells:
        raise SuiteError(f"{path} has a header and no row")
    return content, dict(zip(header, map(list, zip(*cells, strict=True)), strict=True))


def _entries(data: Data, columns: dict[str, list[str]]) -> list[Entry]:
    """A checked entry of each row. Raises SuiteError naming the rows at fault, the first below the header being 1."""
    paths = [PurePosixPath(path).as_posix() for path in columns["path"]]
    labels, splits, groups = columns["label"], columns.get("split"), None
    if data.group_column is not None:
        if data.group_column not in columns:
            raise SuiteError(
                f"data.group_column = {data.group_column!r} is no column of {data.table} (it has {listing([*columns])})"
            )
        groups = columns[data.group_column]

    def refuse(rows: Sequence[int], problem: str) -> None:
        if rows:
            named = listing([f"row {row + 1} ({shown(columns['path'][row])})" for row in rows])
            raise SuiteError(f"{data.table}: {len(rows):,} rows {problem}: {named}")

    refuse([row for row, path in enumerate(columns["path"]) if not path.strip()], "have no path")
    refuse([row for row, label in enumerate(labels) if not label.strip()], "have no label")
    root = os.path.realpath(data.path)
    real = [_inside(root, path) for path in columns["path"]]
    refuse(
        [row for row, path in enumerate(real) if not path], f"name a file outside {data.path}, by `/`, `..` or a link"
    )
    counts = collections.Counter(real)
    refuse([row for row, path in enumerate(real) if counts[path] > 1], "name a file that another row names too")
    if splits is not None:
        wrong = [row for row, split in enumerate(splits) if split not in ("", *GIVEN)]
        refuse(wrong, f"have a split other than {', '.join(GIVEN)} or nothing")
    if groups is not None:
        refuse([row for row, group in enumerate(groups) if not group.strip()], f"have no {data.group_column}")
    return [
        Entry(path, label, splits[row] if splits else "", groups[row] if groups else None)
        for row, (path, label) in enumerate(zip(paths, labels, strict=True))
    ]


def _inside(root: str, path: str) -> str:
    """The file that a path below `root`, itself without links, leads to; "" where it is absolute or leaves `root`."""
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        return ""
    real = os.path.realpath(os.path.join(root, path))
    return real if real.startswith(os.path.join(root, "")) else ""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


SOURCE = Source(load, needs=("table",), own=True)
