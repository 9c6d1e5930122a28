"""Worker processes, started from a user's own program."""

import subprocess
import sys
from pathlib import Path

import keras
import pytest

from tests.scratch import ROOT, user_environment
from valgap.compute.placement import Placement
from valgap.compute.pool import run_jobs

PROGRAM = """
import os, sys
from pathlib import Path
from valgap.compute.placement import Placement
from valgap.compute.pool import run_jobs

with Path("lines").open("a") as lines:
    lines.write("ran\\n")
main = sys.modules["__main__"]
placement = Placement("cpu", ("", ""), (0, 1))
pids = set(run_jobs(os.getpid, [(), ()], placement))
assert pids and os.getpid() not in pids
assert sys.modules["__main__"] is main
"""


def test_workers_do_not_run_the_program_again_whose_top_level_is_not_guarded(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = user_environment() | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lines").read_text() == "ran\n"


def test_workers_compute_in_tensorflow_whichever_backend_a_user_chose_for_keras(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert [*run_jobs(keras.backend.backend, [()], Placement("cpu", ("",), (0,)))] == ["tensorflow"]
