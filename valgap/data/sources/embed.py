"""Make the subset kept in Git: `python -m valgap.data.sources.embed` reads the official files, writes data/embedded/.

10,000 images of the official training set (the pool) and 5,000 of the official test set, equally many
of each class, in a drawn order, with their official indices. Prints the sha256 that source `embedded` checks.
"""

import hashlib
import io
import lzma
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.data.sources import fashion_files
from valgap.ground import paths

POOL_PER_CLASS = 1000
TEST_PER_CLASS = 500
SEED = 1708  # of this selection alone


def select(labels: NDArray[np.uint8], per_class: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Indices of `per_class` drawn examples of every class, shuffled."""
    chosen = [rng.permutation(np.flatnonzero(labels == label))[:per_class] for label in np.unique(labels)]
    return rng.permutation(np.concatenate(chosen)).astype(np.int32)


def subset_file() -> bytes:
    """The .npz.xz file's content: the same bytes on every call with the pinned NumPy."""
    arrays, _ = fashion_files.load()
    rng = np.random.default_rng(SEED)
    subset: dict[str, NDArray[Any]] = {}
    for split, official, per_class in (("pool", "train", POOL_PER_CLASS), ("test", "t10k", TEST_PER_CLASS)):
        labels = arrays[f"{official}-labels-idx1-ubyte"]
        index = select(labels, per_class, rng)
        subset[f"{split}_images"] = arrays[f"{official}-images-idx3-ubyte"][index]
        subset[f"{split}_labels"] = labels[index]
        subset[f"{split}_official_index"] = index
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **subset)
    return lzma.compress(buffer.getvalue(), preset=9 | lzma.PRESET_EXTREME)


def main() -> None:
    """Write the subset and print its size and sha256."""
    content = subset_file()
    paths.EMBEDDED.parent.mkdir(parents=True, exist_ok=True)
    paths.EMBEDDED.write_bytes(content)
    print(f"{paths.EMBEDDED}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
