"""How well a class is known by a kind that each image is of: learned on one half, tested on the other, and in turn."""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Index = NDArray[np.int64]
FOLDS = 2  # halves: tests of one half are independent of what the other taught
SMALLEST = 6  # images of a class, and of the rest
ALPHA = 0.001  # false alarms in all, divided among classes


@dataclasses.dataclass(frozen=True)
class KnownBy:
    """Of each of k classes how well a kind tells it from the rest: 0.5 is by chance.

    `balanced` (k,) is the mean of recall and specificity on images of the other half, 0.5 where there are too few.
    `beyond` (k,) says whether that is more than chance: Fisher's exact test, Bonferroni over halves and classes.
    """

    balanced: NDArray[np.float64]
    beyond: NDArray[np.bool_]


def known_by(kind: Index, label: Index, classes: int, groups: Index | None, seed: int) -> KnownBy:
    """Tell each of `classes` by the (n,) `kind`: named where a kind's share in the class exceeds that in the rest.

    Where (n,) `groups` are known, images of one group count once for each class and kind: they are alike anyway.
    """
    if groups is not None:
        groups, kind, label = np.unique(np.stack([groups, kind, label], axis=1), axis=0).T
    kind = np.unique(kind, return_inverse=True)[1].astype(np.int64)
    rng = np.random.default_rng(seed)
    fold = np.empty(len(kind), np.int64)
    for each in np.unique(label):
        those = rng.permutation(np.flatnonzero(label == each))
        fold[those] = np.arange(len(those)) % FOLDS
    shape = (FOLDS, int(kind.max(initial=0)) + 1, classes)
    counts = np.bincount((fold * shape[1] + kind) * classes + label, minlength=int(np.prod(shape))).reshape(shape)
    size, total = counts.sum(axis=(0, 1)), len(kind)
    enough = (size >= SMALLEST) & (total - size >= SMALLEST)
    right, named, p = np.zeros(classes, np.int64), np.zeros(classes, np.int64), np.ones(classes)
    for held in counts:
        told = _told(counts.sum(axis=0) - held)
        hits, calls = (held * told).sum(axis=0), (held.sum(axis=1, keepdims=True) * told).sum(axis=0)
        p = np.minimum(p, stats.hypergeom.sf(hits - 1, held.sum(), held.sum(axis=0), calls))
        right, named = right + hits, named + calls
    recall, wrong = right / np.maximum(size, 1), (named - right) / np.maximum(total - size, 1)
    balanced = np.where(enough, (recall + 1 - wrong) / 2, 0.5)
    return KnownBy(balanced, enough & (FOLDS * p < ALPHA / max(1, int(enough.sum()))))


def _told(counts: Index) -> NDArray[np.bool_]:
    """Which classes each kind speaks for: (kinds, classes), its share in the class against that in the rest."""
    own, total = counts.sum(axis=0), counts.sum()
    rest = counts.sum(axis=1, keepdims=True) - counts
    told: NDArray[np.bool_] = counts * np.maximum(total - own, 1) > rest * np.maximum(own, 1)
    return told
