"""Accuracy on two sets of images as if both had their classes in the same shares."""

import numpy as np
from numpy.typing import NDArray

from valgap.stats.intervals import Values

Scores = tuple[Values, NDArray[np.int64]]  # per-example scores, and labels, of one shape


def at_equal_shares(first: Scores, second: Scores) -> tuple[Values, Values]:
    """Values of two sets of images whose means differ as mean scores do at the same shares of classes.

    Both sets, (replicates, n) and (replicates, m), and so the values; each replicate by itself.

    A difference of means is the sum over classes of a class's mean share in both sets times the difference of its
    scores: the part of a difference that other shares do not make (Kitagawa 1955, direct standardization). A class that
    one set lacks does not count; where they share none all values are 0.
    """
    sets = (zip(*each, strict=True) for each in (first, second))
    ours, theirs = zip(*(_of_replicate(*both) for both in zip(*sets, strict=True)), strict=True)
    return np.stack(ours), np.stack(theirs)


def _of_replicate(first: Scores, second: Scores) -> tuple[Values, Values]:
    classes = int(max(first[1].max(), second[1].max())) + 1
    shares, means = zip(*(_by_class(*each, classes) for each in (first, second)), strict=True)
    shared = (shares[0] > 0) & (shares[1] > 0)
    weight = np.where(shared, shares[0] + shares[1], 0.0)
    weight /= max(weight.sum(), np.finfo(float).tiny)
    middle = (means[0] + means[1]) / 2
    return _weighted(first, weight, shares[0], middle), _weighted(second, weight, shares[1], middle)


def _by_class(scores: Values, labels: NDArray[np.int64], classes: int) -> tuple[Values, Values]:
    """Each class's share of the examples, and its mean score, 0 where it has none."""
    counts = np.bincount(labels, minlength=classes)
    return counts / len(labels), np.bincount(labels, scores, classes) / np.maximum(counts, 1)


def _weighted(each: Scores, weight: Values, share: Values, middle: Values) -> Values:
    scores, labels = each
    return (weight / np.where(share > 0, share, 1.0))[labels] * (scores - middle[labels])
