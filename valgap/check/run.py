"""One check from its inputs to its document: reads the model and the data, writes nothing but a scratch folder."""

import contextlib
import dataclasses
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from valgap.check import files, loading, shifted, stated
from valgap.check.document import Checked, build
from valgap.check.judging import look as judged
from valgap.check.judging import weighed, weighty
from valgap.check.options import Options
from valgap.check.outside import outside
from valgap.check.prediction import Predicted, roles
from valgap.check.randomness import undisturbed
from valgap.check.result import assemble
from valgap.compute import pool
from valgap.compute.box import Box, seconds
from valgap.compute.placement import place
from valgap.data.layouts.layout import Layout
from valgap.data.layouts.understand import explicit, understand
from valgap.diagnostics.history.read import read_history
from valgap.diagnostics.history.rules import read_rules
from valgap.diagnostics.seen import Seen
from valgap.findings import segments
from valgap.findings.audit import audit
from valgap.findings.finding import Finding
from valgap.findings.leakage import leaked
from valgap.findings.look import Look, look
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Compute

if TYPE_CHECKING:
    import keras

SEED = 0  # of the audit's samples
SLOW = ": give it more time with --minutes, if your model is that slow; a model made to go on for ever is not worth it"
SPLITS = ("train", "val", "test")


def check(
    model: "str | os.PathLike[str] | keras.Model",
    data: Mapping[str, Any],
    options: Options,
    *,
    apart: bool,
    minutes: float | None = None,
) -> Checked:
    """The check of a saved model, or of one in hand, on `data` by split; a folder of splits is "train" alone.

    `apart` runs TensorFlow in a process of its own, which takes a saved model and folders: a box of valgap.compute, of
    so many `minutes`. Raises SuiteError on a model or on data that cannot be used.
    """
    curves = None if options.history is None else read_history(options.history)
    chance = contextlib.nullcontext() if apart else undisturbed()  # the caller's own
    with tempfile.TemporaryDirectory() as scratch, chance:
        pixels = Path(scratch) / paths.IMAGES.name
        if all(isinstance(each, str | os.PathLike) for each in data.values()):
            predicted = _of_files(model, data, options, pixels, apart, minutes)
        else:
            predicted = _of_objects(model, data, options, Path(scratch))
            pixels = Path(scratch) / "images.npy"
        images = dataclasses.replace(predicted.images, images=np.load(pixels, mmap_mode="r", allow_pickle=False))
        looked = look(images, predicted.splits, SEED, predicted.features)
        looked = dataclasses.replace(looked, outside=outside(predicted, looked.used))
        clusters = np.zeros(len(images.labels), np.int64)
        clusters[looked.used.index] = looked.cluster
        moved, audited = shifted.shifted(predicted, clusters, SEED), audit(looked, _of_model(looked, predicted))
        seen = (*predicted.seen, *shifted.look(moved, predicted, weighed(audited)))
        predicted = dataclasses.replace(predicted, seen=seen)
        result = assemble(predicted, shifted.told(audited, moved), leaked(looked))
        past: list[Seen] = [] if curves is None else read_rules(curves, len(images.class_names))
        findings = stated.stated([*judged(result), *past], result.audit, options.mute, weighty(result))
        named = " + ".join(str(each) if isinstance(each, str | os.PathLike) else key for key, each in data.items())
        is_files = predicted.images.files is not None
        return Checked(build(result, findings, _name(model), named, options.groups, is_files), findings)


def _of_model(looked: Look, predicted: Predicted) -> list[Finding[int]]:
    """Findings on images that hang on what the model makes of them."""
    held_out = roles(predicted.splits)[1]
    right = predicted.probabilities.argmax(axis=1) == predicted.images.labels
    return [] if held_out is None else [segments.weak(looked.used, held_out, right[looked.used.index], SEED)]


def _of_files(
    model: "str | os.PathLike[str] | keras.Model",
    data: Mapping[str, Any],
    options: Options,
    pixels: Path,
    apart: bool,
    minutes: float | None,
) -> Predicted:
    """What the model predicts of images in folders."""
    if not isinstance(model, str | os.PathLike):
        return files.in_hand(_keras_model(model), None, layout_of(data), options, pixels)
    path = Path(model)
    if not apart:
        loading.check_file(path)
        layout = layout_of(data)
        return files.in_hand(loading.load_model(path, options.module), path, layout, options, pixels)
    loading.check_outside(path)
    layout = layout_of(data)
    placed = place(device_beside_this()).first
    box = Box(pixels.with_name("box"), seconds(len(layout.entries), minutes), SLOW, limited=placed.device == "cpu")
    box.folder.mkdir()
    (predicted,) = pool.run_jobs(files.work, [(path, layout, options, pixels)], placed, box, files.look_first)
    return predicted


def _of_objects(model: Any, data: Mapping[str, Any], options: Options, folder: Path) -> Predicted:
    """What the model predicts of what objects feed."""
    from valgap.check import objects  # which imports Keras

    if isinstance(model, str | os.PathLike):
        path = Path(model)
        loading.check_file(path)
        loaded, compiled = loading.load_model(path, options.module), loading.compiled_in_file(path)
    else:
        loaded, compiled = _keras_model(model), loading.compiled_of(model)
    return objects.examine(files.network_of(loaded, Path(_name(model)), options), compiled, data, options, folder)


def layout_of(data: Mapping[str, Any]) -> Layout:
    """What was understood of the folders. Raises SuiteError, in the words of this command, on what is not clear."""
    given = {split: Path(path) for split, path in data.items()}
    try:
        return understand(given["train"]) if list(given) == ["train"] else explicit(given)
    except SuiteError as error:
        raise error.named(files.TERMS) from None


def _keras_model(model: Any) -> Any:
    """The model in hand. Raises SuiteError on anything else."""
    for name in ("keras", "tf_keras"):
        keras = sys.modules.get(name)  # who holds a model has imported it
        if keras is not None and isinstance(model, keras.Model):
            return model
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    raise SuiteError(f"model is a {kind}: give the path of a saved model, or a keras.Model")


def _name(model: Any) -> str:
    return os.fspath(model) if isinstance(model, str | os.PathLike) else str(model.name)


def device_beside_this() -> Compute:
    """The CPU where this process has TensorFlow, which takes all of a GPU's memory for itself; else a GPU, if any."""
    return Compute(device="cpu") if "tensorflow" in sys.modules else Compute()
