"""The networks that are trained beside the source's CNN: those that users bring, at the sizes of their images.

Imports no TensorFlow and nothing of the suite, for other interpreters read it too.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.images import CLASSES, Pair

HALF, PARAMETERS, OPERATIONS = "half", "parameters", "operations"  # of a network, as modes `<network>/<one of these>`
PASSES = 20  # over the images, for which a frozen part's outputs are computed once: the epochs of a short training


@dataclasses.dataclass(frozen=True)
class Network:
    """A network and what it is trained on: `images` of a turn, random pixels of this `shape`.

    `settings` differ from the source's recipe. Of `plain` ones nearly all operations are those of convolutions and
    products. `owed` is what this suite shall reach over stock `fit`. `files` hold the builder.
    """

    title: str
    shape: tuple[int, int, int]
    builder: str
    images: int
    settings: Mapping[str, object]
    plain: bool
    owed: float = 1.5
    files: str = "valgap/training"


NETWORKS = {
    "small": Network("the source's CNN, 28 x 28 x 1", (28, 28, 1), "cnn", 4000, {}, True),
    "colour": Network("the source's CNN, 32 x 32 x 3", (32, 32, 3), "cnn", 4000, {}, True),
    "photos": Network(
        "three convolutions, 150 x 150 x 3", (150, 150, 3), "benchmarks.three_convolutions:build", 384, {}, True,
        files="benchmarks/three_convolutions.py",
    ),
    "resnet": Network(
        "ResNet-20, 64 x 64 x 3", (64, 64, 3), "resnet", 384, {"batch_norm": True, "head": "pooling"}, False
    ),
    "mobilenet": Network(
        "MobileNetV2, 96 x 96 x 3", (96, 96, 3), "applications:MobileNetV2", 256, {"head": "pooling"}, False
    ),
    "frozen": Network(
        "MobileNetV2 with a frozen base, 96 x 96 x 3", (96, 96, 3), "applications:MobileNetV2", 256,
        {"head": "pooling", "frozen": 0.99}, False, 10.0,
    ),
}  # fmt: skip


def images_of(network: Network) -> Pair:
    """Random images and labels, the same everywhere."""
    pixels: NDArray[np.uint8] = np.random.default_rng(0).integers(
        0, 256, (network.images, *network.shape), dtype=np.uint8
    )
    return pixels, np.arange(network.images, dtype=np.int64) % CLASSES
