"""Reads pixels, a part of the images at a time, so that a memory map of any size takes little memory."""

import dataclasses
import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

PART = 16_000_000  # values that are held at once, at most, though one image at least


@dataclasses.dataclass(frozen=True)
class Measured:
    """Of each image: the place of the first with the same pixels, brightness, contrast, whether it is blank.

    Brightness is the mean of its values, contrast the standard deviation of its pixels, means over channels,
    both in grey levels (0 to 255). Blank is an image that has one colour only.
    """

    original: NDArray[np.int64]
    brightness: NDArray[np.float64]
    contrast: NDArray[np.float64]
    blank: NDArray[np.bool_]


def parts(images: NDArray[np.uint8], index: NDArray[np.int64]) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """The images at `index`, part by part: places within `index`, and their pixels in memory."""
    each = max(1, PART // max(1, int(np.prod(images.shape[1:]))))
    for start in range(0, len(index), each):
        place = slice(start, min(start + each, len(index)))
        yield place, np.ascontiguousarray(images[index[place]])


def measure(images: NDArray[np.uint8], index: NDArray[np.int64]) -> Measured:
    """Measure the images at (m,) `index` of (n, h, w, c) uint8 `images`: sums of integers, the same on any machine."""
    count = len(index)
    original = np.empty(count, np.int64)
    brightness, contrast, blank = np.empty(count), np.empty(count), np.empty(count, np.bool_)
    first: dict[bytes, int] = {}
    for place, pixels in parts(images, index):
        for position, image in enumerate(pixels, place.start):
            original[position] = first.setdefault(hashlib.blake2b(image, digest_size=16).digest(), position)
        grey = pixels[..., 0].astype(np.int64).reshape(len(pixels), -1)
        for channel in range(1, pixels.shape[3]):
            grey += pixels[..., channel].reshape(len(pixels), -1)
        size, total = grey.shape[1], grey.sum(axis=1)
        spread = size * np.einsum("ij,ij->i", grey, grey) - total**2
        brightness[place] = total / (size * pixels.shape[3])
        contrast[place] = np.sqrt(spread) / (size * pixels.shape[3])
        blank[place] = (pixels == pixels[:, :1, :1]).all(axis=(1, 2, 3))
    return Measured(original, brightness, contrast, blank)


def block_means(pixels: NDArray[np.uint8], cells: int) -> NDArray[np.float32]:
    """Means over at most `cells` x `cells` blocks of (n, h, w, c) uint8: float32 (n, rows, columns, c) in [0, 255]."""
    means: NDArray[np.float32] = pixels.astype(np.float32)
    for axis in (1, 2):
        length = pixels.shape[axis]
        edges = np.linspace(0, length, min(cells, length) + 1).astype(np.int64)
        shape = [-1 if dimension == axis else 1 for dimension in range(4)]
        sums: NDArray[np.float32] = np.add.reduceat(means, edges[:-1], axis=axis)
        means = (sums / np.diff(edges).reshape(shape)).astype(np.float32)
    return means


def correlations(images: NDArray[np.uint8], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Pearson's correlation of all values of the images at (p,) `first` with those at `second`; NaN of constant ones.

    The sums are of integers that float64 holds exactly, so their order, and with it the machine, does not matter.
    """
    found = np.empty(len(first))
    each = max(1, PART // 4 // int(np.prod(images.shape[1:])))
    for start in range(0, len(first), each):
        place = slice(start, start + each)
        a, b = (images[side[place]].reshape(len(first[place]), -1).astype(np.float64) for side in (first, second))
        size, sum_a, sum_b = a.shape[1], a.sum(axis=1), b.sum(axis=1)
        both = size * np.einsum("ij,ij->i", a, b) - sum_a * sum_b
        of_a = size * np.einsum("ij,ij->i", a, a) - sum_a**2
        of_b = size * np.einsum("ij,ij->i", b, b) - sum_b**2
        with np.errstate(invalid="ignore", divide="ignore"):
            found[place] = both / np.sqrt(of_a * of_b)
    return found
