"""Folders that are splits by their names, and what lies beside them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from valgap.data.layouts.folders import EMPTY, GIVE, Found, alike, inner_of, named, names_in, read_classes, strays
from valgap.data.layouts.layout import MEANT, SPLITS, Aside, quoted, refused, split_of
from valgap.data.layouts.tree import Folder
from valgap.data.names import readable

FLAT = "images lie right in it, in no class folder"


def read_splits(root: Path, node: Folder, splits: Sequence[Folder]) -> Found | None:
    """Entries where some of `node`'s folders, `splits`, are called so; None where none of those holds class folders.

    Raises SuiteError naming what the names do not tell.
    """
    train = [folder for folder in splits if split_of(folder.name) == "train"]
    known = [name for folder in train for name in _classes(inner_of(folder, "train"))]
    inner = {
        folder.path: inner_of(folder, split_of(folder.name), known if folder not in train else ()) for folder in splits
    }
    labelled = [folder for folder in splits if inner[folder.path].folders]
    flat = [folder for folder in splits if folder not in labelled]
    place = _placed(root, labelled)
    if any(split_of(folder.name) == "train" for folder in flat) and "train" not in place:
        raise refused(root, f"{quoted([folder.path for folder in flat])}: {FLAT}; nothing tells their labels", GIVE)
    if not place:
        return None
    if len(place) > 1 and "train" not in place:
        why = f"it holds {quoted([folder.path for folder in labelled])}, and no folder that is training by its name"
        raise refused(root, why, "name the one that is train")
    found = Found(aside=tuple(Aside(folder.path, len(folder.all_images), FLAT) for folder in flat))
    found += Found(aside=tuple(Aside(path, 0, EMPTY) for path in node.empty if split_of(path.rpartition("/")[2])))
    for split in (split for split in SPLITS if split in place):
        found += _split(root, place[split], inner[place[split].path], split, known)
    others = [folder for folder in node.folders if folder not in splits]
    return found + _beside(root, node, others, known, alone=list(place) == ["train"])


def read_split(root: Path, folder: Folder, node: Folder, split: str) -> Found:
    """Entries of the one split that a folder is said to be, whose class folders lie in `node`.

    Raises SuiteError where it holds none, or splits.
    """
    if not node.folders:
        raise refused(root, f"{named(folder)} holds no class folders with images", GIVE)
    if all(split_of(below.name) for below in node.folders):
        held = quoted([below.path for below in node.folders])
        raise refused(root, f"{named(folder)} is to be {MEANT[split]}, and holds {held}", "name the one that is")
    return read_classes(root, node, split)


def _placed(root: Path, labelled: Sequence[Folder]) -> dict[str, Folder]:
    place: dict[str, Folder] = {}
    for folder in labelled:
        split = split_of(folder.name)
        if split in place:
            raise refused(
                root,
                f"{quoted([place[split].path, folder.path])} are both {MEANT[split]} by their names",
                f"name the one that is, or rename the other; splits are {quoted(SPLITS)}",
            )
        place[split] = folder
    return place


def _classes(node: Folder) -> list[str]:
    return [readable(below.name) for below in node.folders]


def _split(root: Path, folder: Folder, node: Folder, split: str, known: Sequence[str]) -> Found:
    """Entries of one split, its classes spelt as training's. Raises SuiteError where it has none of training's."""
    own = _classes(node)
    if known and not set(map(alike, own)) & set(map(alike, known)):
        if len(own) == 1:
            why = f"its images lie in {quoted(own)}, which is no class of training"
            return Found(aside=(Aside(folder.path, len(folder.all_images), why),))
        raise refused(
            root,
            f"{named(folder)} holds {quoted(own)}, and training {quoted(known)}: they have no class in common",
            "give the same names to the class folders of all splits",
        )
    said = []
    if folder.name != split:
        said.append(f"{named(folder)} holds the {MEANT[split]} images.")
    if node is not folder:
        said.append(f"The class folders of {named(folder)} are those in {named(node)}.")
    return Found(assumed=tuple(said)) + spelt_alike(read_split(root, folder, node, split), known, named(folder))


def spelt_alike(found: Found, known: Sequence[str], where: str) -> Found:
    """Entries of a split, its labels spelt as the one of training's classes, `known`, that differs in case alone."""
    spell = {}
    for name in found.as_found:
        others = [other for other in known if alike(other) == alike(name)]
        spell[name] = others[0] if len(others) == 1 else name
    changed = [name for name, other in spell.items() if name != other]
    return Found(
        tuple(dataclasses.replace(entry, label=spell[entry.label]) for entry in found.entries),
        found.assumed + ((f"Classes are compared without case: {quoted(changed)} in {where}.",) if changed else ()),
        found.aside,
        tuple(spell.values()),
    )


def _beside(root: Path, node: Folder, others: Sequence[Folder], known: Sequence[str], alone: bool) -> Found:
    """What lies beside the splits is left aside.

    Raises SuiteError where it looks like a split, beside training `alone`, or like a class.
    """
    aside = [*strays(node)]
    for folder in others:
        same = len(set(names_in(folder)) & set(map(alike, known))) > 1
        if (same and alone) or (alike(folder.name) in map(alike, known) and folder.images):
            holds = "holds class folders of the same names" if same else "is called like one of its classes"
            raise refused(
                root,
                f"{named(folder)} lies beside training, and {holds}: its name does not say what it is",
                f"name it val or test, or move it away; splits are {quoted(SPLITS)}",
            )
        why = "holds the same classes, but is no split by its name" if same else "is no split by its name"
        why = why if len(names_in(folder)) > 1 else "holds no class folders"
        aside.append(Aside(folder.path, len(folder.all_images), why))
    return Found(aside=tuple(aside))
