"""Which images an image may be a changed copy of: its nearest in a few ways that outlast what people do to images.

Three descriptions are compared, of images as they are and mirrored. *Thumbnails*: means over 8 x 8 blocks, shifted and
scaled to mean 0 and length 1, whose correlation counts without its sign, so that an inverted image is near its
original. *Directions* of edges: histograms over 4 x 4 cells of the gradient's direction without its sign (Dalal and
Triggs 2005, "Histograms of oriented gradients", section 6.2). *Waves*: sizes of the lowest frequencies of Fourier's
transform, which a shift leaves as they are.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from valgap.findings.areas import resized

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
BLOCKS = 8  # along a side of a thumbnail
CELLS, BINS = 4, 6  # of edges' directions, along a side and over half a turn
SIDE, WAVES = 16, 5  # pixels of the images whose frequencies are taken, and how many along each direction
MIRRORINGS = ((1, 1), (1, -1), (-1, 1))  # steps along rows and columns: as it is, left to right, top to bottom
OF_EACH = (8, 10, 12)  # nearest images by thumbnails, directions and waves
OF_FEATURES = 10  # by a network's features
FOLD = 32  # images that are looked at as one, first
PART = 512  # images that are described at once
ASKED = 64  # images whose nearest are searched at once


def mirror(images: Floats, mirroring: int) -> Floats:
    """(n, s, s) images so mirrored."""
    down, right = MIRRORINGS[mirroring]
    return images[:, ::down, ::right]


def search(asked: Floats, others: Floats, same: Index, features: tuple[Floats, Floats] | None = None) -> Index:
    """(q, k) places of different images among (n, s, s) `others` that are nearest to each of (q, s, s) `asked`; else
    -1.

    `same` (q,) is an image's own place among the others or -1. `features` (q, d) and (n, d) of both, where a network
    gave them, are one more description.
    """
    kinds: list[tuple[Callable[[Floats], Floats], bool]] = [(thumbnails, True), (directions, False), (waves, False)]
    found = []
    for (kind, signed), each in zip(kinds, OF_EACH, strict=True):
        mirrorings = range(2 if kind is waves else 3)  # upside down is left to right turned by 180 degrees: equal waves
        sides = [kind(mirror(asked, mirroring)) for mirroring in mirrorings]
        found.append(_nearest(sides, kind(others), same, signed, each))
    if features is not None:
        mine, theirs = (_unit(each - features[1].mean(axis=0)) for each in features)
        found.append(_nearest([mine], theirs, same, False, OF_FEATURES))
    return _distinct(np.concatenate(found, axis=1))


def thumbnails(images: Floats) -> Floats:
    """Standardised thumbnails, float32 (n, 64)."""
    small = resized(images, min(BLOCKS, images.shape[1])).reshape(len(images), -1)
    return _unit(small - small.mean(axis=1, keepdims=True))


def directions(images: Floats) -> Floats:
    """Histograms of edges' directions, float32 (n, 96): square roots of their sums."""
    side = min(CELLS, images.shape[1])
    pooled = np.zeros((len(images), BINS, side, side), np.float32)
    for start in range(0, len(images), PART):
        part = images[start : start + PART]
        down, right = np.gradient(part, axis=(1, 2))
        strength, angle = np.hypot(down, right), np.arctan2(down, right) * np.float32(BINS / np.pi) % BINS
        for number in range(BINS):
            apart = np.abs(angle - number)
            share = np.maximum(1 - np.minimum(apart, BINS - apart), 0)
            pooled[start : start + PART, number] = resized(strength * share, side)
    return _unit(np.sqrt(np.maximum(pooled.reshape(len(images), -1), 0)))


def waves(images: Floats) -> Floats:
    """Square roots of the sizes of the lowest frequencies within a window, float32 (n, 45)."""
    small = resized(images, min(SIDE, images.shape[1]))
    side = small.shape[1]
    window = np.sqrt(np.hanning(side + 2)[1:-1]).astype(np.float32)
    small = (small - small.mean(axis=(1, 2), keepdims=True)) * window * window[:, np.newaxis]
    most = min(WAVES, side // 2)
    size = np.abs(np.fft.rfft2(small))[:, [*range(most), *range(1 - most, 0)], :most]
    return _unit(np.sqrt(size.reshape(len(images), -1)).astype(np.float32))


def _nearest(sides: list[Floats], others: Floats, same: Index, signed: bool, most: int) -> Index:
    """Of each asked image, in the best of its `sides`, the `most` nearest of `others`: exact, though few are ranked."""
    folds = -(-len(others) // FOLD)
    middle = 0 if signed else others.mean(axis=0)
    padded = np.zeros((folds * FOLD, others.shape[1]), np.float32)
    padded[: len(others)] = _unit(others - middle)
    turned = np.ascontiguousarray(padded.T)
    found = np.full((len(sides[0]), most), -1, np.int64)
    for start in range(0, len(found), ASKED):
        part = slice(start, min(start + ASKED, len(found)))
        rows = np.arange(part.stop - start)
        best = np.full((len(rows), padded.shape[0]), -2, np.float32)
        for side in sides:
            likeness = _unit(side[part] - middle) @ turned
            if signed:
                np.abs(likeness, out=likeness)
            np.maximum(best, likeness, out=best)
        best[:, len(others) :] = -2
        own = np.flatnonzero(same[part] >= 0)
        best[own, same[part][own]] = -2
        of_fold = best.reshape(len(rows), FOLD, folds).max(axis=1)
        few = min(most, folds)
        chosen = np.argpartition(-of_fold, few - 1, axis=1)[:, :few]
        member = (chosen[:, np.newaxis, :] + folds * np.arange(FOLD)[:, np.newaxis]).reshape(len(rows), -1)
        order = np.argsort(-best[rows[:, np.newaxis], member], axis=1, kind="stable")[:, :most]
        top = np.take_along_axis(member, order, axis=1)
        found[part, : top.shape[1]] = np.where(best[rows[:, np.newaxis], top] > -2, top, -1)
    return found


def _distinct(found: Index) -> Index:
    """(q, k) with each number of a row once, and -1 in the place of the rest, last."""
    ordered = np.sort(found, axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = -1
    return -np.sort(-ordered, axis=1)


def _unit(rows: Floats) -> Floats:
    found: Floats = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)).astype(np.float32)
    return found
