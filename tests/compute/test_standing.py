"""Processes that stand ready for the cells of a run."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from valgap.compute import standing
from valgap.compute.placement import Placement
from valgap.compute.standing import ADDRESS, Workers, code_of
from valgap.ground.errors import SuiteError


def pid_after(seconds: float) -> int:
    time.sleep(seconds)
    print("said by a process")
    return os.getpid()


def refuse(what: str) -> None:
    raise SuiteError(f"no {what}")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text("WIDTH = 1\n")
    return tmp_path / "net.py"


@pytest.fixture
def workers(tmp_path: Path, files: Path) -> Iterator[Workers]:
    with Workers(Placement("cpu", ("", ""), (0, 2)), files, tmp_path / "workers.log") as found:
        yield found


def test_a_slot_is_one_process_for_all_that_ask(workers: Workers, files: Path, tmp_path: Path) -> None:
    stages = [standing.standing(files, workers.variables) for _ in range(3)]
    with ThreadPoolExecutor(6) as threads:
        found = [threads.submit(stage.run, pid_after, 0.2) for stage in stages * 2 if stage]
        pids = [each.result() for each in found]
    assert len(pids) == 6
    assert len(set(pids)) == 2
    assert os.getpid() not in pids
    assert (tmp_path / "workers.log").read_text().count("said by a process") == 6


def test_what_a_job_raises_is_raised(workers: Workers, files: Path) -> None:
    asked = standing.standing(files, workers.variables)
    assert asked
    with pytest.raises(SuiteError, match="no images"):
        asked.run(refuse, "images")
    assert asked.run(pid_after, 0.0) > 0, "the process lives on"


def test_processes_that_hold_other_code_are_not_used(workers: Workers, files: Path) -> None:
    assert standing.standing(files, workers.variables)
    files.write_text("WIDTH = 2\n")
    assert standing.standing(files, workers.variables) is None
    files.write_text("WIDTH = 1\n")
    assert standing.standing(files, workers.variables)


def test_processes_of_another_workspace_are_not_used(
    workers: Workers, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_of(files)
    monkeypatch.chdir(tmp_path)
    assert code_of(files) != before
    assert standing.standing(files, workers.variables) is None


def test_without_a_run_there_are_none(files: Path) -> None:
    assert standing.standing(files, {}) is None


def test_an_address_that_is_none_is_refused_by_name(files: Path) -> None:
    with pytest.raises(SuiteError, match=f"{ADDRESS} = 'yes' is for a run to set: unset it"):
        standing.standing(files, {ADDRESS: "yes"})


def test_a_killed_process_is_an_error_that_says_so(workers: Workers, files: Path) -> None:
    asked = standing.standing(files, workers.variables)
    assert asked
    for pid in {asked.run(pid_after, 0.0) for _ in range(8)}:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(SuiteError, match="was killed, perhaps for want of memory"):
        asked.run(pid_after, 0.0)


def test_afterwards_they_are_gone_and_that_is_said(files: Path, tmp_path: Path) -> None:
    with Workers(Placement("cpu", ("",), (0,)), files, tmp_path / "log") as workers:
        asked = standing.standing(files, workers.variables)
        assert asked
        pid = asked.run(pid_after, 0.0)
    with pytest.raises(SuiteError, match="are gone: run it again"):
        asked.run(pid_after, 0.0)
    assert standing.standing(files, workers.variables) is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_another_key_opens_nothing(workers: Workers, files: Path) -> None:
    socket, _, key = workers.variables[ADDRESS].rpartition(":")
    assert standing.standing(files, {ADDRESS: f"{socket}:{'0' * len(key)}"}) is None
    assert standing.standing(files, workers.variables), "which does not end them"


def test_no_socket_is_no_hindrance(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's path has room for some 107 bytes."""
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with Workers(Placement("cpu", ("",), (0,)), files, tmp_path / "log") as workers:
        assert workers.variables == {}
