"""Replicates as jobs: what a worker needs, the files that it gives back, and where it runs: here, or on a cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from valgap.compute import environment, placement, pool
from valgap.data.prepared import load_groups, load_images, load_labels
from valgap.ground.files import full_disk_named
from valgap.ground.params.experiment import Compute
from valgap.training.job import Files, Job, train_files
from valgap.training.tensorflow import start_tensorflow


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


class InProcess:
    """This process alone, one replicate after the other: TensorFlow and traced networks serve all cells that follow.

    On a CPU: for many cells of small networks, where starting a process costs more than training.
    """

    device = "cpu"

    def run(self, jobs: list[Job]) -> Iterator[tuple[int, Files]]:
        """As Backend says."""
        if jobs:
            start_tensorflow(self.device)
        for job in jobs:
            yield _work(job)


def open_backend(compute: Compute, files: Path) -> Backend:
    """The Ray cluster where an address is set, else this machine; `files` is `model.files`, which a cluster is sent.

    Raises SuiteError when the cluster cannot be used.
    """
    address = placement.address(compute)
    if address is None:
        return Local(compute)
    from valgap.compute.ray.apart import Apart

    return Apart(address, compute, files)


def _work(job: Job) -> tuple[int, Files]:
    with full_disk_named():
        return job.number, train_files(
            job, load_images(), load_labels(), load_groups(), environment.environment(job.device)
        )
