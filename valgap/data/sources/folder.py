"""Source `folder`: images in folders named after their classes. Reads data.path; streams to the given .npy file.

    <data.path>/cat/1.png  <data.path>/dog/a/2.png       the suite draws training, validation and test images; or
    <data.path>/train/cat/1.png  <data.path>/val/...     who brings a split has train/, and val/ or test/ or both

A class is a folder's name; its images lie anywhere below. Every class needs two images to train on; val/ and test/ may
lack classes, but have none that train/ lacks. The splits are called so: `validation`, `valid` or `Train` is refused by
name, and so is anything beside them. (One folder of such a name with files right in it, `train` beside `bus` and
`ship`, is a class.)

Hidden files and folders (`.DS_Store`, `.gitignore`, `._1.png`), `Thumbs.db`, `desktop.ini` and `__MACOSX` are passed
over. Any other file that is no image, or lies in no class folder, is unreadable: see data.on_unreadable. Links to files
are followed. So are links to folders, but a folder that is met twice is an error: links that lead back would never end,
and others would bring the same images in twice.

Images are sorted by their path below data.path, which data.group_pattern is searched in. The sha256 of a folder is that
of its files' names and sha256s, sorted; unreadable files of a class are among them.
"""

import collections
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from valgap.data.reading.decoding import Decoding
from valgap.data.reading.readers import read_images
from valgap.data.sources.entries import Entry, assemble
from valgap.data.sources.images import GIVEN, Dropped, Images
from valgap.data.sources.source import Source
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

IGNORED = ("thumbs.db", "desktop.ini", "__macosx")  # beside what starts with a dot
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
SPLIT_LIKE = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
LISTED = 20  # files that a message names


def load(data: Data, target: Path) -> Images:
    """The images of the folder data.path. Raises SuiteError on all that the module's text does not allow."""
    if data.group_column is not None:
        raise SuiteError(
            f"data.group_column = {data.group_column!r} is of data.source = table: a folder has data.group_pattern"
        )
    root = Path(data.path)
    files, folders = list_files(root)
    has_splits = _has_splits(root, [name for name in folders if "/" not in name], files)
    depth = 1 if has_splits else 0  # parts of a path before its class
    entries, dropped = [], []
    for name in files:
        parts = name.split("/")
        if len(parts) < depth + 2:
            dropped.append(Dropped(readable(name), "lies in no class folder"))
        else:
            entries.append(Entry(name, readable(parts[depth]), parts[0] if has_splits else ""))
    classes = [name for name in folders if name.count("/") == depth]
    if not classes:
        expected = "train/<class>/<image>" if has_splits else "<class>/<image>"
        why = f"it holds no class folders: expected {data.path}/{expected}"
        raise SuiteError(key="data.path", value=repr(data.path), why=why)
    if empty := sorted(set(classes) - {"/".join(entry.path.split("/")[: depth + 1]) for entry in entries}):
        raise SuiteError(f"class folders without a file below {data.path}: {listing(empty)}; fill or remove them")
    return read_entries(data, entries, dropped, target)


def list_files(root: Path) -> tuple[list[str], list[str]]:
    """(files, folders) below `root`, at any depth, without those passed over: sorted posix paths relative to it.

    Raises SuiteError when `root` is no folder, or one cannot be listed, or is met twice.
    """
    files, folders, waiting = [], [], [""]
    try:
        status = root.stat()
        seen = {(status.st_dev, status.st_ino): "."}
        while waiting:
            above = waiting.pop()
            with os.scandir(root / above) as found:
                for item in sorted(found, key=lambda item: item.name):
                    if item.name.startswith(".") or item.name.lower() in IGNORED:
                        continue
                    name = above + item.name
                    if not item.is_dir():
                        files.append(name)
                        continue
                    status = item.stat()
                    if first := seen.get((status.st_dev, status.st_ino)):
                        raise SuiteError(
                            f"{shown(name)} and {shown(first)} below {root} are the same folder, by a link: remove it"
                        )
                    seen[status.st_dev, status.st_ino] = name
                    folders.append(name)
                    waiting.append(f"{name}/")
    except OSError as error:
        why = f"it cannot be listed: {error}"
        raise SuiteError(
            key="data.path", value=repr(str(root)), why=why, cure="it must be a folder of images"
        ) from None
    return sorted(files), sorted(folders)


def _has_splits(root: Path, top: Sequence[str], files: Sequence[str]) -> bool:
    """Whether the `top` folders of `root` are splits; `train` with files of its own beside `bus` is a class."""
    alike = [name for name in top if name.casefold() in SPLIT_LIKE]
    holds_files = any(name.count("/") == 1 and name.split("/")[0] in alike for name in files)
    if not alike or (len(alike) == 1 and len(top) > 1 and holds_files):
        return False
    if "train" not in top or len(top) == 1 or set(top) - set(GIVEN):
        raise SuiteError(
            key="data.path",
            value=repr(str(root)),
            why=f"it holds the folders {listing(top)}: splits are called train, val and test (val, not validation or "
            "valid), train and another at least, and nothing lies beside them",
            cure="rename or move, or name the folder of class folders itself",
        )
    return True


def read_entries(data: Data, entries: Iterable[Entry], dropped: Sequence[Dropped], target: Path) -> Images:
    """Images of the entries, sorted by path, for any source of files below data.path.

    `dropped` are those that the source cannot use, to be refused or counted as data.on_unreadable says. Raises
    SuiteError on classes, groups and files that cannot be used.
    """
    entries = sorted(entries, key=lambda entry: entry.path)
    names = [readable(entry.path) for entry in entries]
    class_names = tuple(sorted({entry.label for entry in entries}))
    check_classes([entry.label for entry in entries], [entry.given for entry in entries], class_names, data.path)
    if len(set(names)) < len(names):
        raise SuiteError(f"file names below {data.path} that are not UTF-8 read like others: rename them")
    if data.group_pattern is not None:  # early, for what looks like an image
        groups_of(data.group_pattern, [name for name in names if name.lower().endswith(SUFFIXES)])
    pixels, readings = read_images([Path(data.path, entry.path) for entry in entries], Decoding.of(data), target)

    unusable = [Dropped(name, reading.why) for name, reading in zip(names, readings, strict=True) if reading.why]
    unusable = sorted([*dropped, *unusable], key=lambda item: item.name)
    if unusable and data.on_unreadable == "error":
        raise SuiteError(
            f"{len(unusable):,} files below {data.path} cannot be used: "
            f"{listing([f'{shown(item.name)}: {item.why}' for item in unusable], '; ')}; "
            "mend or remove them, or set data.on_unreadable: skip, which the report counts"
        )
    kept = [row for row, reading in enumerate(readings) if not reading.why]
    labels, given = [entries[row].label for row in kept], [entries[row].given for row in kept]
    where = f"{data.path}, without {len(unusable):,} unreadable files" if unusable else data.path
    check_classes(labels, given, class_names, where)
    read = [names[row] for row in kept]
    return assemble(
        data.path,
        entries,
        readings,
        pixels,
        names=read,
        class_names=class_names,
        groups=groups_of(data.group_pattern, read)
        if data.group_pattern is not None
        else [entries[row].group for row in kept],
        dropped=unusable,
    )


def check_classes(labels: Sequence[str], given: Sequence[str], class_names: Sequence[str], where: str) -> None:
    """Raise SuiteError on classes that cannot be learned or told apart; `labels` and `given` are of each image."""
    alike = collections.defaultdict(list)
    for name in class_names:
        alike[unicodedata.normalize("NFKC", name).strip().casefold()].append(name)
    if confused := [" and ".join(map(repr, names)) for names in alike.values() if len(names) > 1]:
        raise SuiteError(f"classes of {where} that differ in case or spaces alone: {listing(confused)}; rename one")
    if blank := [repr(name) for name in class_names if not name.strip()]:
        raise SuiteError(f"classes of {where} have a name that nobody can read, {listing(blank)}: rename them")
    if len(class_names) < 2:
        raise SuiteError(f"{where} has one class only, {listing(class_names)}: there is nothing to tell apart")
    trained = collections.Counter(
        label for label, split in zip(labels, given, strict=True) if split not in ("val", "test")
    )
    unknown = sorted(set(labels) - set(trained))
    if trained and unknown:
        raise SuiteError(
            f"classes of {where} that validation or test images have but no training image: {listing(unknown)}; "
            "add training images, or remove the class"
        )
    if few := [f"{shown(name)} has {trained[name]}" for name in class_names if trained[name] < 2]:
        raise SuiteError(
            f"classes of {where} with less than 2 images to train on: {listing(few)}; add images, or remove the class"
        )


def groups_of(pattern: str, names: Sequence[str]) -> list[str]:
    """What the pattern's one group matches in each name. Raises SuiteError listing those that it does not match."""
    found = [re.search(pattern, name) for name in names]
    if missed := [shown(name) for name, match in zip(names, found, strict=True) if not match or match[1] is None]:
        why = f"it does not match the paths of {len(missed):,} images: {listing(missed)}"
        raise SuiteError(key="data.group_pattern", value=repr(pattern), why=why)
    return [match[1] for match in found if match]


def readable(name: str) -> str:
    """A file's name in valid Unicode: bytes that are not UTF-8 become `\\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def shown(name: str) -> str:
    """The name as a message shows it: quoted where it holds what does not print, such as a new line."""
    return name if name.isprintable() else repr(name)


def listing(items: Sequence[str], separator: str = ", ") -> str:
    """The first 20 items in a row, and how many more there are."""
    more = f" and {len(items) - LISTED:,} more" if len(items) > LISTED else ""
    return separator.join(map(shown, items[:LISTED])) + more


SOURCE = Source(load, own=True)
