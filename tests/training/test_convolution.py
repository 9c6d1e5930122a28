"""The quick gradient of one-channel convolutions: what it equals, and what it leaves alone."""

import contextlib
import itertools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.scratch import ROOT
from tests.training.gradients import gradients
from valgap.ground.params.experiment import Model
from valgap.ground.params.suite import load
from valgap.training.convolution import quick_gradients
from valgap.training.loop import make_training, to_unit
from valgap.training.losses import make_loss
from valgap.training.network.builders import build_model
from valgap.training.optimizer import make_optimizer

PARAMS = load(ROOT / "params.yaml")


class Own(layers.Conv2D):  # type: ignore[misc]
    """A layer of the user's."""


def replaced(model: keras.Model) -> list[int]:
    """Positions of the layers that are called in another way inside."""
    with quick_gradients(model):
        return [number for number, layer in enumerate(model.layers) if "call" in vars(layer)]


def one_layer(layer: keras.Layer, shape: tuple[int, int, int]) -> keras.Model:
    keras.utils.set_random_seed(5)
    return keras.Sequential([keras.Input(shape), layer])


@pytest.mark.parametrize("kernel", [(3, 3), (1, 1), (2, 2), (2, 4), (1, 3)])
@pytest.mark.parametrize(("padding", "bias", "activation"), [("same", True, "relu"), ("valid", False, None)])
def test_gradients_are_those_of_keras(kernel: tuple[int, int], padding: str, bias: bool, activation: str) -> None:
    """Of images, kernel and bias, to 1e-5 of the largest; outputs are the same bits. Even kernels pad unevenly."""
    layer = layers.Conv2D(6, kernel, padding=padding, use_bias=bias, activation=activation, bias_initializer="normal")
    model = one_layer(layer, (7, 10, 1))
    rng = np.random.default_rng(1)
    images = tf.constant(rng.normal(size=(5, 7, 10, 1)).astype(np.float32))
    weights = tf.constant(rng.normal(size=model(images).shape).astype(np.float32))
    assert replaced(model) == [0]
    ours, theirs = (gradients(model, images, weights, inside) for inside in (quick_gradients, contextlib.nullcontext))
    assert len(ours) == 3 + bias
    np.testing.assert_array_equal(ours[0], theirs[0])
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5 * np.abs(other).max())


def test_gradient_of_a_full_batch_is_exact_to_float32() -> None:
    """Against sums in float64: within 1e-6 of the sum of the absolute terms, 25,088 of them."""
    rng = np.random.default_rng(2)
    images = rng.random((32, 28, 28, 1)).astype(np.float32)
    weights = rng.normal(size=(32, 28, 28, 32)).astype(np.float32)
    model = one_layer(layers.Conv2D(32, 3, padding="same"), (28, 28, 1))
    _, _, kernel, bias = gradients(model, tf.constant(images), tf.constant(weights), quick_gradients)
    padded = np.pad(images[..., 0].astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    for row, column in itertools.product(range(3), range(3)):
        terms = padded[:, row : row + 28, column : column + 28, None] * weights
        error = np.abs(kernel[row, column, 0] - terms.sum((0, 1, 2)))
        assert (error < 1e-6 * np.abs(terms).sum((0, 1, 2))).all()
    assert (np.abs(bias - weights.sum((0, 1, 2), np.float64)) < 1e-6 * np.abs(weights).sum((0, 1, 2))).all()


def test_only_what_it_knows_is_replaced() -> None:
    convolutions = [
        layers.Conv2D(1, 3, padding="same"),
        layers.Conv2D(2, 3, padding="same"),
        layers.Conv2D(2, 3, groups=2),
        layers.Conv2D(1, 3),
        layers.Conv2D(1, 5, padding="same"),
        layers.Conv2D(1, 3, 2, padding="same"),
        layers.Conv2D(1, 3, dilation_rate=2, padding="same"),
        Own(1, 3, padding="same"),
        layers.Conv2D(1, 3, dtype="mixed_bfloat16", padding="same"),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.Conv2D(4, 1),
    ]
    model = keras.Sequential([keras.Input((24, 24, 1)), *convolutions])
    assert replaced(model) == [0, 1, 10]  # 2 and 3 have two channels
    assert not any("call" in vars(layer) for layer in model.layers)


def test_layers_within_layers_are_found_and_given_back_after_an_error() -> None:
    inner = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3)])
    model = keras.Sequential([keras.Input((8, 8, 1)), inner, layers.Flatten(), layers.Dense(2)])

    def fail() -> None:
        with quick_gradients(model):
            assert "call" in vars(inner.layers[0])
            model(np.zeros((1, 8, 8, 3), np.float32))

    with pytest.raises(ValueError, match="incompatible"):
        fail()
    assert "call" not in vars(inner.layers[0])


def test_nothing_is_replaced_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    model = one_layer(layers.Conv2D(2, 3), (8, 8, 1))
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    assert replaced(model) == []


@pytest.mark.parametrize(("channels", "left"), [(1, 1), (3, 2)])
def test_the_training_loop_has_it(channels: int, left: int) -> None:
    """On grey images oneDNN's gradient of a kernel is left for the second convolution of the source's CNN alone."""
    shape = (12, 12, channels)
    model = build_model(shape, 3, Model("cnn", "valgap/training", None), PARAMS.train)
    optimizer = make_optimizer(PARAMS.train, model.trainable_variables)
    optimizer.build(model.trainable_variables)
    train: Any = make_training(
        model,
        optimizer,
        lambda images, targets, seed: (to_unit(images), targets),
        make_loss(PARAMS.train, tf.Variable([1.0])),
    )
    specs = [
        tf.TensorSpec((20, *shape), tf.uint8), tf.TensorSpec((20, 3)), tf.TensorSpec((None, 4), tf.int32),
        tf.TensorSpec((), tf.int32), tf.TensorSpec((), tf.int32),
    ]  # fmt: skip
    functions = train.get_concrete_function(*specs).graph.as_graph_def().library.function
    operations = [node.op for function in functions for node in function.node_def]
    assert operations.count("Conv2D") >= 2
    assert operations.count("Conv2DBackpropFilter") == left
