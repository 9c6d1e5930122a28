"""One replicate as a job: what a worker process is told, and the files that it gives back."""

import dataclasses
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import json_text, write_npz
from valgap.training.recipe import Recipe
from valgap.training.subset import Index, scored_training

RESULT = "result.json"
WEIGHTS = "model.weights.h5"
Files = dict[str, bytes]  # content by name


@dataclasses.dataclass(frozen=True)
class Job:
    """Replicate `number` of a variant, to be trained on a `device`: cpu or gpu.

    `index` holds its images by split: train, val, test; int64 lists. `learned` are the places in the training list
    that it learns from.
    """

    variant: str
    recipe: Recipe
    number: int
    index: dict[str, Index]
    learned: Index
    keep_weights: bool
    device: str


def train_files(
    job: Job, images: NDArray[np.uint8], labels: Index, groups: Index, environment: dict[str, str]
) -> Files:
    """Train one replicate in this process, where TensorFlow is started on its device; return its files.

    `images` (n, h, w, c), `labels` and `groups` (n,) are all that `job.index` refers to; `environment` is what the
    numbers are made in, for the record.
    """
    import tensorflow as tf

    from valgap.training.examples import Examples
    from valgap.training.replicate import train_replicate

    splits = {name: Examples(images, labels[rows], rows) for name, rows in job.index.items()}
    index = job.index | {"train": scored_training(job.index["train"])}
    classes = int(labels.max()) + 1
    try:
        trained = train_replicate(job.recipe, job.number, splits, classes, job.learned)
    except tf.errors.ResourceExhaustedError as error:
        raise SuiteError(
            f"variant {job.variant}, replicate {job.number}: memory ran out on the {job.device} "
            f"({error.message.splitlines()[0]}); set compute.per_gpu to 1, or a smaller train.batch_size"
        ) from None
    except SuiteError as error:
        raise SuiteError(f"variant {job.variant}, {error}") from None
    predictions: dict[str, Any] = {f"{name}_probabilities": values for name, values in trained.probabilities.items()}
    predictions["train_images"] = np.array(len(job.learned))
    for name, rows in index.items():
        predictions |= {f"{name}_labels": labels[rows], f"{name}_index": rows, f"{name}_groups": groups[rows]}
    archive = io.BytesIO()
    write_npz(archive, predictions)
    record = {
        "facts": dataclasses.asdict(trained.facts),
        "history": [dataclasses.asdict(point) for point in trained.history],
        "environment": environment,
    }
    files = {
        paths.PREDICTIONS: archive.getvalue(),
        RESULT: json_text(record).encode(),
        paths.TELEMETRY: json_text({"replicate": job.number, **trained.seconds}).encode(),
    }
    if job.keep_weights:
        with tempfile.TemporaryDirectory() as scratch:  # Keras writes weights to a path alone
            trained.model.save_weights(Path(scratch) / WEIGHTS)
            files[WEIGHTS] = (Path(scratch) / WEIGHTS).read_bytes()
    return files
