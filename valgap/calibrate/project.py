"""A trial as a small project: params.yaml and the images, in a folder in which the suite's own stages run.

Reads params.yaml of the workspace, whose diagnosis and review blocks hold for trials too; writes a folder below
calibration/work.
"""

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from valgap.calibrate.arms import arms
from valgap.calibrate.faults import FAULTS, PLACEBOS
from valgap.calibrate.material import Material, drawn
from valgap.calibrate.scenarios import Scenario
from valgap.calibrate.settings import SETTINGS, Setting
from valgap.ground import paths
from valgap.ground.files import write_whole
from valgap.ground.params.causes import IMBALANCED
from valgap.ground.params.experiment import TRANSFORMS
from valgap.ground.params.schema import read_yaml
from valgap.ground.records import Plain

BLOCK_SIZE, BLOCKS, FRESH = 3, (0, 1), (2, 3)  # replicates; blocks of the diagnosis; blocks that it never sees
NETWORK = "network"  # an empty folder: what `model.files` names where the builder is the suite's own


@dataclasses.dataclass(frozen=True)
class Project:
    """The images of a trial, and its params.yaml as plain values."""

    material: Material
    params: Plain


def project(scenario: Scenario, shipped: Plain) -> Project:
    """The trial that a scenario asks for. `shipped` is the workspace's params.yaml as plain values.

    Streams of randomness are of the scenario's seed and the operator's name alone, so that the trial without one of its
    faults differs from it by that fault and nothing else.
    """
    setting, faults = SETTINGS[scenario.setting], [(FAULTS[name], dose) for name, dose in scenario.planted]
    share = min((fault.share for fault, _ in faults), default=1.0)
    images = round(share * setting.train)
    recipe, material = dict(setting.recipe), _material(scenario, setting, max((f.pool for f, _ in faults), default=1.0))
    for fault, dose in faults:
        amount = fault.doses[dose]
        if fault.alter:
            material = fault.alter(material, amount, _generator(scenario.seed, fault.name))
        if fault.change:
            recipe |= fault.change(recipe, amount)
        if fault.scale:
            images = round(amount * images)
    if scenario.placebo:
        placebo = PLACEBOS[scenario.placebo]
        recipe |= placebo.change
        recipe |= {
            "learning_rate": placebo.rate * recipe["learning_rate"],
            "steps": round(placebo.steps * recipe["steps"]),
        }
        if placebo.alter:
            material = placebo.alter(material, placebo.dose, _generator(scenario.seed, placebo.name))
    return Project(material, _params(scenario, setting, recipe, images, material, shipped))


def without(scenario: Scenario, fault: str) -> Scenario:
    """The scenario without one of its faults: its twin. What sizes the fault's trials have the twin has too."""
    rest = tuple((name, dose) for name, dose in scenario.planted if name != fault)
    return dataclasses.replace(scenario, name=f"{scenario.name}-without-{fault}", planted=rest)


def twin(scenario: Scenario, fault: str, shipped: Plain) -> Project:
    """The project of the scenario without one of its faults, with the same number of images standing by."""
    removed = FAULTS[fault]
    if removed.declares:
        found = project(scenario, shipped)
        split = found.params["split"] | {"max_train_factor": 1.0}  # whole groups leave a few images less than twice
        return Project(dataclasses.replace(found.material, groups_known=True), found.params | {"split": split})
    found = project(without(scenario, fault), shipped)
    if removed.share == 1.0:
        return found
    images = round(removed.share * SETTINGS[scenario.setting].train)
    return Project(found.material, found.params | {"split": found.params["split"] | {"train_size": images}})


def _material(scenario: Scenario, setting: Setting, pool: float) -> Material:
    """The healthy images: twice the training images, and validation beside or among them."""
    learn, val = round(2 * setting.train * pool), setting.val
    rng = _generator(scenario.seed, "images")
    if scenario.given:
        return drawn(setting.data_set, learn, val, setting.test, rng)
    return drawn(setting.data_set, learn + val, 0, setting.test, rng)


def _generator(seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, int.from_bytes(purpose.encode(), "little")]))


def _params(
    scenario: Scenario, setting: Setting, recipe: Plain, images: int, material: Material, shipped: Plain
) -> Plain:
    counts = np.bincount(material.train.labels, minlength=len(material.class_names))
    unequal = bool(counts.max() > IMBALANCED * counts.min())
    variants, causes = arms(recipe, scenario.given, unequal)
    left = len(material.train) - (0 if scenario.given else setting.val)
    return {
        "data": {
            "source": "npz", "path": "images.npz", "name": None, "table": None, "image_size": None, "resize": "stretch",
            "color": "auto", "on_unreadable": "error", "group_column": None, "group_pattern": None,
            "allowed_transforms": [*TRANSFORMS],
        },
        "split": {
            "seed": scenario.seed, "block_size": BLOCK_SIZE, "blocks": [*BLOCKS], "exploratory_blocks": [],
            "scheme": "holdout", "folds": 5, "train_size": images, "max_train_factor": min(2.0, left / images),
            "val_size": setting.val, "test_size": "all",
        },
        "model": {"builder": setting.builder, "files": NETWORK, "weights": None},
        "train": recipe,
        "variants": variants,
        "exploratory": {},
        "extra": {},
        "causes": causes,
        "diagnosis": shipped["diagnosis"],
        "review": shipped["review"],
        "compute": {"workers": 1, "device": "cpu", "per_gpu": 0, "address": shipped["compute"].get("address")},
    }  # fmt: skip


def leave_out(params: Plain, refused: set[str]) -> Plain:
    """The parameters without some variants, wherever they are listed."""
    variants = {name: diff for name, diff in params["variants"].items() if name not in refused}
    causes = {
        cause: {kind: [arm for arm in listed if arm not in refused] for kind, listed in kinds.items()}
        for cause, kinds in params["causes"].items()
    }
    kept = {name: kinds for name, kinds in causes.items() if any(kinds.values())}
    return params | {"variants": variants, "causes": kept}


def shipped_params() -> Plain:
    """The workspace's params.yaml as plain values."""
    found: Plain = read_yaml(paths.PARAMS)
    return found


def lay_out(found: Project, folder: Path, store: Path) -> None:
    """Write a project into a folder, whose finished replicates lie in `store`, shared by all trials.

    Its runs are made anew from the store: what an earlier try left in them may be of arms that are no more.
    """
    shutil.rmtree(folder / paths.RUNS, ignore_errors=True)
    (folder / NETWORK).mkdir(parents=True, exist_ok=True)
    (folder / paths.STORE).mkdir(exist_ok=True)
    store.mkdir(parents=True, exist_ok=True)
    done = folder / paths.STORE / "done"
    if not done.is_symlink():
        done.symlink_to(store.resolve(), target_is_directory=True)
    shutil.copyfile(paths.TRAINING_LOCK, folder / paths.TRAINING_LOCK)
    found.material.write(folder / "images.npz")
    write_params(found.params, folder)


def write_params(params: Plain, folder: Path = Path()) -> None:
    """Write params.yaml of a project."""
    write_whole(folder / paths.PARAMS, yaml.safe_dump(_listed(params), sort_keys=False))


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder, as stages do: all their paths are relative."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _listed(value: Any) -> Any:
    """Tuples as lists: YAML's safe form knows no others."""
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, list | tuple) else value
