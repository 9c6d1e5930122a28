"""A symptom under the real DVC: its file is watched, nothing is trained for it, and errors come before training."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.scratch import read_params, run, write_params
from tests.toys import Toys, two_variants

LOG = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.0,0.4,1.2\n1,0.99,0.1,{val},1.4\n"


@pytest.fixture
def project(toys: Toys, tmp_path: Path) -> Path:
    return toys.copy(two_variants, tmp_path / "project")


def say(folder: Path, symptom: dict[str, Any], **train: Any) -> None:
    params = read_params(folder)
    write_params(folder, params | {"symptom": symptom, "train": params["train"] | train})


def symptom(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "reports/verdict.json").read_text()).get("symptom", {})
    return found


def test_a_params_file_without_the_block_works_as_one_that_says_nothing(project: Path) -> None:
    params = read_params(project)
    assert params.pop("symptom") == {}
    write_params(project, params)
    assert "Running stage" not in run(project, "dvc", "repro").stdout
    say(project, {"train_accuracy": 0.9, "val_accuracy": 0.5})
    done = run(project, "dvc", "repro").stdout
    assert re.findall(r"Running stage '(\w+)", done) == ["diagnose", "report"]
    assert symptom(project)["seen"]["source"] == "accuracies"


def test_a_history_is_read_and_watched_and_trains_nothing(project: Path) -> None:
    (project / "log.csv").write_text(LOG.format(val=0.55))
    say(project, {"files": {"history": "log.csv"}})
    done = run(project, "dvc", "repro").stdout
    assert "Running stage 'symptom@history'" in done
    assert "Running stage 'train" not in done
    assert symptom(project)["seen"]["val_accuracy"] == 0.55
    assert "what you saw" in (project / "reports/report.md").read_text().split("\n\n")[1]
    assert "up to date" in run(project, "dvc", "status").stdout
    (project / "log.csv").write_text(LOG.format(val=0.6))
    run(project, "dvc", "repro")
    assert symptom(project)["seen"]["val_accuracy"] == 0.6
    say(project, {"train_accuracy": 0.9, "val_accuracy": 0.5})
    left = run(project, "dvc", "repro", check=False)
    assert left.returncode
    assert "does not declare: runs/seen.json; remove it" in left.stdout
    (project / "runs/seen.json").unlink()
    done = run(project, "dvc", "repro").stdout
    assert "Running stage 'train" not in done
    assert symptom(project)["seen"]["source"] == "accuracies"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"files": {"history": "log.csv"}}, "log.csv: it has no val_accuracy, a validation accuracy"),
        (
            {"files": {}, "train_accuracy": 99, "val_accuracy": 0.5},
            "train_accuracy = 99: it is no fraction; write 0.99",
        ),
        (
            {"files": {"model": "log.csv"}},
            "has no validation images of its own, so which images the model was trained on",
        ),
    ],
    ids=["history", "percent", "model"],
)
def test_what_is_wrong_with_it_is_said_before_anything_is_trained(
    project: Path, said: dict[str, Any], says: str
) -> None:
    (project / "log.csv").write_text("epoch,accuracy,loss\n0,0.5,1.0\n")
    say(project, said, learning_rate=0.002)
    done = run(project, "dvc", "repro", check=False)
    assert done.returncode
    assert says in done.stdout
    assert "Running stage 'train" not in done.stdout
