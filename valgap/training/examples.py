"""The images of a split, read when they are wanted: a worker's memory does not grow with their number."""

import collections
import dataclasses
import mmap
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

T = TypeVar("T")
Index = NDArray[np.int64]
# Images, one-hot targets, (steps, batch) places in them, the number of the first step.
Segment = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
HELD = 64 << 20  # bytes of a split that are kept in memory; of a larger one no more than
WINDOW = 8 << 20  # bytes, about, are read at once
AHEAD = 2  # windows that are read while one is used
BATCH = 100  # images that are scored at once; the fastest of 100, 250, 500, 1000 on one core
PIXELS = BATCH * 64 * 64 * 3  # of them, at most: what layers make of larger images would be a worker's peak of memory
FEWEST = 16  # images that are scored at once, however large


@dataclasses.dataclass(frozen=True)
class Examples:
    """Images of one split of one replicate, uint8 NHWC, and their int64 labels.

    They are the `rows` of `images`, an array in memory or a memory map; without `rows` they are the array itself. In
    place of images there may be what a frozen part of a network makes of them, float32 (n, ...).
    """

    images: NDArray[Any]
    labels: Index
    rows: Index | None = None

    @property
    def bytes(self) -> int:
        """Of all their pixels."""
        return len(self.labels) * self.bytes_of_one

    @property
    def bytes_of_one(self) -> int:
        """Of an image."""
        return int(np.prod(self.images.shape[1:])) * self.images.dtype.itemsize

    def first(self, count: int) -> "Examples":
        """The first `count` examples: of a training list, a stratified part."""
        return self.at(slice(count))

    def at(self, places: "slice | Index") -> "Examples":
        """The examples in these places; nothing is read."""
        rows = np.arange(len(self.labels)) if self.rows is None else self.rows
        if self.rows is None and isinstance(places, slice):
            return Examples(self.images[places], self.labels[places])
        return Examples(self.images, self.labels[places], rows[places])

    def held(self) -> "Examples":
        """The same, in memory where they fit into HELD bytes."""
        if self.rows is None or self.bytes > HELD:
            return self
        return Examples(self.read(np.arange(len(self.labels))), self.labels)

    def read(self, places: Index) -> NDArray[Any]:
        """Pixels of the examples in these places, (k, height, width, channels), copied.

        Of a memory map they are read from its file: pages of a map count as a process's memory, until another wants
        them.
        """
        rows = places if self.rows is None else self.rows[places]
        base: object = self.images.base  # of a part of a memory map it is the whole one
        if isinstance(self.images, np.memmap) and isinstance(base, mmap.mmap):
            return _read_rows(self.images, rows)
        return self.images[rows]

    def batches(self, size: int = BATCH) -> Iterator[NDArray[Any]]:
        """All pixels in order, `size` images at a time."""
        if self.rows is None:
            return (self.images[start : start + size] for start in range(0, len(self.labels), size))
        every = np.arange(len(self.labels))
        return ahead(self.read(every[start : start + size]) for start in range(0, len(every), size))


class Feed:
    """What steps of training take their images from: all of them at once, or those of some steps at a time."""

    def __init__(self, train: Examples, classes: int) -> None:
        self._train, self._classes = train, classes
        self._whole = (tf.constant(train.images), tf.one_hot(train.labels, classes)) if train.rows is None else None

    def steps(self, order: NDArray[np.int32], first: int) -> Iterator[Segment]:
        """What the traced training takes, for steps from `first` on, whose places in the training list are `order`.

        All windows have room for the same number of images, for which TensorFlow traces once; the last one's may not be
        filled.
        """
        if self._whole:
            yield (*self._whole, tf.constant(order), tf.constant(first))
            return
        window = self._window(order.shape[1])
        for number, (images, targets) in enumerate(ahead(self._read(order, window))):
            rows = min(window, len(order) - number * window)
            places = np.arange(rows * order.shape[1], dtype=np.int32).reshape(rows, -1)
            yield tf.constant(images), tf.constant(targets), tf.constant(places), tf.constant(first + number * window)

    def _window(self, batch: int) -> int:
        """Steps of a window."""
        return max(WINDOW // (batch * self._train.bytes_of_one), 1)

    def _read(self, order: NDArray[np.int32], window: int) -> Iterator[tuple[NDArray[Any], NDArray[np.float32]]]:
        room = window * order.shape[1]
        for start in range(0, len(order), window):
            places = order[start : start + window].ravel().astype(np.int64)
            images = np.zeros((room, *self._train.images.shape[1:]), self._train.images.dtype)
            images[: len(places)] = self._train.read(places)
            targets = np.zeros((room, self._classes), np.float32)
            targets[np.arange(len(places)), self._train.labels[places]] = 1
            yield images, targets


def scored_at_once(shape: tuple[int, ...]) -> int:
    """Images of (height, width, channels) that are scored at once: BATCH, of larger ones than 64 x 64 x 3 fewer."""
    return max(min(BATCH, PIXELS // int(np.prod(shape))), FEWEST)


def ahead(items: Iterator[T], count: int = AHEAD) -> Iterator[T]:
    """The items in order, up to `count` of which a thread makes while one is in use."""
    with ThreadPoolExecutor(1) as thread:
        waiting: collections.deque[Future[T | None]] = collections.deque()
        while True:
            while len(waiting) < count:
                waiting.append(thread.submit(next, items, None))
            if (found := waiting.popleft().result()) is None:
                return
            yield found


def _read_rows(array: "np.memmap[tuple[int, ...], np.dtype[Any]]", rows: Index) -> NDArray[Any]:
    """Rows of a memory-mapped array, read from its file in the order in which they lie there."""
    found = np.empty((len(rows), *array.shape[1:]), array.dtype)
    length = int(np.prod(array.shape[1:])) * array.dtype.itemsize
    handle = os.open(str(array.filename), os.O_RDONLY)
    try:
        for place in np.argsort(rows, kind="stable"):
            got = os.preadv(handle, [found[place].data], array.offset + int(rows[place]) * length)
            if got != length:
                raise OSError(f"{array.filename} ends early: {got} of {length} bytes of image {rows[place]}")
    finally:
        os.close(handle)
    return found
