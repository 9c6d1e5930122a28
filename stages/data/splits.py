"""Who trains, validates and tests on which images. Pure functions from labels and streams to index lists."""

import numpy as np
from numpy.typing import NDArray

from stages import streams
from stages.data.subset import interleave
from stages.errors import SuiteError
from stages.params.experiment import Split

Index = NDArray[np.int64]


def draw_test(labels: Index, size: int, seed: int) -> Index:
    """Sorted indices of the fixed, stratified test set. Raises SuiteError when it cannot be drawn."""
    check_size("split.test_size", size, len(labels), "the source's test images")
    chosen = interleave(labels, streams.generator(seed, streams.FIXED, "test"))[:size]
    _check_classes(labels, chosen, "split.test_size", size)
    return np.sort(chosen)


def draw_replicate(labels: Index, split: Split, replicate: int) -> tuple[Index, Index]:
    """(training order, validation indices) of one replicate, disjoint, into the pool.

    Validation is drawn first, so it is the same whatever the training size; the training order holds
    `split.max_train_size` examples whose every prefix is stratified. Raises SuiteError when the pool
    is too small, or a class is absent from validation or from the first `train_size` examples.
    """
    needed = split.max_train_size + split.val_size
    check_size("split.train_size * max_train_factor + val_size", needed, len(labels), "the pool's images")
    validation = interleave(labels, streams.generator(split.seed, replicate, "validation"))[: split.val_size]
    rest = np.setdiff1d(np.arange(len(labels)), validation)
    order = interleave(labels[rest], streams.generator(split.seed, replicate, "training"))
    training = rest[order][: split.max_train_size]
    _check_classes(labels, validation, "split.val_size", split.val_size)
    _check_classes(labels, training[: split.train_size], "split.train_size", split.train_size)
    return training, np.sort(validation)


def check_size(name: str, size: int, available: int, of_what: str) -> None:
    """Raise SuiteError when a split asks for more images than there are."""
    if size > available:
        raise SuiteError(f"{name} = {size:,} exceeds {of_what}: {available:,}; lower it or use a larger source")


def _check_classes(labels: Index, chosen: Index, name: str, size: int) -> None:
    missing = np.setdiff1d(labels, labels[chosen])
    if len(missing):
        counts = ", ".join(f"class {label} has {np.sum(labels == label)}" for label in missing)
        raise SuiteError(
            f"{name} = {size:,} leaves classes without an image ({counts} of {len(labels):,} images): "
            "every class needs one in each split; raise the size or add images"
        )
