"""Source `embedded`: 15,000 images of Fashion-MNIST, kept in Git; its 5,000 test images are the test set.

The file is made by valgap.data.sources.embed, and its content checked.
"""

import hashlib
import io
import lzma
from pathlib import Path

import numpy as np

from valgap.data.sources.fashion_files import CLASS_NAMES
from valgap.data.sources.images import Images
from valgap.data.sources.npz import refuse_groups
from valgap.data.sources.published import pool_and_test
from valgap.data.sources.source import Source
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

SHA256 = "cd9682aab91ddcc432d6d7d59ffc135acc87f565a4e529c105fdece219a0707c"  # printed by valgap.data.sources.embed


def load(data: Data, target: Path) -> Images:
    """The 10,000 + 5,000 images. Raises SuiteError when the file is missing or altered."""
    path = paths.EMBEDDED
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SuiteError(f"{path} is missing: restore it with `git checkout -- {path}`") from None
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise SuiteError(
            f"{path} is truncated or altered: sha256 {found} ({len(content):,} bytes), must be {SHA256}; "
            f"restore it with `git checkout -- {path}`"
        )
    refuse_groups(data, "embedded knows of no groups")
    with np.load(io.BytesIO(lzma.decompress(content))) as arrays:
        pairs = {split: (arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in ("pool", "test")}
    return pool_and_test(data, target, pairs, CLASS_NAMES, {path.name: found})


SOURCE = Source(load)
