"""A budget that ends before the training does."""

import time
from pathlib import Path

import pytest

from valgap.pipeline import lockfile
from valgap.repro import account, command, side_by_side
from valgap.repro.display import LOG


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    LOG.parent.mkdir(parents=True)
    return tmp_path


def past() -> side_by_side.Terms:
    """Of a run that is over already."""
    return side_by_side.Terms(jobs=1, slots=[0], variables={}, deadline=time.monotonic() - 1)


def test_after_its_deadline_nothing_is_started_and_it_says_that_not_all_is_there(folder: Path) -> None:
    """A DVC that was started would fail here, as there is no repository."""
    assert side_by_side.run(["train@baseline-0"], 1, past(), [], str) is False


def test_without_cells_all_is_there_whatever_the_deadline(folder: Path) -> None:
    assert side_by_side.run([], 1, past(), [], str) is True


def outcome(monkeypatch: pytest.MonkeyPatch, cells: tuple[int, bool], seconds: float | None) -> list[str]:
    """What a run did: "report", on a part, or the words of DVC."""
    done: list[str] = []
    deadlines: list[float | None] = []

    def trained(*arguments: object) -> tuple[int, bool]:
        deadline = arguments[-1]
        deadlines.append(deadline if isinstance(deadline, float) else None)
        return cells

    def reported(_: float) -> int:
        done.append("report")
        return 0

    def ran(words: list[str], _: object) -> int:
        done.append(" ".join(words))
        return 0

    monkeypatch.setattr(command, "run_cells", trained)
    monkeypatch.setattr(command, "first_answer", reported)
    monkeypatch.setattr(command, "run_dvc", ran)
    monkeypatch.setattr(lockfile, "changed", lambda: False)
    monkeypatch.setattr(lockfile, "mend", str)
    monkeypatch.setattr(account, "take", lambda *_: type("Took", (), {"replicates": 0})())
    before = time.monotonic()
    assert command.run([], 2, seconds, before) == cells[0]
    if seconds is None:
        assert deadlines == [None]
    else:
        assert deadlines[0] == pytest.approx(before + seconds - command.REPORT_SECONDS)
    return done


@pytest.fixture
def workspace(folder: Path) -> Path:
    """With the shipped params.yaml."""
    (folder / "params.yaml").write_text((Path(__file__).parents[2] / "params.yaml").read_text())
    return folder


@pytest.mark.parametrize(
    ("cells", "seconds", "done"),
    [
        ((0, True), None, ["repro"]),
        ((0, True), 300.0, ["repro"]),  # the estimate was too careful: all was trained
        ((0, False), 300.0, ["report"]),
        ((1, False), 300.0, []),  # prepare or models failed
    ],
)
def test_where_time_was_up_what_there_is_is_reported(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, cells: tuple[int, bool], seconds: float | None, done: list[str]
) -> None:
    assert outcome(monkeypatch, cells, seconds) == done
