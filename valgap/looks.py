"""Looks stage: where a network of the baseline looks on its weakest class and its surest mistakes.

Reads params.yaml (split, model, train, variants), model.files, data/prepared/ and the baseline's first block in runs/;
writes reports/looks.csv.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valgap.compute import pool
from valgap.compute.placement import place
from valgap.data.prepared import load_images, load_labels, load_suite, read_manifest
from valgap.diagnostics import occlusion
from valgap.diagnostics.looked import choose
from valgap.diagnostics.occlusion import SIDE
from valgap.findings.pictures import png
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Model, Train
from valgap.ground.params.suite import BASELINE
from valgap.results.runs import load_cell
from valgap.results.tables import write_all
from valgap.training.subset import learned_from, load_splits, training_subset

Index = NDArray[np.int64]
COLUMNS = ["image", "actual", "predicted", "probability", "left", "place", "png", "drawn"]


@dataclasses.dataclass(frozen=True)
class Job:
    """A trained network and the images (k,) to look at; `learned` are those that it was trained on."""

    model: Model
    settings: Train
    weights: Path
    images: Index
    learned: Index
    classes: int


def look(job: Job) -> NDArray[np.float32]:
    """Probabilities (k, 1 + places, classes) of each image, and with one place after the other covered."""
    from valgap.training.examples import Examples
    from valgap.training.machine import machine_of
    from valgap.training.pixels import affine_of

    images = load_images()
    machine = machine_of(images.shape[1:], job.classes, job.model, job.settings)
    machine.model.load_weights(job.weights)
    machine.normalize.set(affine_of(job.settings, Examples(images, load_labels()[job.learned], job.learned)))
    joined = np.concatenate([occlusion.tried(np.asarray(images[row])) for row in job.images.tolist()])
    starts = range(0, len(joined), machine.batch)
    found = machine.predict_pixels(joined[start : start + machine.batch] for start in starts)
    return found.reshape(len(job.images), -1, job.classes)


def table(
    images: NDArray[np.uint8], rows: Index, labels: Index, found: NDArray[np.float32], names: tuple[str, ...]
) -> pd.DataFrame:
    """looks.csv: each image (k,) `rows` with its map, as PNG in base64, of what `look` found.

    `left` is the probability of the class that is named when the `place` that counts most is covered; no place, and no
    map, where none counts.
    """
    listed = []
    for row, label, of_image in zip(rows.tolist(), labels.tolist(), found.astype(np.float64), strict=True):
        picture, (guess, sure, falls) = np.asarray(images[row]), occlusion.answered(of_image)
        where, drawn = "", ""
        if not occlusion.is_empty(falls):
            where = occlusion.where(falls, *picture.shape[:2])
            drawn = png(occlusion.drawn(picture, falls), SIDE)
        listed.append((row, names[label], names[guess], sure, sure - falls.max(), where, png(picture, SIDE), drawn))
    return pd.DataFrame(listed, columns=COLUMNS)


def main() -> None:
    """Choose test images by what the network said of them, look at them, and write the table."""
    params = load_suite()
    block, labels, names = params.cells[BASELINE][0], load_labels(), read_manifest().class_names
    splits, settings = load_splits(block), params.variants[BASELINE]
    run = load_cell(params, BASELINE, block, splits, labels)
    weights = next((paths.run_folder(BASELINE, block) / paths.MODELS).glob("*.weights.h5"), None)
    if weights is None:
        raise SuiteError(f"the baseline's weights are missing: run `dvc repro -f -s {params.stage(BASELINE, block)}`")
    chosen = choose(run["test_probabilities"][0], run["test_labels"][0])
    rows = run["test_index"][0][chosen]
    found = np.zeros((0, 1, len(names)), np.float32)
    if len(rows):
        training = training_subset(splits, 0, settings, labels)
        learned = training[learned_from(splits, training, settings, labels)]
        job = Job(params.model, settings, weights, rows, learned, len(names))
        (found,) = pool.run_jobs(look, [(job,)], place(params.compute).first)
    write_all({paths.LOOKS: table(load_images(), rows, labels[rows], found, names)})
