"""Named streams of randomness, derived from (suite seed, replicate, purpose) and nothing else.

A variant's name never enters, so all variants of one replicate see the same draws and every
comparison is paired; a replicate's streams do not depend on how many replicates there are.
"""

import hashlib
from typing import Literal, get_args

import numpy as np

Purpose = Literal[
    "test",
    "folds",
    "validation",
    "training",
    "long_tail",
    "weights",
    "order",
    "dropout",
    "augmentation",
    "mixing",
    "policies",
]
FIXED = -1  # the "replicate" of draws that all replicates share, such as the test set


def _sequence(seed: int, replicate: int, purpose: Purpose) -> np.random.SeedSequence:
    if purpose not in get_args(Purpose):
        raise ValueError(f"purpose must be one of {get_args(Purpose)}, received {purpose!r}")
    name = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little")
    return np.random.SeedSequence([seed, replicate + 1, name])


def generator(seed: int, replicate: int, purpose: Purpose) -> np.random.Generator:
    """NumPy generator of one purpose of one replicate. Raises ValueError on an unknown purpose."""
    return np.random.default_rng(_sequence(seed, replicate, purpose))


def integer(seed: int, replicate: int, purpose: Purpose) -> int:
    """Integer in [0, 2**31) for interfaces that take a number, such as Keras's and TensorFlow's."""
    return int(_sequence(seed, replicate, purpose).generate_state(1)[0] >> 1)
