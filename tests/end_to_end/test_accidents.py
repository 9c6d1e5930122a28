"""What befalls a run on people's machines: it is killed, stopped, out of disk, run twice, or in an odd environment.

Half-written output never passes for a result, nothing that was there is lost, and the same command then gives the same
bytes.
"""

import fcntl
import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scratch import run, user_environment
from tests.toys import Toys, two_variants

pytestmark = pytest.mark.slow

STAGES = ("prepare", "evaluate", "diagnose", "report")
WRITTEN = ("data/prepared", "reports", "runs")
MOMENTS = (0.2, 1.0, 1.8, 2.6, 3.4)  # seconds after the start; a stage takes 2 to 6


@pytest.fixture(scope="module")
def project(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch copy after one full run of two variants. Whatever a test does, its results are the same afterwards."""
    return toys.copy(two_variants, tmp_path_factory.mktemp("project"))


def results(folder: Path) -> dict[str, str]:
    """sha256 of every result."""
    files = [path for name in WRITTEN for path in (folder / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def start(
    folder: Path, *words: str, limits: Callable[[], object] | None = None, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a module with its arguments, in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *words], cwd=folder, env=user_environment() | (environment or {}), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limits,
    )  # fmt: skip


def ended(process: subprocess.Popen[str], status: int = 0) -> str:
    """Its output, after its end."""
    output, _ = process.communicate(timeout=600)
    assert process.returncode == status, output
    return output


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock."""
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_stage_leaves_what_was_there_and_runs_again_to_the_same_bytes(project: Path, stage: str) -> None:
    before = results(project)
    for moment in MOMENTS:
        process = start(project, f"stages.{stage}")
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        after = results(project)
        whole = {name: digest for name, digest in after.items() if ".partial" not in name}
        assert whole == before, f"killed after {moment} s"
    ended(start(project, f"stages.{stage}"))
    assert results(project) == before  # nor is anything partial left


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_without_room_says_what_it_cannot_write_and_leaves_what_was_there(project: Path, stage: str) -> None:
    """A file may not be larger than 1 kB: what a full disk does, wherever it happens."""
    before = results(project)

    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    output = ended(start(project, f"stages.{stage}", limits=no_room, environment={"PYTHONDONTWRITEBYTECODE": "1"}), 1)
    assert "cannot write" in output
    assert "Traceback" not in output
    assert results(project) == before


def test_a_stopped_stage_goes_on_where_it_was(project: Path) -> None:
    before = results(project)
    process = start(project, "stages.report")
    for _ in range(5):
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGCONT)
    ended(process)
    assert results(project) == before


def test_of_two_runs_at_once_the_second_is_refused_and_the_first_not_disturbed(project: Path) -> None:
    before = results(project)
    first = start(project, "valgap", "repro", "--", "--force", "report")
    while not is_locked(project / ".dvc/tmp/workspace.lock"):
        assert first.poll() is None, ended(first)
        time.sleep(0.05)
    assert "another `make repro` runs in this folder" in ended(start(project, "valgap", "plan"), 1)
    ended(first)
    assert results(project) == before
    assert run(project, "dvc", "status").stdout.strip().endswith("up to date.")


@pytest.mark.parametrize(
    "environment",
    [{"HOME": "/proc/nobody"}, {"TMPDIR": "/no/such/folder"}, {"LC_ALL": "C"}, {"TZ": "Pacific/Kiritimati"}],
    ids=str,
)
def test_an_odd_environment_changes_nothing(project: Path, environment: dict[str, str]) -> None:
    before = results(project)
    for stage in ("evaluate", "report"):
        ended(start(project, f"stages.{stage}", environment=environment))
    assert results(project) == before
    assert "dvc.lock belongs to dvc.yaml" in ended(start(project, "valgap", "fresh", environment=environment))


def test_files_that_only_their_owner_may_read_are_the_same_files(project: Path) -> None:
    before = results(project)
    for stage in STAGES:
        ended(start(project, f"stages.{stage}", limits=lambda: os.umask(0o077)))
    assert results(project) == before
    assert (project / "reports/results.csv").stat().st_mode & 0o077 == 0
    ended(start(project, "stages.report"))
    assert results(project) == before


def test_a_clock_that_was_ahead_makes_nothing_stale(project: Path) -> None:
    """Files of tomorrow, as a clock leaves them that jumps back."""
    before, tomorrow = results(project), time.time() + 86_400
    for path in project.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".git/" not in str(path):
            os.utime(path, (tomorrow, tomorrow))
    assert run(project, "dvc", "status").stdout.strip().endswith("up to date.")
    assert "didn't change" in run(project, "dvc", "repro").stdout
    ended(start(project, "stages.report"))
    assert results(project) == before
