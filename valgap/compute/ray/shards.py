"""Images that are too many for a node's object store: sent in shards, and kept in a file on each node.

Every replicate wants nearly all images, in another order: a store that holds some of them would throw them out and
fetch them again all the time, where a file is read through the node's page cache.
"""

import contextlib
import dataclasses
import fcntl
import functools
import importlib
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.data.prepared import arrays_digest
from valgap.ground.errors import SuiteError

SHARE = 0.3  # of the smallest object store, which images may take whole: predictions of replicates lie there too
SHARD_BYTES = 64 << 20
WAIT_SECONDS = 0.5  # between two looks at whether another process has written the file


@dataclasses.dataclass(frozen=True)
class Shards:
    """Parts of an array uint8 (n, height, width, channels), in order, by reference; `digest` says which images."""

    digest: str
    shape: tuple[int, ...]
    references: tuple[Any, ...]


def put(ray: Any, images: NDArray[np.uint8], stores: list[float]) -> Any:
    """A reference to the images, or Shards where they would take over SHARE of the smallest of these stores (bytes)."""
    if images.nbytes <= SHARE * min(stores, default=float("inf")):
        return ray.put(np.asarray(images))
    step = max(SHARD_BYTES // (images[0].nbytes), 1)
    parts = (np.asarray(images[start : start + step]) for start in range(0, len(images), step))
    return Shards(arrays_digest(), images.shape, tuple(ray.put(part) for part in parts))


def on_node(images: "NDArray[np.uint8] | Shards") -> NDArray[np.uint8]:
    """The images as training reads them: the array, or a memory map of this node's file, which is made once.

    Raises SuiteError where the node's temporary folder has no room for them.
    """
    return _mapped(images) if isinstance(images, Shards) else images


@functools.cache
def _mapped(shards: Shards) -> NDArray[np.uint8]:
    path = _folder() / f"{shards.digest}.npy"
    lock = os.open(_lock_of(path), os.O_RDWR | os.O_CREAT, 0o600)  # never closed: it lives as long as this process
    while True:
        if path.exists():
            fcntl.flock(lock, fcntl.LOCK_SH)  # against removal
            with contextlib.suppress(FileNotFoundError):  # or it was removed in between
                return np.load(path, mmap_mode="r", allow_pickle=False)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another process writes it
            time.sleep(WAIT_SECONDS)
            continue
        if not path.exists():
            _remove_unused(path)
            _write(shards, path)


def _folder() -> Path:
    """A folder that is this user's alone. Raises SuiteError where it is not: another could lay other images there."""
    folder = Path(tempfile.gettempdir()) / f"valgap-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SuiteError(f"{folder} of a node is not a folder of its user alone: remove it")
    return folder


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _write(shards: Shards, path: Path) -> None:
    needed, free = int(np.prod(shards.shape)), shutil.disk_usage(path.parent).free
    if needed > free:
        raise SuiteError(
            f"the images take {needed / 1e9:.1f} GB in {path.parent} of a node, where {free / 1e9:.1f} GB are free: "
            "free some, or set TMPDIR to another disk before `ray start`"
        )
    ray, part = importlib.import_module("ray"), path.with_suffix(".partial")
    try:
        with part.open("wb") as handle:
            header = {"descr": "|u1", "fortran_order": False, "shape": shards.shape}
            np.lib.format.write_array_header_1_0(handle, header)
            for reference in shards.references:
                handle.write(ray.get(reference).data)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _remove_unused(wanted: Path) -> None:
    """Remove the files of earlier runs that no process reads."""
    for path in wanted.parent.glob("*.npy"):
        with _lock_of(path).open("a") as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
