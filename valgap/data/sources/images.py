"""What a source gives to `prepare`: images, their labels, and what it knows of splits and groups."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

GIVEN = ("train", "val", "test")  # splits that a source may bring along; "" is an image that the suite may draw


@dataclasses.dataclass(frozen=True)
class Dropped:
    """An image that is not used, by the name a person knows it by, and why."""

    name: str
    why: str


@dataclasses.dataclass(frozen=True)
class Files:
    """What the image files are, each array with an entry for every image of `Images`."""

    format: NDArray[np.str_]  # (n,) PNG, JPEG, ..., as Pillow calls it
    mode: NDArray[np.str_]  # (n,) RGB, L, P, RGBA, ..., likewise
    size: NDArray[np.int64]  # (n, 2) width and height as stored, before any turning upright
    orientation: NDArray[np.int64]  # (n,) EXIF orientation, 2 to 8; 0 where there is none, or it changes nothing
    transparent: NDArray[np.bool_]  # (n,) whether any pixel is not opaque
    cut: NDArray[np.str_] | None = None  # (n,) of "", "grey rows", ...: why a part seems missing; None where unknown


@dataclasses.dataclass(frozen=True)
class Images:
    """Images of a source, all in one array, and what is known of each."""

    images: NDArray[np.uint8]  # (n, height, width, channels), 1 channel or 3; a memory map of that file
    labels: NDArray[np.int64]  # (n,) in [0, classes)
    class_names: tuple[str, ...]
    given: NDArray[np.str_]  # (n,) of "", "train", "val", "test": the split that the source puts an image in
    names: tuple[str, ...]  # (n,) its path below data.path, or its place in an array file
    sha256: dict[str, str]  # of each file read, or of a folder's content, by path
    groups: NDArray[np.int64] | None = None  # (n,) patient, camera, session; None where unknown
    dropped: tuple[Dropped, ...] = ()
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)  # of the files: sizes, modes, formats, with counts
    files: Files | None = None  # of image files; None for arrays
    said: tuple[str, ...] = ()  # how a folder was read, and what in it was not, in sentences


def numbered(groups: Sequence[str] | NDArray) -> NDArray[np.int64]:
    """(n,) places of the groups among the sorted ones."""
    return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)
