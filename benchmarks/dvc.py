"""DVC's commands, timed."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from valgap.ground.errors import SuiteError

LAST_WORDS = 2000  # characters


class Took(NamedTuple):
    """Wall seconds, processor seconds of DVC and its stages, and the exit status."""

    wall: float
    processor: float
    status: int


def dvc(folder: Path, *words: str, check: bool = True) -> Took:
    """Run a DVC command in a folder, with this interpreter's commands. Raises SuiteError when it fails, if `check`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        ["dvc", *words], cwd=folder, env=os.environ | {"PATH": path}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    wall, after = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
    if check and done.returncode:
        raise SuiteError(f"the benchmark's `dvc {' '.join(words)}` failed:\n{done.stdout[-LAST_WORDS:]}")
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.returncode)
