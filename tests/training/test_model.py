import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.builders import FUNCTIONAL, HEADER, KINDS, SEQUENTIAL, SOFTMAX, SUBCLASSED, write
from tests.recipes import recipe
from tests.samples import MANIFEST
from tests.scratch import ROOT
from valgap.data.prepared import write_manifest
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_npz
from valgap.ground.params.experiment import Model, Train
from valgap.ground.params.schema import parse, read_yaml
from valgap.models.bites import PROOF_OF, PROOFS, Networks, check_variants
from valgap.training import pairing
from valgap.training.examples import Examples
from valgap.training.loop import make_training, to_unit
from valgap.training.losses import make_loss
from valgap.training.network import applications
from valgap.training.network.builders import build_model, build_network, knobs_of
from valgap.training.network.contract import Knobs, sample
from valgap.training.network.knobs import freeze, head_variables, penalise
from valgap.training.network.structure import call_order, forward_flops, head_weights, output_layer, weighted_layers
from valgap.training.optimizer import make_optimizer
from valgap.training.pairing import alike, initial_state
from valgap.training.replicate import Trained, train_replicate

TRAIN = parse(Train, read_yaml(ROOT / "params.yaml")["train"], "train")
TOY = dataclasses.replace(TRAIN, steps=8, batch_size=8, curve_points=2)
SHAPE = (12, 12, 1)
# Keras 3.15.1 hands its variables to NumPy 2.4 in an old way when it saves them.
SAVING = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
CNN, RESNET = Model("cnn", "valgap/training", None), Model("resnet", "valgap/training", None)


def variant(**changes: object) -> Train:
    return dataclasses.replace(TOY, **changes)  # type: ignore[arg-type]


def examples(seed: int, count: int = 40, shape: tuple[int, int, int] = SHAPE) -> Examples:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.integers(0, 60, (count, *shape), dtype=np.uint8)
    images[np.arange(count), labels * 3, labels * 3] = 255
    return Examples(images, labels)


SPLITS = {"train": examples(0), "val": examples(1), "test": examples(2, 130)}


def trained(architecture: Model, replicate: int = 0, **changes: object) -> Trained:
    return train_replicate(recipe(architecture, variant(**changes), TOY), replicate, SPLITS, 3)


@SAVING
@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_of_model_is_trained_scored_saved_and_repeated(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = write(monkeypatch, tmp_path, KINDS[kind])
    first = trained(architecture, steps=40, curve_points=2)
    probabilities = first.probabilities["test"]
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert first.facts.forward_flops > first.facts.parameters / 2
    assert first.history[1].train_nll < first.history[0].train_nll
    first.model.save_weights(tmp_path / "saved.weights.h5")
    again = build_model(SHAPE, 3, architecture, TOY)
    again.load_weights(tmp_path / "saved.weights.h5")
    scored = tf.nn.softmax(again(SPLITS["test"].images / np.float32(255), training=False))
    np.testing.assert_allclose(scored, probabilities, atol=1e-6)
    other = trained(architecture, replicate=1, steps=40, curve_points=2).probabilities["test"].copy()
    assert not np.array_equal(other, probabilities)
    assert np.array_equal(trained(architecture, steps=40, curve_points=2).probabilities["test"], probabilities)


def test_probabilities_train_as_the_same_networks_logits_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_softmax, without = (write(monkeypatch, tmp_path, code) for code in (SOFTMAX, FUNCTIONAL))
    for changes in ({}, {"label_smoothing": 0.1}, {"class_remedy": "logit_adjustment"}, {"l2_penalty": 0.01}):
        ours, theirs = trained(with_softmax, **changes), trained(without, **changes)
        np.testing.assert_allclose(ours.probabilities["test"], theirs.probabilities["test"], atol=2e-6)


def test_logits_of_probabilities_that_hide_their_softmax_are_their_logarithm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a graph as outside it, whatever is 0 counts as 1e-7."""
    architecture = write(
        monkeypatch, tmp_path,
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.out = layers.Dense(2, kernel_initializer="zeros", bias_initializer=lambda *a, **k: [50.0, -50.0])

            def call(self, images):
                return ops.softmax(self.out(layers.Flatten()(images))) * 1.0

        def build(input_shape, classes, knobs):
            return Net()
        """,
    )  # fmt: skip
    model = build_model(SHAPE, 2, architecture, TOY)
    for call in (model, tf.function(model, jit_compile=False)):
        np.testing.assert_allclose(call(sample(SHAPE)), [[0, np.log(1e-7)]] * 4, rtol=1e-5)


def test_zero_logits_and_half_precision_are_logits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = write(
        monkeypatch, tmp_path, SEQUENTIAL.replace("Dense(classes)", "Dense(classes, kernel_initializer='zeros')")
    )
    assert not np.any(build_model(SHAPE, 3, zeros, TOY)(sample(SHAPE)))
    half = write(monkeypatch, tmp_path, SEQUENTIAL.replace("Dense(classes)", "Dense(classes, dtype='mixed_float16')"))
    assert build_model(SHAPE, 3, half, TOY)(sample(SHAPE)).dtype == tf.float32


@pytest.mark.parametrize("kind", ["sequential", "functional", "subclassed"])
def test_builders_that_answer_pass_with_every_knob(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = write(monkeypatch, tmp_path, KINDS[kind])
    lines: list[str] = []
    arms: dict[str, dict[str, Any]] = {
        "dropout": {"dropout": (0.0, 0.0, 0.5)}, "wide": {"width": 2.0}, "pooling": {"head": "pooling"},
        "norm": {"batch_norm": True}, "l1": {"l1_penalty": 0.1}, "l2": {"l2_penalty": 0.1}, "frozen": {"frozen": 0.4},
        "head": {"head_rate_factor": 2.0}, "both": {"width": 2.0, "head": "pooling", "frozen": 0.4},
        "loop": {"mixup": 0.1},
    }  # fmt: skip
    check_variants(SHAPE, 3, architecture, TOY, {name: variant(**arm) for name, arm in arms.items()}, lines.append)
    assert [line.split(":")[0] for line in lines] == [*arms]


def test_all_knobs_that_do_not_bite_are_refused_at_once_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = SEQUENTIAL.replace("knobs.", "type(knobs)((0.3, 0, 0.3), 1, 'flatten', False, None).")
    architecture = write(monkeypatch, tmp_path, deaf)
    lines: list[str] = []
    arms: dict[str, dict[str, Any]] = {
        "weak": {"dropout": (0.0, 0.0, 0.1)}, "wide": {"width": 2.0}, "pooling": {"head": "pooling"},
        "norm": {"batch_norm": True}, "l2": {"l2_penalty": 0.1}, "half_deaf": {"width": 2.0, "l2_penalty": 0.1},
        "little": {"frozen": 0.01},
    }  # fmt: skip
    with pytest.raises(SuiteError) as refused:
        check_variants(SHAPE, 3, architecture, TOY, {name: variant(**arm) for name, arm in arms.items()}, lines.append)
    text = str(refused.value)
    assert architecture.builder in text
    for words in (
        "variant weak: dropout = [0, 0, 0.1] instead of [0, 0, 0]", "variant wide: width = 2 instead of 1",
        "variant pooling: head = pooling instead of flatten", "variant norm: batch_norm = True instead of False",
        "variant half_deaf: width = 2 instead of 1", "frozen = 0.01 is no whole layer of the 3",
    ):  # fmt: skip
        assert words in text
    assert "variant l2" not in text
    assert [line.split(":")[0] for line in lines] == ["l2"]


def test_a_width_that_narrows_when_asked_to_widen_does_not_bite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = write(monkeypatch, tmp_path, SEQUENTIAL.replace("8 * knobs.width", "8 / knobs.width"))
    (found,) = Networks(SHAPE, 3, architecture).refused(variant(width=2.0), TOY)
    assert found.startswith("width = 2 instead of 1 makes")


def test_functional_dropout_that_ignores_its_rate_does_not_bite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No layer tells its rate, so outputs in training are compared under the same weights and seeds."""
    heard = write(monkeypatch, tmp_path, SUBCLASSED)
    ignored = write(monkeypatch, tmp_path, SUBCLASSED.replace("self.rate = knobs.dropout[2]", "self.rate = 0.4"))
    settings = variant(dropout=(0.0, 0.0, 0.2))
    assert Networks(SHAPE, 3, heard).refused(settings, TOY) == []
    (found,) = Networks(SHAPE, 3, ignored).refused(settings, TOY)
    assert "leaves dropout rates [0.4] and outputs in training as they are" in found


def test_a_setting_of_the_baseline_that_does_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the builder does not do, the report would say of every variant."""
    architecture = write(monkeypatch, tmp_path, SEQUENTIAL.replace("knobs.batch_norm", "False"))
    baseline = variant(batch_norm=True, head="pooling", dropout=(0.1, 0.0, 0.0), width=0.5, l2_penalty=0.1)
    with pytest.raises(SuiteError) as refused:
        check_variants(SHAPE, 3, architecture, baseline, {"baseline": baseline}, print)
    lines = [line.strip() for line in str(refused.value).split("\n") if "train: " in line]
    assert [line.split(" instead")[0] for line in lines] == ["train: batch_norm = True", "train: dropout = [0.1, 0, 0]"]


def test_every_knob_of_the_network_has_a_proof_and_every_knob_of_builders_is_one() -> None:
    assert set(PROOF_OF.values()) == set(PROOFS)
    asked = {field.name for field in dataclasses.fields(Knobs)} - {"weights"}
    assert asked <= set(PROOF_OF)
    assert knobs_of(CNN, TOY) == Knobs(TOY.dropout, TOY.width, TOY.head, TOY.batch_norm, None)


def test_a_choice_of_the_baseline_is_not_compared_with_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head that is fixed is no setting that does nothing, and the other one may be too large to build."""
    fixed = SEQUENTIAL.replace("knobs.head", "'pooling'")
    assert fixed != SEQUENTIAL
    architecture = write(monkeypatch, tmp_path, fixed)
    baseline = variant(head="pooling")
    check_variants(SHAPE, 3, architecture, baseline, {"baseline": baseline}, lambda line: None)


def test_identical_networks_are_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def counted(*args: Any) -> keras.Model:
        built.append(args)
        return build_model(*args)

    monkeypatch.setattr("valgap.models.bites.build_model", counted)
    arms = {f"arm{n}": variant(learning_rate=0.001 * n, mixup=0.1 * n) for n in range(1, 5)}
    check_variants(SHAPE, 3, CNN, TOY, {**arms, "l2": variant(l2_penalty=0.1)}, lambda line: None)
    assert len(built) == 2


@pytest.mark.parametrize("kind", ["sequential", "functional", "subclassed"])
def test_penalties_are_of_all_kernels_but_the_output_layers(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = write(monkeypatch, tmp_path, KINDS[kind])
    model = build_model(SHAPE, 3, architecture, variant(l1_penalty=0.01, l2_penalty=0.1))
    kernels = [w for w in model.trainable_variables if w.name == "kernel" and w.shape[-1] != 3]
    assert len(kernels) == (3 if kind == "functional" else 2)
    expected = sum(0.01 * np.abs(k.numpy()).sum() + 0.1 * (k.numpy() ** 2).sum() for k in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


def test_a_builders_own_penalty_is_kept() -> None:
    model = keras.Sequential(
        [keras.Input((2,)), layers.Dense(2, kernel_initializer="ones", kernel_regularizer="l2"), layers.Dense(3)]
    )
    penalise(model, np.zeros((1, 2), np.float32), CNN, 0.0, 0.5)
    assert float(sum(model.losses)) == pytest.approx(4 * (0.01 + 0.5))


@pytest.mark.parametrize("kind", ["sequential", "functional", "subclassed"])
def test_frozen_layers_are_the_first_and_do_not_move(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first two of all are convolution and norm, and a frozen norm keeps its moving statistics."""
    architecture = write(monkeypatch, tmp_path, KINDS[kind])
    norm = variant(batch_norm=True)
    share = 2 / (5 if kind == "functional" else 4)
    run = train_replicate(recipe(architecture, dataclasses.replace(norm, frozen=share), norm), 0, SPLITS, 3)
    start = initial_state(SHAPE, 3, recipe(architecture, norm, norm), 0)
    still = {
        id(variable)
        for variable, value in zip(run.model.variables, start, strict=True)
        if np.array_equal(variable.numpy(), value) and variable.dtype == "float32"
    }
    names = [(variable.name, tuple(variable.shape)) for variable in run.model.weights if id(variable) in still]
    assert names[:2] == [("kernel", (3, 3, 1, 8)), ("bias", (8,))]
    assert sorted(names[2:6]) == [(name, (8,)) for name in ("beta", "gamma", "moving_mean", "moving_variance")]
    assert len(names) == 6
    assert still.isdisjoint(map(id, run.model.trainable_variables))


def test_frozen_counts_whole_layers_and_spares_the_output_layer() -> None:
    for share, left in ((0.25, 6), (0.3, 6), (0.5, 4), (0.7, 2), (0.99, 2)):  # of conv, conv, dense, dense
        model = build_model((28, 28, 1), 10, CNN, variant(frozen=share))
        assert len(model.trainable_variables) == left, share
    with pytest.raises(SuiteError, match="no whole layer of the 4"):
        build_model((28, 28, 1), 10, CNN, variant(frozen=0.1))


def test_a_frozen_layer_that_holds_layers_freezes_its_own_weights_alone() -> None:
    class Token(layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.token = self.add_weight(shape=(1, 2), name="token")
            self.dense = layers.Dense(2)

        def call(self, values: Any) -> Any:
            return self.dense(values + self.token)

    model = keras.Sequential([keras.Input((2,)), Token(), layers.Dense(3)])
    freeze(model, np.zeros((1, 2), np.float32), CNN, 0.34)  # one of token, inner dense, output
    assert [variable.name for variable in model.trainable_variables] == ["kernel", "bias", "kernel", "bias"]


def test_layers_come_in_the_order_of_the_forward_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model(SHAPE, 3, write(monkeypatch, tmp_path, SUBCLASSED), TOY)
    shapes = [layer.weights[0].shape for layer in weighted_layers(model, sample(SHAPE))]
    assert shapes == [(3, 3, 1, 8), (200, 8), (8, 3)]
    output = output_layer(model, sample(SHAPE))
    assert output is not None
    assert output.units == 3
    before = model(sample(SHAPE)).numpy()
    call_order(model, sample(SHAPE))
    assert np.array_equal(model(sample(SHAPE)), before)
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


@pytest.mark.parametrize("kind", [*KINDS, "cnn", "resnet", "applications"])
def test_the_head_begins_after_the_last_convolution(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"cnn": CNN, "resnet": RESNET, "applications": Model("applications:MobileNetV2", "valgap/training", "random")}
    architecture = own[kind] if kind in own else write(monkeypatch, tmp_path, KINDS[kind])
    shape = (32, 32, 1) if kind == "applications" else SHAPE
    model = build_model(shape, 3, architecture, variant(batch_norm=kind == "resnet"))
    head = head_weights(model, sample(shape))
    layers_of_head = 1 if kind == "plain_call" else 2
    assert [weight.name for weight in head] == ["kernel", "bias"] * layers_of_head
    assert [len(weight.shape) for weight in head] == [2, 1] * layers_of_head
    assert head[-1].shape == (3,)


def test_head_rate_factor_multiplies_the_heads_steps_alone() -> None:
    """By hand on one step: new = old + factor * (stepped - old) for the head, stepped for the rest."""
    results = []
    for factor in (1.0, 0.25):
        keras.utils.set_random_seed(3)
        model = build_model(SHAPE, 3, CNN, TOY)
        start = [variable.numpy().copy() for variable in model.trainable_variables]
        optimizer = make_optimizer(TOY, model.trainable_variables)
        optimizer.build(model.trainable_variables)
        head = head_variables(model, sample(SHAPE), CNN)
        loss = make_loss(TOY, tf.Variable(tf.ones(3)))
        train = make_training(
            model, optimizer, lambda images, targets, seed: (to_unit(images), targets), loss, head, factor
        )
        arrays = tf.constant(SPLITS["train"].images), tf.one_hot(SPLITS["train"].labels, 3)
        train(*arrays, tf.constant([[0, 1, 2, 3]]), tf.constant(0), tf.constant(1))
        stepped = [variable.numpy() - old for variable, old in zip(model.trainable_variables, start, strict=True)]
        results.append((stepped, {id(variable) for variable in head}, model.trainable_variables))
    (whole, _, _), (scaled, members, variables) = results
    for variable, ours, theirs in zip(variables, scaled, whole, strict=True):
        assert np.any(theirs)
        np.testing.assert_allclose(ours, theirs * (0.25 if id(variable) in members else 1), atol=1e-7)


def test_head_rate_factor_is_refused_where_no_head_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dense = SEQUENTIAL.replace("layers.Conv2D(round(8 * knobs.width), 3, 2)", "layers.Dense(4)")
    with pytest.raises(SuiteError, match="no trainable kernel after the last convolution; set it to 1"):
        trained(write(monkeypatch, tmp_path, dense), head_rate_factor=2.0)
    with pytest.raises(SuiteError, match="nothing but a head that is trained"):
        trained(CNN, head_rate_factor=2.0, frozen=0.5)
    assert trained(CNN, head_rate_factor=2.0).facts.replicate == 0


def test_resnet_is_the_one_of_the_paper() -> None:
    paper = variant(batch_norm=True, head="pooling")
    model = build_model((32, 32, 3), 10, RESNET, paper)
    convolutions = 432 + 6 * 9 * 16**2 + 9 * 16 * 32 + 5 * 9 * 32**2 + 9 * 32 * 64 + 5 * 9 * 64**2
    norms = 7 * 16 + 6 * 32 + 6 * 64  # channels; each has gamma, beta, and two statistics
    assert model.count_params() == convolutions + 4 * norms + 650 == 271_098
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 269_722
    # He et al. count 0.041 billion multiply-adds, in Table 6's network of 20 layers
    assert forward_flops(model, (32, 32, 3)) == pytest.approx(2 * 40.8e6, rel=0.03)
    assert [layer.strides for layer in model.layers if isinstance(layer, layers.MaxPooling2D)] == [(2, 2)] * 2


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 15, 3), (28, 28, 1)])
def test_resnet_trains_on_small_and_odd_images_without_batch_normalisation(shape: tuple[int, int, int]) -> None:
    splits = {name: examples(seed, 60, shape) for seed, name in enumerate(("train", "val", "test"))}
    start = build_model(shape, 3, RESNET, TOY)
    values = start(sample(shape)).numpy()
    assert np.abs(values).max() < 20  # blocks start as their shortcuts, and do not blow it up
    run = train_replicate(recipe(RESNET, variant(steps=30, head="pooling"), TOY), 0, splits, 3)
    assert run.history[-1].train_nll < run.history[0].train_nll


def test_applications_see_pixels_as_their_own_preprocessing_makes_them() -> None:
    grey = np.arange(32 * 32, dtype=np.float32).reshape(1, 32, 32, 1) / 1023
    rgb = np.repeat(grey * 255, 3, axis=-1)
    for module in (keras.applications.vgg16, keras.applications.mobilenet_v2, keras.applications.densenet):
        pixels = applications.Pixels(module.preprocess_input)
        expected = module.preprocess_input(rgb.copy())
        np.testing.assert_allclose(pixels(grey), expected, atol=1e-3)
        np.testing.assert_allclose(pixels(rgb / 255), expected, atol=1e-3)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a MobileNetV2 without its top, as a person would save them."""
    folder = tmp_path_factory.mktemp("weights")
    keras.utils.set_random_seed(77)
    base = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    base.save_weights(folder / "mobile.weights.h5")
    np.save(folder / "first.npy", base.weights[0].numpy())
    return folder


@SAVING
def test_a_pretrained_network_is_fine_tuned_with_its_capacity_arms(weights: Path) -> None:
    """Frozen base, head and its rate, from a local file to predictions; the base starts as the file says."""
    architecture = Model("applications:MobileNetV2", str(weights), "mobile.weights.h5")
    splits = {name: examples(seed, 24, (32, 32, 1)) for seed, name in enumerate(("train", "val", "test"))}
    baseline = variant(steps=2, curve_points=1, head="pooling", evaluation_policies={}, dropout=(0.0, 0.0, 0.2))
    first = np.load(weights / "first.npy")
    arms: dict[str, dict[str, Any]] = {
        "frozen": {"frozen": 0.99},
        "head": {"head": "flatten", "head_rate_factor": 10.0},
    }
    for name, changes in arms.items():
        settings = dataclasses.replace(baseline, **changes)
        state = initial_state((32, 32, 1), 3, recipe(architecture, settings, baseline, 5), 0)
        assert np.array_equal(state[0], first)
        run = train_replicate(recipe(architecture, settings, baseline), 0, splits, 3)
        assert run.probabilities["test"].shape == (24, 3)
        assert np.array_equal(run.model.variables[0].numpy(), first) == (name == "frozen")
        trained_shapes = [tuple(variable.shape) for variable in run.model.trainable_variables]
        assert trained_shapes[-2:] == [(1280, 3), (3,)] if name == "frozen" else [(128, 3), (3,)]
        assert (len(trained_shapes) == 2) == (name == "frozen")


@pytest.mark.parametrize("architecture", [CNN, RESNET], ids=["cnn", "resnet"])
def test_variants_share_the_baselines_weights_wherever_shapes_agree(architecture: Model) -> None:
    base = variant(batch_norm=architecture == RESNET)
    start = initial_state(SHAPE, 3, recipe(architecture, base, base, 11), 0)
    arms: list[dict[str, Any]] = [{"dropout": (0.2, 0.2, 0.2)}, {"frozen": 0.5}, {"l2_penalty": 0.1}]
    for changes in arms:
        settings = dataclasses.replace(base, **changes)
        state = initial_state(SHAPE, 3, recipe(architecture, settings, base, 11), 0)
        weights = [value for value in state if value.dtype == np.float32]
        assert len(weights) == len(start)
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(weights, start, strict=True)), changes
    pooled = initial_state(SHAPE, 3, recipe(architecture, dataclasses.replace(base, head="pooling"), base, 11), 0)
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(pooled[:-4], start, strict=False))


def test_the_baseline_is_built_once_a_replicate(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def counted(*args: Any) -> keras.Model:
        built.append(args)
        return build_network(*args)

    monkeypatch.setattr(pairing, "build_network", counted)
    initial_state(SHAPE, 3, recipe(CNN, variant(l2_penalty=0.1, mixup=0.2, frozen=0.5), TOY, 11), 0)
    assert len(built) == 1
    initial_state(SHAPE, 3, recipe(CNN, variant(width=2.0), TOY, 11), 0)
    assert len(built) == 3


def test_weights_are_alike_by_name_shape_and_order() -> None:
    def variables(*kinds: tuple[str, int]) -> list[keras.Variable]:
        return [keras.Variable(np.zeros(size), name=name) for name, size in kinds]

    ours = variables(("kernel", 3), ("bias", 1), ("kernel", 5), ("bias", 2), ("variable_7", 4))
    theirs = variables(("kernel", 3), ("bias", 1), ("gamma", 1), ("kernel", 6), ("bias", 2), ("variable_12", 4))
    place = {id(weight): number for weights in (ours, theirs) for number, weight in enumerate(weights)}
    found = [(place[id(mine)], place[id(other)]) for mine, other in alike(ours, theirs)]
    assert found == [(0, 0), (1, 1), (3, 4), (4, 5)]


def test_knobs_reach_the_builder_as_params_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = write(monkeypatch, tmp_path, SEQUENTIAL)
    (tmp_path / "mine/some.weights.h5").write_bytes(b"x")
    knobs = knobs_of(dataclasses.replace(architecture, weights="some.weights.h5"), variant(width=2.0))
    assert (knobs.width, knobs.head, knobs.dropout, knobs.weights) == (2, "flatten", (0, 0, 0), "mine/some.weights.h5")
    alone = dataclasses.replace(architecture, files="mine/some.weights.h5", weights="some.weights.h5")
    assert knobs_of(alone, TOY).weights == "mine/some.weights.h5"
    assert knobs_of(dataclasses.replace(architecture, weights="random"), TOY).weights == "random"


def test_the_current_directory_is_importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/net_of_mine.py").write_text(HEADER + SEQUENTIAL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", str(tmp_path))])
    model = build_model(SHAPE, 3, Model("mine.net_of_mine:build", "mine", None), TOY)
    assert model.output_shape == (None, 3)


def test_losses_that_a_layer_adds_itself_are_counted_once_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop's loss of a step is stock Keras's, with an activity penalty, also in the second step."""
    code = SEQUENTIAL.replace('layers.Dense(8, "relu")', 'layers.Dense(8, "relu", activity_regularizer="l2")')
    architecture, data = write(monkeypatch, tmp_path, code), SPLITS["train"]
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(4)
        models.append(build_model(SHAPE, 3, architecture, TOY))
    optimizer = make_optimizer(TOY, models[0].trainable_variables)
    optimizer.build(models[0].trainable_variables)
    loss = make_loss(TOY, tf.Variable(tf.ones(3)))
    train = make_training(models[0], optimizer, lambda images, targets, seed: (to_unit(images), targets), loss)
    order = np.arange(16, dtype=np.int32).reshape(2, 8)
    ours = train(
        tf.constant(data.images), tf.one_hot(data.labels, 3), tf.constant(order), tf.constant(0), tf.constant(1)
    )
    rate = keras.optimizers.Adam(TOY.learning_rate)
    models[1].compile(rate, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    theirs = []
    for rows in order:
        models[1].reset_metrics()
        theirs.append(models[1].train_on_batch(data.images[rows] / np.float32(255), data.labels[rows]))
    np.testing.assert_allclose(ours, np.array(theirs).reshape(2), rtol=1e-4)


def test_the_stage_checks_all_that_trains_and_writes_what_never_changes(tmp_path: Path) -> None:
    params = (ROOT / "params.yaml").read_text()
    (tmp_path / "data/prepared").mkdir(parents=True)
    manifest = dataclasses.replace(MANIFEST, image_shape=(12, 12, 1), class_names=("a", "b", "c"))
    write_manifest(manifest, tmp_path / "data/prepared/manifest.json")
    for folder in (paths.ARRAYS, paths.SPLITS):
        (tmp_path / folder).mkdir()
    np.save(tmp_path / paths.LABELS, np.arange(6000) % 3)
    rows = {"train": (0, 3000), "val": (3000, 4000), "test": (4000, 6000)}
    lists = {name: np.arange(*limits)[np.newaxis] for name, limits in rows.items()}
    for block in (0, 1):
        content = {"replicates": np.array([block]), "train_size": np.array(1000), **lists} | {
            "seed": np.array(1), "purposes": np.array(["order", "long_tail"]),
            "purpose_numbers": np.array([1, 2], np.uint64), "suspects": np.array([3 * block, 3000]),
        }  # fmt: skip
        write_npz(tmp_path / paths.split_file(block), content)
    (tmp_path / "params.yaml").write_text(params)
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from valgap.models.stage import main; main()"
    checked = tmp_path / "data/models.txt"

    def run() -> subprocess.CompletedProcess[str]:
        (tmp_path / "stage.py").write_text(f"if __name__ == '__main__':\n    {code}\n")
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            [sys.executable, "stage.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    done = run()
    assert done.returncode == 0, done.stderr
    assert "pooling_head: 19,011 parameters" in done.stdout  # both convolutions, 18,816, and 65 * 3
    assert "without_suspects: 1 to 1 suspected images of a training list are left out" in done.stdout
    assert "batch_norm" not in done.stdout  # exploratory, and not trained
    first = checked.read_bytes()
    assert first.count(b"\n") == 1
    checked.unlink()
    (tmp_path / "params.yaml").write_text(params.replace("builder: cnn ", "builder: nets:build "))
    done = run()
    assert done.returncode == 1
    assert "model.builder = nets:build: there is no module nets" in done.stderr
    assert not checked.exists()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["prepared"]


def test_the_network_of_the_example_on_photos_has_as_many_parameters_as_it_says() -> None:
    model = Model(builder="examples.photos.model:build", files="examples/photos/model.py", weights=None)
    assert build_model((224, 224, 3), 10, model, TOY).count_params() == 3_310_122
    assert build_model((224, 224, 3), 10, model, dataclasses.replace(TOY, width=0.5)).count_params() < 3_310_122 / 3
