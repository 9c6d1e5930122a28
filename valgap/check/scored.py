"""A saved model's accuracies on images that are in memory, its reading of them found out as for folders."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valgap.check import files, loading
from valgap.check.options import Options
from valgap.data.layouts.understand import explicit
from valgap.ground import paths
from valgap.ground.errors import SuiteError

Index = NDArray[np.int64]


def accuracies(
    path: Path, data: Mapping[str, tuple[NDArray[np.uint8], Index]], class_names: tuple[str, ...]
) -> dict[str, float]:
    """The share of images that a saved model gets right, by split.

    `data` are uint8 (n, h, w, c) images and int64 labels by split, with every class in each. They are laid down as
    files and read as `valgap check` reads a user's: range of pixels, order of classes and all. Raises SuiteError on a
    model that cannot be loaded, or takes images of another size.
    """
    loading.check_file(path)
    model = loading.load_model(path, None)
    takes = files.network_of(model, path, Options()).takes
    size = next(iter(data.values()))[0].shape[1:3]
    if (takes.height or size[0], takes.width or size[1]) != size:
        raise SuiteError(
            f"params.yaml: symptom.files.model = {path}: it takes images of {takes.height} x {takes.width} pixels, and "
            f"the suite's have {size[0]} x {size[1]}; set data.image_size: [{takes.height}, {takes.width}]"
        )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for split, (images, labels) in data.items():
            _lay_down(folder / split, images, labels, len(class_names))
        layout = explicit({split: folder / split for split in data})
        found = files.in_hand(model, path, layout, Options(), folder / paths.IMAGES.name)
    right = found.probabilities.argmax(axis=1) == found.images.labels
    return {split: float(right[found.splits == split].mean()) for split in data}


def _lay_down(folder: Path, images: NDArray[np.uint8], labels: Index, classes: int) -> None:
    """PNG files in a folder a class, named so that their order is that of the labels."""
    from PIL import Image

    for label in range(classes):
        (folder / f"{label:05}").mkdir(parents=True)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        pixels = image[..., 0] if image.shape[-1] == 1 else image
        Image.fromarray(pixels).save(folder / f"{label:05}" / f"{number:06}.png", compress_level=1)
