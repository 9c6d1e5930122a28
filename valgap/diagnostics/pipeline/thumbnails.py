"""Small copies of images, made so that a turned or mirrored image has the turned or mirrored copy."""

import mmap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.pipeline.surveyed import Index

GREY = 12  # cells along each side of a small grey copy
PART = 16_000_000  # values that are held at once, at most, though one image at least
SYMMETRIES = (  # by name: quarter turns, then whether columns are mirrored
    ("same", 0, False),
    ("turned by 90°", 1, False),
    ("turned by 180°", 2, False),
    ("turned by 270°", 3, False),
    ("mirrored left to right", 0, True),
    ("mirrored top to bottom", 2, True),
    ("mirrored and turned by 90°", 1, True),
    ("mirrored and turned by 270°", 3, True),
)


def parts(pixels: NDArray[np.uint8], index: Index) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """The images at `index`, part by part: places within `index`, and their pixels in memory."""
    each = max(1, PART // max(1, int(np.prod(pixels.shape[1:]))))
    for start in range(0, len(index), each):
        place = slice(start, min(start + each, len(index)))
        yield place, np.ascontiguousarray(pixels[index[place]])
        release(pixels)


def release(pixels: NDArray[np.uint8]) -> None:
    """Let go of what was read of a memory map: else a pass over it counts as memory of this process."""
    mapped = getattr(pixels, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def weights(length: int, cells: int) -> NDArray[np.float32]:
    """What each of `length` pixels counts in each of at most `cells` equal cells: (cells, length), rows sum to 1."""
    cells = min(cells, length)
    edges = np.linspace(0, length, cells + 1)
    low, high = edges[:-1, np.newaxis], edges[1:, np.newaxis]
    place = np.arange(length)[np.newaxis]
    overlap = np.clip(np.minimum(high, place + 1) - np.maximum(low, place), 0, None)
    return (overlap * cells / length).astype(np.float32)


def small(pixels: NDArray[np.uint8], index: Index, cells: int) -> NDArray[np.float32]:
    """Means over cells of the images at `index`, float32 (q, rows, columns, c) in levels."""
    rows, columns = weights(pixels.shape[1], cells), weights(pixels.shape[2], cells)
    found = np.empty((len(index), len(rows), len(columns), pixels.shape[3]), np.float32)
    for place, read in parts(pixels, index):
        found[place] = means(read.astype(np.float32), rows, columns)
    return found


def means(images: NDArray[np.float32], rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over cells of images (q, h, w, c), by the weights of rows and columns: (q, rows, columns, c)."""
    lines = np.tensordot(images, columns, axes=(2, 1))  # (q, h, c, columns)
    found: NDArray[np.float32] = np.tensordot(lines, rows, axes=(1, 1)).transpose(0, 3, 2, 1)
    return found


def grey(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Grey copies of images (q, h, w, c), at most 12 by 12: (q, rows, columns). What is not finite counts as 0."""
    flat = np.nan_to_num(images, nan=0.0, posinf=0.0, neginf=0.0).mean(axis=3, keepdims=True)
    return means(flat, weights(images.shape[1], GREY), weights(images.shape[2], GREY))[..., 0]


def moved(images: NDArray, turns: int, mirrored: bool) -> NDArray:
    """Images (q, h, w, c) mirrored left to right where asked, then turned by quarters, counter-clockwise."""
    return np.rot90(images[:, :, ::-1] if mirrored else images, turns, axes=(1, 2))
