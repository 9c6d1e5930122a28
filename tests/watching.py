"""Processes of a run in a scratch copy: starting it as a terminal would, finding its processes, and its results."""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.scratch import user_environment

PATIENCE = 300  # seconds until something that must happen is given up
KINDS = {  # by a word of the command line, or its start up to a semicolon
    "runner": "valgap",
    "dvc": "valgap.pipeline.child",
    "stage": "stages.train",
    "worker": "from multiprocessing.spawn import spawn_main",
}


def results(folder: Path) -> dict[str, str]:
    """sha256 of all that must be bit-identical: prepared data, predictions, models, tables, figures and dvc.lock."""
    tops = ("data/prepared", "runs", "reports")
    files = [path for top in tops for path in sorted((folder / top).rglob("*"))]
    files = [folder / "data/models.txt", folder / "dvc.lock", *files]
    files = [path for path in files if path.is_file() and path.name != "telemetry.json"]
    return {str(path.relative_to(folder)): hashlib.sha256(_content(path)).hexdigest() for path in files}


def _content(path: Path) -> bytes:
    """A file's bytes; of dvc.lock its entries, which stand in the order in which stages first ran."""
    if path.name == "dvc.lock":
        return json.dumps(yaml.safe_load(path.read_text()), sort_keys=True).encode()
    return path.read_bytes()


def start_repro(folder: Path, log: Path, **environment: str) -> "subprocess.Popen[bytes]":
    """`make repro` as the foreground group of a terminal: a signal to the group is Ctrl-C."""
    with log.open("wb") as output:
        return subprocess.Popen(
            ["python", "-m", "valgap", "repro"], cwd=folder, env=user_environment() | environment,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, process_group=0,
            preexec_fn=_heed_ctrl_c,
        )  # fmt: skip


def _heed_ctrl_c() -> None:
    """A shell has what it starts in the background ignore SIGINT, and these tests may be such."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def press_ctrl_c(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGINT)


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of `condition`. Raises AssertionError when there is none in time."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {PATIENCE} s")


def processes(folder: Path) -> list[psutil.Process]:
    """Every process that works in the folder, whoever its parent is by now. Dead ones that nobody reaped are none."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def of_kind(folder: Path, kind: str) -> list[psutil.Process]:
    """Those of one of KINDS."""
    asked = KINDS[kind]
    return [
        one for one in processes(folder) if any(word == asked or word.startswith(f"{asked};") for word in words(one))
    ]


def words(process: psutil.Process) -> list[str]:
    """Its command line; none when it has ended, which a process may do between being found and being asked."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def stored(folder: Path) -> int:
    """Replicates in the store."""
    return len(list((folder / ".replicates/done").glob("*")))
