"""Reads what `prepare` wrote: arrays and index lists. Imported by training, so kept small."""

import dataclasses
import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.errors import SuiteError
from stages.paths import runs


@dataclasses.dataclass(frozen=True)
class BlockSplits:
    """Index lists of one block: rows are replicates, entries index the pool arrays (int64)."""

    replicates: list[int]
    train_size: int
    train: NDArray[np.int64]  # (replicates, max_train_size), nested and stratified
    val: NDArray[np.int64]  # (replicates, val_size)


def load_array(split: str, what: str) -> NDArray[np.uint8] | NDArray[np.int64]:
    """Memory-mapped images or labels of `pool` or `test`. Raises SuiteError when truncated or missing."""
    path = runs.array(split, what)
    try:
        array: NDArray[np.uint8] | NDArray[np.int64] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SuiteError(f"{path} cannot be read ({error}): run `dvc repro prepare`") from None
    return array


def load_labels(split: str) -> NDArray[np.int64]:
    """Labels of `pool` or `test`, in memory. Raises SuiteError when truncated or missing."""
    return np.asarray(load_array(split, "labels"), dtype=np.int64)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file by name. Raises what NumPy raises, and leaves no file open."""
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as content:
        return dict(content)


def load_splits(block: int) -> BlockSplits:
    """Index lists of a block. Raises SuiteError when truncated or missing."""
    path = runs.split_file(block)
    try:
        content = read_npz(path)
        return BlockSplits(content["replicates"].tolist(), int(content["train_size"]), content["train"], content["val"])
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise SuiteError(f"{path} cannot be read ({error}): run `dvc repro prepare`") from None


def arrays_digest() -> str:
    """sha256 over the four array files' content: which images these are."""
    digest = hashlib.sha256()
    for split in ("pool", "test"):
        for what in ("images", "labels"):
            array = load_array(split, what)
            digest.update(str((array.dtype, array.shape)).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
