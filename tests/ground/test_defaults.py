"""A params.yaml holds what differs from the defaults; one that lacks a key of today still works."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scratch import ROOT
from valgap.ground.params.experiment import EPOCHS, settings_as_dict, variant_settings
from valgap.ground.params.recipe import Optimizer, Schedule
from valgap.ground.params.schema import ParamsError
from valgap.ground.params.suite import READ_BY_DVC, Suite, load
from valgap.params import resolved, text

SHORT = """\
data: {path: photos, allowed_transforms: [horizontal_flip]}
split: {blocks: [0, 1], exploratory_blocks: []}
model: {files: nets, builder: "nets.mine:build"}
train: {epochs: 20, optimizer: {name: sgd, momentum: 0.9}, schedule: {name: step, at: [0.5, 0.75]}}
variants:
  baseline: {}
  longer: {epochs: 60}
  wide: {width: 2}
  brief: {steps: 12}
exploratory: {}
extra: {}
causes: {training: {removes: [longer]}}
diagnosis: {}
"""


def loaded(folder: Path, content: str) -> Suite:
    (folder / "params.yaml").write_text(content)
    return load(folder / "params.yaml")


def test_a_short_file_has_the_documented_defaults(tmp_path: Path) -> None:
    params = loaded(tmp_path, SHORT)
    assert (params.data.source, params.data.resize, params.split.block_size) == ("folder", "stretch", 3)
    assert (params.train.batch_size, params.train.learning_rate, params.train.normalize) == (32, 0.001, "unit")
    assert params.train.optimizer == Optimizer("sgd", (("momentum", 0.9),))
    assert params.train.schedule == Schedule("step", at=(0.5, 0.75))
    assert (params.review.primary, params.compute.device) == ("test_accuracy", "auto")


def test_epochs_are_steps_over_the_baselines_images_for_every_variant(tmp_path: Path) -> None:
    """20 epochs of 1,000 images at batch 32 are 625 steps; a variant that says steps has these."""
    params = loaded(tmp_path, SHORT)
    assert params.in_epochs
    found = params.in_steps(1000)
    assert not found.in_epochs
    assert {name: settings.steps for name, settings in found.variants.items()} == {
        "baseline": 625, "longer": 1875, "wide": 625, "brief": 12,
    }  # fmt: skip
    assert found.train == found.variants["baseline"]
    assert found.train == variant_settings({"steps": 625, **_of(SHORT)}, {"baseline": {}}, "baseline")


def _of(content: str) -> dict[str, Any]:
    return {key: value for key, value in yaml.safe_load(content)["train"].items() if key != "epochs"}


def test_a_run_of_no_length_said_has_the_default_epochs(tmp_path: Path) -> None:
    params = loaded(tmp_path, SHORT.replace("epochs: 20, ", ""))
    assert params.train.epochs == EPOCHS


def test_two_lengths_are_refused_and_a_variant_may_say_the_other(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"train = steps = 9 and epochs = 20: a run has one length; keep one"):
        loaded(tmp_path, SHORT.replace("epochs: 20", "epochs: 20, steps: 9"))
    with pytest.raises(ParamsError, match=r"variants.longer = steps = 9 and epochs = 60"):
        loaded(tmp_path, SHORT.replace("epochs: 60", "epochs: 60, steps: 9"))


@pytest.mark.parametrize("key", READ_BY_DVC)
def test_what_dvc_reads_may_not_be_missing(key: str, tmp_path: Path) -> None:
    content = yaml.safe_load(SHORT)
    *parents, last = key.split(".")
    block = content
    for parent in parents:
        block = block[parent]
    del block[last]
    with pytest.raises(ParamsError, match=re.escape(f"add {key}: {READ_BY_DVC[key]}")):
        loaded(tmp_path, yaml.safe_dump(content))


def test_what_dvc_reads_is_what_dvc_yaml_names() -> None:
    """Every block under params:, and every key that is interpolated, of the shipped dvc.yaml."""
    stages = (ROOT / "dvc.yaml").read_text()
    keys = {key for key in re.findall(r"\$\{([\w.]+)\}", stages) if not key.startswith("item")}
    blocks = {name for line in re.findall(r"params: \[(.*)\]", stages) for name in re.findall(r"\b\w+\b(?!\.)", line)}
    blocks -= {"item", "variant", "variants"} - {"variants"}
    named = {key for key in READ_BY_DVC} | {key.split(".")[0] for key in READ_BY_DVC}
    assert keys <= named
    assert {block for block in blocks if block in load(ROOT / "params.yaml").__dataclass_fields__} <= named


def test_a_file_that_lacks_any_optional_key_of_the_shipped_one_works(tmp_path: Path) -> None:
    """As one of an older release does: each key of data, split, train, diagnosis, review and compute left out alone."""
    whole: dict[str, Any] = json.loads(json.dumps(yaml.safe_load((ROOT / "params.yaml").read_text())))
    for block in ("data", "split", "model", "train", "diagnosis", "review", "compute"):
        for key in whole[block]:
            if f"{block}.{key}" not in READ_BY_DVC:
                content = copy.deepcopy(whole)
                del content[block][key]
                if key != "train_size":  # all leaves no images for the variant that doubles them
                    loaded(tmp_path, yaml.safe_dump(content))


@pytest.mark.parametrize("content", [SHORT, (ROOT / "params.yaml").read_text()], ids=["short", "shipped"])
def test_the_resolved_file_is_the_same_experiment(content: str, tmp_path: Path) -> None:
    params = loaded(tmp_path, content)
    whole = text(resolved(params))
    again = loaded(tmp_path, whole)
    assert again == params
    assert text(resolved(again)) == whole


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("optimizer: {momentum: 0.9}", "train.optimizer.name = None: input should be a valid string"),
        ("optimizer: {name: adam, learning_rate: 0.1}", "learning_rate is said by train.learning_rate: leave it out"),
        ("schedule: linear", "train.schedule.name = 'linear': input should be 'constant', 'cosine', 'step'"),
        ("schedule: {name: cosine, factor: 0.1}", "cosine takes no factor (allowed: warmup_steps, alpha)"),
        ("schedule: step", "step needs at"),
        ("schedule: {name: exponential, decay_steps: 9}", "exponential needs decay_rate"),
        ("schedule: {name: step, at: [0.7, 0.5]}", "at = [0.7, 0.5] must rise"),
        ("schedule: {name: step, at: [1.5]}", "train.schedule.at.0 = 1.5: input should be less than 1"),
        ("normalize: imagenet", "train.normalize = 'imagenet': input should be 'unit', 'symmetric', 'pixels'"),
        ("epochs: -1", "train.epochs = -1: input should be greater than or equal to 0"),
    ],
)
def test_bad_recipes_are_named(said: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=re.escape(words)):
        loaded(tmp_path, re.sub(r"train: .*", f"train: {{{said}}}", SHORT))


def test_settings_are_kept_as_they_are_said(tmp_path: Path) -> None:
    kept = settings_as_dict(loaded(tmp_path, SHORT).train.in_steps(64))
    assert (kept["steps"], kept["optimizer"]) == (40, {"name": "sgd", "momentum": 0.9})
    assert kept["schedule"] == {"name": "step", "at": (0.5, 0.75)}
    assert "epochs" not in kept
