"""Source `fashion_mnist`: all 70,000 images of Fashion-MNIST; its 10,000 test images are the test set.

They are read from Debian's package where that is installed, else downloaded.
"""

from pathlib import Path

from valgap.data.sources import fashion_files
from valgap.data.sources.images import Images
from valgap.data.sources.npz import refuse_groups
from valgap.data.sources.published import pool_and_test
from valgap.data.sources.source import Source
from valgap.ground.params.experiment import Data


def load(data: Data, target: Path) -> Images:
    """The 60,000 + 10,000 images. Raises SuiteError when they cannot be had, or are altered."""
    refuse_groups(data, "fashion_mnist knows of no groups")
    arrays, sha256 = fashion_files.load()
    pairs = {
        split: (arrays[f"{official}-images-idx3-ubyte"], arrays[f"{official}-labels-idx1-ubyte"])
        for split, official in (("pool", "train"), ("test", "t10k"))
    }
    return pool_and_test(data, target, pairs, fashion_files.CLASS_NAMES, sha256)


SOURCE = Source(load)
