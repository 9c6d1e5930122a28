"""Sets of images in which faults are planted.

Reads data/embedded and scikit-learn's digits, and, where one is named, a folder of photos.
"""

import dataclasses
import io
import lzma
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valgap.data.layouts.loading import load_layout
from valgap.data.layouts.understand import understand
from valgap.data.reading.decoding import Decoding
from valgap.ground import paths
from valgap.ground.errors import SuiteError

SIDE = 64  # pixels that photos are decoded to
GARMENTS, DIGITS, PHOTOS = "garments", "digits", "photos"


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Images uint8 (n, height, width, channels) and their labels int64 (n,)."""

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]


def all_sets(photos: Path | None) -> Mapping[str, ImageSet]:
    """By name: garments (28 x 28 x 1), digits (8 x 8 x 1), and the photos of a folder (64 x 64 x 3) where one is given.

    Raises SuiteError on a folder that cannot be read.
    """
    sets = [garments(), digits(), *([] if photos is None else [of_folder(photos)])]
    return {each.name: each for each in sets}


def garments() -> ImageSet:
    """Fashion-MNIST's 15,000 embedded images."""
    try:
        content = lzma.decompress(paths.EMBEDDED.read_bytes())
    except OSError as error:
        raise SuiteError(f"{paths.EMBEDDED} cannot be read ({error}): `git checkout -- {paths.EMBEDDED}`") from None
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        images = np.concatenate([arrays["pool_images"], arrays["test_images"]])
        labels = np.concatenate([arrays["pool_labels"], arrays["test_labels"]]).astype(np.int64)
    return ImageSet(GARMENTS, images[..., np.newaxis], labels, tuple(f"garment {label}" for label in range(10)))


def digits() -> ImageSet:
    """The 1,797 digits of scikit-learn, from 17 levels of grey to 256."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    found = load_digits()
    images = np.minimum(found.images * 16, 255).astype(np.uint8)
    names = tuple(f"digit {label}" for label in range(10))
    return ImageSet(DIGITS, images[..., np.newaxis], found.target.astype(np.int64), names)


def of_folder(folder: Path) -> ImageSet:
    """The photos of a folder as `check` lays it out, whatever their split, in colour. Raises SuiteError."""
    decoding = Decoding(size=(SIDE, SIDE), color="rgb", aspect="crop")
    with tempfile.TemporaryDirectory() as scratch:
        found = load_layout(understand(folder), decoding, Path(scratch) / paths.IMAGES.name)
        return ImageSet(PHOTOS, np.array(found.images), found.labels, tuple(found.class_names))
