"""One check from its inputs to its document: reads the model and the folder, writes nothing but a scratch folder."""

import dataclasses
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from valgap.check import loading, prediction
from valgap.check.document import Checked, build
from valgap.check.result import Result, assemble
from valgap.compute import pool
from valgap.compute.placement import place
from valgap.findings.audit import audit
from valgap.findings.leakage import leaked
from valgap.findings.look import look
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Compute, Data
from valgap.ground.params.schema import parse

if TYPE_CHECKING:
    import keras

SEED = 0  # of the audit's samples


def check(
    model: "str | os.PathLike[str] | keras.Model",
    data: str,
    module: str | None,
    groups: str | None,
    value_range: str | None,
) -> Checked:
    """The document on a saved model, or on one in hand, and the folder `data`. Raises SuiteError as `examine` does."""
    if value_range not in (None, *prediction.RANGES):
        raise SuiteError(f"value_range = {value_range!r} is not known (allowed: {', '.join(prediction.RANGES)})")
    images = images_of(data, groups)
    if isinstance(model, str | os.PathLike):
        path = Path(model)
        result = examine(path, images, module, value_range, device_beside_this())
        return Checked(build(result, str(path), data, groups))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.keras"
        save(model, path)
        result = examine(path, images, module, value_range, device_beside_this())
    return Checked(build(result, str(model.name), data, groups))


def save(model: "keras.Model", path: Path) -> None:
    """Write a model in hand to a file. Raises SuiteError on anything else, and on one that cannot be saved."""
    keras = sys.modules.get("keras")  # who holds a model has imported it
    if keras is None or not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise SuiteError(f"model is a {kind}: give the path of a saved model, or a keras.Model")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on a file that nobody sees
            model.save(path)
    except Exception as error:  # whatever a user's layers do
        words = " ".join(str(error).split())[:300]
        raise SuiteError(f"model = {model.name} cannot be saved: {type(error).__name__}: {words}") from None


def device_beside_this() -> Compute:
    """The CPU where this process has TensorFlow, which takes all of a GPU's memory for itself; else a GPU, if any."""
    return Compute(device="cpu") if "tensorflow" in sys.modules else Compute()


def images_of(folder: str, group_pattern: str | None) -> Data:
    """How the folder is read; the model's input decides size and color. Raises SuiteError on a bad pattern or name."""
    said = {"source": "folder", "path": folder, "group_pattern": group_pattern}
    unsaid = dict.fromkeys(("name", "table", "image_size", "group_column", "allowed_transforms"))
    try:
        return parse(Data, said | unsaid | {"resize": "stretch", "color": "auto", "on_unreadable": "skip"}, "data")
    except SuiteError as error:
        raise error.named(prediction.TERMS) from None


def examine(model: Path, data: Data, module: str | None, value_range: str | None, compute: Compute) -> Result:
    """Score the model on the images in a process of its own, then audit the images.

    Raises SuiteError on a model or on images that cannot be used.
    """
    loading.check_file(model)
    with tempfile.TemporaryDirectory() as scratch:
        pixels = Path(scratch) / paths.IMAGES.name
        job = (model, module, data, value_range, pixels)
        (predicted,) = pool.run_jobs(prediction.work, [job], place(compute).first)
        images = dataclasses.replace(predicted.images, images=np.load(pixels, mmap_mode="r", allow_pickle=False))
        looked = look(images, predicted.splits, SEED)
        return assemble(predicted, audit(looked), leaked(looked))
