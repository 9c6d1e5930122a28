"""Symptom stage: what the user's own run was, read from their file. Imports no TensorFlow; who scores a model may.

Reads params.yaml (symptom), the history or the saved model that it names and, for a model, data/prepared/; writes
runs/seen.json. There is no such stage where params.yaml names no file.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valgap.data.prepared import load_images, load_labels, read_manifest
from valgap.diagnostics.history.curves import Curve, Curves
from valgap.diagnostics.history.read import read_history
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.suite import BASELINE, Suite
from valgap.ground.streams import interleave
from valgap.ground.terminal import safe
from valgap.results.symptom import write_seen
from valgap.stats.seen import Seen
from valgap.training.subset import load_splits

MOST = 5000  # images of a split on which a saved model is scored
OTHER = "or give what you saw as symptom.train_accuracy and val_accuracy, and files: {}"

Index = NDArray[np.int64]
# A saved model's accuracy by split, on images and labels by split, the classes' names in the order of their numbers.
Score = Callable[[Path, Mapping[str, tuple[NDArray[np.uint8], Index]], tuple[str, ...]], Mapping[str, float]]


def of_history(path: str, early_stopping: bool) -> Seen:
    """The last epoch of a history; with early stopping, whose weights the baseline restores, that of the lowest loss.

    Raises SuiteError on what is no history, and where it lacks an accuracy of training or validation there.
    """
    try:
        curves = read_history(path)
    except SuiteError as error:
        raise SuiteError(f"params.yaml: symptom.files.{error}") from None
    place = _place(curves, early_stopping)
    return Seen(
        source="history",
        by="fit",
        train_accuracy=_accuracy(curves.accuracy, "a training accuracy", "accuracy", path, place),
        val_accuracy=_accuracy(curves.val_accuracy, "a validation accuracy", "val_accuracy", path, place),
        train_loss=_finite(curves.loss, place),
        val_loss=_finite(curves.val_loss, place),
        file=path,
        epoch=curves.epoch(place),
        epochs=curves.epoch(curves.epochs - 1),
    )


def of_model(path: str, params: Suite, score: Score) -> Seen:
    """A saved model on the suite's own training and validation images, at most MOST of each, stratified.

    Raises SuiteError where the images have no split of their own: what the model was trained on is then unknown.
    """
    manifest = read_manifest()
    if not manifest.given_validation:
        raise SuiteError(
            f"params.yaml: symptom.files.model = {path}: {params.data.path} has no validation images of its own, so "
            f"which images the model was trained on is unknown; give the split that it was trained with, {OTHER}"
        )
    images, labels = load_images(), load_labels()
    blocks = [load_splits(block) for block in params.cells[BASELINE]]
    rows = {
        "train": _some(np.unique(np.concatenate([block.train.ravel() for block in blocks])), labels),
        "val": _some(np.unique(np.concatenate([block.val.ravel() for block in blocks])), labels),
    }
    given = {split: (np.asarray(images[each]), labels[each]) for split, each in rows.items()}
    found = score(Path(path), given, manifest.class_names)
    return Seen(
        source="model",
        by="evaluate",
        train_accuracy=found["train"],
        val_accuracy=found["val"],
        val_images=len(rows["val"]) if len(rows["val"]) == MOST else None,
        file=path,
    )


def main(score: Score) -> None:
    """Read the file that params.yaml names; `score` is what scores a saved model."""
    params = suite.load()
    if params.symptom is None or params.symptom.file is None:
        raise SuiteError("params.yaml: symptom.files = {}: there is nothing to read; run `dvc repro`")
    kind, path = params.symptom.file
    early = params.variants[BASELINE].early_stopping
    seen = of_history(path, early) if kind == "history" else of_model(path, params, score)
    write_seen(seen)
    scores = f"training accuracy {seen.train_accuracy:.1%}, validation accuracy {seen.val_accuracy:.1%}"
    print(safe(f"seen in {path}: {scores}"))


def _place(curves: Curves, early_stopping: bool) -> int:
    if early_stopping and curves.val_loss is not None and np.isfinite(curves.val_loss).any():
        return int(np.nanargmin(np.where(np.isfinite(curves.val_loss), curves.val_loss, np.nan)))
    return curves.epochs - 1


def _accuracy(curve: Curve | None, what: str, column: str, path: str, place: int) -> float:
    if curve is None:
        raise SuiteError(
            f"params.yaml: symptom.files.history = {path}: it has no {column}, {what}; compile with "
            f"metrics=['accuracy'] and fit with validation_data, {OTHER}"
        )
    if not math.isfinite(curve[place]):
        raise SuiteError(
            f"params.yaml: symptom.files.history = {path}: its {column} is {curve[place]:g} at the last epoch; leave "
            f"the broken epochs out, {OTHER}"
        )
    return float(curve[place])


def _finite(curve: Curve | None, place: int) -> float | None:
    return float(curve[place]) if curve is not None and math.isfinite(curve[place]) else None


def _some(rows: Index, labels: Index) -> Index:
    """At most MOST of the rows, stratified, the same each time."""
    return rows[interleave(labels[rows], np.random.default_rng(0))][:MOST]
