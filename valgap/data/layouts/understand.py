"""What a folder of images is, told by the names in it: classes, splits, a table, and what lies beside.

    train/cat/1.png, Validation Set/cat/2.png, seg_test/seg_test/cat/3.png      splits of class folders
    photos/dataset/cat/1.png                                                    classes, below a needless level
    cat/train/1.png, cat/test/2.png                                             splits in class folders
    labels.csv, images/1.png                                                    a table (valgap/data/layouts/tables.py)

What was assumed is said in sentences. What the names do not tell is an error that lists what was found.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from valgap.data.layouts.folders import GIVE, Found, inner_of
from valgap.data.layouts.layout import MEANT, Entry, Layout, checked, quoted, refused
from valgap.data.layouts.shapes import read_folders
from valgap.data.layouts.splits import read_split, spelt_alike
from valgap.data.layouts.tables import ITSELF, UnclearTableError, read_table, read_tables
from valgap.data.layouts.tree import TABLES, Tree, read_tree, suffix_of
from valgap.data.sources.images import GIVEN
from valgap.ground.errors import SuiteError

ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".xz", ".bz2")


def understand(root: Path) -> Layout:
    """The layout of a folder, or of the folder of a table that is given itself.

    Raises SuiteError on what is neither, holds no labelled images, or can be read in two ways.
    """
    if root.is_file():
        return _of_file(root)
    tree = read_tree(root)
    _check_images(tree)
    try:
        found = read_folders(root, tree.top)
        plain = _layout(tree, found)
    except SuiteError:
        if (table := read_tables(tree)) is None:
            raise
        return _layout(tree, table)
    try:
        table = read_tables(tree)
    except UnclearTableError as error:
        return _layout(tree, found + Found(assumed=(f"A table is not read: {error}.",)))
    except SuiteError:  # of a table that may be of anything
        table = None
    if table is None or 2 * len(_labels(table)) < len(tree.top.all_images):
        return plain
    if _agree(found, table):
        return _layout(tree, found + Found(assumed=("The tables beside the images say what the folders say.",)))
    if any(entry.given for entry in found.entries):
        why = "the folders and a table say different labels of the same images. " + " ".join(table.assumed).rstrip(".")
        raise refused(root, why, f"{ITSELF}, or move it out of the folder")
    return _layout(tree, table + Found(assumed=("The folders' names say other labels, and are not read as such.",)))


def understand_table(root: Path, name: str, group: str | None = None) -> Layout:
    """The layout of the images below a folder that a table in it names, by its path below the folder.

    `group` is the column of groups, if there is one. Raises SuiteError on what is no such table.
    """
    tree = read_tree(root)
    _check_images(tree)
    return _layout(tree, read_table(tree, name, group))


def explicit(folders: Mapping[str, Path]) -> Layout:
    """The layout of folders that are said to be train, val or test, each of class folders.

    Raises SuiteError on another split, on folders that hold one another, and on one without class folders.
    """
    places = {split: Path(os.path.realpath(path)) for split, path in folders.items()}
    for split, path in folders.items():
        if split not in GIVEN:
            raise SuiteError(key=split, value=repr(str(path)), why=f"no split is called so; splits are {quoted(GIVEN)}")
        if not path.is_dir():
            raise refused(path, f"it is to be {MEANT[split]}, and is no folder", GIVE)
    if not places:
        raise ValueError("explicit needs a folder")
    for split, place in places.items():
        for other, inside in places.items():
            if split != other and (place == inside or place in inside.parents):
                raise refused(
                    folders[split],
                    f"it is to be {MEANT[split]}, and holds the {MEANT[other]} images too, {str(folders[other])!r}",
                    "name folders that lie beside each other",
                )
    root = Path(os.path.commonpath([str(place) for place in places.values()]))
    found, others = Found(), Counter[str]()
    known: tuple[str, ...] = ()
    for split in (split for split in GIVEN if split in places):
        tree = read_tree(places[split])
        found += spelt_alike(_below(root, tree, split, known), known, f"the {MEANT[split]} images")
        others.update(tree.others)
        known = found.as_found if split == "train" else known
    return checked(Layout(root, found.entries, found.assumed, found.aside, found.as_found, others=others))


def _of_file(path: Path) -> Layout:
    suffix = path.suffix.lower()
    if suffix in ARCHIVES:
        raise refused(path, "it is an archive, no folder", "unpack it, and give the folder")
    if suffix not in TABLES:
        raise refused(path, "it is a file, no folder and no table", f"{GIVE}; or a table of labels, {quoted(TABLES)}")
    return understand_table(path.parent, path.name)


def _check_images(tree: Tree) -> None:
    if not tree.top.all_images:
        held = ", ".join(f"{suffix} ({count:,})" for suffix, count in Counter(tree.others).most_common(5))
        raise refused(tree.root, f"no image lies in it{f'; its files end in {held}' if held else ''}", GIVE)


def _below(root: Path, tree: Tree, split: str, known: Sequence[str]) -> Found:
    """Entries of a split's own folder, their paths below `root`."""
    found = read_split(tree.root, tree.top, inner_of(tree.top, split, known), split)
    above = "" if tree.root == root else f"{tree.root.relative_to(root).as_posix()}/"
    entries = tuple(Entry(above + entry.path, entry.label, split) for entry in found.entries)
    return Found(entries, found.assumed, found.aside, found.as_found)


def _layout(tree: Tree, found: Found) -> Layout:
    others = Counter(tree.others)
    others.subtract(suffix_of(name) for name in found.tables)
    tables = tuple(dict.fromkeys(found.tables))
    return checked(Layout(tree.root, found.entries, found.assumed, found.aside, found.as_found, tables, +others))


def _labels(found: Found) -> dict[str, str]:
    return {entry.path: entry.label for entry in found.entries}


def _agree(found: Found, table: Found) -> bool:
    """Whether labels of folders and of a table are the same but for their names, where both label an image."""
    folders, rows = _labels(found), _labels(table)
    pairs = {(folders[path], rows[path]) for path in folders if path in rows}
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs}) > 0
