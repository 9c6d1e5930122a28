"""The registry of trials: what the brief of a calibration asks of it."""

from collections import Counter

import numpy as np
import pytest

from valgap.calibrate.arms import arms
from valgap.calibrate.faults import FAULTS
from valgap.calibrate.material import DATA_SETS
from valgap.calibrate.project import project, shipped_params, twin
from valgap.calibrate.scenarios import DOSES, all_scenarios
from valgap.calibrate.settings import SETTINGS, USUAL
from valgap.ground.params.experiment import Train
from valgap.ground.params.schema import parse

SCENARIOS = all_scenarios()


def test_every_fault_has_every_dose() -> None:
    doses = Counter(s.planted[0] for s in SCENARIOS.values() if s.kind == "fault")
    assert set(doses) == {(name, dose) for name in FAULTS for dose in range(len(DOSES))}


def test_names_and_seeds_are_stable_and_names_are_one_each() -> None:
    assert all_scenarios() == SCENARIOS
    assert len({(s.setting, s.planted, s.given, s.seed, s.placebo) for s in SCENARIOS.values()}) == len(SCENARIOS)


def test_there_are_60_healthy_trials_of_seeds_of_their_own() -> None:
    healthy = [s for s in SCENARIOS.values() if s.kind == "healthy"]
    assert len(healthy) >= 60
    assert len({s.seed for s in healthy}) == len(healthy)
    assert {s.setting for s in healthy} == set(USUAL)
    assert all(min(Counter(s.half for s in healthy).values()) >= 30 for _ in healthy)


def test_halves_are_even_by_kind_and_dose() -> None:
    counts = Counter((s.kind, s.dose, s.half) for s in SCENARIOS.values())
    for kind, dose, _ in counts:
        assert abs(counts[kind, dose, "rules"] - counts[kind, dose, "judged"]) <= 4


def test_two_data_sets_and_several_networks_are_healthy() -> None:
    usual = [SETTINGS[name] for name in USUAL]
    assert {setting.data_set for setting in usual} == {"garments", "digits"}
    shapes = {(s.recipe.get("head", "flatten"), s.recipe.get("batch_norm", False)) for s in usual}
    assert len(shapes) == 3
    assert {setting.data_set for setting in SETTINGS.values()} == set(DATA_SETS)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("given", [False, True])
def test_every_arm_can_be_trained_and_is_not_the_baseline(setting, given: bool) -> None:
    variants, causes = arms(setting.recipe, given, unequal=True)
    baseline = parse(Train, setting.recipe, "train")
    for name, diff in variants.items():
        assert (parse(Train, setting.recipe | diff, name) == baseline) is (name == "baseline")
    listed = [arm for cause in causes.values() for kind in cause.values() for arm in kind]
    assert len(listed) == len(set(listed))
    assert set(listed) | {"baseline", "resplit"} == set(variants) | {"resplit"}
    assert ("resplit" in variants) is given


def test_an_arm_with_less_dropout_than_the_baseline_takes_out_too_much_of_it() -> None:
    recipe = SETTINGS["garments-cnn"].recipe | {"dropout": [0.25, 0.25, 0.5], "augmentation": {"vertical_flip": True}}
    variants, causes = arms(recipe, given=False, unequal=False)
    assert "dropout" not in variants, "the baseline's own"
    assert causes["regularization"]["opposes"] == ["light_dropout", "no_regularization"]
    assert causes["augmentation"]["removes"] == ["no_augmentation", "mild_augmentation"]
    assert "imbalance" not in causes


@pytest.mark.parametrize("name", ["labels_uniform-middle-garments-norm-again", "long_tail-middle-garments-cnn"])
def test_a_twin_differs_by_the_fault_alone(name: str) -> None:
    scenario, shipped = SCENARIOS[name], shipped_params()
    faulty, clean = project(scenario, shipped), twin(scenario, scenario.planted[0][0], shipped)
    assert (faulty.material.test.images == clean.material.test.images).all()
    sizes = [(found.params["split"]["train_size"], found.params["split"]["seed"]) for found in (faulty, clean)]
    assert sizes[0] == sizes[1]
    assert faulty.params["train"] == clean.params["train"]


def test_the_twin_of_unknown_groups_knows_them() -> None:
    scenario, shipped = SCENARIOS["groups-middle-garments-cnn"], shipped_params()
    assert not project(scenario, shipped).material.groups_known
    assert twin(scenario, "groups", shipped).material.groups_known


@pytest.mark.parametrize("name", [name for name, s in SCENARIOS.items() if s.dose == "strong"])
def test_twice_the_images_stand_by_even_at_the_strongest_dose(name: str) -> None:
    """Else the arm that doubles them could not be trained, and too few images never be named.

    Twins draw the same lists, but for groups that are known: whole groups leave less, and a twin has no such arm.
    """
    scenario, shipped = SCENARIOS[name], shipped_params()
    assert project(scenario, shipped).params["split"]["max_train_factor"] == 2
    for fault, _ in scenario.planted:
        factor = twin(scenario, fault, shipped).params["split"]["max_train_factor"]
        assert factor == (1 if FAULTS[fault].declares else 2)


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name.startswith("groups-")])
def test_known_groups_leave_enough_images_to_train_the_twin(name: str) -> None:
    found = twin(SCENARIOS[name], "groups", shipped_params())
    groups, split = found.material.train.groups, found.params["split"]
    assert groups is not None
    largest = int(np.bincount(groups).max())
    left = len(groups) - split["val_size"] - largest  # a group too many may be drawn into validation
    assert round(split["train_size"] * split["max_train_factor"]) <= left
