"""Images that are equal, or nearly so: exact duplicates by hash, near duplicates by correlation, clusters of both.

Near duplicates are searched for among small grey thumbnails: means over 12 x 12 blocks, shifted and scaled to mean 0
and length 1, whose squared distance is 2 - 2 r. Where that r is at least .98, the full-size pixels are correlated,
and two images are near duplicates from .99 on. Thumbnails alone would call 3,719 test images of Fashion-MNIST near
duplicates at .98 and 1,253 at .99; checked at full size it is 89, all that a search at full size finds.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors  # type: ignore[import-untyped]

from valgap.findings import pixels
from valgap.findings.finding import HELD_OUT

CELLS = 12  # blocks along each side of a thumbnail, at most
CANDIDATE = 0.98  # correlation of thumbnails from which on pixels are compared
NEAR = 0.99  # correlation of pixels from which on images are near duplicates
NEAREST = 10  # neighbours of an image that are looked at in each split
PART = 20_000  # images among which neighbours are searched at once
COMPARED = 5_000_000_000  # pairs of thumbnails compared, at most: about 70,000 images with each other
FLAT = 0.5  # grey levels: a thumbnail with a smaller standard deviation holds nothing to correlate


@dataclasses.dataclass(frozen=True)
class Similar:
    """Near duplicates among m images, by place. Each exact duplicate stands for its first, its `original`.

    `pairs` (p, 2) int64 are originals with smaller place first, sorted; `correlation` (p,) float64 theirs. `checked`
    (m,) says for which images all others were searched: all, unless there are too many, of which a sample is.
    `cluster` (m,) int64 numbers the connected components of exact and near duplicates.
    """

    pairs: NDArray[np.int64]
    correlation: NDArray[np.float64]
    checked: NDArray[np.bool_]
    cluster: NDArray[np.int64]


def search(
    images: NDArray[np.uint8],
    index: NDArray[np.int64],
    original: NDArray[np.int64],
    split: NDArray[np.str_],
    seed: int,
) -> Similar:
    """Near duplicates among the images at (m,) `index`; `original` (m,) collapses exact duplicates.

    Of each image the nearest in each (m,) `split` are looked at, so that many in its own hide none in another.
    Where not every image can be searched for among all, up to half of the sample are those of val and test.
    """
    count = len(index)
    single = np.flatnonzero(original == np.arange(count))
    asked = _sample(single, np.isin(split, HELD_OUT), seed)
    pairs = _candidates(images, index, [single[split[single] == name] for name in np.unique(split)], asked)
    correlation = pixels.correlations(images, index[pairs[:, 0]], index[pairs[:, 1]])
    near = correlation >= NEAR
    pairs, correlation = pairs[near], correlation[near]
    searched = np.zeros(count, np.bool_)
    searched[asked] = True
    return Similar(pairs, correlation, searched[original], clusters(pairs, original))


def clusters(pairs: NDArray[np.int64], original: NDArray[np.int64]) -> NDArray[np.int64]:
    """(m,) numbers of the connected components of exact duplicates, by `original`, and of (p, 2) near `pairs`."""
    count = len(original)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    component = connected_components(graph, directed=False)[1][original]
    return np.unique(component, return_inverse=True)[1].astype(np.int64)


def _sample(single: NDArray[np.int64], held_out: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """Sorted places of the images whose neighbours are searched."""
    size = COMPARED // max(1, len(single))
    if size >= len(single):
        return single
    shuffled = np.random.default_rng(seed).permutation(single)
    held, others = shuffled[held_out[shuffled]], shuffled[~held_out[shuffled]]
    held = held[: max(size // 2, size - len(others))]
    return np.sort(np.concatenate([held, others[: size - len(held)]]))


def _candidates(
    images: NDArray[np.uint8],
    index: NDArray[np.int64],
    splits: list[NDArray[np.int64]],
    asked: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Pairs (p, 2) of places whose thumbnails correlate: of `asked` images with those of each of the `splits`."""
    asked, thumbnails = standardised(images, index, asked)
    found = [np.empty((0, 2), np.int64)]
    for split in splits if len(asked) else ():
        distance = np.full((len(asked), NEAREST + 1), np.inf, np.float32)
        neighbour = np.zeros((len(asked), NEAREST + 1), np.int64)
        for start in range(0, len(split), PART):
            places, of_part = standardised(images, index, split[start : start + PART])
            if len(places):
                search = NearestNeighbors(n_neighbors=min(NEAREST + 1, len(places)), algorithm="brute").fit(of_part)
                near, place = search.kneighbors(thumbnails)
                distance, neighbour = np.hstack([distance, near]), np.hstack([neighbour, places[place]])
                best = np.argsort(distance, axis=1, kind="stable")[:, : NEAREST + 1]
                distance = np.take_along_axis(distance, best, axis=1)
                neighbour = np.take_along_axis(neighbour, best, axis=1)
        row, column = np.nonzero(distance**2 <= 2 - 2 * CANDIDATE)
        found.append(np.stack([asked[row], neighbour[row, column]], axis=1))
    both = np.sort(np.concatenate(found), axis=1)
    return np.unique(both[both[:, 0] != both[:, 1]], axis=0)  # an image is its own nearest


def standardised(
    images: NDArray[np.uint8], index: NDArray[np.int64], places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Standardised thumbnails, float32 (q, d), of those `places` (q,) that are not flat."""
    kept, rows = [np.empty(0, np.int64)], []
    for part, read in pixels.parts(images, index[places]):
        means = pixels.block_means(read, CELLS).mean(axis=3).reshape(len(read), -1)
        means -= means.mean(axis=1, keepdims=True)
        length = np.linalg.norm(means, axis=1)
        rough = length > FLAT * np.sqrt(means.shape[1])
        kept.append(places[part][rough])
        rows.append(means[rough] / length[rough, np.newaxis])
    return np.concatenate(kept), np.concatenate(rows) if rows else np.empty((0, 1), np.float32)
