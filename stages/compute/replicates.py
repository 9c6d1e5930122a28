"""Replicates as jobs: what a worker needs, the files that it gives back, and where it runs: here, or on a cluster."""

import contextlib
import dataclasses
import errno
import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stages.compute import placement, pool, provenance
from stages.data.arrays import Index, load_groups, load_images, load_labels, write_npz
from stages.data.subset import scored_training
from stages.errors import SuiteError
from stages.params.experiment import Compute, Model, Train
from stages.paths import runs

RESULT = "result.json"
WEIGHTS = "model.weights.h5"
Files = dict[str, bytes]  # content by name
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FULL_WORDS = tuple(os.strerror(number) for number in FULL)  # HDF5 puts them into errors of other types


@dataclasses.dataclass(frozen=True)
class Job:
    """Replicate `number` of a variant, to be trained on a `device`: cpu or gpu.

    `index` holds its images by split: train, val, test; int64 lists.
    """

    variant: str
    architecture: Model
    settings: Train
    baseline: Train
    seed: int
    number: int
    index: dict[str, Index]
    keep_weights: bool
    device: str


class Backend(Protocol):
    """Where replicates run. `device` is cpu or gpu, the same for all of them."""

    device: str

    def run(self, jobs: list[Job]) -> Iterator[tuple[int, Files]]:
        """Yield number and files of each replicate as it finishes. Raises the SuiteError of the first that fails."""


class Local:
    """The cores or GPUs of this machine."""

    def __init__(self, compute: Compute) -> None:
        self.placement = placement.place(compute)
        self.device = self.placement.device

    def run(self, jobs: list[Job]) -> Iterator[tuple[int, Files]]:
        """As Backend says."""
        yield from pool.run_jobs(_work, [(job,) for job in jobs], self.placement)


def open_backend(compute: Compute, files: Path) -> Backend:
    """The Ray cluster where an address is set, else this machine; `files` is `model.files`, which a cluster is sent.

    Raises SuiteError when the cluster cannot be used.
    """
    address = placement.address(compute)
    if address is None:
        return Local(compute)
    from stages.compute.cluster import Cluster

    return Cluster(address, compute, files)


def train_files(
    job: Job, images: NDArray[np.uint8], labels: Index, groups: Index
) -> Files:  # fmt: skip
    """Train one replicate in this process, where TensorFlow is started on its device; return its files.

    `images` (n, h, w, c), `labels` and `groups` (n,) are all that `job.index` refers to.
    """
    import tensorflow as tf

    from stages.model.replicate import Examples, train_replicate

    splits = {name: Examples(images[rows], labels[rows]) for name, rows in job.index.items()}
    index = job.index | {"train": scored_training(job.index["train"])}
    classes = int(labels.max()) + 1
    try:
        trained = train_replicate(
            job.architecture, job.settings, job.baseline, job.seed, job.number, splits, classes
        )  # fmt: skip
    except tf.errors.ResourceExhaustedError as error:
        raise SuiteError(
            f"variant {job.variant}, replicate {job.number}: memory ran out on the {job.device} "
            f"({error.message.splitlines()[0]}); set compute.per_gpu to 1, or a smaller train.batch_size"
        ) from None
    except SuiteError as error:
        raise SuiteError(f"variant {job.variant}, {error}") from None
    predictions: dict[str, Any] = {f"{name}_probabilities": values for name, values in trained.probabilities.items()}
    predictions["train_images"] = np.array(len(splits["train"].labels))
    for name, rows in index.items():
        predictions |= {f"{name}_labels": labels[rows], f"{name}_index": rows, f"{name}_groups": groups[rows]}
    archive = io.BytesIO()
    write_npz(archive, predictions)
    record = {
        "facts": trained.facts,
        "history": trained.history,
        "environment": provenance.environment(job.device),
    }
    files = {
        runs.PREDICTIONS: archive.getvalue(),
        RESULT: json_text(record).encode(),
        runs.TELEMETRY: json_text({"replicate": job.number, **trained.seconds}).encode(),
    }
    if job.keep_weights:
        with tempfile.TemporaryDirectory() as scratch:  # Keras writes weights to a path alone
            trained.model.save_weights(Path(scratch) / WEIGHTS)
            files[WEIGHTS] = (Path(scratch) / WEIGHTS).read_bytes()
    return files


def json_text(content: Any) -> str:
    """JSON as all files of a run have it. Raises ValueError on a number that is not finite."""
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


@contextlib.contextmanager
def full_disk_named(of_node: str = "") -> Iterator[None]:
    """Raise SuiteError on Python's or HDF5's error that a disk, a quota or a limit of files is full."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if getattr(error, "errno", None) not in FULL and not any(words in str(error) for words in FULL_WORDS):
            raise
        raise SuiteError(
            f"no space left in {tempfile.gettempdir()}{of_node}: free some, or start with TMPDIR set to a folder that "
            f"has ({' '.join(str(error).split())[:200]})"
        ) from None


def _work(job: Job) -> tuple[int, Files]:
    with full_disk_named():
        return job.number, train_files(job, load_images(), load_labels(), load_groups())
