"""The images that every contestant trains on: 1,000 of the embedded ones, and those that a replicate scores.

Reads data/embedded/; writes and reads images.npy and labels.npy below a scratch folder, in the order of PARTS.
Imports no TensorFlow and nothing of the suite when it is read, for other interpreters read it too.
"""

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PARTS = {"train": 1000, "val": 1000, "test": 5000}  # as in the suite's default split
CLASSES = 10
BATCH = 32
LEARNING_RATE = 1e-3

Pair = tuple[NDArray[np.uint8], NDArray[np.int64]]  # images (n, 28, 28, 1) and labels (n,)


def write_images(folder: Path) -> None:
    """Draw the images at random, the same in every run, and write them below `folder`."""
    from valgap.data.sources.embedded import load
    from valgap.ground.params.experiment import Data

    data = Data(
        source="embedded",
        path="data/embedded",
        name=None,
        table=None,
        image_size=None,
        resize="stretch",
        color="auto",
        on_unreadable="error",
        group_column=None,
        group_pattern=None,
        allowed_transforms=None,
    )
    source = load(data, folder / "source.npy")
    rows = np.random.default_rng(0).permutation(len(source.labels))[: sum(PARTS.values())]
    np.save(folder / "images.npy", source.images[rows])
    np.save(folder / "labels.npy", source.labels[rows])


def read_images(folder: Path) -> dict[str, Pair]:
    """The images and labels of each part."""
    images, labels = np.load(folder / "images.npy"), np.load(folder / "labels.npy")
    ends = [0, *itertools.accumulate(PARTS.values())]
    return {
        name: (images[start:stop], labels[start:stop])
        for name, (start, stop) in zip(PARTS, itertools.pairwise(ends), strict=True)
    }


def unit(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 in [0, 1], as a user would prepare them for `fit`."""
    return np.divide(images, 255, dtype=np.float32)


def steps_of(epochs: int, examples: int) -> int:
    """Full batches in so many epochs, rounded up: 125 of 4 epochs of 1,000."""
    return -(-epochs * examples // BATCH)
