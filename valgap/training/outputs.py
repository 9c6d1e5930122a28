"""Outputs of a frozen part for the images of one array, computed once and kept in a file that all processes share.

A shard of images is computed by whichever process first wants one of them. Deleting the folder is always safe.
"""

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.training.examples import Examples

SHARD = 512  # images, about
WAIT_SECONDS = 0.1  # between two looks at what other processes compute
OUTPUTS, DONE, LOCK = "outputs.npy", ".done", ".lock"
OfBatch = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # uint8 (batch, h, w, c) to float32 (batch, *shape)


class KeptOutputs:
    """The outputs, float32 (n, *shape), of all `images` uint8 (n, h, w, c), below `folder`.

    `of_batch` computes them for `batch` images at a time, always as many: a matrix product may round otherwise for
    another number.
    """

    def __init__(
        self, folder: Path, images: NDArray[np.uint8], shape: tuple[int, ...], of_batch: OfBatch, batch: int
    ) -> None:
        self._folder, self._of_batch, self._batch = folder, of_batch, batch
        self._images = Examples(images, np.zeros(len(images), np.int64), np.arange(len(images)))
        self._step = batch * -(-SHARD // batch)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / OUTPUTS).exists():
            part = folder / f"{os.getpid()}.partial"
            np.lib.format.open_memmap(part, "w+", np.float32, (len(images), *shape))
            with contextlib.suppress(FileExistsError):  # another process was quicker
                os.link(part, folder / OUTPUTS)
            part.unlink()
        self.outputs = np.load(folder / OUTPUTS, mmap_mode="r", allow_pickle=False)

    def of(self, examples: Examples) -> Examples:
        """Outputs of the examples, which are rows of the images; computed now where they have not been."""
        rows = np.arange(len(examples.labels)) if examples.rows is None else examples.rows
        waiting = list(dict.fromkeys((rows // self._step).tolist()))
        while waiting:
            left = [shard for shard in waiting if not self._there(shard) and not self._make(shard)]
            if len(left) == len(waiting):
                time.sleep(WAIT_SECONDS)
            waiting = left
        return Examples(self.outputs, examples.labels, rows)

    def _there(self, shard: int) -> bool:
        return (self._folder / f"{shard}{DONE}").exists()

    def _make(self, shard: int) -> bool:
        """Compute a shard; False where another process does."""
        with (self._folder / f"{shard}{LOCK}").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if not self._there(shard):
                self._compute(shard * self._step)
                (self._folder / f"{shard}{DONE}").touch()
        return True

    def _compute(self, start: int) -> None:
        """Write the outputs of a shard, which begins at image `start`."""
        images = self._images.at(np.arange(start, min(start + self._step, len(self.outputs))))
        with (self._folder / OUTPUTS).open("r+b") as handle:
            handle.seek(self.outputs.offset + start * self.outputs[0].nbytes)
            for batch in images.batches(self._batch):
                handle.write(in_full(batch, self._batch, self._of_batch).data)
            handle.flush()
            os.fsync(handle.fileno())


def in_full(images: NDArray[Any], batch: int, of_batch: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    """`of_batch` of up to `batch` images: of fewer, the last one stands in for those that lack."""
    lacking = batch - len(images)
    full = np.concatenate([images, np.repeat(images[-1:], lacking, axis=0)]) if lacking else images
    return of_batch(full)[: len(images)]


def key_of(*parts: bytes) -> str:
    """sha256 of all that decides the outputs."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()
