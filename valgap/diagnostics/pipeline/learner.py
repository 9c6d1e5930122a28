"""A cheap classifier that learns classes from small copies of images: whether labels belong to their images.

Logistic regression on principal components of standardised pixels and of orientations of edges. Pixels are
standardised by the split's own channels, so that neither a range nor a cast of colour decides.
"""

import dataclasses
import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valgap.diagnostics.pipeline import thumbnails
from valgap.diagnostics.pipeline.surveyed import Index, Survey

MOST = 2000  # images of a split that are looked at
CELLS, EDGE_CELLS, EDGES = 12, 32, 8  # along each side of the thumbnails for pixels, for edges; directions of edges
BLOCKS = 4  # along each side in which edges are summed
COMPONENTS, PENALTY, STEPS, FOLDS = 60, 0.1, 200, 5

Rows = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Learnt:
    """What the classifier makes of two splits. Places are those within the sampled images.

    `train`, `other` are the places of sampled images, `own`, `held` their labels. `crossed` are predictions for
    training from folds that did not see them, `transferred` for the other split from training, `inverted` the same with
    black and white exchanged, `reversed` with its channels reversed (None unless there are three), `alone` for the
    other split from folds of itself (None where it has too few images).
    """

    train: Index
    other: Index
    own: Index
    held: Index
    crossed: Index
    transferred: Index
    inverted: Index
    reversed: Index | None
    alone: Index | None


def learn(train: Survey, other: Survey) -> Learnt | None:
    """Learn from training what the other split's classes are. None where there is too little of either."""
    mine, theirs = train.sample(MOST), other.sample(MOST)
    own, held = train.labels[mine], other.labels[theirs]
    if train.pixels.shape[3] != other.pixels.shape[3] or len(np.unique(own)) < 2 or len(mine) < 40 or len(theirs) < 10:
        return None
    if np.unique(own, return_counts=True)[1].max() < FOLDS:
        return None
    sides = [features(train, mine), features(other, theirs), features(other, theirs, inverted=True)]
    if train.pixels.shape[3] == 3:
        sides.append(features(other, theirs, reverse=True))
    if sides[0].shape[1] != sides[1].shape[1]:
        return None
    with threadpool_limits(1):
        scaler = StandardScaler().fit(sides[0])
        reduce = PCA(min(COMPONENTS, *sides[0].shape), svd_solver="randomized", random_state=0)
        reduce.fit(np.clip(scaler.transform(sides[0]), -5, 5))
        sides = [reduce.transform(np.clip(scaler.transform(side), -5, 5)) for side in sides]
        spread = sides[0].std(axis=0) + 1e-9
        sides = [(side / spread).astype(np.float32) for side in sides]
        model = _fit(sides[0], own)
        return Learnt(
            mine,
            theirs,
            own,
            held,
            crossed(sides[0], own),
            model.predict(sides[1]),
            model.predict(sides[2]),
            model.predict(sides[3]) if len(sides) == 4 else None,
            crossed(sides[1], held) if len(theirs) >= 50 and len(np.unique(held)) > 1 else None,
        )


def features(survey: Survey, index: Index, reverse: bool = False, inverted: bool = False) -> Rows:
    """Rows (q, d): standardised thumbnails, and how strong edges of each direction are in each block."""
    pixels = thumbnails.small(survey.pixels, index, EDGE_CELLS)
    mean, std = pixels.mean(axis=(0, 1, 2)), pixels.std(axis=(0, 1, 2)) + 1e-6
    pixels = (pixels - mean) / std
    pixels = -pixels if inverted else pixels[..., ::-1] if reverse else pixels
    rows, columns = (thumbnails.weights(pixels.shape[axis], CELLS) for axis in (1, 2))
    thumbs = np.einsum("ih,nhwc,jw->nijc", rows, pixels, columns, optimize=True).reshape(len(index), -1)
    return np.concatenate([thumbs, _edges(pixels.mean(axis=3))], axis=1).astype(np.float32)


def _edges(grey: Rows) -> Rows:
    down, across = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, across)
    direction = ((np.arctan2(down, across) / np.pi % 1) * EDGES).astype(np.int64) % EDGES
    rows, columns = (thumbnails.weights(grey.shape[axis], BLOCKS) for axis in (1, 2))
    sums = [
        np.einsum("ih,nhw,jw->nij", rows, np.where(direction == each, strength, 0), columns, optimize=True)
        for each in range(EDGES)
    ]
    found = np.stack(sums, axis=-1).reshape(len(grey), -1)
    return np.sqrt(found / (found.mean(axis=1, keepdims=True) + 1e-6))


def crossed(rows: Rows, labels: Index) -> Index:
    """Predictions (q,) for each image by a classifier of the other folds; -1 where there is none."""
    fold = np.empty(len(labels), np.int64)
    rng = np.random.default_rng(0)
    for each in np.unique(labels):
        those = rng.permutation(np.flatnonzero(labels == each))
        fold[those] = (np.arange(len(those)) + rng.integers(FOLDS)) % FOLDS
    found = np.full(len(labels), -1)
    for number in range(FOLDS):
        out = fold == number
        if out.any() and len(np.unique(labels[~out])) > 1:
            found[out] = _fit(rows[~out], labels[~out]).predict(rows[out])
    return found


def _fit(rows: Rows, labels: Index) -> LogisticRegression:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=PENALTY, max_iter=STEPS, tol=1e-3).fit(rows, labels)
