"""Resizes as Keras does, without antialiasing: the four neighbours of a point are weighed, or the nearest is taken.

Bilinear is `tf.image.resize` with half-pixel centres and antialias=False, rounded to whole grey levels; nearest is
Pillow's, which ImageDataGenerator uses (TensorFlow's falls to the other side of some points between two pixels). As
image_dataset_from_directory calls them, `crop` is `keras.preprocessing.image.smart_resize` and `pad` is
`tf.image.resize_with_pad`. Sizes are computed in float32 and cut off, as they do. Only the rows and columns that are
weighed are touched.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Size = tuple[int, int]  # (width, height), as Pillow has it
Box = tuple[int, int, int, int]  # left, top, right, bottom


def resample(image: Image.Image, target: Size, aspect: str, method: str) -> NDArray[np.uint8]:
    """(target height, target width[, 3]) uint8 of an image in mode L or RGB, by a filter and an aspect of Decoding."""
    if aspect == "pad":
        size, (left, top) = padded(image.size, target)
        inner = resample(image, size, "stretch", method)
        found = np.zeros((*target[::-1], *inner.shape[2:]), np.uint8)
        found[top : top + size[1], left : left + size[0]] = inner
        return found
    box = cropped(image.size, target) if aspect == "crop" else (0, 0, *image.size)
    if method == "nearest":
        return np.array(image.resize(target, Image.Resampling.NEAREST, box))
    return bilinear(np.asarray(image), target, box)


def cropped(size: Size, target: Size) -> Box:
    """The largest part in the middle of an image of `size` that has the aspect of `target`."""
    width, height = size
    inner = (
        max(min(width, int(np.float32(height * target[0]) / np.float32(target[1]))), 1),
        max(min(height, int(np.float32(width * target[1]) / np.float32(target[0]))), 1),
    )
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    return left, top, left + inner[0], top + inner[1]


def padded(size: Size, target: Size) -> tuple[Size, Size]:
    """(size, left and top) of an image of `size` that keeps its aspect in the middle of `target`."""
    ratio = max(np.float32(one) / np.float32(other) for one, other in zip(size, target, strict=True))
    exact = [np.float32(one) / ratio for one in size]
    width, height = (max(int(one), 1) for one in exact)
    left, top = (max(int((other - one) / 2), 0) for one, other in zip(exact, target, strict=True))
    return (width, height), (left, top)


def bilinear(pixels: NDArray[np.uint8], target: Size, box: Box) -> NDArray[np.uint8]:
    """(target height, target width[, c]) uint8 of the box of an image (h, w[, c])."""
    left, top, right, bottom = box
    above, below, down = _taps(target[1], top, bottom)
    before, after, along = _taps(target[0], left, right)
    more = (1,) * (pixels.ndim - 2)
    columns = along.reshape(1, -1, *more)
    upper, lower = (
        _mix(_gathered(pixels, rows, before), _gathered(pixels, rows, after), columns) for rows in (above, below)
    )
    return np.rint(_mix(upper, lower, down.reshape(-1, 1, *more))).astype(np.uint8)


def _taps(count: int, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """(first, second, share of the second) of `count` points on the pixels from `start` to `stop`.

    TensorFlow's compute_interpolation_weights, tensorflow/core/kernels/image/resize_bilinear_op.cc.
    """
    scale = np.float32(stop - start) / np.float32(count)
    point = (np.arange(count, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    floor = np.floor(point)
    first = np.maximum(floor.astype(np.int64), 0) + start
    second = np.minimum(np.ceil(point).astype(np.int64), stop - start - 1) + start
    return first, second, point - floor


def _gathered(pixels: NDArray[np.uint8], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
    return pixels[rows[:, np.newaxis], columns[np.newaxis, :]].astype(np.float32)


def _mix(first: NDArray[np.float32], second: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    return first + (second - first) * share
