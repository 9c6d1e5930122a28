"""Source `tfds`: data sets by name from TensorFlow Datasets, which fetches and keeps them in ~/tensorflow_datasets.

data.name is that of a data set with one image and one label an example. Its splits train, validation and test are
read, others are not; without validation and test images of its own, the suite draws those. The sha256 is over pixels
and labels. Nothing of the library is imported before it is asked for.
"""

import hashlib
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.data.sources.classes import check_classes
from valgap.data.sources.images import Images
from valgap.data.sources.npz import refuse_groups, store
from valgap.data.sources.published import places, unobtainable
from valgap.data.sources.source import Source
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

SPLITS = {"train": "train", "validation": "val", "test": "test"}  # of TensorFlow Datasets, and what they are here


def load(data: Data, target: Path) -> Images:
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
        raise unobtainable(data, "~/tensorflow_datasets", error) from None
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
                raise unobtainable(data, "~/tensorflow_datasets", error) from None

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
        names=places({split: len(labels[split]) for split in used}),
        sha256={f"tfds {name}": digest.hexdigest()},
        facts=facts,
    )


SOURCE = Source(load, needs=("name",))
