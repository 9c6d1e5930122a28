"""A process that joins a cluster, and may be ended by Ray at any moment."""

import os
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from valgap.compute.ray import apart
from valgap.compute.ray.apart import Apart
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Compute

HERE = Compute(0, "cpu", 1, None)


def ends_after_one(parent: int, connection: Connection, *_: Any) -> None:
    connection.send((None, "cpu"))
    jobs = connection.recv()
    connection.send((None, (jobs[0], {"a": b"1"})))
    os._exit(1)  # as Ray does


def refuses(parent: int, connection: Connection, *_: Any) -> None:
    connection.send((SuiteError("no such cluster", key="compute.address"), None))


def answers_twice(parent: int, connection: Connection, *_: Any) -> None:
    connection.send((None, "gpu"))
    for _round in range(2):
        for job in connection.recv():
            connection.send((None, (job, {})))
        connection.send((None, None))


def test_what_has_finished_is_kept_and_the_end_is_told_where_ray_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apart, "_serve", ends_after_one)
    found = Apart("here:1", HERE, Path()).run([7, 8])  # type: ignore[list-item]
    assert next(found) == (7, {"a": b"1"})
    with pytest.raises(SuiteError, match=r"cluster at here:1 is gone, or was started anew.*`make repro` resumes"):
        next(found)


def test_a_refusal_comes_as_it_was_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_serve", refuses)
    with pytest.raises(SuiteError, match="no such cluster") as caught:
        Apart("here:1", HERE, Path())
    assert caught.value.key == "compute.address"


def test_a_backend_runs_one_list_of_jobs_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_serve", answers_twice)
    backend = Apart("here:1", HERE, Path())
    assert backend.device == "gpu"
    for jobs in ([1, 2], [3]):
        assert [number for number, _ in backend.run(jobs)] == jobs  # type: ignore[arg-type]
    left = backend.run([4])  # type: ignore[list-item]
    with pytest.raises(SuiteError):  # the process has ended
        next(left)
