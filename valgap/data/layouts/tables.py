"""Reads labels, and splits, off a table beside the images: a .csv (commas or semicolons) or .tsv with a header.

A column names the files: by a path below the table or the root, by a file's name, with its suffix or without, or by
a path on another machine, whose end is looked for. Another holds the labels. The split is a column's, the table's own
(train.csv, val.csv), or that of the folder that a file lies in.
"""

import collections
import dataclasses
import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from valgap.data.layouts.columns import PATHS, Columns, label_column, read_columns, split_column
from valgap.data.layouts.folders import Found
from valgap.data.layouts.layout import BESIDE, MEANT, Aside, quoted, refused, split_of
from valgap.data.layouts.tree import OTHER_SUFFIXES, Tree
from valgap.data.sources.entries import Entry
from valgap.data.sources.folder import SUFFIXES, readable, shown
from valgap.ground.errors import SuiteError

NOT_LABELS = ("submission",)  # in the name of a table of labels to be filled in
TABLE_WORDS = (*BESIDE, "label", "labels", "meta", "metadata", "annotations", "list", "classes", "df")


class UnclearTableError(SuiteError):
    """A table that names the images, and may be read in two ways."""


@dataclasses.dataclass(frozen=True)
class Rows:
    """A table whose rows name files: the file, its label and its split by the table, of each row that names one."""

    table: str
    files: tuple[str, ...]
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    by: str  # what says the split: a column, the table's own name, or nothing
    said: str
    missing: tuple[str, ...]  # what rows name that is not there
    blank: int  # rows without a label


def read_tables(tree: Tree, only: str | None = None) -> Found | None:
    """Entries of the images that tables name, one table or one of each split; None where no table names any.

    `only` is the one to be used. Raises UnclearTableError on one that names them and does not tell all, SuiteError
    where several may be meant, or one says two things of a file.
    """
    names = [only] if only else [name for name in tree.tables if not any(word in name.lower() for word in NOT_LABELS)]
    files = _Files(tree.top.all_images)
    found, unclear, unread = [], [], []
    for name in names:
        try:
            table = read_columns(tree.root, name)
        except SuiteError as error:
            unread.append(error)
            continue
        try:
            rows = _read(table, files)
        except SuiteError as error:
            unclear.append(UnclearTableError(str(error)))
            continue
        if rows is not None:
            found.append(rows)
    if not found:
        for problem in (*unclear, *unread):
            raise problem
        return None
    return _entries(tree, _chosen(tree, found))


class _Files:
    """Images by their names, without their suffixes."""

    def __init__(self, images: Sequence[str]) -> None:
        self.by_stem: dict[str, list[str]] = collections.defaultdict(list)
        for image in images:
            self.by_stem[_stem(image.rpartition("/")[2])].append(image)

    def find(self, value: str, split: str) -> list[str]:
        """The files whose path has the longest end in common with a value; one, where it tells which is meant."""
        parts = value.replace("\\", "/").split("/")
        found = self.by_stem.get(_stem(parts[-1]), [])
        exact = [file for file in found if file.rpartition("/")[2] == parts[-1]]
        found = exact or ([] if _stem(parts[-1]) != parts[-1] else found)  # a suffix that is said must be the file's
        if len(found) > 1:
            ends = [_common_end(file.split("/")[:-1], parts[:-1]) for file in found]
            found = [file for file, end in zip(found, ends, strict=True) if end == max(ends)]
        if len(found) > 1 and split:
            found = [file for file in found if _folder_split(file) == split] or found
        return found


def _stem(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in (*SUFFIXES, *OTHER_SUFFIXES) else name


def _common_end(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _folder_split(file: str) -> str:
    return next((split for part in file.split("/")[:-1] if (split := split_of(part))), "")


def _read(table: Columns, files: _Files) -> Rows | None:
    """Rows of a table that names files and labels; None where it does not. Raises SuiteError on what is not clear."""
    own = split_of(Path(table.path).stem, TABLE_WORDS)
    placed = {column: [files.find(value, own) if value else [] for value in table.cells[column]]
              for column in table.called(PATHS)}  # fmt: skip
    if not placed:
        return None
    column = max(placed, key=lambda name: sum(map(bool, placed[name])))
    where = placed[column]
    if not any(where):
        return None
    values = table.cells[column]
    if unclear := [(value, hits) for value, hits in zip(values, where, strict=True) if len(hits) > 1]:
        value, hits = unclear[0]
        raise SuiteError(
            f"{shown(table.path)}: column {quoted([column])} names {len(unclear):,} files that there are several of, "
            f"such as {quoted([value])}: {quoted(hits)}; give their paths"
        )
    split = split_column(table)
    naming = [name for name in placed if any(placed[name])]
    label = label_column(table, [*naming, *([split] if split else [])])
    if label is None:
        return None
    kept = [row for row, hits in enumerate(where) if hits and table.cells[label][row]]
    suffixed = sum(_stem(values[row]) != values[row] for row in kept)
    said = f"{quoted([table.path])} is the table of labels: column {quoted([column])} names the files" + (
        "" if suffixed else ", without their suffixes"
    )
    return Rows(
        table.path,
        tuple(where[row][0] for row in kept),
        tuple(readable(table.cells[label][row]) for row in kept),
        tuple(split_of(table.cells[split][row]) if split else own for row in kept),
        f", {quoted([split])} the split" if split else f", and all are {MEANT[own]}" if own else "",
        f"{said}, {quoted([label])} the class",
        tuple(value for value, hits in zip(values, where, strict=True) if value and not hits),
        sum(bool(hits) and not table.cells[label][row] for row, hits in enumerate(where)),
    )


def _chosen(tree: Tree, found: Sequence[Rows]) -> list[Rows]:
    """The table to be read, or one of each split. Raises SuiteError where that is not clear."""
    own: dict[str, list[Rows]] = collections.defaultdict(list)
    for rows in found:
        own[split_of(Path(rows.table).stem, TABLE_WORDS)].append(rows)
    apart = {split: tables for split, tables in own.items() if split}
    if len(found) == 1 or (apart and len(apart) == len(found)):
        return list(found)
    names = quoted([rows.table for rows in found])
    raise refused(
        tree.root, f"several tables beside the images name them: {names}", "give the table that is meant itself"
    )


def _entries(tree: Tree, tables: Sequence[Rows]) -> Found:
    entries: list[Entry] = []
    said, aside = [], []
    for rows in tables:
        _check(rows)
        splits = rows.splits
        by = rows.by
        if not any(splits):
            folders = tuple(map(_folder_split, rows.files))
            if all(folders):
                splits, by = folders, "; the folders of the files say the split"
        said.append(f"{rows.said}{by}.")
        whole = dict(zip(rows.files, zip(rows.labels, splits, strict=True), strict=True))
        entries += [Entry(file, label, split) for file, (label, split) in whole.items()]
        if len(whole) < len(rows.files):
            said.append(f"{len(rows.files) - len(whole):,} rows of {quoted([rows.table])} say again what others say.")
        if rows.missing:
            why = f"rows name files that are not there, such as {quoted(rows.missing[:1])}"
            aside.append(Aside(rows.table, len(rows.missing), why))
        if rows.blank:
            aside.append(Aside(rows.table, rows.blank, "rows have no label"))
    aside += _unnamed(tree, {entry.path for entry in entries}, quoted([rows.table for rows in tables]))
    as_found = tuple(dict.fromkeys(entry.label for entry in entries))
    return Found(tuple(entries), tuple(said), tuple(aside), as_found)


def _check(rows: Rows) -> None:
    """Raise SuiteError where a file has two labels or splits, or where labels are no classes."""
    said: Mapping[str, set[tuple[str, str]]] = collections.defaultdict(set)
    for file, label, split in zip(rows.files, rows.labels, rows.splits, strict=True):
        said[file].add((label, split))
    if twice := [file for file, what in said.items() if len(what) > 1]:
        raise SuiteError(
            f"{shown(rows.table)} says two things of {len(twice):,} files, such as {quoted(twice[:1])}: "
            "one class and one split an image is what can be read"
        )
    if len(set(rows.labels)) * 2 > len(rows.labels) > 20:
        raise SuiteError(
            f"{shown(rows.table)} has {len(set(rows.labels)):,} different labels of {len(rows.labels):,} images, such "
            f"as {quoted(sorted(set(rows.labels))[:2])}: these are no classes"
        )


def _unnamed(tree: Tree, named: set[str], tables: str) -> list[Aside]:
    """Images that no row names, counted by their folders."""
    counts = collections.Counter(image.rpartition("/")[0] or "." for image in tree.top.all_images if image not in named)
    return [Aside(folder, count, f"images that no row of {tables} names") for folder, count in sorted(counts.items())]
