"""Which files the cells of a table's column mean."""

import collections
import itertools
import os
from collections.abc import Sequence

from valgap.data.layouts.layout import split_of
from valgap.data.layouts.tree import OTHER_SUFFIXES, SUFFIXES

OF_IMAGES = frozenset((*SUFFIXES, *OTHER_SUFFIXES))


class Files:
    """Images by their names, without their suffixes."""

    def __init__(self, images: Sequence[str]) -> None:
        self.by_stem: dict[str, list[str]] = collections.defaultdict(list)
        for image in images:
            self.by_stem[stem_of(image.rpartition("/")[2])].append(image)

    def find_all(self, values: Sequence[str], split: str) -> list[list[str]]:
        """The files of each value: those whose path has the longest end in common with it; one, where it tells which.

        Where some values' folders are those of their files, a value of another folder than its file's means none: that
        file is another of the same name. `split` is the one of the table, which prefers folders called so.
        """
        found = [self._find(value, split) for value in values]
        ends = [_end(files[0], value) if files else 0 for files, value in zip(found, values, strict=True)]
        if not any(ends):
            return found
        return [
            files if end or not files or not _folders(files[0]) or not _folders(value) else []
            for files, end, value in zip(found, ends, values, strict=True)
        ]

    def _find(self, value: str, split: str) -> list[str]:
        parts = _parts(value)
        name = parts[-1] if parts else ""
        if not (found := self.by_stem.get(stem_of(name), [])):
            return []
        exact = [file for file in found if file.rpartition("/")[2] == name]
        found = exact or ([] if stem_of(name) != name else found)  # a suffix that is said must be the file's
        if len(found) > 1:
            ends = [_end(file, value) for file in found]
            found = [file for file, end in zip(found, ends, strict=True) if end == max(ends)]
        if len(found) > 1 and split:
            found = [file for file in found if folder_split(file) == split] or found
        if len(found) > 1:
            found = [file for file in found if file.split("/") == parts] or found
        return found


def stem_of(name: str) -> str:
    """A file's name without an image's suffix."""
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in OF_IMAGES else name


def folder_split(file: str) -> str:
    """The split that a folder on the path is called by, or ""."""
    return next((split for part in file.split("/")[:-1] if (split := split_of(part))), "")


def _parts(value: str) -> list[str]:
    return [part for part in value.replace("\\", "/").split("/") if part not in ("", ".")]


def _folders(value: str) -> list[str]:
    return _parts(value)[:-1]


def _end(file: str, value: str) -> int:
    """How many folders the two have in common, from the file on upwards."""
    pairs = zip(reversed(_folders(file)), reversed(_folders(value)), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
