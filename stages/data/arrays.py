"""Reads what `prepare` wrote: arrays and index lists; reads and writes .npz. Imported by training, so kept small."""

import dataclasses
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stages.errors import SuiteError
from stages.paths import runs

Index = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class BlockSplits:
    """Index lists of one block: rows are replicates, entries index the images (int64).

    `resplit_train` and `resplit_val` are drawn from the given training and validation images together; None where
    the source has no validation of its own.
    """

    replicates: list[int]
    train_size: int
    train: Index  # (replicates, max_train_size), nested and stratified
    val: Index  # (replicates, val_size)
    test: Index  # (replicates, test_size): the same row for all, unless folds take turns
    resplit_train: Index | None = None
    resplit_val: Index | None = None


def load_images() -> NDArray[np.uint8]:
    """All images, memory-mapped. Raises SuiteError when truncated or missing."""
    return _load(runs.IMAGES)


def load_labels() -> Index:
    """Their labels, in memory. Raises SuiteError when truncated or missing."""
    return np.array(_load(runs.LABELS), dtype=np.int64)


def load_groups() -> Index:
    """Their groups, in memory: each image is its own where none are known. Raises SuiteError when missing."""
    return np.array(_load(runs.GROUPS), dtype=np.int64)


def _load(path: Path) -> NDArray[Any]:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SuiteError(f"{path} cannot be read ({error}): run `dvc repro prepare`") from None


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file by name. Raises what NumPy raises, and leaves no file open."""
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as content:
        return dict(content)


def write_npz(target: Path | IO[bytes], arrays: Mapping[str, ArrayLike]) -> None:
    """Write an uncompressed .npz to a path or an open file.

    Its bytes depend on the arrays alone; those of np.savez depend on Python's version too.
    """
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getbuffer())


def load_splits(block: int) -> BlockSplits:
    """Index lists of a block. Raises SuiteError when truncated or missing."""
    path = runs.split_file(block)
    try:
        content = read_npz(path)
        return BlockSplits(
            content["replicates"].tolist(), int(content["train_size"]),
            content["train"], content["val"], content["test"],
            content.get("resplit_train"), content.get("resplit_val"),
        )  # fmt: skip
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise SuiteError(f"{path} cannot be read ({error}): run `dvc repro prepare`") from None


def arrays_digest() -> str:
    """sha256 over the content of the array files: which images these are."""
    digest = hashlib.sha256()
    for path in (runs.IMAGES, runs.LABELS, runs.GROUPS):
        array = _load(path)
        digest.update(str((array.dtype, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
