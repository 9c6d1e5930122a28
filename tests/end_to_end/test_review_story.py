"""Pull requests as reviewers meet them: real Git, the real DVC and real training, at toy scale in scratch clones.

The branches are trained once, in one project; each test reviews them in a fresh clone, which has no cache and no data.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.scratch import TOY, copy_repository, read_params, run, write_params
from tests.toys import Toys
from valgap.results.tables import SCHEMA

SCALE = TOY | {"split": TOY["split"] | {"block_size": 4}, "train": TOY["train"] | {"steps": 60}}
GONE = {"width_shift": 1.0, "height_shift": 1.0, "zoom": 0.9, "rotation_degrees": 180.0}  # hardly an image is left


def git(folder: Path, *arguments: str) -> str:
    return run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments).stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)


def review(folder: Path, *arguments: str, status: int = 0) -> str:
    words = ["fresh"] if arguments == ("--fresh",) else ["review", "--base", *arguments]
    done = run(folder, "python", "-m", "valgap", *words, check=False)
    assert done.returncode == status, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def edit(folder: Path, **changes: dict[str, Any]) -> None:
    """Change blocks of params.yaml."""
    params = read_params(folder)
    for block, values in changes.items():
        params[block] |= values
    write_params(folder, params)


def make_branches(folder: Path) -> None:
    """Branches: `first` (code alone), `main` (with results), and three pull requests from it."""
    copy_repository(folder, SCALE, ["baseline", "dropout", "augmentation"])
    git(folder, "checkout", "-q", "-b", "first")
    commit(folder, "code alone")
    git(folder, "checkout", "-q", "-b", "main")
    run(folder, "dvc", "repro")
    commit(folder, "results")

    git(folder, "checkout", "-q", "-b", "raised")
    edit(folder, variants={"dropout": {"dropout": [0.6, 0.25, 0.5]}})
    done = run(folder, "dvc", "repro")
    assert "Running stage 'train@baseline-0'" not in done.stdout
    commit(folder, "raise dropout")

    git(folder, "checkout", "-q", "-b", "broken", "main")
    edit(folder, variants={"augmentation": {"augmentation": GONE}})
    run(folder, "dvc", "checkout", "--allow-missing", check=False)
    run(folder, "dvc", "repro")
    commit(folder, "break augmentation")

    git(folder, "checkout", "-q", "-b", "refactor", "main")
    cnn = folder / "valgap/training/network/cnn.py"
    cnn.write_text(cnn.read_text() + "\n# The same network, said again.\n")
    done = run(folder, "dvc", "repro")
    assert "Running stage 'train@baseline-0'" in done.stdout, "the code that trains changed, so it must train"
    commit(folder, "refactor")


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toys.copy(make_branches, tmp_path_factory.mktemp("story"))


@pytest.fixture
def clone(project: Path, tmp_path: Path) -> Path:
    """A fresh clone with all branches: no cache, no data, no runs."""
    run(project, "git", "clone", "-q", "--no-local", str(project), str(tmp_path / "clone"))
    git(tmp_path / "clone", "checkout", "-q", "--detach")
    for branch in ("first", "main", "raised", "broken", "refactor"):
        git(tmp_path / "clone", "branch", "-qf", branch, f"origin/{branch}")
    return tmp_path / "clone"


def test_raised_dropout(clone: Path) -> None:
    git(clone, "checkout", "-q", "raised")
    before = os.times()
    text = review(clone, "main", "--out", "out")
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 10, "seconds of CPU, with pictures: what it takes on a machine that does nothing else"
    verdict = text.splitlines()[2]
    assert "2 variants bit-identical" in verdict
    assert verdict.endswith("dvc.lock and reports/ are fresh.**")
    assert "| `variants.dropout.dropout` | `[0.25, 0.25, 0.5]` | `[0.6, 0.25, 0.5]` |" in text
    assert "| redefined | `dropout` |" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| `dropout` | ") and "/4 |" in line]
    assert any(word in row for word in ("regressed", "improved (unconfirmed: same seeds)", "no effect", "no change"))
    assert "One family of 1 changed variant: Bonferroni" in text
    assert "unpaired" not in text
    assert text == (clone / "out/review.md").read_text()
    assert (clone / "out/forest.svg").read_text().startswith("<svg")
    assert (clone / "out/forest.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads(run(clone, "dvc", "params", "diff", "--json", "main").stdout.splitlines()[-1])
    assert set(told["params.yaml"]) == {"variants.dropout.dropout"}


def test_broken_augmentation_fails_the_gate(clone: Path) -> None:
    git(clone, "checkout", "-q", "broken")
    text = review(clone, "main")
    assert "Test accuracy regressed: `augmentation` −" in text
    assert "Gate" not in text, "off by default"
    edit(clone, review={"fail_on": ["regression", "gap_growth", "stale"]})
    text = review(clone, "main", status=1)
    assert "failed.**" in text
    assert "- regression: `augmentation` is at least " in text
    assert "stale:" not in text, "the review's own settings make nothing stale"
    edit(clone, review={"tolerance": 0.9, "fail_on": ["regression"]})
    assert "Gate (`regression`): passed." in review(clone, "main")


def test_pure_refactor_is_bit_identical(clone: Path) -> None:
    git(clone, "checkout", "-q", "refactor")
    text = review(clone, "main")
    expected = "**Bit-identical: every score of 3 variants on both sides; dvc.lock and reports/ are fresh.**"
    assert text.splitlines()[2] == expected
    assert "Nothing to test" in text


def test_what_is_stale_is_named_with_its_cure(clone: Path) -> None:
    git(clone, "checkout", "-q", "main")
    assert "dvc.lock belongs to dvc.yaml" in review(clone, "--fresh")
    edit(clone, variants={"dropout": {"dropout": [0.7, 0.25, 0.5]}}, review={"fail_on": ["stale"]})
    text = review(clone, "main", status=1)
    assert "are STALE.**" in text
    assert "- stale: " in text
    assert (
        "| `params.yaml: variants.dropout differs from dvc.lock (dropout)` | `train@dropout-0` | `make repro`" in text
    )
    git(clone, "checkout", "-q", ".")
    metrics = clone / "reports/metrics.json"
    metrics.write_text(metrics.read_text().replace("0.", "0.9", 1))
    text = review(clone, "--fresh", status=1)
    assert "`reports/metrics.json is not what the stage wrote` | `evaluate` |" in text
    assert "`git checkout -- reports/metrics.json`" in text


def test_bases_that_cannot_be_compared(clone: Path) -> None:
    git(clone, "checkout", "-q", "raised")
    text = review(clone, "first")
    assert text.splitlines()[2].startswith("**Nothing to compare: `first (")
    assert "holds no reports`; dvc.lock and reports/ are fresh.**" in text
    git(clone, "checkout", "-q", "-b", "future", "main")
    provenance = clone / "reports/provenance.json"
    provenance.write_text(json.dumps(json.loads(provenance.read_text()) | {"schema": 99}))
    commit(clone, "another schema")
    git(clone, "checkout", "-q", "raised")
    edit(clone, review={"fail_on": ["regression"]})
    text = review(clone, "future")
    assert f"are of schema 99, this suite compares schema {SCHEMA}`" in text
    assert "Gate (`regression`): not applied to metrics: nothing to compare." in text


def test_usage_errors_end_with_2(clone: Path, tmp_path: Path) -> None:
    assert "BASE = no_such_branch is not a revision here" in review(clone, "no_such_branch", status=1)
    assert "No such option" in review(clone, "main", "--bass", status=2)
    run(tmp_path, "git", "clone", "-q", "--depth=1", "--branch=raised", f"file://{clone}", "shallow", check=False)
    git(clone, "checkout", "-q", "raised")
    run(tmp_path, "git", "clone", "-q", "--depth=1", f"file://{clone}", "one")
    text = review(tmp_path / "one", "main", status=1)
    assert "this clone is shallow: `git fetch --unshallow`" in text


def test_confirmation_on_a_fresh_block(project: Path) -> None:
    """Mending what was broken is an improvement that stands on replicates that nobody has seen."""
    git(project, "checkout", "-q", "main")
    before = git(project, "status", "--porcelain")
    assert "`augmentation` +" in (text := review(project, "broken"))
    assert "improved (unconfirmed: same seeds)" in text
    text = review(project, "broken", "--confirm", "1")
    assert "train@augmentation-1" in text  # DVC says it
    assert "improved (confirmed on 4 fresh replicates: +" in text
    assert "(1 of 1 confirmed on fresh replicates)" in text
    assert git(project, "status", "--porcelain") == before, "the workspace is left alone"


def test_removed_variant(project: Path) -> None:
    git(project, "checkout", "-q", "-b", "removed", "main")
    params = read_params(project)
    del params["variants"]["augmentation"], params["causes"]["augmentation"]
    write_params(project, params)
    run(project, "rm", "-r", "runs")
    run(project, "dvc", "repro")
    commit(project, "remove augmentation")
    text = review(project, "main")
    assert "1 removed" in text.splitlines()[2]
    assert "| removed | `augmentation` |" in text
    assert "**Bit-identical: every score of 2 variants on both sides; 1 removed;" in text


def test_two_pull_requests_that_both_changed_the_results(project: Path) -> None:
    """CONTRIBUTING: take either side of dvc.lock and reports/, `make repro`, and nothing trains again."""
    git(project, "checkout", "-q", "-b", "merged", "raised")
    conflict = run(project, "git", "-c", "user.name=t", "-c", "user.email=t@e.org", "merge", "broken", check=False)
    assert "Merge conflict in dvc.lock" in conflict.stdout
    assert "Auto-merging reports/metrics.json" in conflict.stdout, "Git makes a mixture that no code ever wrote"
    assert "take either side of dvc.lock and reports/, then `make repro`" in review(project, "--fresh", status=1)
    git(project, "checkout", "HEAD", "--", "dvc.lock", "reports")
    assert "`train@augmentation-0`" in review(project, "--fresh", status=1)
    done = run(project, "dvc", "repro")
    assert "replicates" not in done.stdout, "the run cache has both sides' runs"
    commit(project, "merge")
    assert "dvc.lock belongs to dvc.yaml" in review(project, "--fresh")
    text = review(project, "main")
    assert "1 variant bit-identical" in text
    assert "`augmentation` −" in text.splitlines()[2]
    assert "are fresh" in text.splitlines()[2]
