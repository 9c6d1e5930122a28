"""A GPU box and a laptop share results by `dvc push` and `dvc pull --run-cache`: neither repeats the other's training.

The remote is a folder. Both are clones of one repository at toy scale.
"""

import shutil
from pathlib import Path

import pytest

from tests.scratch import read_params, run, write_params
from tests.toys import Toys, two_variants
from tests.watching import results


def commit(folder: Path, message: str, *which: str) -> None:
    run(folder, "git", "add", "-A", *which)
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message)


def shared(folder: Path) -> dict[str, str]:
    return {name: value for name, value in results(folder).items() if not name.startswith("data/prepared")}


@pytest.fixture(scope="module")
def box(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that trained, pushed and committed; its remote lies beside it."""
    root = tmp_path_factory.mktemp("exchange")
    folder = toys.copy(two_variants, root / "box")
    run(folder, "dvc", "remote", "add", "-d", "exchange", str(root / "remote"))
    commit(folder, "before any run", ".", ":!dvc.lock", ":!reports")
    run(folder, "dvc", "push", "--run-cache")
    commit(folder, "results")
    return folder


@pytest.fixture
def laptop(box: Path, tmp_path: Path) -> Path:
    run(box.parent, "git", "clone", "-q", str(box), str(tmp_path / "laptop"))
    return tmp_path / "laptop"


def repro(folder: Path) -> str:
    return run(folder, "env", "BUDGET=0.001m", "python", "-m", "valgap", "repro").stdout  # no training is affordable


def test_pulled_results_are_up_to_date_and_train_nothing(box: Path, laptop: Path) -> None:
    run(laptop, "dvc", "pull", "--run-cache")
    assert "Running stage" not in repro(laptop)
    assert results(laptop) == results(box)
    assert not (laptop / ".replicates").exists()
    assert "nothing to commit" in run(laptop, "git", "status").stdout


def test_the_run_cache_replaces_training_where_dvc_lock_is_not_shared(box: Path, laptop: Path) -> None:
    """The laptop is at the commit before the box's run: same parameters, no dvc.lock, and so nothing to pull by it."""
    run(laptop, "git", "checkout", "-q", "HEAD~1")
    assert not (laptop / "dvc.lock").exists()
    done = run(laptop, "python", "-m", "valgap", "repro", "--pull", "report").stdout
    assert "Stage 'train@dropout-0' is cached - skipping run, checking out outputs" in done
    assert "Running stage 'train" not in done
    assert not (laptop / ".replicates").exists()
    assert results(laptop) == results(box)


@pytest.mark.slow
def test_what_the_laptop_adds_is_all_that_trains_and_comes_back(box: Path, laptop: Path) -> None:
    run(laptop, "dvc", "pull", "--run-cache")
    params = read_params(laptop)
    params["variants"]["l2"] = {"l2_penalty": 0.001}
    write_params(laptop, params)
    done = run(laptop, "dvc", "repro").stdout
    assert "Running stage 'train@l2-0'" in done
    assert done.count("Running stage 'train") == 1
    run(laptop, "dvc", "push", "--run-cache")
    commit(laptop, "l2")
    other = box.parent / "pulled"
    shutil.rmtree(other, ignore_errors=True)
    run(box.parent, "git", "clone", "-q", str(box), str(other))
    run(other, "git", "pull", "-q", str(laptop), "HEAD")
    run(other, "dvc", "pull", "--run-cache")
    assert "Running stage" not in repro(other)
    assert results(other) == results(laptop)
