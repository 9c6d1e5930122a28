"""Reads labels, and splits, off a table beside the images: a .csv (commas or semicolons) or .tsv with a header.

A column names the files: by a path below the table or the root, by a file's name, with its suffix or without, or by
a path on another machine, whose end is looked for. Another holds the labels. The split is a column's, the table's own
(train.csv, val.csv), or that of the folder that a file lies in.
"""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from valgap.data.layouts.columns import PATHS, Columns, label_column, read_columns, split_column
from valgap.data.layouts.folders import Found
from valgap.data.layouts.layout import BESIDE, MEANT, Aside, Entry, quoted, refused, split_of
from valgap.data.layouts.meant import Files, folder_split, stem_of
from valgap.data.layouts.nameless import why_none
from valgap.data.layouts.tree import Tree
from valgap.data.names import listing, readable, shown
from valgap.data.sources.images import Dropped
from valgap.ground.errors import SuiteError

NOT_LABELS = ("submission",)  # in the name of a table of labels to be filled in
ITSELF = "give the table that is meant itself"
TABLE_WORDS = (*BESIDE, "label", "labels", "meta", "metadata", "annotations", "list", "classes", "df")


class UnclearTableError(SuiteError):
    """A table that names the images, and may be read in two ways."""


@dataclasses.dataclass(frozen=True)
class Rows:
    """A table whose rows name files: an entry of each row that names one and its label."""

    table: str
    entries: tuple[Entry, ...]
    by: str  # what says the split: a column, the table's own name, or nothing
    said: str
    missing: tuple[str, ...]  # what rows name that is not there
    blank: tuple[str, ...]  # files of rows without a label
    nameless: tuple[int, ...]  # rows that name no file, the first below the header being 1


def read_tables(tree: Tree) -> Found | None:
    """Entries of the images that tables name, one table or one of each split; None where no table names any.

    Raises UnclearTableError on one that names them and does not tell all, SuiteError where several may be meant, or
    one says two things of a file.
    """
    files = Files(tree.top.all_images)
    found, unclear, unread = [], [], []
    for name in tree.tables:
        if any(word in name.lower() for word in NOT_LABELS):
            continue
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


def read_table(tree: Tree, name: str, group: str | None = None) -> Found:
    """Entries of the images that the table of that name names, its groups in a column `group`, if there is one.

    Raises SuiteError on one that names none, does not tell all, or says two things of a file.
    """
    table = read_columns(tree.root, name)
    files = Files(tree.top.all_images)
    rows = _read(table, files, group)
    if rows is None or not rows.entries:
        why = why_none(tree, table, files, group, () if rows is None else rows.blank)
        raise refused(
            tree.root / name,
            f"it names no image below its folder with a label: {why}",
            "one column, such as path, must name the files, and one, such as label, their classes",
        )
    return _entries(tree, [rows])


def _read(table: Columns, files: Files, group: str | None = None) -> Rows | None:
    """Rows of a table that names files and labels; None where it does not. Raises SuiteError on what is not clear."""
    own = split_of(Path(table.path).stem, TABLE_WORDS)
    placed = {column: files.find_all(table.cells[column], own) for column in table.called(PATHS) if column != group}
    column = max(placed, key=lambda name: sum(map(bool, placed[name])), default=None)
    if column is None or not any(placed[column]):
        return None
    where, values = placed[column], table.cells[column]
    if unclear := [(value, hits) for value, hits in zip(values, where, strict=True) if len(hits) > 1]:
        value, hits = unclear[0]
        raise SuiteError(
            f"{shown(table.path)}: column {quoted([column])} names {len(unclear):,} files that there are several of, "
            f"such as {quoted([value])}: {quoted(hits)}; give their paths"
        )
    groups = _groups(table, group)
    split = split_column(table)
    naming = [name for name in placed if any(placed[name])]
    label = label_column(table, [*naming, *([split] if split else []), *([group] if group else [])])
    if label is None:
        return None
    kept = [row for row, hits in enumerate(where) if hits and table.cells[label][row]]
    suffixed = sum(stem_of(values[row]) != values[row] for row in kept)
    said = f"{quoted([table.path])} is the table of labels: column {quoted([column])} names the files" + (
        "" if suffixed else ", without their suffixes"
    )
    return Rows(
        table.path,
        tuple(
            Entry(
                where[row][0],
                readable(table.cells[label][row]),
                split_of(table.cells[split][row]) if split else own,
                groups[row],
            )
            for row in kept
        ),
        f", {quoted([split])} the split" if split else f", and all are {MEANT[own]}" if own else "",
        f"{said}, {quoted([label])} the class",
        tuple(value for value, hits in zip(values, where, strict=True) if value and not hits),
        tuple(hits[0] for row, hits in enumerate(where) if hits and not table.cells[label][row]),
        tuple(row for row, value in enumerate(values, 1) if not value),
    )


def _groups(table: Columns, group: str | None) -> Sequence[str | None]:
    """Each row's group. Raises SuiteError where the column is not there, or not filled."""
    if group is None:
        return [None] * table.rows
    if group not in table.cells:
        raise SuiteError(
            f"data.group_column = {group!r} is no column of {shown(table.path)} (it has {listing([*table.cells])})"
        )
    if blank := [f"row {row}" for row, cell in enumerate(table.cells[group], 1) if not cell]:
        raise SuiteError(f"{shown(table.path)}: {len(blank):,} rows have no {group}: {listing(blank)}")
    return table.cells[group]


def _chosen(tree: Tree, found: Sequence[Rows]) -> list[Rows]:
    """The table to be read, or one of each split. Raises SuiteError where that is not clear."""
    own: dict[str, list[Rows]] = collections.defaultdict(list)
    for rows in found:
        own[split_of(Path(rows.table).stem, TABLE_WORDS)].append(rows)
    apart = {split: tables for split, tables in own.items() if split}
    if len(found) == 1 or (apart and len(apart) == len(found)):
        return list(found)
    names = quoted([rows.table for rows in found])
    raise refused(tree.root, f"several tables beside the images name them: {names}", ITSELF)


def _entries(tree: Tree, tables: Sequence[Rows]) -> Found:
    entries: list[Entry] = []
    said, aside = [], []
    for rows in tables:
        _check(rows)
        own = {entry.path: entry for entry in rows.entries}
        by = rows.by
        if not any(entry.given for entry in own.values()) and all(map(folder_split, own)):
            own = {path: dataclasses.replace(entry, given=folder_split(path)) for path, entry in own.items()}
            by = "; the folders of the files say the split"
        said.append(f"{rows.said}{by}.")
        entries += own.values()
        if len(own) < len(rows.entries):
            again = len(rows.entries) - len(own)
            said.append(f"{again:,} rows of {quoted([rows.table])} say again what others say.")
        aside += _lost(rows)
    names = tuple(rows.table for rows in tables)
    blank = {file for rows in tables for file in rows.blank}
    aside += _unnamed(tree, {entry.path for entry in entries}, blank, quoted(names))
    as_found = tuple(dict.fromkeys(entry.label for entry in entries))
    return Found(tuple(entries), tuple(said), tuple(aside), as_found, names)


def _check(rows: Rows) -> None:
    """Raise SuiteError where a file has two labels, splits or groups, or where labels are no classes."""
    said: Mapping[str, set[Entry]] = collections.defaultdict(set)
    for entry in rows.entries:
        said[entry.path].add(entry)
    if twice := [file for file, what in said.items() if len(what) > 1]:
        raise SuiteError(
            f"{shown(rows.table)} says two things of {len(twice):,} files, such as {quoted(twice[:1])}: "
            "one class, one split and one group an image is what can be read"
        )
    labels = sorted({entry.label for entry in rows.entries})
    if len(labels) * 2 > len(rows.entries) > 20:
        raise SuiteError(
            f"{shown(rows.table)} has {len(labels):,} different labels of {len(rows.entries):,} images, such "
            f"as {quoted(labels[:2])}: these are no classes"
        )


def _lost(rows: Rows) -> list[Aside]:
    """Rows that no image came of."""
    example = f", such as {quoted(rows.missing[:1])}" if rows.missing else ""
    kinds = (
        (rows.missing, f"rows name files that are not there{example}", "in the table, but no file"),
        (rows.blank, "rows have no label", "has no label in the table"),
        (tuple(f"row {row} of {rows.table}" for row in rows.nameless), "rows name no file", "names no file"),
    )
    return [
        Aside(rows.table, len(names), why, tuple(Dropped(readable(name), each) for name in names))
        for names, why, each in kinds
        if names
    ]


def _unnamed(tree: Tree, named: set[str], blank: set[str], tables: str) -> list[Aside]:
    """Images that no row names, by their folders: lost, unless the whole of one that is a split has no labels.

    Those of `blank` are named without a label, and lost already.
    """
    held: dict[str, list[str]] = collections.defaultdict(list)
    for image in tree.top.all_images:
        if image not in named:
            held[image.rpartition("/")[0]].append(image)
    labelled = {folder_split(image) for image in named}
    found = []
    for folder, images in sorted(held.items()):
        apart = (split := folder_split(images[0])) and split not in labelled
        lost = (
            ()
            if apart
            else tuple(
                Dropped(readable(image), "an image, but not in the table") for image in images if image not in blank
            )
        )
        found.append(Aside(folder or ".", len(images), f"images that no row of {tables} names", lost))
    return found
