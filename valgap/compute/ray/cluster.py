"""Runs replicates on an existing Ray cluster: Ray's scheduler, object store and retries do the work.

Reads the prepared arrays, which Ray shares out once a process; writes nothing. A node needs the locked packages alone.
docs/cluster.md says what happens when.
"""

import contextlib
import importlib
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valgap.compute.placement import replicates_per_gpu
from valgap.compute.ray import joining, node, shards
from valgap.data.prepared import load_groups, load_images, load_labels
from valgap.ground.calls import call
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Compute

if TYPE_CHECKING:
    from valgap.training.job import Files, Job

RETRIES = 3  # of a replicate whose process or node is lost; Ray's own default
POLL_SECONDS = 5.0
PATIENCE_SECONDS = 20.0  # without a head, or a node that can run a replicate, before the run gives up
CHECK_SECONDS = 300.0  # for all nodes to unpack the code and look at their packages
RESUME = f"finished replicates are kept, {call('repro')} resumes"
ERRORS = {  # of ray.exceptions, the most special first: what it means, what to do
    "OutOfMemoryError": ("a node ran out of memory", "start it with fewer --num-cpus, or set compute.per_gpu to 1"),
    "OutOfDiskError": ("a node's disk is full", "free some, or start it with --temp-dir on another"),
    "ObjectStoreFullError": (
        "the object store is full",
        "start nodes with a larger --object-store-memory, and containers with --shm-size",
    ),
    "RuntimeEnvSetupError": ("a node could not unpack the training code", "free space in its --temp-dir"),
    "NodeDiedError": (f"nodes were lost {RETRIES + 1} times", "see why they end"),
    "WorkerCrashedError": (f"training processes were lost {RETRIES + 1} times", "see whether memory is short there"),
    "ObjectLostError": ("data was lost with a node", "see why it ended"),
    "TaskCancelledError": ("a replicate was cancelled from outside", "ask who did"),
    "RayError": ("the connection to the cluster is lost", "start it again where it ended"),
}


class Cluster:
    """An existing Ray cluster, joined by this process. `device`, cpu or gpu, is where replicates run."""

    def __init__(self, address: str, compute: Compute, files: Path) -> None:
        """Connect, and send the training code and `files`, which is model.files.

        Raises SuiteError where Ray is not installed, no cluster answers, or no node can run a replicate.
        """
        self._address, self._limit = address, compute.workers
        self._wanted = node.expected(files)
        self._ray = joining.connect(address, files)
        self._head = str(self._ray.get_runtime_context().gcs_address)
        self._joined, self._well = self._cluster_id(), time.monotonic()
        with self._worded():
            gpus = sum(one["Resources"].get("GPU", 0) for one in self._nodes(0))
            self.device = "gpu" if compute.device == "gpu" or (compute.device == "auto" and gpus >= 1) else "cpu"
            self._share = gpu_share(compute, self._nodes(1)) if self.device == "gpu" else 0.0
            if not self._nodes(self._share):
                raise SuiteError(self._unable())

    def run(self, jobs: "list[Job]") -> "Iterator[tuple[int, Files]]":
        """Yield each job's replicate number and files as it finishes, in any order; at most compute.workers at once.

        Ray repeats a job whose process or node is lost. On another failure what else has finished is yielded, the
        rest cancelled, and a SuiteError raised; and before anything is trained where a node has other packages,
        another lock file or other code than this working tree.
        """
        ray = self._ray
        with self._worded():
            if jobs:
                self._refuse_nodes()
            images, stores = load_images(), [one["Resources"]["object_store_memory"] for one in self._nodes(0)]
            shared = [shards.put(ray, images, stores), ray.put(load_labels()), ray.put(load_groups())]
            wanted = ray.put(self._wanted)
            train = ray.remote(num_cpus=1, num_gpus=self._share, max_retries=RETRIES)(node.train)
            waiting, self._well = jobs[::-1], time.monotonic()
            running: set[Any] = set()
            try:
                while waiting or running:
                    while waiting and len(running) < (self._limit or len(jobs)):
                        running.add(train.remote(wanted, waiting.pop(), *shared))
                    failure = None
                    for reference in self._finished(list(running)):
                        running.remove(reference)
                        try:
                            yield ray.get(reference)
                        except ray.exceptions.RayError as error:
                            failure = error
                    if failure is not None:
                        raise failure
            finally:
                if running and self._head_is_there():
                    for reference in running:
                        ray.cancel(reference, force=True)

    def _finished(self, references: list[Any]) -> list[Any]:
        """References of the jobs that have finished, at least one.

        Raises SuiteError when for PATIENCE_SECONDS the head or every node that could run a replicate was away.
        """
        ready: list[Any] = []
        while not ready:
            there = self._head_is_there()
            if there and self._nodes(self._share):
                self._well = time.monotonic()
            elif time.monotonic() > self._well + PATIENCE_SECONDS:
                gone = (
                    f"the head of the Ray cluster at {self._head} is gone, or was started anew: start it and then the "
                    "other nodes again"
                )
                raise SuiteError(f"{self._unable() if there else gone}; {RESUME}")
            ready, _ = self._ray.wait(references, timeout=POLL_SECONDS)
        return self._ray.wait(references, num_returns=len(references), timeout=0)[0]

    def _head_is_there(self) -> bool:
        """Whether the head that was joined answers. Asked otherwise where it does not, Ray ends this process."""
        return joining.answers(self._head) and self._cluster_id() == self._joined

    def _cluster_id(self) -> str:
        return str(importlib.import_module("ray._raylet").GcsClient(address=self._head).cluster_id.hex())

    def _nodes(self, gpus: float) -> list[dict[str, Any]]:
        """Alive nodes with a CPU and so many GPUs, free or not."""
        alive = [one for one in self._ray.nodes() if one["Alive"]]
        return [one for one in alive if one["Resources"].get("CPU", 0) >= 1 and one["Resources"].get("GPU", 0) >= gpus]

    def _unable(self) -> str:
        alive = [one["Resources"] for one in self._ray.nodes() if one["Alive"]]
        cpus, gpus = (sum(resources.get(kind, 0) for resources in alive) for kind in ("CPU", "GPU"))
        cure = "start a node with both, or set compute.device to cpu" if self._share else "start a node with --num-cpus"
        needs = "a CPU and a GPU on one node" if self._share else "a CPU"
        return (
            f"the Ray cluster at {self._address} has {cpus:g} CPUs and {gpus:g} GPUs, on {len(alive)} node(s); a "
            f"replicate needs {needs}: {cure}"
        )

    def _refuse_nodes(self) -> None:
        """Raise SuiteError naming each node that would make other numbers, or on which Ray starts no process."""
        ray = self._ray
        on = importlib.import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
        look = ray.remote(num_cpus=0, max_retries=0)(node.differences)
        looks = {
            look.options(scheduling_strategy=on(one["NodeID"], soft=False)).remote(self._wanted): one
            for one in self._nodes(self._share)
        }
        ray.wait(list(looks), num_returns=len(looks), timeout=CHECK_SECONDS)
        refused = []
        for reference, one in looks.items():
            try:
                found = ray.get(reference, timeout=0)
            except ray.exceptions.GetTimeoutError:
                found = [f"it did not answer in {CHECK_SECONDS:.0f} s"]
            except (ray.exceptions.TaskUnschedulableError, ray.exceptions.NodeDiedError):
                found = []  # it has ended, which Ray learns after some seconds
            except ray.exceptions.RayError as error:
                found = [self._meaning(error)]
            if found:
                refused.append(f"  node {one['NodeManagerAddress']} ({one['NodeID'][:8]}): {'; '.join(found)}\n")
        if refused:
            raise SuiteError(
                f"nothing was trained, for these of the Ray cluster's {len(looks)} nodes cannot stand in for this "
                f"machine:\n{''.join(refused)}end them, or {node.CURE}"
            )

    @contextlib.contextmanager
    def _worded(self) -> Iterator[None]:
        try:
            yield
        except (self._ray.exceptions.RayError, ConnectionError) as error:
            raise self._suite_error(error) from None

    def _suite_error(self, error: Exception) -> Exception:
        """What the user reads of an error of Ray's. What the training code raised unworded is returned as it is."""
        if isinstance(error, self._ray.exceptions.RayTaskError):
            return SuiteError(str(error.cause)) if isinstance(error.cause, SuiteError) else error
        return SuiteError(f"the Ray cluster at {self._address}: {self._meaning(error)}; {RESUME}")

    def _meaning(self, error: Exception) -> str:
        kinds = [name for name in ERRORS if isinstance(error, getattr(self._ray.exceptions, name))] or ["RayError"]
        meaning, cure = ERRORS[kinds[0]]
        return f"{meaning}: {cure} (Ray: {joining.brief(error)})"


def gpu_share(compute: Compute, nodes: list[dict[str, Any]]) -> float:
    """Part of a GPU that a replicate asks for: one by the number that share it, rounded down to Ray's 1/10,000.

    `nodes` are those of ray.nodes() that have GPUs; without any it is 1.
    """
    gpus, cores = (int(sum(one["Resources"][kind] for one in nodes)) for kind in ("GPU", "CPU"))
    return math.floor(1e4 / replicates_per_gpu(compute, gpus, cores)) / 1e4 if gpus else 1.0
