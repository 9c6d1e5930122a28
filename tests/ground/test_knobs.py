"""Knobs: what a params.yaml that does not say them gets, and what they say of themselves."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scratch import ROOT
from valgap.ground.params.experiment import TRANSFORMS, Augmentation, Train, settings_as_dict
from valgap.ground.params.fields import knob, neutral, proofs, transforms
from valgap.ground.params.schema import ParamsError, parse, read_yaml
from valgap.ground.params.suite import load

SHIPPED: dict[str, Any] = read_yaml(ROOT / "params.yaml")
LEAST = {"steps": SHIPPED["train"]["steps"]}


KEPT = ("schedule", "evaluation_policies", "curve_points", "curve_train_images")


def test_a_params_yaml_without_its_knobs_is_that_of_the_plain_recipe(tmp_path: Path) -> None:
    """The shipped baseline has no remedy but a rate that decays, and a short curve: other knobs may be left out."""
    params = copy.deepcopy(SHIPPED)
    params["train"] = LEAST | {name: params["train"][name] for name in KEPT}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    ours, shipped = load(tmp_path / "params.yaml"), load(ROOT / "params.yaml")
    assert list(settings_as_dict(ours.train).items()) == list(settings_as_dict(shipped.train).items())
    assert ours.variants == shipped.variants
    assert [type(value) for value in settings_as_dict(ours.train).values()] == [
        type(value) for value in settings_as_dict(shipped.train).values()
    ]


def test_a_knob_that_is_said_is_checked_as_ever() -> None:
    assert parse(Train, LEAST | {"width": 2}, "train").width == 2.0
    with pytest.raises(ParamsError, match=r"train.dropout.2 = 1: input should be less than 1"):
        parse(Train, LEAST | {"dropout": [0, 0, 1]}, "train")
    with pytest.raises(ParamsError, match=r"train.widht = 2 is not a known key; did you mean width\?"):
        parse(Train, LEAST | {"widht": 2}, "train")


def test_the_neutral_recipe_transforms_no_image_and_each_transform_is_of_its_settings() -> None:
    plain = parse(Train, LEAST, "train")
    assert plain.transforms == []
    assert TRANSFORMS["shift"] == ("width_shift", "height_shift")
    drawn = "rotation shift shear zoom horizontal_flip vertical_flip right_angles"
    assert list(TRANSFORMS) == [*drawn.split(), "rand_augment", "random_erasing", "mixup", "cutmix"]
    assert {name for names in TRANSFORMS.values() for name in names} >= {
        field.name for field in dataclasses.fields(Augmentation)
    }
    moved = dataclasses.replace(plain, augmentation=Augmentation(height_shift=0.1), mixup=0.2)
    assert moved.transforms == ["shift", "mixup"]


def test_suspects_are_kept_unless_they_are_left_out() -> None:
    assert parse(Train, LEAST, "train").suspects == "keep"
    assert parse(Train, LEAST | {"suspects": "leave_out"}, "train").suspects == "leave_out"
    with pytest.raises(ParamsError, match=r"train.suspects = 'drop': input should be 'keep' or 'leave_out'"):
        parse(Train, LEAST | {"suspects": "drop"}, "train")


def test_a_knob_says_its_proof_its_transform_and_what_does_nothing() -> None:
    @dataclasses.dataclass
    class Block:
        steps: int
        blur: float = knob(0.0, transform="blur")
        blur_sides: bool = knob(False, transform="blur")
        depth: int = knob(3, shows="layers")
        tail: str = knob("long", shows="layers", choice=True)

    assert proofs(Block) == {"depth": "layers", "tail": "layers"}
    assert neutral(Block) == {"depth": 3}
    assert transforms(Block) == {"blur": ("blur", "blur_sides")}
    assert Block(1) == Block(1, 0.0, False, 3, "long")
