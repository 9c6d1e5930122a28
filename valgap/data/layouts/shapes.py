"""Which of the shapes that people give their folders this is: splits, classes, or splits in classes."""

from collections.abc import Sequence
from pathlib import Path

from valgap.data.layouts.folders import GIVE, Found, descended, named, names_in, read_classes
from valgap.data.layouts.layout import Aside, Entry, quoted, refused, split_of
from valgap.data.layouts.splits import FLAT, read_splits
from valgap.data.layouts.tree import Folder
from valgap.data.names import readable


def read_folders(root: Path, top: Folder) -> Found:
    """Entries below a folder, by its folders' names. Raises SuiteError on what these do not tell, naming it."""
    node = descended(top)
    said = Found(assumed=(f"The images are read below {named(node)}.",)) if node is not top else Found()
    if not node.folders:
        where = f"right in {named(node)}" if node.path else "right in it"
        why = (
            f"its images lie {where}, without class folders or a table of labels" if node.images else "it has no image"
        )
        raise refused(root, why, GIVE)
    splits = [folder for folder in node.folders if split_of(folder.name)]
    a_class = _is_a_class(splits, node)
    if splits and not a_class:
        found = read_splits(root, node, splits)
        return said + (found if found is not None else _the_rest(root, node, splits))
    if inverted := _splits_in_classes(node):
        return said + inverted
    if whole := [folder for folder in node.folders if _holds_splits(folder)]:
        others = [folder for folder in node.folders if folder not in whole]
        return said + _one_of(root, whole, others, "is no split by its name")
    return said + _classes(root, node, a_class)


def _is_a_class(splits: Sequence[Folder], node: Folder) -> bool:
    """Whether the one folder that is called like a split is a class: it lies with its images beside others' images."""
    return len(splits) == 1 and splits[0].flat and any(folder.images for folder in node.folders if folder != splits[0])


def _the_rest(root: Path, node: Folder, flat: Sequence[Folder]) -> Found:
    """Where the folders called like splits hold no class folders: the one beside them that does."""
    others = [folder for folder in node.folders if folder not in flat]
    nested = [folder for folder in others if folder.nested]
    if len(nested) != 1:
        raise refused(root, f"{quoted([folder.path for folder in flat])}: {FLAT}; nothing tells their labels", GIVE)
    return _one_of(root, nested, [folder for folder in node.folders if folder not in nested], FLAT)


def _one_of(root: Path, whole: Sequence[Folder], others: Sequence[Folder], why: str) -> Found:
    """The one of the folders that is a data set, and the others left aside. Raises SuiteError on several."""
    if len(whole) > 1:
        held = quoted([folder.path for folder in whole])
        raise refused(root, f"{held} hold splits each: these are several data sets", "give one of them")
    aside = tuple(Aside(folder.path, len(folder.all_images), why) for folder in others)
    said = f"The images are read below {named(whole[0])}."
    return Found(assumed=(said,), aside=aside) + read_folders(root, whole[0])


def _holds_splits(folder: Folder) -> bool:
    return len({split_of(below.name) for below in descended(folder).folders} - {""}) > 1


def _splits_in_classes(node: Folder) -> Found | None:
    """Entries where each class folder holds train, val or test folders of images, and nothing else; else None."""
    parts = [(folder, part) for folder in node.folders for part in folder.folders]
    named_so = {split_of(part.name) for _, part in parts}
    whole = all(folder.nested for folder in node.folders) and all(part.images for _, part in parts)
    if len(node.folders) < 2 or not whole or "" in named_so or len(named_so) < 2:
        return None
    entries = tuple(
        Entry(image, readable(folder.name), split_of(part.name)) for folder, part in parts for image in part.all_images
    )
    names = tuple(readable(folder.name) for folder in node.folders)
    splits = quoted(sorted({readable(part.name) for _, part in parts}))
    return Found(
        entries, (f"{quoted(names)} are the classes, and {splits} in each of them its splits.",), as_found=names
    )


def _classes(root: Path, node: Folder, a_class: bool) -> Found:
    """Folders that are classes, without a split; one that holds folders of the others' names is a copy of them."""
    siblings = {folder.name for folder in node.folders}
    copies = [folder for folder in node.folders if len({below.name for below in folder.folders} & siblings) > 1]
    kept = tuple(folder for folder in node.folders if folder not in copies)
    _ask_of_twins(root, kept)
    found = read_classes(root, node, "", kept)
    names = [readable(folder.name) for folder in kept]
    odd = [name for name in names if a_class and split_of(name)]
    said = f"{quoted(names)} are taken for the classes; no split is known."
    more = (f"{quoted(odd)} is taken for a class too: its images lie right in it.",) if odd else ()
    why = "holds folders of the same names as those beside it"
    aside = tuple(Aside(folder.path, len(folder.all_images), why) for folder in copies)
    return found + Found(assumed=(said, *more), aside=aside)


def _ask_of_twins(root: Path, folders: Sequence[Folder]) -> None:
    """Raise SuiteError where folders hold folders of the same names: they are splits, or so it looks."""
    for first in folders:
        own = set(names_in(first))
        alike = [folder for folder in folders if folder == first or len(own & set(names_in(folder))) > 1]
        if len(alike) > 1:
            paths = quoted([folder.path for folder in alike])
            shared = [name for key, name in names_in(first).items() if all(key in names_in(one) for one in alike)]
            above = first.path.rpartition("/")[0]
            raise refused(
                root,
                f"{paths} hold the same folders, {quoted(shared or names_in(first).values())}: they look like "
                "splits of the same classes, and their names do not say which is training",
                f"say which of {paths} is train, and which val or test, or name them so; or, if they are the classes, "
                f"that {quoted([above]) if above else 'the whole folder'} is train, or move them into one of that name",
            )
