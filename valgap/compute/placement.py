"""Where training processes run on this machine: a slot is a core, or a share of a GPU. Imports no TensorFlow."""

import dataclasses
import os
from collections.abc import Mapping

from valgap.ground import host
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Compute

SHARE = "SUITE_SLOTS"  # environment variable: the slots left to this process, "0,2"; `make repro JOBS=` sets it
ADDRESS = "RAY_ADDRESS"
HIDDEN = "compute.device = gpu, but CUDA_VISIBLE_DEVICES hides every GPU: unset it, or set compute.device to cpu"
# Chosen, not measured: a small network waits for its kernels to be launched, and more processes fill the gaps; each
# holds its own CUDA context and weights, so that the memory of a GPU bounds them.
MOST_PER_GPU = 4


@dataclasses.dataclass(frozen=True)
class Placement:
    """`cpu` or `gpu`, and for each training process what its CUDA_VISIBLE_DEVICES is: empty hides every GPU.

    `numbers` are the slots' places among all of this machine, from 0, as SUITE_SLOTS lists them.
    """

    device: str
    slots: tuple[str, ...]
    numbers: tuple[int, ...]

    @property
    def first(self) -> "Placement":
        """The first slot alone, for work that is one process."""
        return Placement(self.device, self.slots[:1], self.numbers[:1])


def place(compute: Compute, environment: Mapping[str, str] = os.environ) -> Placement:
    """The slots of this machine that this process may use: a core each, or `per_gpu` on each GPU.

    At most `compute.workers` where that is not 0. Raises SuiteError when SUITE_SLOTS names others than there are.
    """
    device = host.device_kind(compute, environment)
    if device == "gpu":
        gpus = host.visible_gpus(environment)
        if not gpus:
            raise SuiteError(HIDDEN)
        # Round after round over the GPUs, so that a few processes spread over all.
        slots = gpus * replicates_per_gpu(compute, len(gpus), host.usable_cores())
    else:
        slots = ("",) * host.usable_cores()
    slots = slots[: compute.workers or None]
    numbers = _share(len(slots), environment.get(SHARE, ""))
    return Placement(device, tuple(slots[number] for number in numbers), numbers)


def replicates_per_gpu(compute: Compute, gpus: int, cores: int) -> int:
    """Training processes on each GPU: `compute.per_gpu`, or for 0 as many as have a core each, 4 at most."""
    return compute.per_gpu or min(MOST_PER_GPU, max(1, cores // max(gpus, 1)))


def address(compute: Compute, environment: Mapping[str, str] = os.environ) -> str | None:
    """Address of the Ray cluster that replicates go to, RAY_ADDRESS before `compute.address`; None for this machine."""
    return environment.get(ADDRESS) or compute.address


def explain(compute: Compute, environment: Mapping[str, str] = os.environ) -> str:
    """How many training processes run where, and what chose it, in half a line."""
    if cluster := address(compute, environment):
        return f"replicates go to the Ray cluster at {cluster}"
    gpus = host.visible_gpus(environment)
    if host.device_kind(compute, environment) == "gpu" and not gpus:
        return "no training process"
    placed = place(compute, environment)
    count = len(placed.slots)
    processes = f"{count} training process" + ("es" if count > 1 else "")
    limit = f", by compute.workers = {compute.workers}" if compute.workers == count else ""
    if placed.device == "cpu":
        return f"{processes}, one a core" + limit
    each = replicates_per_gpu(compute, len(gpus), host.usable_cores())
    chosen = "compute.per_gpu" if compute.per_gpu else "chosen; compute.per_gpu = 1 where GPU memory is short"
    return f"{processes} on {len(gpus)} GPU" + ("s" if len(gpus) > 1 else "") + f", {each} on each ({chosen})" + limit


def _share(count: int, share: str) -> tuple[int, ...]:
    """The numbers that `share` lists, in order, all of `count` where it is empty."""
    if not share:
        return tuple(range(count))
    words = share.split(",")
    if not all(word.isascii() and word.isdecimal() and int(word) < count for word in words):
        raise SuiteError(
            f"{SHARE} = {share!r} must list slots of 0 to {count - 1}, such as 0,1; unset it for all of them"
        )
    return tuple(sorted({int(word) for word in words}))
