"""DVC's commands, timed."""

import resource
import time
from pathlib import Path
from typing import NamedTuple

from valgap.ground.errors import SuiteError
from valgap.pipeline import processes

LAST_WORDS = 2000  # characters


class Took(NamedTuple):
    """Wall seconds, processor seconds of DVC and its stages, and the exit status."""

    wall: float
    processor: float
    status: int


def dvc(folder: Path, *words: str, check: bool = True) -> Took:
    """Run a DVC command in a folder, with this interpreter's commands. Raises SuiteError when it fails, if `check`."""
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    status, text = processes.output(["dvc", *words], folder)
    wall, after = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
    if check and status:
        raise SuiteError(f"the benchmark's `dvc {' '.join(words)}` failed:\n{text[-LAST_WORDS:]}")
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, status)
