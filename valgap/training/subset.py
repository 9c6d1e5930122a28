"""Which images of its training list a replicate trains on. Pure functions, shared by training and evaluation."""

import dataclasses
import zipfile

import numpy as np
from numpy.typing import NDArray

from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import read_npz
from valgap.ground.params.experiment import Train
from valgap.ground.streams import interleave
from valgap.training.recipe import Streams

Index = NDArray[np.int64]
SCORED = 10_000  # training images of a replicate that are scored, at most: a million would be mostly disk


@dataclasses.dataclass(frozen=True)
class BlockSplits:
    """Index lists of one block: rows are replicates, entries index the images (int64).

    `resplit_train` and `resplit_val` are drawn from the given training and validation images together; None where
    the source has no validation of its own.
    """

    replicates: list[int]
    streams: Streams
    train_size: int
    train: Index  # (replicates, max_train_size), nested and stratified
    val: Index  # (replicates, val_size)
    test: Index  # (replicates, test_size): the same row for all, unless folds take turns
    resplit_train: Index | None = None
    resplit_val: Index | None = None
    # Sorted images whose label is doubted; none where no label could be judged.
    suspects: Index = dataclasses.field(default_factory=lambda: np.empty(0, np.int64))


def load_splits(block: int) -> BlockSplits:
    """Index lists of a block. Raises SuiteError when truncated or missing."""
    path = paths.split_file(block)
    try:
        content = read_npz(path)
        numbers = zip(content["purposes"].tolist(), content["purpose_numbers"].tolist(), strict=True)
        return BlockSplits(
            replicates=content["replicates"].tolist(),
            streams=Streams(int(content["seed"]), tuple(numbers)),
            train_size=int(content["train_size"]),
            train=content["train"],
            val=content["val"],
            test=content["test"],
            resplit_train=content.get("resplit_train"),
            resplit_val=content.get("resplit_val"),
            suspects=content["suspects"],
        )
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise SuiteError(f"{path} cannot be read ({error}): run `dvc repro prepare`") from None


def training_subset(splits: BlockSplits, row: int, settings: Train, labels: Index) -> Index:
    """The training list of the replicate in `row` of its block, which is scored; every prefix is stratified.

    The first train_size_factor * train_size of its training list; with `long_tail` above 1 as many,
    but long-tailed. `labels` are those of all images. Raises SuiteError as `long_tailed` and `validation` do.
    """
    training = splits.train if not settings.resplit else _resplit(splits.resplit_train)
    size = round(splits.train_size * settings.train_size_factor)
    if settings.long_tail == 1:
        return training[row][:size]
    rng = splits.streams.generator(splits.replicates[row], "long_tail")
    return long_tailed(training[row], labels[training[row]], size, settings.long_tail, rng)


def learned_from(splits: BlockSplits, training: Index, settings: Train, labels: Index) -> Index:
    """Places in (n,) `training` of the images that a replicate learns from, ascending.

    All of them; with `suspects = leave_out` those whose label nobody doubts, and no other takes their place. The whole
    list is scored in either case, so that the training accuracy of all variants is of the same images. `labels` are
    those of all images. Raises SuiteError where a class would lose its last image.
    """
    if settings.suspects == "keep":
        return np.arange(len(training))
    kept = np.flatnonzero(~np.isin(training, splits.suspects))
    if len(lost := np.setdiff1d(labels[training], labels[training[kept]])):
        raise SuiteError(
            f"suspects = leave_out would leave no image of class {', '.join(map(str, lost))}: all "
            f"{np.sum(np.isin(labels[training], lost))} of them in the training list are suspected; look at their "
            "labels, or remove the variant"
        )
    return kept


def scored_training(training: Index) -> Index:
    """Those of (replicates, images) or (images,) that are scored: a stratified part of at most SCORED images."""
    return training[..., :SCORED]


def validation(splits: BlockSplits, settings: Train) -> Index:
    """(replicates, val_size) images to validate on. Raises SuiteError on `resplit` where there is nothing to."""
    return splits.val if not settings.resplit else _resplit(splits.resplit_val)


def _resplit(lists: Index | None) -> Index:
    if lists is None:
        raise SuiteError(
            "resplit = true, but there is nothing to split again: the source brings no validation images of its own, "
            "or too few images for both sides; remove the variant"
        )
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
