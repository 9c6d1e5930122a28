"""Who takes part: groups of processes, and the contestants that they train for."""

import dataclasses
import os
import subprocess
import sys

from benchmarks.networks import HALF, NETWORKS
from valgap.ground.errors import SuiteError

ROOM = "benchmarks"
SINGLE = "stock_each"  # the group of one-thread processes, which also measure matrix products
MEGABYTES = 1500  # of memory that a process is allowed for, before any is started


@dataclasses.dataclass(frozen=True)
class Group:
    """Like processes that stay for the whole benchmark. `words` run a module of this room, `threads` are as shown."""

    words: tuple[str, ...]
    processes: int
    threads: str


@dataclasses.dataclass(frozen=True)
class Contestant:
    """One line of the table: what the processes of a group are told to do, all at once."""

    title: str
    group: str
    mode: str


CONTESTANTS = {
    "generator": Contestant("(a) the source's recipe: Keras `fit` on `ImageDataGenerator`", "stock", "generator"),
    "arrays": Contestant("(b) stock Keras `fit` on arrays", "stock", "arrays"),
    "arrays_each": Contestant("(b2) the same, a process a core", SINGLE, "arrays"),
    "torch": Contestant("(c) PyTorch, channels last, fused Adam", "torch", "plain"),
    "torch_each": Contestant("(c) the same, a process a core", "torch_each", "plain"),
    "suite": Contestant("(d) this suite", "suite", "plain"),
    "suite_augmented": Contestant("(d) this suite, with the source's augmentation", "suite", "augmented"),
}
PYTORCH = ("torch", "torch_each")
STOCK = ("arrays", "arrays_each")


def groups(folder: str, cores: int, torch: str | None) -> dict[str, Group]:
    """Every group by name; those of PyTorch only where `torch`, an interpreter that has it, is given."""
    here = sys.executable

    def module(interpreter: str, name: str, *words: str) -> tuple[str, ...]:
        return (interpreter, "-m", f"{ROOM}.{name}", *words)

    found = {
        "stock": Group(module(here, "stock", folder, "0"), 1, "stock"),
        SINGLE: Group(module(here, "stock", folder, "1"), cores, "1"),
        "suite": Group(module(here, "suite_training", folder), cores, "1"),
    }
    if torch:
        found["torch"] = Group(module(torch, "torch_training", folder, str(cores)), 1, str(cores))
        found["torch_each"] = Group(module(torch, "torch_training", folder, "1"), cores, "1")
    return found


def contestants(torch: str | None) -> dict[str, Contestant]:
    """Those that take part."""
    return {name: one for name, one in CONTESTANTS.items() if torch or name not in PYTORCH}


def of_networks(torch: str | None, half: bool) -> dict[str, Contestant]:
    """Who trains each of networks.py, by `<network>/<contestant>`: stock `fit`, PyTorch and this suite.

    Where `half`, this suite in bfloat16 too.
    """
    found = {}
    for network, asked in NETWORKS.items():
        for name, one in contestants(torch).items():
            if name in (*STOCK, *PYTORCH, "suite"):
                found[f"{network}/{name}"] = Contestant(f"{asked.title}: {one.title}", one.group, network)
        if half:
            found[f"{network}/{HALF}"] = Contestant(f"{asked.title}: bfloat16", "suite", f"{network}/{HALF}")
    return found


def find_torch(interpreter: str) -> str | None:
    """The interpreter when it can import PyTorch and NumPy; None for this one when it cannot.

    `interpreter` is empty for this one. Raises SuiteError when one is named that does not start or has no PyTorch.
    """
    chosen = interpreter or sys.executable
    try:
        done = subprocess.run([chosen, "-c", "import numpy, torch"], text=True, capture_output=True)
    except OSError as error:
        raise SuiteError(f"TORCH = {interpreter} does not start: {error}; name a Python interpreter") from None
    if done.returncode == 0:
        return chosen
    if interpreter:
        last = (done.stderr.strip().splitlines() or ["no word of why"])[-1]
        raise SuiteError(f"TORCH = {interpreter} cannot import torch and numpy ({last}): install them there")
    return None


def environment() -> dict[str, str]:
    """The children's: nothing of it tunes TensorFlow, Keras or PyTorch, no GPU is seen, and NumPy has one thread."""
    tuned = ("TF_", "KERAS_", "XLA_", "OMP_", "MKL_", "KMP_", "TORCH", "PYTORCH_", "GOMP_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(tuned)}
    return kept | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "OPENBLAS_NUM_THREADS": "1"}


def check_memory(started: dict[str, Group], available: int) -> None:
    """Raise SuiteError where the groups' processes would not fit into `available` bytes."""
    processes = sum(group.processes for group in started.values())
    needed = processes * MEGABYTES / 1000
    if needed > available / 1e9:
        raise SuiteError(
            f"{processes} processes need about {needed:.0f} GB of memory, {available / 1e9:.1f} are free: "
            "benchmark fewer cores, such as `taskset -c 0-3 make bench`"
        )
