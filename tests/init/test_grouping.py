"""Groups by file names: sure where names say what they are of, a question where they only look alike, else none."""

import re

import pytest

from valgap.ground.params.experiment import Data
from valgap.ground.params.schema import parse
from valgap.init.grouping import guess

LABELS = ["cat", "dog"]


def paths(form: str, groups: int = 10, each: int = 4) -> tuple[list[str], list[str]]:
    found = [
        (form.format(label=LABELS[group % 2], group=group, image=image, name=f"n{group:02}"), LABELS[group % 2])
        for group in range(groups)
        for image in range(each)
    ]
    return [path for path, _ in found], [label for _, label in found]


@pytest.mark.parametrize(
    "form",
    [
        "{label}/patient{group:03}_{image}.png",
        "{label}/Patient_{group}/scan_{image}.png",
        "{label}/x_subj-{group}-{image}.png",
        "train/{label}/{image}_camera{group}.jpg",
        "{label}/VIDEO {group}/{image:04}.jpg",
        "{label}/{name}_jpg.rf.{image}ab3f.jpg",
        "{label}/patient_id_{group}_{image}.png",
        "{label}/patient_a{group}_{image}.png",
    ],
)
def test_names_that_say_what_they_are_of_are_sure(form: str) -> None:
    found = guess(*paths(form))
    assert found is not None
    assert (found.sure, found.groups) == (True, 10)
    assert len(found.example) == 2


@pytest.mark.parametrize(
    "form", ["{label}/a{group}_{image}.png", "{label}/{group:04} ({image}).jpg", "{label}/{name}/{image}.jpg"]
)
def test_names_that_look_alike_are_a_question(form: str) -> None:
    found = guess(*paths(form))
    assert found is not None
    assert (found.sure, found.groups) == (False, 10)


def test_left_and_right_eyes_are_a_question() -> None:
    names = [f"{LABELS[eye % 2]}/{eye}_{side}.jpeg" for eye in range(10) for side in ("left", "right")]
    found = guess(names, [name.split("/")[0] for name in names])
    assert found is not None
    assert (found.sure, found.groups) == (False, 10)


@pytest.mark.parametrize(
    "form",
    [
        "{label}/IMG_{group}{image}.jpg",
        "{label}/{label}_{group}{image}.jpg",
        "{label}/{label}.{group}{image}.jpg",
        "train/{label}/{group}{image}.png",
        "{label}/patient.{group}{image}.png",
        "{label}/{group}-{image}-4921-892e-{group}{image}.jpg",
    ],
)
def test_numbers_of_images_are_no_groups(form: str) -> None:
    names, labels = paths(form)
    assert guess(names, labels) is None


def test_classes_splits_and_lone_images_are_no_groups() -> None:
    plants = [f"{split}/plant{kind}/{image}.png" for split in ("train", "val") for kind in range(5) for image in "abc"]
    assert guess(plants, [path.split("/")[1] for path in plants]) is None
    assert guess(*paths("{label}/patient{group}.png", 40, 1)) is None
    assert guess([], []) is None


def test_the_pattern_is_one_that_params_yaml_takes_and_matches_every_path() -> None:
    for form in (
        "{label}/Patient_{group}/scan_{image}.png",
        "{label}/a{group}_{image}.png",
        "{label}/{name}/{image}.jpg",
    ):
        names, labels = paths(form)
        found = guess(names, labels)
        assert found is not None
        assert all(re.search(found.pattern, name) for name in names)
        assert parse(Data, {"path": "x", "group_pattern": found.pattern}, "data").group_pattern == found.pattern
