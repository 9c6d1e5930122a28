"""Batch normalization in one operation: what it equals, and what it leaves alone."""

import contextlib
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from tests.training.gradients import gradients
from valgap.training.normalization import fused_normalization


class Own(layers.BatchNormalization):  # type: ignore[misc]
    """A layer of the user's."""


def model_of(layer: keras.Layer, shape: tuple[int, ...] = (5, 6, 7)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), layer])


def trained(layer: keras.Layer, images: tf.Tensor, fused: bool, training: bool = True) -> list[NDArray[Any]]:
    """Outputs, gradients of their weighted sum by images and weights, and the moving statistics afterwards."""
    keras.utils.set_random_seed(3)
    model = model_of(type(layer).from_config(layer.get_config()))
    weights = tf.random.stateless_normal(images.shape, (1, 2))
    inside = fused_normalization if fused else contextlib.nullcontext
    found = gradients(model, images, weights, inside, training)
    return [*found, *(variable.numpy() for variable in model.non_trainable_variables)]


IMAGES = 3 + 2 * tf.random.stateless_normal((4, 5, 6, 7), (5, 6))


@pytest.mark.parametrize(
    "layer",
    [
        layers.BatchNormalization(beta_initializer="normal", gamma_initializer="random_normal"),
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False),
        layers.BatchNormalization(axis=3, scale=False, beta_initializer="normal"),
        layers.BatchNormalization(center=False, scale=False),
    ],
)
def test_outputs_gradients_and_statistics_are_those_of_keras(layer: keras.Layer) -> None:
    """To 2e-5 of the largest value of each."""
    for ours, theirs in zip(trained(layer, IMAGES, True), trained(layer, IMAGES, False), strict=True):
        assert np.abs(ours - theirs).max() <= 2e-5 * max(np.abs(theirs).max(), 1e-3)
    assert not np.array_equal(trained(layer, IMAGES, True)[-1], np.ones(7)), "the moving variance moved"


def test_one_image_of_one_pixel_has_no_variance() -> None:
    for ours, theirs in zip(
        *(trained(layers.BatchNormalization(), IMAGES[:1, :1, :1], fused) for fused in (True, False)), strict=True
    ):
        assert np.allclose(ours, theirs, atol=1e-6)


def test_in_inference_and_where_it_is_frozen_bits_stay() -> None:
    layer = layers.BatchNormalization()
    frozen = layers.BatchNormalization(trainable=False)
    for found in (
        [trained(layer, IMAGES, fused, training=False) for fused in (True, False)],
        [trained(frozen, IMAGES, fused) for fused in (True, False)],
    ):
        for ours, theirs in zip(*found, strict=True):
            assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.BatchNormalization(), (5, 6, 7), True),
        (layers.BatchNormalization(axis=1), (5, 6, 7), False),
        (layers.BatchNormalization(renorm=True), (5, 6, 7), False),
        (layers.BatchNormalization(synchronized=True), (5, 6, 7), False),
        (layers.BatchNormalization(dtype="mixed_bfloat16"), (5, 6, 7), False),
        (layers.BatchNormalization(), (9,), False),
        (Own(), (5, 6, 7), False),
        (layers.LayerNormalization(), (5, 6, 7), False),
    ],
)
def test_only_keras_own_layer_on_images_is_called_otherwise(
    layer: keras.Layer, shape: tuple[int, ...], expected: bool
) -> None:
    model = model_of(layer, shape)
    with fused_normalization(model):
        assert ("call" in vars(layer)) == expected
    assert "call" not in vars(layer)


def test_a_mask_is_heeded() -> None:
    layer = layers.BatchNormalization()
    model = model_of(layer)
    mask = np.ones((4, 5, 6), np.bool_)
    mask[:, 2:] = False
    before = [variable.numpy() for variable in model.variables]
    found = []
    for fused in (True, False):
        for variable, value in zip(model.variables, before, strict=True):
            variable.assign(value)
        with fused_normalization(model) if fused else contextlib.nullcontext():
            found.append(layer(IMAGES, training=True, mask=mask).numpy())
    assert np.array_equal(*found)


def test_on_a_gpu_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["a GPU"])
    model = model_of(layer := layers.BatchNormalization())
    with fused_normalization(model):
        assert "call" not in vars(layer)
