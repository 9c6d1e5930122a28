"""Block `symptom`: what it may say, and that each offence is named with its value and its cure."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scratch import ROOT
from valgap.ground.params.schema import ParamsError
from valgap.ground.params.suite import load
from valgap.ground.params.symptom import Symptom, check_file, read_symptom

SEEN: dict[str, Any] = {"train_accuracy": 0.99, "val_accuracy": 0.85}


def block(**said: Any) -> dict[str, Any]:
    return {"files": {}} | said


def test_nothing_said_is_no_symptom_and_the_shipped_file_has_none(tmp_path: Path) -> None:
    assert load(ROOT / "params.yaml").symptom is None
    assert read_symptom({}) is read_symptom({"files": {}}) is None
    assert read_symptom(block(scored_by="evaluate", val_images=None)) is None
    older = yaml.safe_load((ROOT / "params.yaml").read_text())
    del older["symptom"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(older))
    assert load(tmp_path / "params.yaml").symptom is None


def test_a_block_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params | {"symptom": None}))
    with pytest.raises(ParamsError, match="block symptom must be a mapping, received None"):
        load(tmp_path / "params.yaml")


def test_accuracies_or_a_file_are_a_symptom() -> None:
    found = read_symptom(SEEN | {"test_accuracy": 1, "val_loss": 0.7, "val_images": 200})
    assert found == Symptom({}, 0.99, 0.85, 1.0, None, 0.7, "fit", 200)
    assert found is not None
    assert found.file is None
    history = read_symptom({"files": {"history": "log.csv"}, "test_accuracy": 0.8, "test_images": 90})
    assert history is not None
    assert history.file == ("history", "log.csv")
    model = read_symptom({"files": {"model": "my.keras"}})
    assert model is not None
    assert model.file == ("model", "my.keras")


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (block(train_accuracy=85, val_accuracy=0.7), "symptom.train_accuracy = 85: it is no fraction; write 0.85"),
        (block(train_accuracy=0.9, val_accuracy=70.5), "symptom.val_accuracy = 70.5: it is no fraction; write 0.705"),
        (block(train_accuracy="85%", val_accuracy=0.7), "train_accuracy = '85%': it is no fraction; write 0.85"),
        (block(train_accuracy="85,5 %", val_accuracy=0.7), "write 0.855"),
        (block(**SEEN, test_accuracy=8500), "test_accuracy = 8500: it is no fraction; give a fraction from 0 to 1"),
        (block(train_accuracy=-0.1, val_accuracy=0.7), "symptom.train_accuracy = -0.1: input should be greater"),
        (block(train_accuracy=float("nan"), val_accuracy=0.7), "symptom.train_accuracy = nan: input should be"),
        (block(train_accuracy=True, val_accuracy=0.7), "symptom.train_accuracy = True: input should be a valid number"),
        (block(train_accuracy="0,9", val_accuracy=0.7), "symptom.train_accuracy = '0,9'"),
        (block(train_accuracy=0.9), "symptom.val_accuracy: it is missing beside train_accuracy; the gap needs"),
        (block(val_accuracy=0.9), "symptom.train_accuracy: it is missing beside val_accuracy; the gap needs"),
        (block(test_accuracy=0.9), "symptom.train_accuracy: it is missing beside test_accuracy"),
        (block(val_loss=0.9), "symptom.train_accuracy: it is missing beside val_loss"),
        (block(**SEEN, scored_by="me"), "symptom.scored_by = 'me': input should be 'fit' or 'evaluate'"),
        (block(**SEEN, val_images=0), "symptom.val_images = 0: input should be greater than or equal to 1"),
        (block(acuracy=0.9), "symptom.acuracy = 0.9 is not a known key"),
        ({"history": "log.csv"}, "symptom.history = 'log.csv': a file stands below symptom.files; write files: {h"),
        ({"files": {"model": "a", "history": "b"}}, "symptom.files = model, history: they are two answers; keep one"),
        ({"files": {"log": "b"}}, "symptom.files.log is not known (allowed: history, model)"),
        ({"files": {"history": " "}}, "symptom.files.history = ' ': it is no path"),
        ({"files": {"history": None}}, "symptom.files.history = None: input should be a valid string"),
        ({"files": {"history": "b"}} | SEEN, "train_accuracy = 0.99: files.history = b tells it, too; keep one"),
        ({"files": {"history": "b"}, "scored_by": "evaluate"}, "files.history = b is what fit measured; remove it, or"),
        ({"files": {"model": "b"}, "test_accuracy": 0.9}, "symptom.test_accuracy = 0.9: files.model = b tells it, too"),
        ({"files": {"model": "b"}, "val_images": 9}, "symptom.val_images = 9: files.model = b tells it, too"),
    ],
)  # fmt: skip
def test_every_offence_is_named_with_its_cure(said: Any, says: str) -> None:
    with pytest.raises(ParamsError) as caught:
        read_symptom(said)
    assert str(caught.value).startswith("params.yaml: ")
    assert says in str(caught.value)


def test_a_file_that_is_not_there_is_named_before_any_stage(tmp_path: Path) -> None:
    check_file(None)
    check_file(read_symptom(block(**SEEN)))
    (path := tmp_path / "log.csv").write_text("")
    check_file(Symptom({"history": str(path)}))
    with pytest.raises(ParamsError, match=r"symptom\.files\.history = no\.csv: it does not exist; a relative path"):
        check_file(Symptom({"history": "no.csv"}))
