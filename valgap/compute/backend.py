"""Replicates as jobs: what a worker needs, the files that it gives back, and where it runs: here, or on a cluster."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Protocol

from valgap.compute import placement, pool
from valgap.compute.standing import Standing, standing
from valgap.compute.work import train
from valgap.ground.params.experiment import Compute
from valgap.training.job import Files, Job
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
        yield from pool.run_jobs(train, [(job,) for job in jobs], self.placement)


class OnStanding:
    """Processes of this machine that stand ready, for other cells too: a replicate runs in the next that is free."""

    def __init__(self, processes: Standing, device: str) -> None:
        self._processes, self.device = processes, device

    def run(self, jobs: list[Job]) -> Iterator[tuple[int, Files]]:
        """As Backend says."""
        if not jobs:
            return
        threads = ThreadPoolExecutor(len(jobs))  # which wait
        try:
            for future in as_completed([threads.submit(self._processes.run, train, job) for job in jobs]):
                yield future.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


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
            yield train(job)


def open_backend(compute: Compute, files: Path) -> Backend:
    """The Ray cluster where an address is set, else processes of this machine that stand ready, else new ones.

    `files` is `model.files`, which a cluster is sent. Raises SuiteError when the cluster cannot be used.
    """
    address = placement.address(compute)
    if address is None:
        processes = standing(files)
        return OnStanding(processes, placement.place(compute).device) if processes else Local(compute)
    from valgap.compute.ray.apart import Apart

    return Apart(address, compute, files)
