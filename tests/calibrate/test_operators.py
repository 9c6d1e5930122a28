"""Operators do to images and labels what they say, and nothing else."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from valgap.calibrate import altering
from valgap.calibrate.faults import FAULTS, PLACEBOS
from valgap.calibrate.material import DATA_SETS, Material, Part, drawn
from valgap.calibrate.settings import SETTINGS
from valgap.ground.files import read_npz
from valgap.ground.params.experiment import Train
from valgap.ground.params.schema import parse


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture(scope="module")
def digits() -> Material:
    return drawn("digits", 600, 200, 300, rng())


def same(first: Part | None, second: Part | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first.images, second.images) and np.array_equal(first.labels, second.labels)


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_draw_has_the_asked_images_of_all_classes_and_none_twice(name: str) -> None:
    found = drawn(name, 300, 100, 200, rng())
    assert found.val is not None
    assert [len(found.train), len(found.val), len(found.test)] == [300, 100, 200]
    for part in (found.train, found.val, found.test):
        counts = np.bincount(part.labels, minlength=len(found.class_names))
        assert counts.max() - counts.min() <= 3
    images = np.concatenate([found.train.images, found.val.images, found.test.images])
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) >= len(images) - 2  # some digits are alike by nature


def test_test_images_do_not_depend_on_what_else_is_drawn() -> None:
    few, many = drawn("digits", 300, 0, 300, rng()), drawn("digits", 800, 100, 300, rng())
    assert same(few.test, many.test)


def test_more_images_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="digits has 1,443 images, wanted 2,000"):
        drawn("digits", 1000, 500, 500, rng())


@pytest.mark.parametrize("operator", [altering.uniform_labels, altering.pairwise_labels])
def test_a_share_of_the_training_labels_is_wrong(digits: Material, operator: altering.Operator) -> None:
    found = operator(digits, 0.25, rng())
    assert np.sum(found.train.labels != digits.train.labels) == 150
    assert np.array_equal(found.train.images, digits.train.images)
    assert same(found.val, digits.val)
    assert same(found.test, digits.test)


def test_pairwise_labels_are_the_next_class(digits: Material) -> None:
    found = altering.pairwise_labels(digits, 0.5, rng())
    wrong = found.train.labels != digits.train.labels
    assert np.array_equal(found.train.labels[wrong], (digits.train.labels[wrong] + 1) % 8)


def test_uniform_labels_reach_every_other_class(digits: Material) -> None:
    found = altering.uniform_labels(digits, 0.9, rng())
    moves = {(int(a), int(b)) for a, b in zip(digits.train.labels, found.train.labels, strict=True) if a != b}
    assert len(moves) > 50  # of 56


def test_overlapping_classes_move_every_second_class_alone(digits: Material) -> None:
    found = altering.overlapping_classes(digits, 0.5, rng())
    wrong = found.train.labels != digits.train.labels
    assert set(digits.train.labels[wrong]) == {0, 2, 4, 6}
    assert np.sum(wrong) == sum(round(0.5 * np.sum(digits.train.labels == label)) for label in (0, 2, 4, 6))


def test_a_long_tail_falls_geometrically_and_adds_nothing(digits: Material) -> None:
    found = altering.long_tail(digits, 10, rng())
    counts = np.sort(np.bincount(found.train.labels))[::-1]
    assert counts[0] in np.bincount(digits.train.labels), "the largest class, which is drawn, keeps all of its images"
    assert counts[-1] == pytest.approx(counts[0] / 10, abs=1)
    assert len(found.train) < len(digits.train)


def test_another_camera_changes_validation_images_alone(digits: Material) -> None:
    found = altering.other_camera(digits, 1, rng())
    assert found.val is not None
    assert digits.val is not None
    assert found.val.images.mean() == pytest.approx(digits.val.images.mean() / 2, rel=0.1)
    assert same(found.train, digits.train)
    assert same(found.test, digits.test)


def test_copies_are_training_images_with_their_labels(digits: Material) -> None:
    found = altering.copied(digits, 0.3, rng())
    assert found.val is not None
    assert digits.val is not None
    pairs = {
        (image.tobytes(), int(label)) for image, label in zip(digits.train.images, digits.train.labels, strict=True)
    }
    of_training = [
        (image.tobytes(), int(label)) in pairs for image, label in zip(found.val.images, found.val.labels, strict=True)
    ]
    assert 60 <= sum(of_training) <= 63  # some digits are alike by nature
    assert len(found.val) == len(digits.val)


@pytest.mark.parametrize("operator", [altering.other_camera, altering.copied])
def test_operators_of_validation_need_some(operator: altering.Operator) -> None:
    with pytest.raises(ValueError, match="the material has none"):
        operator(drawn("digits", 300, 0, 100, rng()), 0.5, rng())


def test_views_are_of_fewer_objects_which_are_groups(digits: Material) -> None:
    found = altering.views(digits, 6, rng())
    assert found.val is None
    assert found.train.groups is not None
    assert np.bincount(found.train.groups).tolist() == [6] * 100
    for group in range(100):
        assert len(set(found.train.labels[found.train.groups == group])) == 1
    assert len(np.unique(found.train.images.reshape(600, -1), axis=0)) == 600  # no two views are alike
    assert len(altering.views(digits, 7, rng()).train) == 602  # no fewer images than before


@pytest.mark.parametrize("name", [name for name, placebo in PLACEBOS.items() if placebo.alter])
def test_placebos_change_all_splits_alike(name: str, digits: Material) -> None:
    placebo = PLACEBOS[name]
    assert placebo.alter is not None
    swapped = dataclasses.replace(digits, train=digits.test, test=digits.train)
    found, other = (placebo.alter(material, placebo.dose, rng()) for material in (digits, swapped))
    assert same(found.train, other.test)
    assert same(found.test, other.train)
    assert not same(found.test, digits.test)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_fault_does_something_at_every_dose(fault, digits: Material) -> None:
    healthy = SETTINGS[fault.settings[0] if fault.settings else "garments-cnn"].recipe
    assert fault.scale or fault.alter or fault.change
    for dose in fault.doses:
        if fault.change:
            changed = parse(Train, healthy | fault.change(healthy, dose), "train")  # is one that can be trained
            assert changed != parse(Train, healthy, "train")
        if fault.alter:
            found = fault.alter(digits, dose, rng())
            again = fault.alter(digits, dose, rng())
            assert not (same(found.train, digits.train) and same(found.val, digits.val))
            assert same(found.train, again.train), "the generator decides"
            assert same(found.val, again.val)


def test_material_is_written_as_the_source_reads_it(tmp_path: Path, digits: Material) -> None:
    altering.views(digits, 6, rng()).write(tmp_path / "unknown.npz")
    dataclasses.replace(altering.views(digits, 6, rng()), groups_known=True).write(tmp_path / "known.npz")
    assert "groups" not in read_npz(tmp_path / "unknown.npz")
    groups = read_npz(tmp_path / "known.npz")["groups"]
    assert len(np.unique(groups)) == 100 + 300, "each test image is a group of its own"
    digits.write(tmp_path / "given.npz")
    found = read_npz(tmp_path / "given.npz")
    assert found["split"].tolist() == ["train"] * 600 + ["val"] * 200 + ["test"] * 300
