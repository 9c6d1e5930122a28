"""What `prepare` wrote: arrays and the manifest."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.data.sources.images import Dropped
from valgap.ground import paths, records
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.suite import Suite

Index = NDArray[np.int64]
READ_BYTES = 1 << 22


@dataclasses.dataclass(frozen=True)
class Part:
    """Images of a part of the source, in all and by class name."""

    images: int
    per_class: dict[str, int]


@dataclasses.dataclass(frozen=True)
class Suspected:
    """Images of a part whose label a simple model doubts, of so many that could be judged."""

    suspected: int
    judged: int


@dataclasses.dataclass(frozen=True)
class Manifest:
    """data/prepared/manifest.json: shape, classes, sizes and counts of the prepared images.

    `image_shape` is (height, width, channels); `parts` are those of pool, train, val and test that have an image;
    `groups` counts them, None where unknown; sizes are images of a replicate, `max_train_size` of the largest training
    list; `class_sizes` are images to learn from; `dropped_files` lists the first of `dropped` unusable files;
    `suspected` are labels by part that a model of learned images doubts, `disputed` those that one of held-out images
    does; `copied` are the given validation images, by their place in the arrays, that are copies of images to learn
    from; `said` is how a folder was read, in sentences, None where there is nothing to say.
    """

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    parts: dict[str, Part]
    scheme: str
    given_validation: bool
    groups: int | None
    train_size: int
    max_train_size: int
    val_size: int
    test_size: int
    resplit_train_size: int | None
    whole_pool: bool
    class_sizes: tuple[int, ...]
    not_used: int
    dropped: int
    dropped_files: tuple[Dropped, ...]
    source_sha256: dict[str, str]
    suspected: dict[str, Suspected] = dataclasses.field(default_factory=dict)
    disputed: dict[str, Suspected] = dataclasses.field(default_factory=dict)
    copied: tuple[int, ...] = ()
    said: tuple[str, ...] | None = None


def load_images() -> NDArray[np.uint8]:
    """All images, memory-mapped. Raises SuiteError when truncated or missing."""
    return _load(paths.IMAGES)


def load_labels() -> Index:
    """Their labels, in memory. Raises SuiteError when truncated or missing."""
    return np.array(_load(paths.LABELS), dtype=np.int64)


def load_groups() -> Index:
    """Their groups, in memory: each image is its own where none are known. Raises SuiteError when missing."""
    return np.array(_load(paths.GROUPS), dtype=np.int64)


def _load(path: Path) -> "np.memmap[Any, np.dtype[Any]]":
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SuiteError(f"{path} cannot be read ({error}): run `dvc repro prepare`") from None


def arrays_digest() -> str:
    """sha256 over the content of the array files: which images these are."""
    digest = hashlib.sha256()
    for path in (paths.IMAGES, paths.LABELS, paths.GROUPS):
        array = _load(path)
        digest.update(str((array.dtype, array.shape)).encode())
        with path.open("rb") as handle:  # not through the map: its pages would count as this process's memory
            handle.seek(array.offset)
            while content := handle.read(READ_BYTES):
                digest.update(content)
    return digest.hexdigest()


def read_manifest(path: Path = paths.MANIFEST) -> Manifest:
    """The manifest. Raises SuiteError when missing or damaged."""
    return records.read(Manifest, path, "run `dvc repro prepare`")


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write the manifest to a file, which `prepare` moves into place."""
    path.write_text(records.text(manifest, indent=2), encoding="utf-8")


def load_suite(path: Path = paths.PARAMS) -> Suite:
    """params.yaml, checked, with the length of every run in steps. Raises SuiteError where that waits for `prepare`."""
    params = suite.load(path)
    return params.in_steps(read_manifest().train_size) if params.in_epochs else params
