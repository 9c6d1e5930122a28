"""Searches images that are turned, zoomed or shifted a little, mirrored or not, among others.

Thumbnails of 8 x 8 means are correlated under a grid of poses. The six images that fit best are laid over each image at
14 and at 28 pixels, and it is a copy where the best of them fits far better than the runners-up do: an unrelated image
that can be turned into place is one among several, its original is not.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valgap.findings import pixels
from valgap.findings import registration as laid
from valgap.findings.likeness import level
from valgap.findings.neighbours import FLAT

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
TURNS = (-15.0, -9.0, -3.0, 3.0, 9.0, 15.0)  # degrees
ZOOMS = (0.77, 0.88, 1.0, 1.14, 1.3)
SHIFTS = tuple((down, right) for down in (-0.07, 0.0, 0.07) for right in (-0.07, 0.0, 0.07))  # sides of an image
COARSE, FINE, SIDE = 8, 14, 28  # pixels along a side of thumbnails, and of images laid over each other
SMALLEST = 16  # pixels: images with a shorter side show too little
BLUR = 0.7  # pixels: standard deviation; turning a copy has blurred it
STEPS = 5  # iterations at each size
RIVALS = 6  # images that are laid over one
RANKS = {1: 0.25, 2: 0.17, 4: 0.1}  # misfit of the best over that of the runner-up of this rank: level 1
WORTH = 2.5  # times level 1: above it at FINE an image is no copy
FITS = 0.95  # correlation of the best, at least
FARTHEST = (20.0, 1.45, 0.15)  # turn, zoom and shift that are believed
FEW, SELDOM = 4, 0.01  # copies, and their share of the images, below which likeness may be chance
BLOCK = 256  # images compared with all others at once


@dataclasses.dataclass(frozen=True)
class Moved:
    """Pairs (p, 2) of a held-out image and its original, by place, and what was done to each.

    `told` says whether copies could be told from images that look alike.
    """

    pairs: Index
    how: tuple[str, ...]
    told: bool


def searchable(images: NDArray[np.uint8]) -> bool:
    """Whether images can be turned at all: square, and not too small."""
    return images.shape[1] == images.shape[2] >= SMALLEST


def search(images: NDArray[np.uint8], index: Index, held: Index, base: Index, labels: Index) -> Moved:
    """Copies of one class among `held` (q,), of `base` (r,) places in (m,) `index`."""
    with threadpool_limits(1):  # the number of cores must not decide a digit
        (held, copies), (base, others) = (_small(images, index, places) for places in (held, base))
        if not len(held) or not len(base):
            return Moved(np.empty((0, 2), np.int64), (), True)
        best, misfit, poses = _fitted(copies, others)
    believed = [_believed(laid.read(found)) for found in poses]
    alike = (labels[held] == labels[base[best]]) & (held != base[best]) & np.array(believed, np.bool_)
    misfit = np.where(alike, misfit, np.inf)
    least = max(FEW, SELDOM * len(held))
    limit = level(misfit, least)
    kept = np.flatnonzero(misfit <= (-1 if limit is None else limit))
    told = limit is not None or int(np.sum(misfit <= 1)) < least
    how = tuple(_words(laid.read(poses[image])) for image in kept)
    return Moved(np.stack([held[kept], base[best[kept]]], axis=1), how, told)


def _fitted(copies: Floats, others: Floats) -> tuple[Index, NDArray[np.float64], Floats]:
    """Of each of (q, s, s) `copies` the best of `others`, its misfit and its pose (q, 6); infinite where it is bad."""
    grid = _grid()
    candidates, which = _candidates(copies, others, grid)
    fit, poses = _laid(copies, others, candidates, grid[which], FINE, 0.0)
    asked = np.flatnonzero(_misfit(fit) <= WORTH)
    fit, poses = _laid(copies[asked], others, candidates[asked], poses[asked], SIDE, BLUR)
    rows, top = np.arange(len(asked)), fit.argmax(axis=1)
    best, misfit = candidates[:, 0].copy(), np.full(len(copies), np.inf)
    found = grid[which[:, 0]]
    best[asked], found[asked] = candidates[asked, top], poses[rows, top]
    misfit[asked] = np.where(fit[rows, top] >= FITS, _misfit(fit), np.inf)
    return best, misfit, found


def _laid(
    copies: Floats, others: Floats, candidates: Index, poses: Floats, side: int, blur: float
) -> tuple[Floats, Floats]:
    """Correlations of each copy with its (q, k) candidates, laid over each other from (q, k, 6) poses on; and those."""
    size = min(side, copies.shape[1])
    one, other = (gaussian_filter(_resized(each, size), (0, blur, blur)) for each in (copies, others))
    first = np.repeat(np.arange(len(copies)), candidates.shape[1])
    start = poses.reshape(candidates.size, 6)
    fit, found = laid.register(laid.slopes(one), other, first, candidates.ravel(), start, STEPS)
    return fit.reshape(candidates.shape), found.reshape(poses.shape)


def _misfit(fit: Floats) -> NDArray[np.float64]:
    """How much less the best of (q, k) correlations misses than the runners-up do: 1 at the shares of RANKS."""
    missing = np.sort(1 - np.maximum(fit.astype(np.float64), 0), axis=1)
    shares = [
        missing[:, 0] / np.maximum(missing[:, rank], 1e-9) / share
        for rank, share in RANKS.items()
        if rank < missing.shape[1]
    ]
    return np.min(shares, axis=0) if shares else np.full(len(fit), np.inf)


def _candidates(copies: Floats, others: Floats, grid: Floats) -> tuple[Index, Index]:
    """Of each copy (q, k) different `others` whose thumbnails fit best, and the numbers of the poses that make them."""
    thumbnails = _resized(others, COARSE).reshape(len(others), -1)
    flat = copies.reshape(len(copies), -1)
    fit = np.empty((len(grid), len(copies)), np.float32)
    image = np.empty((len(grid), len(copies)), np.int64)
    for number, pose in enumerate(grid):
        operator, cells = _operator(copies.shape[1], pose)
        moved, still = _standardised(flat @ operator.T), _standardised(thumbnails[:, cells]).T.copy()
        for start in range(0, len(copies), BLOCK):
            likeness = moved[start : start + BLOCK] @ still
            top = likeness.argmax(axis=1)
            image[number, start : start + BLOCK] = top
            fit[number, start : start + BLOCK] = likeness[np.arange(len(top)), top]
    chosen, poses = [], []
    for _ in range(min(RIVALS, len(others))):
        number = fit.argmax(axis=0)
        chosen.append(image[number, np.arange(len(copies))])
        poses.append(number)
        fit[image == chosen[-1]] = -2
    return np.stack(chosen, axis=1), np.stack(poses, axis=1)


def _grid() -> Floats:
    poses = [
        laid.pose(*each, mirrored)
        for mirrored in (False, True)
        for each in (
            *((turn, zoom, (0.0, 0.0)) for turn in TURNS for zoom in ZOOMS),
            *((0.0, 1.0, shift) for shift in SHIFTS),
        )
    ]
    return np.stack(poses)


def _operator(side: int, pose: Floats) -> tuple[Floats, Index]:
    """What makes thumbnails of images in this pose: (k, side * side) weights, and the k cells that they fill."""
    line = (np.arange(2 * COARSE) + 0.5) / (2 * COARSE) - 0.5
    places = np.stack([each.ravel() for each in np.meshgrid(line, line, indexing="ij")])
    at = pose[:4].reshape(2, 2) @ places + pose[4:, np.newaxis]
    shown = (np.abs(at).max(axis=0) <= 0.5) & ((places**2).sum(axis=0) <= 0.25)
    where = np.clip((at + 0.5) * side - 0.5, 0, side - 1)
    whole = np.minimum(where.astype(np.int64), side - 2)
    weights = np.zeros((places.shape[1], side * side), np.float32)
    for down in (0, 1):
        for right in (0, 1):
            share = (1 - np.abs(where[0] - whole[0] - down)) * (1 - np.abs(where[1] - whole[1] - right))
            weights[np.arange(places.shape[1]), (whole[0] + down) * side + whole[1] + right] += share
    means = weights.reshape(COARSE, 2, COARSE, 2, -1).mean(axis=(1, 3)).reshape(COARSE**2, -1)
    cells = np.flatnonzero(shown.reshape(COARSE, 2, COARSE, 2).mean(axis=(1, 3)).ravel() >= 0.75)
    return means[cells], cells


def _small(images: NDArray[np.uint8], index: Index, places: Index) -> tuple[Index, Floats]:
    """Grey images (q, s, s) of at most SIDE pixels, of those `places` that are not flat."""
    kept, rows = [np.empty(0, np.int64)], [np.empty((0, 1, 1), np.float32)][:0]
    for part, read in pixels.parts(images, index[places]):
        grey = _resized(read.mean(axis=3, dtype=np.float32), min(SIDE, images.shape[1]))
        rough = grey.std(axis=(1, 2)) > FLAT
        kept.append(places[part][rough])
        rows.append(grey[rough])
    return np.concatenate(kept), np.concatenate(rows) if rows else np.empty((0, SIDE, SIDE), np.float32)


def _resized(images: Floats, side: int) -> Floats:
    """(n, s, s) images as means over areas: (n, side, side)."""
    if images.shape[1] == side:
        return images
    edges = np.linspace(0, images.shape[1], side + 1)
    pixel = np.arange(images.shape[1])
    shares = np.minimum(edges[1:, np.newaxis], pixel + 1) - np.maximum(edges[:-1, np.newaxis], pixel)
    weights = (np.maximum(shares, 0) * side / images.shape[1]).astype(np.float32)
    resized: Floats = weights @ images @ weights.T
    return resized


def _standardised(rows: Floats) -> Floats:
    centred = rows - rows.mean(axis=1, keepdims=True)
    found: Floats = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), FLAT * rows.shape[1] ** 0.5)
    return found


def _believed(pose: laid.Pose) -> bool:
    turn, zoom, shift = FARTHEST
    return abs(pose.turn) <= turn and 1 / zoom <= pose.zoom <= zoom and pose.shift <= shift


def _words(pose: laid.Pose) -> str:
    """What was done to a copy."""
    parts = [
        "mirrored" if pose.mirrored else "",
        f"turned by {abs(pose.turn):.0f}°" if abs(pose.turn) >= 1.5 else "",
        f"made {pose.zoom:.2f} times as large" if abs(pose.zoom - 1) >= 0.03 else "",
        "shifted" if pose.shift >= 0.03 else "",
    ]
    return ", ".join(filter(None, parts)) or "changed a little"
