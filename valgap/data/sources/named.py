"""Sources `keras` and `tfds`: data sets by name, from keras.datasets or TensorFlow Datasets, which fetch and keep them.

`keras`: data.name is mnist, fashion_mnist, cifar10 or cifar100 (its fine labels). The suite draws training and
validation images from the training images; the test images are the test set.

`tfds`: data.name is that of a data set with one image and one label an example. Its splits train, validation and test
are read, others are not; without validation and test images of its own, the suite draws those.

Nothing is imported before it is asked for. What was fetched lies where these libraries keep it: ~/.keras/datasets,
~/tensorflow_datasets. The sha256 is over pixels and labels.
"""

import hashlib
import importlib
import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.data.sources import fashion_mnist
from valgap.data.sources.folder import check_classes
from valgap.data.sources.images import Images
from valgap.data.sources.npz import refuse_groups, store
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
KERAS = {
    "mnist": tuple("0123456789"), "fashion_mnist": fashion_mnist.CLASS_NAMES, "cifar10": CIFAR10, "cifar100": CIFAR100,
}  # fmt: skip
SPLITS = {"train": "train", "validation": "val", "test": "test"}  # of TensorFlow Datasets, and what they are here


def keras(data: Data, target: Path) -> Images:
    """A data set of keras.datasets. Raises SuiteError where there is none of that name, or it cannot be fetched."""
    name = str(data.name)
    refuse_groups(data, "keras.datasets knows of no groups")
    if name not in KERAS:
        raise SuiteError(f"data.name = {name!r} is no data set of source keras (allowed: {', '.join(KERAS)})")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets whoever imports it
    try:
        pairs = importlib.import_module(f"keras.datasets.{name}").load_data()
    except Exception as error:  # whatever its downloads raise
        raise _unobtainable(data, "~/.keras/datasets", error) from None
    named = {
        split: (images, labels.reshape(-1)) for split, (images, labels) in zip(("train", "test"), pairs, strict=True)
    }
    images, facts = store(((f"{split} images of {name}", images) for split, (images, _) in named.items()), data, target)
    counts = {split: len(labels) for split, (_, labels) in named.items()}
    digest = hashlib.sha256()
    for array in itertools.chain(*named.values()):
        digest.update(np.ascontiguousarray(array).data)
    return Images(
        images=images,
        labels=np.concatenate([labels for _, labels in named.values()]).astype(np.int64),
        class_names=KERAS[name],
        given=np.repeat(["", "test"], list(counts.values())),
        names=_names(counts),
        sha256={f"keras.datasets.{name}": digest.hexdigest()},
        facts=facts,
    )


def tfds(data: Data, target: Path) -> Images:
    """A data set of TensorFlow Datasets. Raises SuiteError where that is not installed, or has or fetches none such."""
    name = str(data.name)
    refuse_groups(data, "tfds knows of no groups")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        library: Any = importlib.import_module("tensorflow_datasets")
    except ImportError as error:
        raise SuiteError(
            f"data.source = tfds needs TensorFlow Datasets, which is not installed ({error}): add tensorflow-datasets "
            "to requirements.in, then `make lock` and `make setup`"
        ) from None
    try:
        sets, info = library.load(name, as_supervised=True, with_info=True, shuffle_files=False)
        class_names = tuple(info.features[info.supervised_keys[1]].names)
    except Exception as error:  # whatever its downloads, or a data set without an image and a label, raise
        raise _unobtainable(data, "~/tensorflow_datasets", error) from None
    used = [split for split in SPLITS if split in sets]
    labels: dict[str, list[int]] = {split: [] for split in used}
    digest = hashlib.sha256()

    def examples() -> Iterator[tuple[str, NDArray]]:
        for split in used:
            try:
                for image, label in library.as_numpy(sets[split]):
                    digest.update(np.ascontiguousarray(image).data)
                    labels[split].append(int(label))
                    yield f"image {split}[{len(labels[split]) - 1}] of {name}", image[np.newaxis]
            except Exception as error:  # of files that are damaged, or no more there
                raise _unobtainable(data, "~/tensorflow_datasets", error) from None

    images, facts = store(examples(), data, target)
    joined = [label for split in used for label in labels[split]]
    given = [SPLITS[split] for split in used for _ in labels[split]]
    check_classes([class_names[label] for label in joined], given, class_names, f"tfds {name}")
    digest.update(np.array(joined, "<i8").data)
    return Images(
        images=images,
        labels=np.array(joined, dtype=np.int64),
        class_names=class_names,
        given=np.array(given, dtype="U5"),
        names=_names({split: len(labels[split]) for split in used}),
        sha256={f"tfds {name}": digest.hexdigest()},
        facts=facts,
    )


def _names(counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{split}[{place}]" for split, count in counts.items() for place in range(count))


def _unobtainable(data: Data, kept: str, error: Exception) -> SuiteError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return SuiteError(
        f"the data set {data.name!r} of source {data.source} cannot be had: {reason}. The first time it is "
        f"fetched from the network, and kept in {kept}: check the name and the connection, or copy that folder from a "
        "machine that has it; data.source: embedded needs no network"
    )
