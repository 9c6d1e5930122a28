"""The user's own run as their history tells it: which epoch, which column, and what is refused."""

import dataclasses
import json
from pathlib import Path

import pytest

from tests.scratch import ROOT
from valgap import symptom
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.suite import load
from valgap.ground.params.symptom import Symptom
from valgap.results.runs import refuse_stray_runs
from valgap.results.symptom import seen_of, write_seen

LOG = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.0,0.4,1.2\n1,0.8,0.6,0.6,0.9\n2,0.95,0.2,0.55,1.4\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text: str, name: str = "log.csv") -> str:
    Path(name).write_text(text)
    return name


def test_a_history_gives_its_last_epoch() -> None:
    found = symptom.of_history(written(LOG), early_stopping=False)
    assert (found.source, found.by, found.file) == ("history", "fit", "log.csv")
    assert (found.train_accuracy, found.val_accuracy, found.train_loss, found.val_loss) == (0.95, 0.55, 0.2, 1.4)
    assert (found.epoch, found.epochs) == (3, 3)


def test_where_the_baseline_restores_its_best_weights_so_does_what_is_read() -> None:
    found = symptom.of_history(written(LOG), early_stopping=True)
    assert (found.val_accuracy, found.val_loss, found.epoch, found.epochs) == (0.6, 0.9, 2, 3)


def test_whatever_check_reads_is_read_percents_and_other_names_too() -> None:
    history = {"acc": [50, 90], "val_acc": [40, 70]}
    found = symptom.of_history(written(json.dumps(history), "run.json"), early_stopping=True)
    assert (found.train_accuracy, found.val_accuracy, found.val_loss) == (0.9, 0.7, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epoch,accuracy,loss\n0,0.5,1\n", "symptom.files.history = log.csv: it has no val_accuracy, a validation"),
        ("epoch,loss,val_loss,val_accuracy\n0,1,1,0.5\n", "it has no accuracy, a training accuracy; compile with"),
        ("epoch,loss,val_loss\n0,1,1\n", "it has no accuracy"),
        ("a,b\n1,2\n", "symptom.files.history = log.csv: neither a loss nor an accuracy is in it"),
        (LOG + "3,0.9,nan,nan,nan\n", "its val_accuracy is nan at the last epoch; leave the broken epochs out"),
    ],
)
def test_a_history_that_does_not_tell_is_refused_with_the_cure(text: str, says: str) -> None:
    with pytest.raises(SuiteError) as caught:
        symptom.of_history(written(text), early_stopping=False)
    assert str(caught.value).startswith("params.yaml: symptom.files.history = log.csv")
    assert says in str(caught.value)


def test_accuracies_are_taken_as_they_stand_in_params() -> None:
    assert seen_of(None) is None
    found = seen_of(Symptom({}, 0.9, 0.8, 0.7, 0.1, 0.2, "evaluate", 50, 60))
    assert found is not None
    assert (found.source, found.by, found.file) == ("accuracies", "evaluate", None)
    assert (found.train_accuracy, found.val_accuracy, found.test_accuracy) == (0.9, 0.8, 0.7)
    assert (found.train_loss, found.val_loss, found.val_images, found.test_images) == (0.1, 0.2, 50, 60)


def test_what_was_read_comes_back_with_what_params_adds() -> None:
    written(LOG)
    said = Symptom({"history": "log.csv"}, test_accuracy=0.5, val_images=70)
    with pytest.raises(SuiteError, match=r"runs/seen\.json is missing: run `dvc repro symptom`"):
        seen_of(said)
    write_seen(read := symptom.of_history("log.csv", early_stopping=False))
    assert seen_of(said) == dataclasses.replace(read, test_accuracy=0.5, val_images=70)


def test_what_was_read_is_stray_once_params_names_no_file() -> None:
    params = load(ROOT / "params.yaml")
    write_seen(symptom.of_history(written(LOG), early_stopping=False))
    refuse_stray_runs(dataclasses.replace(params, symptom=Symptom({"history": "log.csv"})))
    with pytest.raises(SuiteError, match=r"does not declare: runs/seen\.json; remove it"):
        refuse_stray_runs(params)
    paths.SEEN.unlink()
    refuse_stray_runs(params)
