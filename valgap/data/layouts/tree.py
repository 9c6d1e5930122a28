"""A folder and what lies below it: its images by their names, without junk, and the folders that hold some."""

import dataclasses
import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from valgap.data.names import readable, shown
from valgap.ground.errors import SuiteError

IGNORED = ("thumbs.db", "desktop.ini", "__macosx")  # beside what starts with a dot
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
OTHER_SUFFIXES = (".jfif", ".jpe", ".heic", ".heif", ".avif", ".jp2", ".ppm", ".pgm", ".tga")  # images, perhaps unread
MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")  # of files without a suffix
TABLES = (".csv", ".tsv")


@dataclasses.dataclass(frozen=True)
class Folder:
    """A folder below a root. `images` lie right in it, `folders` hold images at any depth, `empty` hold none."""

    path: str  # below the root, as all paths here; "" is the root
    images: tuple[str, ...]
    folders: "tuple[Folder, ...]"
    empty: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its own name."""
        return self.path.rpartition("/")[2]

    @cached_property
    def all_images(self) -> tuple[str, ...]:
        """Images at any depth."""
        return self.images + tuple(image for folder in self.folders for image in folder.all_images)

    @property
    def flat(self) -> bool:
        """Whether its images all lie right in it."""
        return bool(self.images) and not self.folders

    @property
    def nested(self) -> bool:
        """Whether its images all lie in folders of it."""
        return bool(self.folders) and not self.images


@dataclasses.dataclass(frozen=True)
class Tree:
    """All below a root: its folder, its tables by path, and by suffix how many files are no images by their names."""

    root: Path
    top: Folder
    tables: tuple[str, ...]
    others: Mapping[str, int]


def read_tree(root: Path) -> Tree:
    """List `root`. Raises SuiteError where it cannot be listed."""
    files, folders = list_files(root)
    inside: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        inside[folder.rpartition("/")[0]].append(folder)
    held: dict[str, list[str]] = defaultdict(list)
    for file in files:
        held[file.rpartition("/")[0]].append(file)

    def build(path: str) -> Folder:
        below = [build(folder) for folder in inside[path]]
        images = tuple(file for file in held[path] if is_image(root, file))
        return Folder(
            path,
            images,
            tuple(folder for folder in below if folder.all_images),
            tuple(folder.path for folder in below if not folder.all_images),
        )

    top = build("")
    tables = tuple(file for file in files if file.lower().endswith(TABLES) and file.count("/") <= 2)
    images = set(top.all_images)
    others = Counter(suffix_of(file) for file in files if file not in images)
    return Tree(root, top, tables, others)


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


def suffix_of(file: str) -> str:
    """What `Tree.others` counts a file by."""
    return readable(os.path.splitext(file)[1].lower()) or "no suffix"


def is_image(root: Path, file: str) -> bool:
    """Whether a file's name ends like an image's; one without a suffix is looked into."""
    suffix = os.path.splitext(file)[1].lower()
    if suffix in SUFFIXES or suffix in OTHER_SUFFIXES:
        return True
    if suffix and not re.fullmatch(r"\.\d+", suffix):
        return False
    try:
        path = root / file
        if not path.is_file():  # a pipe would be waited for without end
            return False
        with path.open("rb") as handle:
            return handle.read(4).startswith(MAGIC)
    except OSError:
        return False


def scanned(root: Path, folder: str) -> list[str]:
    """Names of the folders right in a folder, in the order of the disk."""
    with os.scandir(root / folder) as found:
        return [item.name for item in found if item.is_dir()]
