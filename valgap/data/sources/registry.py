"""Data sources: where images come from. Each reads an origin, and returns all its images with what it knows of them.

    embedded       15,000 images of Fashion-MNIST, kept in Git; its 5,000 test images are the test set
    fashion_mnist  all 70,000, from Debian's package or downloaded; its 10,000 test images are the test set
    keras, tfds    data sets by name                               valgap/data/sources/named.py
    folder         folders of image files named after classes      valgap/data/sources/folder.py
    table          a .csv or .tsv that names image files           valgap/data/sources/table.py
    npz            one .npz file of NumPy                          valgap/data/sources/npz.py

Adding one is a function and its entry in DATASETS. It gets block `data` of params.yaml, and the path of the .npy file
to which it may stream its images, in rows. What image files may be, how they are resized and turned grey or RGB:
valgap/data/reading/decode.py. The first three sources too follow data.image_size, resize and color.
"""

import hashlib
import io
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valgap.data.sources import fashion_mnist, folder, named, npz, table
from valgap.data.sources.images import Images
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

EMBEDDED_SHA256 = (
    "cd9682aab91ddcc432d6d7d59ffc135acc87f565a4e529c105fdece219a0707c"  # printed by valgap.data.sources.embed
)
Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # images (n, 28, 28) and labels (n,)


def embedded(data: Data, target: Path) -> Images:
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
        pairs = {split: (arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in ("pool", "test")}
    return _fashion(data, target, pairs, {path.name: found})


def full_fashion_mnist(data: Data, target: Path) -> Images:
    """All 60,000 + 10,000 images, from Debian's package where installed, else downloaded."""
    arrays, sha256 = fashion_mnist.load()
    pairs = {
        split: (arrays[f"{official}-images-idx3-ubyte"], arrays[f"{official}-labels-idx1-ubyte"])
        for split, official in (("pool", "train"), ("test", "t10k"))
    }
    return _fashion(data, target, pairs, sha256)


def _fashion(data: Data, target: Path, pairs: Mapping[str, Pair], sha256: dict[str, str]) -> Images:
    """A pool from which the suite draws, and a test set."""
    npz.refuse_groups(data, f"{data.source} knows of no groups")
    images, facts = npz.store(((f"{split} images", pixels) for split, (pixels, _) in pairs.items()), data, target)
    counts = {split: len(labels) for split, (_, labels) in pairs.items()}
    return Images(
        images=images,
        labels=np.concatenate([labels for _, labels in pairs.values()]).astype(np.int64),
        class_names=fashion_mnist.CLASS_NAMES,
        given=np.repeat(["", "test"], list(counts.values())),
        names=tuple(f"{split}[{place}]" for split, count in counts.items() for place in range(count)),
        sha256=sha256,
        facts=facts,
    )


DATASETS: dict[str, Callable[[Data, Path], Images]] = {
    "embedded": embedded,
    "fashion_mnist": full_fashion_mnist,
    "keras": named.keras,
    "tfds": named.tfds,
    "folder": folder.load,
    "table": table.load,
    "npz": npz.load,
}
