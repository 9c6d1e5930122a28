import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.scratch import ROOT, run
from valgap.ground.params.experiment import Augmentation
from valgap.ground.params.schema import ParamsError
from valgap.ground.params.suite import load

VALID: dict[str, Any] = json.loads(json.dumps(yaml.safe_load((ROOT / "params.yaml").read_text())))  # no aliases
VALID["split"] |= {"block_size": 3, "blocks": [0, 1]}  # so that there is more than one


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
    assert next(iter(suite.variants)) == "baseline"
    assert {"dropout", "l2", "augmentation", "early_stopping", "combined"} <= set(suite.cells)
    assert not set(suite.exploratory) & set(suite.cells)
    assert suite.variants["baseline"] == suite.train
    assert suite.variants["dropout"].dropout == (0.25, 0.25, 0.5)
    assert suite.variants["l2"].l2_penalty == 0.001
    assert suite.variants["augmentation"].augmentation == Augmentation(20.0, 0.2, 0.2, 0.2, 0.2, True)
    source = suite.variants["constant_rate"]
    assert (source.steps, source.schedule.name, source.batch_size, source.learning_rate) == (960, "constant", 32, 1e-3)
    assert suite.variants["longer"].steps == 3 * suite.train.steps


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("train/stpes", 10, "train.stpes = 10 is not a known key; did you mean steps?"),
        ("variants/dropout/dropuot", [0, 0, 0], "did you mean dropout? (allowed: augmentation, batch_norm"),
        ("variants/augmentation/augmentation/rotation", 3, "variants.augmentation.augmentation.rotation = 3"),
        ("trian", {}, "trian is not a known block (allowed: data, split, model, train, variants, exploratory,"),
        ("train/steps", 0, "train.steps = 0: input should be greater than 0"),
        ("train", ..., "dvc.yaml reads keys that are missing; add train: {}"),
        ("train", None, "block train must be a mapping, received None"),
        ("train/steps", 9.5, "train.steps = 9.5: input should be a valid integer"),
        ("train/steps", True, "train.steps = True: input should be a valid integer"),
        ("train/learning_rate", "1e-3", "train.learning_rate = '1e-3'"),
        ("train/learning_rate", "1e-3", "YAML reads this as text: write 0.001"),
        ("train/learning_rate", 0, "train.learning_rate = 0: input should be greater than 0"),
        ("train/l2_penalty", float("nan"), "train.l2_penalty = nan: input should be a finite number"),
        ("train/dropout", [0, 0, 1], "train.dropout.2 = 1: input should be less than 1"),
        ("train/early_stopping", "off", "train.early_stopping = 'off': input should be a valid boolean"),
        ("train/curve_points", 961, "curve_points = 961: it exceeds steps = 960"),
        ("split/block_size", 0, "split.block_size = 0: input should be greater than or equal to 1"),
        ("split/blocks", [], "split.blocks = []"),
        ("split/blocks", [0, 0], "split.blocks = [0, 0] repeats a block"),
        ("data/source", 3, "data.source = 3: input should be a valid string"),
        ("data/image_size", [0, 28], "data.image_size.0 = 0: input should be greater than or equal to 1"),
        ("data/image_size", 0, "data.image_size = 0"),
        ("data/path", "", "data.path = ''"),
        ("data/resize", "squeeze", "data.resize = 'squeeze': input should be 'stretch', 'pad' or 'crop'"),
        ("data/on_unreadable", "ignore", "data.on_unreadable = 'ignore': input should be 'error' or 'skip'"),
        ("data/group_pattern", "(", "data.group_pattern = '(': it is no regular expression"),
        ("data/group_pattern", "patient", "data.group_pattern = 'patient': it has 0 capturing groups; it needs one"),
        ("data/allowed_transforms", ["flip"], "data.allowed_transforms names 'flip', which is none"),
        ("data/allowed_transforms", [], "augmentation applies rotation, shift, shear, zoom, horizontal_flip, which"),
        ("split/train_size", "most", "split.train_size"),
        ("split/train_size", "all", "double_data.train_size_factor = 2 exceeds 1: split.train_size = all leaves no"),
        ("split/val_size", 1.5, "split.val_size"),
        ("split/test_size", 0, "split.test_size"),
        ("split/scheme", "loo", "split.scheme = 'loo': input should be 'holdout' or 'kfold'"),
        ("split/folds", 1, "split.folds = 1: input should be greater than or equal to 2"),
        ("model/builder", "my model", "model.builder = 'my model'"),
        ("train/frozen", 1, "train.frozen = 1: input should be less than 1"),
        ("variants/slow", {"head_rate_factor": 0.1, "ema_momentum": 0.9}, "head_rate_factor = 0.1 with ema_momentum"),
        ("compute/device", "tpu", "compute.device = 'tpu': input should be 'auto', 'cpu' or 'gpu'"),
        ("variants/a-b", {}, "variants.a-b is not a valid name"),
        ("variants/a.b", {}, "variants.a.b is not a valid name"),
        ("variants/class", {}, "variants.class is not a valid name"),
        ("variants/nearest_neighbour", {}, "variants.nearest_neighbour is the name of a reference"),
        ("variants/empty", None, "variants.empty must be a mapping, {} for none, received None"),
        ("variants/baseline", {"steps": 5}, "variants.baseline must be {}"),
        ("variants/baseline", ..., "variants.baseline must be {}"),
        ("variants/more", {"train_size_factor": 4}, "train_size_factor = 4 exceeds split.max_train_factor = 3"),
    ],
)
def test_bad_values_are_refused_by_name(tmp_path: Path, key: str, value: Any, says: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_edited(tmp_path, key, value)
    assert says in str(caught.value)


CAUSE_OFFENCES = [
    ("causes/capacity/primary", "dropout", "causes.capacity.primary = 'dropout' is not a known key"),
    ("causes/capacity/opposes", ["ghost"], "causes.capacity names 'ghost', which is not a variant"),
    ("causes/training/opposes", ["combined"], "or its rate has no opposite: list them under removes"),
    ("causes/capacity/removes", ["pooling_head", "gohst"], "causes.capacity names 'gohst'"),
    ("causes/capacity/injects", ["baseline"], "causes.capacity names 'baseline', which is not a variant besides"),
    ("causes/regularization/strengths/dropout", ["ghost"], "causes.regularization names 'ghost'"),
    ("causes/capacity/injects", ["narrow"], "narrow is listed under causes.capacity and causes.capacity, or twice"),
    ("causes/capacity/injects", ["dropout"], "dropout is listed under causes.capacity and causes.regularization"),
    ("causes/weather", {}, "causes.weather is not a known cause (allowed: data, labels, training"),
    ("causes/capacity/kind", "removes", "causes.capacity.kind = 'removes' is not a known key"),
    ("causes/capacity/remedies", ["combined"], "causes.capacity.remedies are compared with the first of its injects"),
    ("causes/imbalance/injects", [], "remedies are compared with the first of its injects; it has none"),
    ("diagnosis/margin", 0, "diagnosis.margin = 0: input should be greater than 0"),
    ("extra/ghost_2", {"variant": "ghost", "block": 2}, "extra.ghost_2.variant = 'ghost' is not under variants"),
    ("extra/mixup_2", {"variant": "mixup", "block": 2}, "move it from exploratory to variants first"),
    ("extra/two", {"variant": "dropout", "block": 2}, "extra.two must be named dropout_2"),
    ("extra/dropout_1", {"variant": "dropout", "block": 1}, "extra.dropout_1 is trained already"),
    ("extra/dropout_2", {"variant": "dropout", "block": 2}, "add baseline_2 to extra"),
    ("exploratory/dropout", {}, "dropout under both variants and exploratory"),
    ("exploratory/a-b", {}, "exploratory.a-b is not a valid name"),
    ("exploratory/mixup", {"mixpu": 1}, "exploratory.mixup.mixpu = 1 is not a known key; did you mean mixup?"),
    ("split/exploratory_blocks", [2], "split.exploratory_blocks = [2] has [2], which split.blocks = [0, 1] lacks"),
    ("train/long_tail", 0.5, "train.long_tail = 0.5: input should be greater than or equal to 1"),
    ("train/head", "dense", "train.head = 'dense': input should be 'flatten' or 'pooling'"),
    ("train/evaluation_policies/mild/zoom", 1, "train.evaluation_policies.mild.zoom = 1: input should be less than 1"),
    ("train/evaluation_policies/a-b", {}, "evaluation_policies.a-b is not a valid name"),
]


@pytest.mark.parametrize(("key", "value", "says"), CAUSE_OFFENCES)
def test_bad_causes_cells_and_knobs_are_refused_by_name(tmp_path: Path, key: str, value: Any, says: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_edited(tmp_path, key, value)
    assert says in str(caught.value)


def test_cells_are_the_product_the_exploratory_and_the_extra(tmp_path: Path) -> None:
    suite = load_edited(tmp_path, "split/exploratory_blocks", [0])
    assert suite.cells["dropout"] == (0, 1)
    assert suite.cells["mixup"] == (0,)
    assert suite.stage("mixup", 0) == "explore@mixup-0"
    extra = {f"{name}_2": {"variant": name, "block": 2} for name in ("baseline", "dropout")}
    suite = load_edited(tmp_path, "extra", extra)
    assert suite.cells["dropout"] == suite.cells["baseline"] == (0, 1, 2)
    assert suite.cells["l2"] == (0, 1)
    assert suite.blocks == [0, 1, 2]
    assert (suite.looks["dropout"], suite.looks["l2"]) == (1, 0)
    assert (suite.stage("dropout", 1), suite.stage("dropout", 2)) == ("train@dropout-1", "more@dropout_2")
    assert "mixup" not in suite.cells


def test_all_offences_of_a_block_are_listed_at_once(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"train\.batch_size = -1.*train\.learning_rate = 0"):
        load_edited(tmp_path, "train", VALID["train"] | {"learning_rate": 0, "batch_size": -1})


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
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(VALID | {"more": {}}))
    (tmp_path / "valgap").symlink_to(ROOT / "valgap")
    done = run(tmp_path, "python", "-m", "valgap.ground.params", check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("error: params.yaml: more is not a known block")
    assert "Traceback" not in done.stdout


def test_every_variant_that_cannot_be_had_is_listed_at_once(tmp_path: Path) -> None:
    params = copy.deepcopy(VALID)
    params["data"]["allowed_transforms"] = ["shift"]
    params["split"]["train_size"] = "all"
    with pytest.raises(ParamsError) as caught:
        load_text(tmp_path, yaml.safe_dump(params))
    for name in ("double_data", "augmentation", "mild_augmentation"):
        assert f"{name}" in str(caught.value)
    assert "wrong_augmentation" not in str(caught.value)  # it injects the cause: that is its purpose
    assert "mixup" not in str(caught.value)  # exploratory, and not trained


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6,
), st.data())  # fmt: skip
def test_any_value_anywhere_is_taken_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, value: Any, data: st.DataObject
) -> None:
    params = copy.deepcopy(VALID)
    block = data.draw(st.sampled_from(sorted(params)))
    if data.draw(st.booleans()) or not params[block]:
        params[block] = value
    else:
        params[block][data.draw(st.sampled_from(sorted(params[block])) | st.text(max_size=5))] = value
    folder = tmp_path_factory.mktemp("fuzz", numbered=True)
    with contextlib.suppress(ParamsError):  # refused: nothing else may be raised
        load_text(folder, yaml.safe_dump(params))
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_refused_and_nothing_else_happens(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("bytes", numbered=True)
    (folder / "params.yaml").write_bytes(content)
    with pytest.raises(ParamsError):
        load(folder / "params.yaml")
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["dropout_two", "Dropout_two"], "names of variants that look alike: 'Dropout_two' and 'dropout_two'"),
        (["fix", "\ufb01x"], r"names of variants that look alike: 'fix' and '\ufb01x' \(\\ufb01x\)"),
        (["\u043e"], ""),
        (["o", "\u043e"], r"look alike: 'o' and '\u043e' \(\\u043e\)"),
        (["dr\u043epout_two"], "variants.dr\u043epout_two has a word of Latin and Cyrillic letters that look alike"),
        (["Baseline"], "look alike: 'Baseline' and 'baseline'"),
        (["Majority_class"], "look alike: 'Majority_class' and 'majority_class'"),
        (["CON"], "variants.CON is a name that Windows keeps for a device: choose another name"),
        (["x" * 1000], "variants.xxx.*\u2026 is 1,000 bytes long in UTF-8, over the limit of 100: choose another name"),
        (["a\x1bb"], r"variants.a\\x1bb is not a valid name"),
    ],
)
def test_names_of_variants_are_told_apart_and_can_name_files(tmp_path: Path, names: list[str], message: str) -> None:
    value = VALID["variants"] | {name: {"l2_penalty": 0.5} for name in names}
    if not message:
        assert set(names) <= set(load_edited(tmp_path, "variants", value).variants)
        return
    with pytest.raises(ParamsError, match=message):
        load_edited(tmp_path, "variants", value)
