"""Data sources. Reads an origin, returns a pool and a test set; adding one is a function and its entry in DATASETS."""

import dataclasses
import hashlib
import io
import lzma
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stages.data import fashion_mnist
from stages.errors import SuiteError
from stages.paths import sources as paths

EMBEDDED_SHA256 = "cd9682aab91ddcc432d6d7d59ffc135acc87f565a4e529c105fdece219a0707c"  # printed by stages.data.embed


@dataclasses.dataclass(frozen=True)
class Images:
    """Images of a source: uint8 NHWC arrays in [0, 255] with int64 labels in [0, classes)."""

    pool_images: NDArray[np.uint8]
    pool_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    sha256: dict[str, str]  # of each file read, by name


def embedded() -> Images:
    """The 10,000 + 5,000 images of Fashion-MNIST kept in Git. Raises SuiteError when the file is altered."""
    path = paths.EMBEDDED
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SuiteError(f"{path} is missing: restore it with `git checkout -- {path}`") from None
    found = hashlib.sha256(content).hexdigest()
    if found != EMBEDDED_SHA256:
        raise SuiteError(
            f"{path} is truncated or altered: sha256 {found} ({len(content):,} bytes), must be {EMBEDDED_SHA256}; "
            f"restore it with `git checkout -- {path}`"
        )
    with np.load(io.BytesIO(lzma.decompress(content))) as arrays:
        return Images(
            pool_images=arrays["pool_images"][..., np.newaxis],
            pool_labels=arrays["pool_labels"].astype(np.int64),
            test_images=arrays["test_images"][..., np.newaxis],
            test_labels=arrays["test_labels"].astype(np.int64),
            class_names=fashion_mnist.CLASS_NAMES,
            sha256={path.name: found},
        )


def full_fashion_mnist() -> Images:
    """All 60,000 + 10,000 images, from Debian's package where installed, else downloaded."""
    arrays, sha256 = fashion_mnist.load()
    return Images(
        pool_images=arrays["train-images-idx3-ubyte"][..., np.newaxis],
        pool_labels=arrays["train-labels-idx1-ubyte"].astype(np.int64),
        test_images=arrays["t10k-images-idx3-ubyte"][..., np.newaxis],
        test_labels=arrays["t10k-labels-idx1-ubyte"].astype(np.int64),
        class_names=fashion_mnist.CLASS_NAMES,
        sha256=sha256,
    )


DATASETS: dict[str, Callable[[], Images]] = {
    "embedded": embedded,
    "fashion_mnist": full_fashion_mnist,
}
