"""What is said of a shift: by what the model makes of images, in words that agree with those on pixels."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.check.test_check import draw, images_of, network, predictions, write_folder
from tests.check.test_check import predicted as predict
from valgap.check import shifted, stated
from valgap.check.prediction import Predicted
from valgap.check.shifted import HARDLY, SEES
from valgap.check.stated import Stated
from valgap.findings.finding import Audit, Finding

N = 150
CLASSES = 3


def predicted(
    sides: dict[str, dict[str, Any]], featured: bool = True, mixes: dict[str, list[float]] | None = None
) -> Predicted:
    """Splits of N images. `late` and `early` move features, `surer` and `harder` change answers, `wrong` labels."""
    rng, parts = np.random.default_rng(0), []
    for split, change in sides.items():
        labels = rng.choice(CLASSES, N, p=(mixes or {}).get(split))
        late = rng.normal(size=(N, 4)) + change.get("late", 0)
        early = rng.normal(size=(N, 4)) + labels[:, None] + change.get("early", 0)
        logits = rng.normal(size=(N, CLASSES)) + (3 + change.get("surer", 0)) * np.eye(CLASSES)[labels]
        logits -= change.get("harder", 0) * np.eye(CLASSES)[labels]
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        given = np.where(rng.random(N) < change.get("wrong", 0), rng.integers(0, CLASSES, N), labels)
        parts.append((given, np.full(N, split), p, late, early))
    labels, splits, p, late, early = (np.concatenate(each) for each in zip(*parts, strict=True))
    found = predictions(images_of(labels, splits.tolist()), splits, p.astype(np.float32))
    features: dict[str, Any] = (
        {"features": late.astype(np.float32), "early": early.astype(np.float32)} if featured else {}
    )
    return dataclasses.replace(found, **features)


def clusters(of: Predicted) -> NDArray[np.int64]:
    return np.arange(len(of.splits))


def said(of: Predicted, serious: tuple[str, ...] = ()) -> dict[str, Stated]:
    found = shifted.look(shifted.shifted(of, clusters(of), 0), of, serious)
    texts = stated.stated(found, Audit(1, N, (6, 6, 1), ()), ())
    return {f"{each.code} {each.values.get('split', '')}".strip(): each for each in texts}


SURE = {"surer": 6}  # a network that knows its training images by heart


def test_knowing_training_images_by_heart_is_no_shift() -> None:
    found = said(predicted({"train": SURE | {"late": 3}, "val": {}, "test": {}}))
    assert {each.severity for each in found.values()} == {"fine"}
    assert "is alike" in found["VG123"].found


def test_answers_that_differ_are_told_with_what_they_cost() -> None:
    found = said(predicted({"train": SURE, "val": {}, "test": {"late": 1, "early": 1, "harder": 2}}))["VG123"]
    assert found.severity == "problem"
    assert found.title == "The model answers test images otherwise"
    assert "more than in any shuffling" in found.found
    assert "Its first layer tells test images from training images, and not the others." in found.found
    assert "At the same class mix accuracy falls from validation to test images by" in found.effect
    assert "how images were taken or saved" in found.effect


def test_what_the_first_layer_does_not_see_is_of_another_kind() -> None:
    found = said(predicted({"train": SURE, "val": {}, "test": {"late": 1}}))["VG123"]
    assert found.severity == "worth a look"
    assert "other subjects or scenes" in found.effect
    assert "which may be luck" in found.effect


def test_two_splits_are_compared_by_the_first_layer() -> None:
    found = said(predicted({"train": SURE, "val": {"early": 1}}), ("VG106",))["VG123"]
    assert found.severity == "worth a look"
    assert found.title == "The model sees other images in validation than in training"
    assert "Pixels by themselves say so, too (VG106)." in found.found
    assert said(predicted({"train": SURE, "val": {"late": 2}}))["VG123"].severity == "fine"


def test_wrong_labels_are_no_other_images() -> None:
    assert said(predicted({"train": SURE | {"wrong": 0.5}, "val": {}}))["VG123"].severity == "fine"
    assert said(predicted({"train": SURE, "val": {}, "test": {"wrong": 1}}))["VG123"].severity == "fine"


def test_another_class_mix_is_told_by_its_worth_and_is_no_shift() -> None:
    mixes = {"val": [0.1, 0.1, 0.8]}
    of = predicted({"train": SURE, "val": {"harder": 1}}, mixes=mixes)
    hard = of.images.labels == 2
    probabilities = of.probabilities.copy()
    probabilities[(of.splits == "val") & hard] = [0.4, 0.3, 0.3]
    found = said(dataclasses.replace(of, probabilities=probabilities))
    assert found["VG123"].severity == "fine"
    assert found["VG124 val"].severity == "worth a look"
    assert "With training’s class mix accuracy on validation images would be" in found["VG124 val"].effect


def test_without_features_only_held_out_splits_are_compared() -> None:
    assert "VG123" not in said(predicted({"train": SURE, "val": {}}, featured=False))
    found = said(predicted({"train": SURE, "val": {}, "test": {"harder": 2}}, featured=False))["VG123"]
    assert found.severity == "problem"
    assert "Where the difference lies is not known." in found.effect


def test_one_split_has_nothing_to_compare() -> None:
    assert said(predicted({"train": {}})) == {}


def pixels(code: str, severity: Any = "problem") -> Finding[Any]:
    return Finding(code, "brightness", "title", severity, 1, 1, "means", "found", "effect.")


def test_findings_on_pixels_say_whether_the_model_sees_it() -> None:
    audit = Audit(1, N, (6, 6, 1), (pixels("VG106"), pixels("VG107", "fine"), pixels("VG104")))
    for sides, more in (({"early": 1}, SEES), ({}, HARDLY)):
        of = predicted({"train": SURE, "val": sides})
        told = shifted.told(audit, shifted.shifted(of, clusters(of), 0))
        assert [each.effect for each in told.findings] == ["effect." + more, "effect.", "effect."]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_features_are_handed_over_with_the_predictions(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    network().save(path := tmp_path / "model.keras")
    folder = write_folder(tmp_path / "images", {"train": draw(30, 0), "val": draw(30, 1)})
    found = predict(path, folder, tmp_path / "read")
    assert found.features is not None
    assert found.early is not None
    assert found.features.dtype == found.early.dtype == np.float32
    assert len(found.features) == len(found.early) == len(found.splits) == len(found.probabilities)
    assert found.features.shape[1] <= 64
