"""Resizes small grey images: as means over areas, or between the middles of pixels where they become larger."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def resized(images: Floats, side: int) -> Floats:
    """(n, r, c) images made (n, side, side)."""
    if images.shape[1:] == (side, side):
        return images
    found = _weights(images.shape[1], side) @ images @ _weights(images.shape[2], side).T
    return found.astype(np.float32, copy=False)


def _weights(length: int, side: int) -> Floats:
    weights = np.zeros((side, length), np.float32)
    if length < side and length > 1:
        at = np.clip((np.arange(side) + 0.5) * length / side - 0.5, 0, length - 1)
        low = np.minimum(at.astype(np.int64), length - 2)
        weights[np.arange(side), low] = 1 - (at - low)
        weights[np.arange(side), low + 1] = at - low
        return weights
    edges, pixel = np.linspace(0, length, side + 1), np.arange(length)
    shares = np.minimum(edges[1:, np.newaxis], pixel + 1) - np.maximum(edges[:-1, np.newaxis], pixel)
    weights[:] = np.maximum(shares, 0) * side / length
    return weights
