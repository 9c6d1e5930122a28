"""What a source gives to `prepare`: images, their labels, and what it knows of splits and groups."""

import dataclasses
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
