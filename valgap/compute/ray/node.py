"""What a node of a Ray cluster does: show that it would make the same numbers, and train replicates.

Runs in a copy of the training code that Ray unpacked there; reads nothing else and writes nothing but temporary files.
"""

import dataclasses
import functools
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from valgap.compute import environment, store
from valgap.compute.ray.shards import Shards, on_node
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.training.tensorflow import start_tensorflow

if TYPE_CHECKING:
    from valgap.training.job import Files, Job

CURE = "start them from the same image, or after `make setup-ray` on the same commit"


@dataclasses.dataclass(frozen=True)
class Expected:
    """What every node must have: the name and text of the training lock, digests of the code and of model.files."""

    lock: str
    lock_text: str
    code: str
    files_digest: str
    files: str


def expected(files: Path) -> Expected:
    """What this working tree expects of a node. Raises SuiteError where the training lock cannot be read."""
    return Expected(paths.TRAINING_LOCK.name, environment.lock_text(), *_digests(files), files.as_posix())


def differences(wanted: Expected) -> list[str]:
    """What of this node is not as expected: its lock file's name, its packages, the code that it runs."""
    found = []
    if paths.TRAINING_LOCK.name != wanted.lock:
        found.append(f"its environment is that of {paths.TRAINING_LOCK.name}, not of {wanted.lock}")
    found += environment.differences(wanted.lock_text, wanted.lock)
    code, files = _digests(Path(wanted.files))
    if not paths.PACKAGE.is_relative_to(Path.cwd().resolve()):
        found.append(f"it would run the code in {paths.PACKAGE}, which its PYTHONPATH may name")
    elif code != wanted.code:
        found.append("Ray unpacked other training code there")
    if files != wanted.files_digest:
        found.append(f"Ray unpacked other files in model.files = {wanted.files}")
    return found


def train(
    wanted: Expected, job: "Job", images: np.ndarray | Shards, labels: np.ndarray, groups: np.ndarray
) -> "tuple[int, Files]":
    """Train one replicate; return its number and its files by name.

    Raises SuiteError on a node that is not as expected, on a full disk, and as training does.
    """
    _refuse_difference(wanted)
    start_tensorflow(job.device)
    from valgap.ground.files import full_disk_named
    from valgap.training.job import train_files

    with full_disk_named(f" of {where()}"):
        return job.number, train_files(job, on_node(images), labels, groups, environment.environment(job.device))


@functools.cache
def _refuse_difference(wanted: Expected) -> None:
    """Once a process: nodes may have joined after the others were looked at."""
    if found := differences(wanted):
        raise SuiteError(f"{where()} would make other numbers: {'; '.join(found)}; end it, or {CURE}")


def where() -> str:
    """This node's address and the start of its id, as an error names it."""
    ray = importlib.import_module("ray")
    return f"node {ray.util.get_node_ip_address()} ({ray.get_runtime_context().get_node_id()[:8]})"


def _digests(files: Path) -> tuple[str, str]:
    return store.code_digest(paths.TRAINING_CODE), store.code_digest(files, "*")
