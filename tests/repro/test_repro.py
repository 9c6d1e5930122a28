"""`make repro`, serial and with JOBS: the same bits, slots kept, faults survived. Real runs at toy scale."""

import json
import os
import resource
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from tests.scratch import TOY, copy_repository, read_params, run, user_environment, write_params
from tests.toys import Toys
from tests.watching import PATIENCE, of_kind, press_ctrl_c, processes, results, start_repro, stored, wait_for
from valgap.compute.progress import FILE, Progress
from valgap.ground.lifetime import PARENT
from valgap.pipeline import dvc, lockfile
from valgap.repro import account, command
from valgap.repro.display import PROGRESS, Display, stage_of
from valgap.repro.sharing import batch_size, slots_of_next
from valgap.results.record import read_telemetry

VARIANTS = ["baseline", "dropout", "l2"]
LOCK = """schema: '2.0'
stages:
  train@b-0:
    cmd: x
  prepare:
    cmd:
    - y
  gone@c-0:
    cmd: z
"""


def make_prepared(folder: Path) -> None:
    """A scratch copy of three cells, with everything before training, and two workers on whatever machine."""
    copy_repository(folder, TOY | {"compute": {"workers": 2}}, VARIANTS)
    run(folder, "env", "BUDGET=0.001m", "python", "-m", "valgap", "repro", check=False)  # prepares, probes, refuses
    run(folder, "dvc", "repro", "-q", "models")


@pytest.fixture
def folder(toys: Toys, tmp_path: Path) -> Path:
    return toys.copy(make_prepared, tmp_path / "copy")


@pytest.fixture(scope="module")
def reference(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Results of the undisturbed serial run."""
    folder = toys.copy(make_prepared, tmp_path_factory.mktemp("reference"))
    done = run(folder, "env", "JOBS=1", "python", "-m", "valgap", "repro").stdout
    assert "6 replicates of 3 cells trained in " in done
    assert json.loads((folder / account.LAST_RUN).read_text())["jobs"] == 1
    found = results(folder)
    assert {"dvc.lock", "runs/l2/0/predictions.npz", "reports/report.md", "reports/report.html"} <= set(found)
    return found


@pytest.mark.slow
def test_side_by_side_gives_the_bits_of_one_after_another_on_two_slots(
    folder: Path, tmp_path: Path, reference: dict[str, str]
) -> None:
    """Besides, a pid of the rwlock that is another process's by now, here this one's, does not block it."""
    busy = {"write": {str(folder / "runs"): {"pid": os.getpid(), "cmd": "dvc repro"}}}
    (folder / ".dvc/tmp/rwlock").write_text(json.dumps(busy))
    log, most = tmp_path / "log", {"stage": 0, "worker": 0}
    process = start_repro(folder, log, JOBS="2")
    while process.poll() is None:
        most = {kind: max(number, len(of_kind(folder, kind))) for kind, number in most.items()}
        time.sleep(0.1)
    text = log.read_text()
    assert process.returncode == 0, text
    assert most == {"stage": 2, "worker": 2}
    assert "3 cells, 6 replicates\n" in text
    assert "\n6/6 replicates, " in text
    assert "Running stage 'train@" not in text  # neither side by side, where the bar stands for it, nor at the end
    assert text.count("Stage 'train@") == 3  # the closing `dvc repro` finds them done
    assert results(folder) == reference
    last = json.loads((folder / account.LAST_RUN).read_text())
    assert (last["jobs"], last["slots"], last["replicates"], last["cells"]) == (2, 2, 6, 3)
    assert 0 < last["training_seconds"] < last["seconds"] * 2
    assert len(read_telemetry(folder / "runs/l2/0")) == 2
    assert "Data and pipelines are up to date" in run(folder, "dvc", "repro").stdout
    again = run(folder, "env", "JOBS=2", "python", "-m", "valgap", "repro").stdout
    assert "up to date" in again
    assert "trained" not in again


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))  # less than the weights of a network


@pytest.mark.slow
def test_whatever_ends_a_run_the_next_one_resumes_to_the_same_bits(
    folder: Path, tmp_path: Path, reference: dict[str, str]
) -> None:
    """A disk that takes no more, Ctrl-C, kill -9 of the runner, a dvc.lock cut short, an altered replicate."""
    full = subprocess.run(
        ["python", "-m", "valgap", "repro"], cwd=folder, env=user_environment() | {"JOBS": "2"}, preexec_fn=limit_files,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert full.returncode == 1, full.stdout
    assert "error: no space left in " in full.stdout
    assert "`make repro` resumes" in full.stdout
    assert "Traceback" not in full.stdout
    assert not list(folder.glob("runs/*/*"))
    assert not list((folder / ".replicates/partial").iterdir())
    assert processes(folder) == []

    log = tmp_path / "log"
    process = start_repro(folder, log, JOBS="2")
    before = stored(folder)
    wait_for(lambda: stored(folder) > before or process.poll() is not None, "a finished replicate")
    press_ctrl_c(process)
    assert process.wait(PATIENCE) == 130, log.read_text()
    assert processes(folder) == []
    assert "finished replicates are kept, `make repro` resumes" in log.read_text()
    assert "Traceback" not in log.read_text()
    kept = stored(folder)
    assert 1 <= kept < 6

    process = start_repro(folder, log, JOBS="2")
    wait_for(lambda: of_kind(folder, "worker") or process.poll() is not None, "training")
    process.kill()
    process.wait()
    wait_for(lambda: not processes(folder), "the end of every process of a killed run")

    altered = next((folder / ".replicates/done").iterdir()) / "predictions.npz"
    altered.write_bytes(altered.read_bytes()[:-1] + b"?")
    whole = (folder / "dvc.lock").read_text()
    (folder / "dvc.lock").write_text(whole[: len(whole) - 7])
    (folder / ".dvc/tmp/rwlock").write_text('{"trunc')
    done = run(folder, "env", "JOBS=2", "python", "-m", "valgap", "repro").stdout
    assert "dvc.lock was cut short when DVC was killed: put back as before" in done
    assert results(folder) == reference
    assert stored(folder) == 6


def test_a_failing_cell_ends_the_run_with_its_own_words(folder: Path) -> None:
    params = read_params(folder)
    params["variants"]["dropout"] = {"learning_rate": 1e38}
    write_params(folder, params)
    done = run(folder, "env", "JOBS=2", "BUDGET=9h", "python", "-m", "valgap", "repro", check=False)
    assert done.returncode == 1
    assert "train@dropout-0:\n  " in done.stdout
    assert "  error: variant dropout, replicate " in done.stdout
    assert "lower train.learning_rate" in done.stdout
    assert "\nerror: train@dropout-0 failed; finished replicates are kept, `make repro` resumes" in done.stdout
    assert "Traceback" not in done.stdout
    assert "evaluate" not in done.stdout
    assert not (folder / "runs/l2").exists()  # no further cell is started
    assert processes(folder) == []
    log = (folder / ".dvc/tmp/side_by_side.log").read_text()
    assert "train@dropout-0: ERROR: failed to reproduce 'train@dropout-0'" in log


def test_a_stage_whose_dvc_died_before_it_looked_does_not_train(folder: Path) -> None:
    """Imports take a second, in which DVC and the runner can be killed: the stage then has another parent."""
    other = str(psutil.Process().ppid())
    done = run(folder, "env", f"{PARENT}={other}", "python", "-m", "stages.train", "baseline", "0", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert stored(folder) == 0


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_other_numbers_of_jobs_are_refused_by_name(text: str) -> None:
    done = CliRunner().invoke(command.command, [], env={"JOBS": text})
    assert done.exit_code == 2
    assert "'--jobs' (env var: 'JOBS')" in done.output


def test_jobs_are_at_most_the_slots(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.jobs_allowed(2, [0, 1]) == 2
    assert command.jobs_allowed(64, None) == 64  # a cluster's slots are its own business
    assert capsys.readouterr().out == ""
    assert command.jobs_allowed(3, [0, 2]) == 2
    assert "JOBS=3: slots for training here" in capsys.readouterr().out


def test_jobs_and_targets_do_not_go_together(folder: Path) -> None:
    done = run(folder, "env", "JOBS=2", "python", "-m", "valgap", "repro", "prepare", check=False)
    assert done.returncode == 1
    assert "error: --jobs 2 brings everything up to date: give no arguments to DVC, received 'prepare'" in done.stdout


def test_batches_shrink_and_cover_all_cells() -> None:
    for jobs in (1, 2, 7):
        waiting, batches = 500, []
        while waiting:
            batches.append(batch_size(waiting, jobs))
            waiting -= batches[-1]
        assert sum(batches) == 500
        assert batches == sorted(batches, reverse=True)
        assert batches[-jobs:] == [1] * jobs
    assert batch_size(12, 2) == 3


def test_slots_are_shared_evenly_and_none_is_left() -> None:
    for slots in range(1, 9):
        for launches in range(1, slots + 1):
            free, shares = list(range(slots)), []
            for left in range(launches, 0, -1):
                shares.append(slots_of_next(free, left))
                free = free[len(shares[-1]) :]
            assert [slot for share in shares for slot in share] == list(range(slots))
            sizes = [len(share) for share in shares]
            assert max(sizes) - min(sizes) <= 1
            assert min(sizes) >= 1


def test_the_display_follows_what_the_cells_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two cells of three replicates; the first has one in the store. Half a line waits for its other half."""
    monkeypatch.chdir(tmp_path)
    PROGRESS.parent.mkdir(parents=True)
    with Display(2, 3) as display:
        display.follow()
        monkeypatch.setenv(FILE, str(PROGRESS))
        monkeypatch.setenv("DVC_STAGE", "train@dropout-0")
        with Progress("train dropout-0", 3, 1) as progress:
            progress.advance()
            display.follow()
            assert (display.done, display.found) == ({"train@dropout-0": 2}, {"train@dropout-0": 1})
        monkeypatch.setenv("DVC_STAGE", "more@l2_3")
        with Progress("train l2-3", 3, 0):
            pass
        text = PROGRESS.read_text()
        PROGRESS.write_text(text[:-9])
        display.follow()
        assert display.done == {"train@dropout-0": 2}
        PROGRESS.write_text(text)
        display.follow()
        assert display.found == {"train@dropout-0": 1, "more@l2_3": 0}
        display.finished("more@l2_3")  # from the run cache
        assert display.done == {"train@dropout-0": 2, "more@l2_3": 3}
    lines = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if not line.startswith("train ")] == [
        "2 cells", "1/6 replicates", "2/6 replicates", "5/6 replicates",
    ]  # fmt: skip


def test_lines_in_which_dvc_names_its_stage_are_understood() -> None:
    assert stage_of("Running stage 'train@dropout-0':") == "train@dropout-0"
    assert stage_of("Stage 'more@l2_3' is cached - skipping run, checking out outputs") == "more@l2_3"
    assert stage_of("train dropout-0: 3 replicates") is None


def test_cells_are_told_from_other_stages() -> None:
    names = ["prepare", "models", "train@dropout-0", "explore@wide-1", "more@l2_3", "evaluate", "train"]
    assert [name for name in names if dvc.is_cell(name)] == ["train@dropout-0", "explore@wide-1", "more@l2_3"]


def test_dvc_lock_is_sorted_by_entry_and_keeps_every_byte() -> None:
    ordered = lockfile.in_order(LOCK, ["prepare", "models", "train@b-0"])
    assert [line for line in ordered.splitlines() if line.endswith(":") and line.startswith("  ")][:2] == [
        "  prepare:", "    cmd:",
    ]  # fmt: skip
    assert ordered.endswith("  train@b-0:\n    cmd: x\n  gone@c-0:\n    cmd: z\n")
    assert sorted(ordered.splitlines()) == sorted(LOCK.splitlines())
    assert lockfile.in_order(ordered, ["prepare", "train@b-0"]) == ordered
    for other in ("", "schema: '2.0'\nstages: {}\n", LOCK + "datasets:\n- a\n", LOCK.replace("'2.0'", "'3.0'")):
        assert lockfile.in_order(other, ["prepare"]) == other


def test_dvc_lock_cut_anywhere_is_put_back(tmp_path: Path) -> None:
    lock, kept = tmp_path / "dvc.lock", tmp_path / "kept"
    assert lockfile.mend(lock, kept) is None
    assert not kept.exists()
    lock.write_text(LOCK)
    assert lockfile.mend(lock, kept) is None
    assert kept.read_text() == LOCK
    for end in (0, 3, 40, 60, len(LOCK) - 1):
        lock.write_text(LOCK[:end])
        assert "put back as before" in (lockfile.mend(lock, kept) or "")
        assert lock.read_text() == LOCK
    conflict = LOCK.replace("  prepare:", "<<<<<<< HEAD\n  prepare:")
    lock.write_text(conflict)
    assert lockfile.mend(lock, kept) is None  # the user's to solve
    assert lock.read_text() == conflict
    kept.unlink()
    lock.write_text(LOCK[:40])
    assert "removed" in (lockfile.mend(lock, kept) or "")
    assert not lock.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_account_by_hand() -> None:
    found = account.Account(seconds=90, jobs=2, slots=2, replicates=12, training_seconds=135, cells=1)
    assert account.said(found) == (
        "12 replicates of 1 cell trained in 1.5 minutes; training took 75% of the time of 2 slots"
    )
    assert account.said(account.Account(60, 8, None, 1, 30, 1)) == "1 replicate of 1 cell trained in 1.0 minutes"
