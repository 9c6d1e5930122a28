"""Folders as classes: which hold them, and the entries of their images."""

import dataclasses
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from valgap.data.layouts.layout import Aside, Entry, quoted, split_of
from valgap.data.layouts.tree import Folder, scanned
from valgap.data.names import readable
from valgap.data.sources.images import Dropped

STRAY = "images that lie in no class folder"
EMPTY = "a folder without an image"
GIVE = "give the folder that holds a folder for each class, or train, val and test folders of those"


@dataclasses.dataclass(frozen=True)
class Found:
    """What a folder, or a part of one, was read as."""

    entries: tuple[Entry, ...] = ()
    assumed: tuple[str, ...] = ()
    aside: tuple[Aside, ...] = ()
    as_found: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()  # that say the labels

    def __add__(self, other: "Found") -> "Found":
        return Found(
            self.entries + other.entries,
            self.assumed + other.assumed,
            self.aside + other.aside,
            self.as_found + tuple(name for name in other.as_found if name not in self.as_found),
            self.tables + other.tables,
        )


def read_classes(root: Path, node: Folder, split: str, folders: Sequence[Folder] | None = None) -> Found:
    """An entry of each image in the class folders right below `node`, which are all, or `folders`."""
    folders = node.folders if folders is None else folders
    empty = tuple(Aside(path, 0, EMPTY, (Dropped(readable(path), EMPTY),)) for path in node.empty)
    entries = tuple(Entry(image, readable(folder.name), split) for folder in folders for image in folder.all_images)
    held = {folder.name for folder in folders}
    found = tuple(readable(name) for name in scanned(root, node.path) if name in held)
    return Found(entries, aside=strays(node) + empty, as_found=found)


def strays(node: Folder) -> tuple[Aside, ...]:
    """Images that lie right in a folder of class folders, or of splits."""
    lost = tuple(Dropped(readable(image), "lies in no class folder") for image in node.images)
    return (Aside(node.path or ".", len(lost), STRAY, lost),) if lost else ()


def named(folder: Folder) -> str:
    """Its path in a sentence."""
    return quoted([folder.path]) if folder.path else "it"


def alike(name: str) -> str:
    """The name without case, as folders of two splits may spell it."""
    return unicodedata.normalize("NFKC", readable(name)).strip().casefold()


def names_in(folder: Folder) -> dict[str, str]:
    """Class folders of what may be a split, by their names regardless of case."""
    return {alike(below.name): readable(below.name) for below in descended(folder).folders}


def descended(node: Folder) -> Folder:
    """The folder below those that hold one folder of folders and nothing else; a lone split is not gone into."""
    while node.nested and len(node.folders) == 1 and node.folders[0].folders:
        (below,) = node.folders
        inside = {split_of(folder.name) for folder in below.folders} - {""}
        if split_of(below.name) and len(inside) < 2:
            break
        node = below
    return node


def inner_of(folder: Folder, split: str, known: Sequence[str] = ()) -> Folder:
    """The folder of class folders of a split, below a doubled (train/train) or needless level, which no class is.

    `known` are training's classes.
    """
    classes = set(map(alike, known))
    while folder.nested and len(folder.folders) == 1:
        (below,) = folder.folders
        alone = not below.folders and split_of(below.name) != split  # its one class, or a name that stands for none
        if alone or alike(below.name) in classes:
            break
        folder = below
    return folder
