"""Measures how each image looks: how bright its brightest parts are, how much is overexposed, how blurred it is."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from valgap.findings.pixels import parts

LIMIT = 250  # grey levels from which on a value counts as clipped
REACH = 5  # pixels over which an image is smoothed to see what that takes from it
SMALLEST = 12  # pixels of a side: below, there is too little to smooth
CACHED = 50_000  # pixels that are looked at together: more leave the processor's cache
SHARES = (0.01, 0.05, 0.99)  # of pixels that are darker: what counts as the darkest, dark, and bright


@dataclasses.dataclass(frozen=True)
class Appearance:
    """Of each of m images, levels in grey (0 to 255), the mean over channels.

    `top` and `low` are the levels below which 99% and 5% of its pixels are, `span` the distance of the 99% and the 1%
    level. `clipped` is the share of pixels of 250 and more, `border` that among the outermost ones. `blur` is the share
    of squared differences between neighbours that is left when pixels are smoothed over 5, in [0, 1]: near 0 where it
    is sharp, near 1 where it is smooth already (after Crete, Dolmiere, Ladret and Nicolas 2007, whose differences are
    not squared: noise then hides blur); NaN where a side is under 12 pixels, or nothing differs.
    """

    top: NDArray[np.float64]
    low: NDArray[np.float64]
    span: NDArray[np.float64]
    clipped: NDArray[np.float64]
    border: NDArray[np.float64]
    blur: NDArray[np.float64]


def appearance(images: NDArray[np.uint8], index: NDArray[np.int64]) -> Appearance:
    """Look at the images at (m,) `index` of (n, h, w, c) uint8 `images`: sums of integers, alike on any machine."""
    found = np.empty((6, len(index)))
    each = max(1, CACHED // int(np.prod(images.shape[1:3])))
    for place, pixels in parts(images, index):
        for start in range(0, len(pixels), each):
            some = pixels[start : start + each]
            found[:, place.start + start : place.start + start + len(some)] = _look(_grey(some))
    return Appearance(*found)


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means over channels, rounded down."""
    if pixels.shape[3] == 1:
        return pixels[..., 0]
    total = pixels[..., 0].astype(np.uint16)
    for channel in range(1, pixels.shape[3]):
        total += pixels[..., channel]
    return (total // pixels.shape[3]).astype(np.uint8)


def _look(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(6, m) the fields of Appearance, of (m, h, w)."""
    flat = grey.reshape(len(grey), -1)
    places = [round(share * (flat.shape[1] - 1)) for share in SHARES]
    darkest, low, top = np.partition(flat, places, axis=1)[:, places].T.astype(np.float64)
    over = grey >= LIMIT
    ring = np.ones(grey.shape[1:], np.bool_)
    ring[1:-1, 1:-1] = False
    return np.array([top, low, top - darkest, over.mean(axis=(1, 2)), over[:, ring].mean(axis=1), _blur(grey)])


def _blur(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(m,) of (m, h, w): a mean over REACH pixels changes from one to the next by the difference of its two ends."""
    if min(grey.shape[1:]) < SMALLEST:
        return np.full(len(grey), np.nan)
    left, total = np.zeros(len(grey), np.int64), np.zeros(len(grey), np.int64)
    before = REACH // 2
    for axis in (1, 2):
        lines = np.swapaxes(grey, axis, 1).astype(np.int32)
        near = np.abs(lines[:, before + 1 : -before] - lines[:, before : -before - 1]) * REACH
        smooth = np.minimum(np.abs(lines[:, REACH:] - lines[:, :-REACH]), near)
        left += (smooth * smooth).sum(axis=(1, 2), dtype=np.int64)
        total += (near * near).sum(axis=(1, 2), dtype=np.int64)
    return np.where(total > 0, left / np.maximum(total, 1), np.nan)
