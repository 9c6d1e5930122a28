"""Streams images to one .npy file, row after row, in as little memory as a row takes."""

import contextlib
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError

T = TypeVar("T")
CHUNK_BYTES = 2 << 20  # of pixels, about, that are moved at once


class Rows:
    """Context manager that streams uint8 images of one size to a .npy file, which an exception removes unless `kept`.

    They are grey until the first with 3 channels: from then on all are RGB, the earlier ones too.
    """

    def __init__(self, target: Path, *, kept: bool = False) -> None:
        self.target, self.kept, self.count, self.shape, self.start = target, kept, 0, (0, 0, 0), 0

    def __enter__(self) -> Self:
        self._try(lambda: self.target.parent.mkdir(parents=True, exist_ok=True))
        mode = "r+b" if self.kept and self.target.is_file() else "w+b"
        self.handle = self._try(lambda: self.target.open(mode, buffering=1 << 20))
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with contextlib.suppress(OSError):  # a full disk was told of
            self.handle.close()
        if kind is not None and not self.kept:
            self.target.unlink(missing_ok=True)

    def reserve(self, images: int, shape: tuple[int, int, int]) -> None:
        """Raise SuiteError where the disk has no room for so many images (height, width, channels)."""
        needed, free = images * math.prod(shape), shutil.disk_usage(self.target.parent).free
        if needed > free:
            raise SuiteError(
                f"{images:,} images of {'x'.join(map(str, shape))} take {needed / 1e9:.1f} GB in {self.target.parent}, "
                f"where {free / 1e9:.1f} GB are free: free some, or set a smaller data.image_size"
            )

    def widened_by(self, image: NDArray[np.uint8]) -> bool:
        """Whether appending an image (height, width, 1 or 3) rewrites the rows before it."""
        return 0 < self.shape[2] < image.shape[2]

    def resume(self, count: int) -> bool:
        """Go on after the first `count` rows of what the file holds; False, and from nothing, where it has no such."""
        try:
            self.handle.seek(0)
            np.lib.format.read_magic(self.handle)
            shape, _, _ = np.lib.format.read_array_header_1_0(self.handle)
            start, end = self.handle.tell(), self.handle.seek(0, os.SEEK_END)
            _, height, width, channels = shape
            if count and end >= start + count * height * width * channels:
                self.count, self.shape, self.start = count, (height, width, channels), start
        except ValueError:
            pass
        self.handle.seek(self.start + self.count * int(np.prod(self.shape)))
        self._try(self.handle.truncate)
        return self.count > 0

    def sync(self) -> None:
        """Bring all rows to the disk. Raises SuiteError as `append` does."""
        self._try(self.handle.flush)
        self._try(lambda: os.fsync(self.handle.fileno()))

    def append(self, images: NDArray[np.uint8]) -> None:
        """Add uint8 (k, height, width, 1 or 3), whose size must be the first ones'.

        Raises SuiteError where they cannot be written.
        """
        if not self.count:
            self.shape = images.shape[1:]
            self._try(self._write_header)
        if images.shape[1:3] != self.shape[:2]:
            raise ValueError(f"rows of {self.shape} and of {images.shape[1:]}")
        if images.shape[3] > self.shape[2]:
            self._try(self._widen)
        if images.shape[3] < self.shape[2]:
            images = np.repeat(images, 3, axis=3)
        self._try(lambda: self.handle.write(np.ascontiguousarray(images).data))
        self.count += len(images)

    def finish(self) -> NDArray[np.uint8]:
        """The (n, height, width, channels) memory map of the whole file. Raises SuiteError as `append` does."""
        self._try(self._write_header)
        self._try(self.handle.flush)
        return np.load(self.target, mmap_mode="r", allow_pickle=False)

    def _write_header(self) -> None:
        """NumPy pads a header so that any number of rows fits: rewriting it moves nothing."""
        self.handle.seek(0)
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.count, *self.shape)}
        np.lib.format.write_array_header_1_0(self.handle, header)
        self.start = self.handle.tell()

    def _widen(self) -> None:
        """Give the rows written so far three channels, in place and so from the last one on."""
        pixels = self.shape[0] * self.shape[1]
        step = max(CHUNK_BYTES // pixels, 1)
        for first in reversed(range(0, self.count, step)):
            self.handle.seek(self.start + first * pixels)
            block = np.frombuffer(self.handle.read(min(step, self.count - first) * pixels), np.uint8)
            self.handle.seek(self.start + first * pixels * 3)
            self.handle.write(np.repeat(block, 3).data)
        self.shape = (*self.shape[:2], 3)
        self._write_header()
        self.handle.seek(self.start + self.count * pixels * 3)

    def _try(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except OSError as error:
            raise SuiteError(f"cannot write {self.target}: {error}; check its owner and free space") from None
