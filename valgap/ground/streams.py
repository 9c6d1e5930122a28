"""Named streams of randomness, derived from (suite seed, replicate, purpose) and nothing else.

A variant's name never enters, so all variants of one replicate see the same draws and every
comparison is paired; a replicate's streams do not depend on how many replicates there are.
"""

import hashlib
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Purpose = Literal["test", "folds", "validation", "training"]  # of `prepare`
Training = Literal["long_tail", "weights", "order", "dropout", "augmentation", "mixing", "policies"]
FIXED = -1  # the "replicate" of draws that all replicates share, such as the test set


def number(purpose: str) -> int:
    """The number that stands for a purpose, in [0, 2**64): the start of its name's sha256, read little-endian."""
    return int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little")


def training_numbers() -> dict[str, int]:
    """Number of each purpose of training, which `prepare` hands on with the index lists."""
    return {purpose: number(purpose) for purpose in get_args(Training)}


def generator(seed: int, replicate: int, purpose: Purpose) -> np.random.Generator:
    """NumPy generator of one purpose of one replicate. Raises ValueError on an unknown purpose."""
    if purpose not in get_args(Purpose):
        raise ValueError(f"purpose must be one of {get_args(Purpose)}, received {purpose!r}")
    return np.random.default_rng(np.random.SeedSequence([seed, replicate + 1, number(purpose)]))


def interleave(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Order of all examples in which every prefix is stratified and prefixes are nested.

    A class with share s of the examples has s * m of the first m, give or take (1 + s * classes) / 2:
    one, for equal classes. Examples of a class are shuffled; ties between classes fall at random.
    """
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        position[rng.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((rng.random(len(labels)), position))
