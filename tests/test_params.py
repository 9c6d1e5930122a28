import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.params.experiment import Augmentation
from stages.params.schema import ParamsError
from stages.params.suite import load
from tests.scratch import ROOT, run

VALID: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())


def load_text(folder: Path, text: str):
    (folder / "params.yaml").write_text(text)
    return load(folder / "params.yaml")


def load_edited(folder: Path, keys: str, value: Any):
    """The shipped params.yaml with one dotted key set, or deleted for `...`."""
    params = copy.deepcopy(VALID)
    *parents, last = keys.split("/")
    block: Any = params
    for name in parents:
        block = block[name]
    if value is ...:
        del block[last]
    else:
        block[last] = value
    return load_text(folder, yaml.safe_dump(params))


def test_shipped_params_give_the_source_recipe() -> None:
    suite = load(ROOT / "params.yaml")
    assert list(suite.variants) == ["baseline", "dropout", "l2", "augmentation", "early_stopping", "combined"]
    assert suite.variants["baseline"] == suite.train
    assert suite.variants["dropout"].dropout == (0.25, 0.25, 0.5)
    assert suite.variants["l2"].l2_penalty == 0.001
    assert suite.variants["augmentation"].augmentation == Augmentation(20.0, 0.2, 0.2, 0.2, 0.2, True)
    assert (suite.train.steps, suite.train.batch_size, suite.train.learning_rate) == (960, 32, 1e-3)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("train/stpes", 10, "train.stpes = 10 is not a known key; did you mean steps?"),
        ("variants/dropout/dropuot", [0, 0, 0], "did you mean dropout? (allowed: augmentation, batch_size"),
        ("variants/augmentation/augmentation/rotation", 3, "variants.augmentation.augmentation.rotation = 3"),
        ("trian", {}, "trian is not a known block (allowed: data, split, train, variants, compute)"),
        ("train/steps", ..., "train.steps is missing"),
        ("train", ..., "block train must be a mapping, received None"),
        ("train/steps", 9.5, "train.steps = 9.5: input should be a valid integer"),
        ("train/steps", True, "train.steps = True: input should be a valid integer"),
        ("train/learning_rate", "1e-3", "train.learning_rate = '1e-3'"),
        ("train/learning_rate", "1e-3", "YAML reads this as text: write 0.001"),
        ("train/learning_rate", 0, "train.learning_rate = 0: input should be greater than 0"),
        ("train/l2_penalty", float("nan"), "train.l2_penalty = nan: input should be a finite number"),
        ("train/dropout", [0, 0, 1], "train.dropout.2 = 1: input should be less than 1"),
        ("train/early_stopping", "off", "train.early_stopping = 'off': input should be a valid boolean"),
        ("train/curve_points", 961, "curve_points = 961 exceeds steps = 960"),
        ("split/block_size", 0, "split.block_size = 0: input should be greater than or equal to 1"),
        ("split/blocks", [], "split.blocks = []"),
        ("split/blocks", [0, 0], "split.blocks = [0, 0] repeats a block"),
        ("data/source", "fashion", "data.source = 'fashion': input should be 'embedded' or 'fashion_mnist'"),
        ("compute/device", "tpu", "compute.device = 'tpu': input should be 'auto', 'cpu' or 'gpu'"),
        ("variants/a-b", {}, "variants.a-b is not a valid name"),
        ("variants/a.b", {}, "variants.a.b is not a valid name"),
        ("variants/class", {}, "variants.class is not a valid name"),
        ("variants/nearest_neighbour", {}, "variants.nearest_neighbour is the name of a reference"),
        ("variants/empty", None, "variants.empty must be a mapping, {} for none, received None"),
        ("variants/baseline", {"steps": 5}, "variants.baseline must be {}"),
        ("variants/baseline", ..., "variants.baseline must be {}"),
        ("variants/more", {"train_size_factor": 3}, "train_size_factor = 3 exceeds split.max_train_factor = 2"),
    ],
)
def test_bad_values_are_refused_by_name(tmp_path: Path, key: str, value: Any, says: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_edited(tmp_path, key, value)
    assert says in str(caught.value)


def test_all_offences_of_a_block_are_listed_at_once(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"train\.steps = 0.*train\.batch_size = -1"):
        load_edited(tmp_path, "train", VALID["train"] | {"steps": 0, "batch_size": -1})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "not valid YAML"),
        ("- 1", "must hold a mapping of blocks, received list"),
        ("split: {seed: 1, seed: 2}", "repeated key seed"),
    ],
)
def test_malformed_files(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ParamsError, match=says):
        load_text(tmp_path, text)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="run from the repository root"):
        load(tmp_path / "params.yaml")


def test_anchors_and_merge_keys_are_understood(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text() + ""
    text = text.replace("  dropout: {dropout:", "  dropout: &rates {dropout:")
    text = text.replace("  l2: {l2_penalty: 0.001}", "  l2: {<<: *rates, l2_penalty: 0.001}")
    assert load_text(tmp_path, text).variants["l2"].dropout == (0.25, 0.25, 0.5)


def test_command_ends_with_a_message_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(VALID | {"extra": 1}))
    (tmp_path / "stages").symlink_to(ROOT / "stages")
    done = run(tmp_path, "python", "-m", "stages.params", check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("error: params.yaml: extra is not a known block")
    assert "Traceback" not in done.stdout
