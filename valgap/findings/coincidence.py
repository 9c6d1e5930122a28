"""Near duplicates that are none: plain or tiny images correlate as much with others that nobody copied.

How alike unrelated images of a set are it says itself: a near duplicate's thumbnail has to stand out of the runners-
up's. At 14 x 14 pixels 665 of 15,000 garments correlate by .99 with another; about as many as at 28 x 28 stand out.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from valgap.findings import chance
from valgap.findings.neighbours import Similar, clusters, standardised

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
RANKS = (1, 2, 4, 8, 16, 32)  # runners-up that may belong to one scene
DEEP = (15, 31)  # ranks whose spacings tell the scale where most images have frames of their scene beside them
REFERENCE = 500  # images, drawn by chance, that say how alike unrelated ones are
SHARE = 0.05  # of the pairs that are believed, those that may be chance, at most
BLOCK = 256  # images compared with all others at once


def without(images: NDArray[np.uint8], index: Index, original: Index, similar: Similar, seed: int) -> Similar:
    """Those pairs of `similar` that stand out among all images; (m,) `index` and `original` as in neighbours.search."""
    if not len(similar.pairs):
        return similar
    single = np.flatnonzero(original == np.arange(len(index)))
    places, thumbnails = standardised(images, index, single)
    row = np.full(len(index), -1, np.int64)
    row[places] = np.arange(len(places))
    if len(places) < min(RANKS[1:]) + 2:
        return similar
    involved = np.unique(row[similar.pairs])
    drawn = np.sort(np.random.default_rng(seed).permutation(len(places))[:REFERENCE])
    of = _scale(_nearest(thumbnails, drawn))
    fits = _nearest(thumbnails, involved)
    one, other = row[similar.pairs].T
    fit = chance.fitness(np.einsum("ij,ij->i", thumbnails[one], thumbnails[other]))
    found = np.minimum(*(_chances(fit, fits[np.searchsorted(involved, side)], of) for side in (one, other)))
    of_image = np.ones(len(places))
    for side in (one, other):
        np.minimum.at(of_image, side, found)
    told = chance.believed(of_image[involved], len(places), SHARE)
    kept = found <= SHARE * told.sum() / len(places) if told.any() else np.zeros(len(found), np.bool_)
    pairs, correlation = similar.pairs[kept], similar.correlation[kept]
    return dataclasses.replace(similar, pairs=pairs, correlation=correlation, cluster=clusters(pairs, original))


def _nearest(thumbnails: Floats, asked: Index) -> NDArray[np.float64]:
    """Fits (q, k) of the nearest other images of each asked one, best first."""
    most = min(RANKS[-1] + 1, len(thumbnails) - 1)
    found = np.empty((len(asked), most))
    for start in range(0, len(asked), BLOCK):
        rows = asked[start : start + BLOCK]
        likeness = thumbnails[rows] @ thumbnails.T
        likeness[np.arange(len(rows)), rows] = -2
        best = -np.partition(-likeness, most - 1, axis=1)[:, :most]
        found[start : start + BLOCK] = chance.fitness(-np.sort(-best, axis=1))
    return found


def _scale(fits: NDArray[np.float64]) -> float:
    low, high = DEEP
    first = chance.scale(fits)
    if fits.shape[1] <= high:
        return first
    ranks = np.arange(low + 1, high + 1)
    spacing = (fits[:, low:high] - fits[:, low + 1 : high + 1]) * ranks
    return min(first, float(np.median(spacing.mean(axis=1))))


def _chances(fit: NDArray[np.float64], fits: NDArray[np.float64], of: float) -> NDArray[np.float64]:
    """The chance (p,) of each pair's fit, beside (p, k) the fits of the nearest images of one of the two."""
    return chance.chances(np.concatenate([fit[:, np.newaxis], fits[:, 1:]], axis=1), of, RANKS)
