"""Which images of its training list a replicate trains on. Pure functions, shared by training and evaluation."""

import numpy as np
from numpy.typing import NDArray

from stages import streams
from stages.data.arrays import BlockSplits
from stages.errors import SuiteError
from stages.params.experiment import Train

Index = NDArray[np.int64]


def interleave(labels: Index, rng: np.random.Generator) -> Index:
    """Order of all examples in which every prefix is stratified and prefixes are nested.

    A class with share s of the examples has s * m of the first m, give or take (1 + s * classes) / 2:
    one, for equal classes. Examples of a class are shuffled; ties between classes fall at random.
    """
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        position[rng.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((rng.random(len(labels)), position))


def training_subset(splits: BlockSplits, row: int, settings: Train, labels: Index, seed: int) -> Index:
    """Pool indices that the replicate in `row` of its block trains on; every prefix is stratified.

    The first train_size_factor * train_size of its training list; with `long_tail` above 1 as many,
    but long-tailed. `labels` are those of the pool.
    """
    size = round(splits.train_size * settings.train_size_factor)
    if settings.long_tail == 1:
        return splits.train[row][:size]
    rng = streams.generator(seed, splits.replicates[row], "long_tail")
    return long_tailed(splits.train[row], labels[splits.train[row]], size, settings.long_tail, rng)


def long_tailed(training: Index, labels: Index, size: int, ratio: float, rng: np.random.Generator) -> Index:
    """`size` of the `training` indices whose class sizes fall geometrically, the largest `ratio` times the smallest.

    The profile of Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of Samples"; which
    classes are rare is drawn. `labels` are those of `training`. Raises SuiteError when a class has too few.
    """
    classes = rng.permutation(np.unique(labels))
    counts = long_tail_counts(len(classes), size, ratio)
    chosen = []
    for label, count in zip(classes, counts, strict=True):
        members = training[labels == label]
        if count > len(members):
            raise SuiteError(
                f"long_tail = {ratio:g} needs {count} images of class {label}, but the training list has "
                f"{len(members)}: raise split.max_train_factor, or lower long_tail"
            )
        chosen.append(members[:count])
    subset = np.concatenate(chosen)
    return subset[interleave(np.repeat(classes, counts), rng)]


def long_tail_counts(classes: int, size: int, ratio: float) -> Index:
    """Descending class sizes, int64 (classes,), at least 1 each and `size` in all, proportional to ratio^(-c/(C-1))."""
    shares = ratio ** -np.linspace(0, 1, classes)
    exact = shares / shares.sum() * size
    counts = np.maximum(np.floor(exact).astype(np.int64), 1)
    missing = size - int(counts.sum())
    if missing >= 0:
        counts[:missing] += 1  # under one a class
    else:
        counts[0] += missing
    return counts
