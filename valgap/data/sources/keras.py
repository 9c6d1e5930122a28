"""Source `keras`: data sets by name from keras.datasets, which fetches and keeps them in ~/.keras/datasets.

data.name is mnist, fashion_mnist, cifar10 or cifar100 (its fine labels). The suite draws training and validation
images from the training images; the test images are the test set. The sha256 is over pixels and labels. Nothing of
Keras is imported before it is asked for.
"""

import hashlib
import importlib
import itertools
import os
from pathlib import Path

import numpy as np

from valgap.data.sources.fashion_files import CLASS_NAMES
from valgap.data.sources.images import Images
from valgap.data.sources.npz import refuse_groups
from valgap.data.sources.published import pool_and_test, unobtainable
from valgap.data.sources.source import Source
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

# The names that the data sets' pages give; keras.datasets brings none.
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR100 = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee",
    "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant",
    "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower",
    "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom",
    "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate",
    "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark",
    "shrew", "skunk", "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower",
    "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor", "train", "trout", "tulip",
    "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
)  # fmt: skip
SETS = {
    "mnist": tuple("0123456789"), "fashion_mnist": CLASS_NAMES, "cifar10": CIFAR10, "cifar100": CIFAR100,
}  # fmt: skip


def load(data: Data, target: Path) -> Images:
    """A data set of keras.datasets. Raises SuiteError where there is none of that name, or it cannot be fetched."""
    name = str(data.name)
    refuse_groups(data, "keras.datasets knows of no groups")
    if name not in SETS:
        raise SuiteError(f"data.name = {name!r} is no data set of source keras (allowed: {', '.join(SETS)})")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets whoever imports it
    try:
        loaded = importlib.import_module(f"keras.datasets.{name}").load_data()
    except Exception as error:  # whatever its downloads raise
        raise unobtainable(data, "~/.keras/datasets", error) from None
    pairs = {
        split: (images, labels.reshape(-1)) for split, (images, labels) in zip(("train", "test"), loaded, strict=True)
    }
    digest = hashlib.sha256()
    for array in itertools.chain(*pairs.values()):
        digest.update(np.ascontiguousarray(array).data)
    sha256 = {f"keras.datasets.{name}": digest.hexdigest()}
    return pool_and_test(data, target, pairs, SETS[name], sha256, f"images of {name}")


SOURCE = Source(load, needs=("name",))
