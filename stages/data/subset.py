"""Which images of its training list a replicate trains on. Pure functions, shared by training and evaluation."""

import numpy as np
from numpy.typing import NDArray

from stages import streams
from stages.data.arrays import BlockSplits
from stages.errors import SuiteError
from stages.params.experiment import Train

Index = NDArray[np.int64]
SCORED = 10_000  # training images of a replicate that are scored, at most: a million would be mostly disk


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
    """Images that the replicate in `row` of its block trains on; every prefix is stratified.

    The first train_size_factor * train_size of its training list; with `long_tail` above 1 as many,
    but long-tailed. `labels` are those of all images. Raises SuiteError as `long_tailed` and `validation` do.
    """
    training = splits.train if not settings.resplit else _resplit(splits.resplit_train)
    size = round(splits.train_size * settings.train_size_factor)
    if settings.long_tail == 1:
        return training[row][:size]
    rng = streams.generator(seed, splits.replicates[row], "long_tail")
    return long_tailed(training[row], labels[training[row]], size, settings.long_tail, rng)


def scored_training(training: Index) -> Index:
    """Those of (replicates, images) or (images,) that are scored: a stratified part of at most SCORED images."""
    return training[..., :SCORED]


def validation(splits: BlockSplits, settings: Train) -> Index:
    """(replicates, val_size) images to validate on. Raises SuiteError on `resplit` where there is nothing to."""
    return splits.val if not settings.resplit else _resplit(splits.resplit_val)


def _resplit(lists: Index | None) -> Index:
    if lists is None:
        raise SuiteError("resplit = true, but the source brings no validation images of its own: remove the variant")
    return lists


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
