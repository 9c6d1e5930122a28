"""Reads what `prepare` wrote: arrays and the manifest."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.ground import paths
from valgap.ground.errors import SuiteError

Index = NDArray[np.int64]


def load_images() -> NDArray[np.uint8]:
    """All images, memory-mapped. Raises SuiteError when truncated or missing."""
    return _load(paths.IMAGES)


def load_labels() -> Index:
    """Their labels, in memory. Raises SuiteError when truncated or missing."""
    return np.array(_load(paths.LABELS), dtype=np.int64)


def load_groups() -> Index:
    """Their groups, in memory: each image is its own where none are known. Raises SuiteError when missing."""
    return np.array(_load(paths.GROUPS), dtype=np.int64)


def _load(path: Path) -> NDArray[Any]:
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
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def read_manifest() -> dict[str, Any]:
    """Shape, classes, sizes and counts of the prepared images. Raises SuiteError when missing or damaged."""
    try:
        content: dict[str, Any] = json.loads(paths.MANIFEST.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SuiteError(f"{paths.MANIFEST} cannot be read ({error}): run `dvc repro prepare`") from None
    return content
