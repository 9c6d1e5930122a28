"""Searches images that are mirrored, or turned by right angles, among others: thumbnails first, then all pixels."""

import numpy as np
from numpy.typing import NDArray

from valgap.findings import pixels
from valgap.findings.likeness import level
from valgap.findings.neighbours import CANDIDATE, FLAT, NEAR, NEAREST
from valgap.findings.symmetries import Symmetry, fitting

Index = NDArray[np.int64]
CELLS = 12  # blocks along a side of a thumbnail
CLEARER = 3  # times less misfit than unchanged, else it is a near duplicate or a symmetric thing; times more pairs
BLOCK = 512  # images compared with all others at once
PART = 256  # pairs of images whose pixels are compared at once


def search(
    images: NDArray[np.uint8], index: Index, held: Index, base: Index, labels: Index, unchanged: int
) -> tuple[Index, tuple[str, ...]]:
    """Pairs (p, 2) of `held` (q,) and `base` (r,) places in (m,) `index`, of one class, and what was done to each.

    Full-size pixels correlate by at least NEAR when changed, and clearly less as they are. How near to 1 that has to be
    is decided by how many images look alike when changed. Plain shapes look alike under every change: one counts that
    has clearly more pairs than the others and than there are near duplicates, `unchanged` pairs, among these images.
    """
    symmetries = fitting(*images.shape[1:3])[1:]
    (one, small), (other, thumbnails) = (_thumbnails(images, index, places) for places in (held, base))
    thumbnails = _standardised(thumbnails)
    pairs: list[Index] = [np.empty((0, 2), np.int64)]
    misfit: list[NDArray[np.float64]] = [np.empty(0)]
    change: list[Index] = [np.empty(0, np.int64)]
    for number, symmetry in enumerate(symmetries):
        near = _candidates(_standardised(symmetry.inverse.of(small)), thumbnails)
        near = np.stack([one[near[:, 0]], other[near[:, 1]]], axis=1)
        near = near[(labels[near[:, 0]] == labels[near[:, 1]]) & (near[:, 0] != near[:, 1])]
        changed, as_is = _misfits(images, index, near, symmetry.inverse)
        clear = (as_is > 1 - NEAR) & (as_is >= CLEARER * changed)
        pairs.append(near[clear])
        misfit.append(changed[clear] / (1 - NEAR))
        change.append(np.full(int(clear.sum()), number))
    found, limits, done = np.concatenate(pairs), np.concatenate(misfit), np.concatenate(change)
    limit = level(limits, 1)
    near_enough = limits <= (-1 if limit is None else limit)
    counts = np.bincount(done[near_enough], minlength=len(symmetries))
    others = [float(np.median(np.delete(counts, number))) for number in range(len(symmetries))]
    stands_out = counts >= CLEARER * np.minimum(unchanged, others)
    kept = np.flatnonzero(near_enough & stands_out[done])
    return found[kept], tuple(symmetries[number].name for number in done[kept])


def _candidates(changed: NDArray[np.float32], thumbnails: NDArray[np.float32]) -> Index:
    """Pairs of rows that correlate by at least CANDIDATE: of each changed one the NEAREST at most."""
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(changed), BLOCK):
        likeness = changed[start : start + BLOCK] @ thumbnails.T
        row, column = np.nonzero(likeness >= CANDIDATE)
        order = np.lexsort((column, -likeness[row, column], row))
        row, column = row[order], column[order]
        turn = np.arange(len(row)) - np.searchsorted(row, row)
        found.append(np.stack([row + start, column], axis=1)[turn < NEAREST])
    return np.concatenate(found)


def _misfits(
    images: NDArray[np.uint8], index: Index, pairs: Index, symmetry: Symmetry
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """1 - correlation of all values of each pair, the first changed, and as it is; sums of integers, exact anywhere."""
    changed, unchanged = np.empty(len(pairs)), np.empty(len(pairs))
    each = max(1, min(PART, pixels.PART // int(np.prod(images.shape[1:]))))
    for start in range(0, len(pairs), each):
        part = slice(start, start + each)
        first, second = (images[index[pairs[part, side]]] for side in (0, 1))
        both, rows = np.concatenate([symmetry.of(first), first, second]), np.arange(len(first))
        changed[part] = 1 - pixels.correlations(both, rows, rows + 2 * len(first))
        unchanged[part] = 1 - pixels.correlations(both, rows + len(first), rows + 2 * len(first))
    return changed, unchanged


def _thumbnails(images: NDArray[np.uint8], index: Index, places: Index) -> tuple[Index, NDArray[np.float32]]:
    """Grey thumbnails (q, c, c) of those `places` that are not flat; of images that are not square (q, r, c)."""
    kept, rows = [np.empty(0, np.int64)], [np.empty((0, 1, 1), np.float32)][:0]
    for part, read in pixels.parts(images, index[places]):
        grey = read.mean(axis=3, dtype=np.float32)
        for axis in (1, 2):
            length = grey.shape[axis]
            cells = min(CELLS - length % 2, length)  # an odd number of blocks mirrors onto itself in an odd length
            edges = np.rint(np.linspace(0, length, cells + 1)).astype(np.int64)
            shape = [-1 if dimension == axis else 1 for dimension in range(3)]
            grey = np.add.reduceat(grey, edges[:-1], axis=axis) / np.diff(edges).astype(np.float32).reshape(shape)
        rough = grey.std(axis=(1, 2)) > FLAT
        kept.append(places[part][rough])
        rows.append(grey[rough])
    return np.concatenate(kept), np.concatenate(rows) if rows else np.empty((0, 1, 1), np.float32)


def _standardised(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = thumbnails.reshape(len(thumbnails), int(np.prod(thumbnails.shape[1:])))
    flat = flat - flat.mean(axis=1, keepdims=True)
    found: NDArray[np.float32] = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return found
