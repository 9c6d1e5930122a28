"""Features before the last layer, whatever a model is built of."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from valgap.check.forward import answer_function, input_of
from valgap.check.network import Network
from valgap.diagnostics.model.penultimate import WIDTH, projection
from valgap.ground.errors import SuiteError

SIDE = 10
IMAGES = np.random.default_rng(0).random((7, SIDE, SIDE, 3), dtype=np.float32)
NAME = Path("m")


def trunk() -> list[Any]:
    return [layers.Conv2D(5, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(6, "tanh")]


def sequential(*after: Any) -> Any:
    return keras.Sequential([keras.Input((SIDE, SIDE, 3)), *trunk(), *after])


def nested() -> Any:
    image = keras.Input((SIDE, SIDE, 3))
    head = keras.Sequential([layers.Dropout(0.5), layers.Dense(4), layers.Softmax()])
    return keras.Model(image, head(keras.Sequential(trunk())(image)))


class Subclassed(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.trunk = keras.Sequential(trunk())
        self.head = layers.Dense(4)

    def call(self, images: Any) -> Any:
        return keras.ops.softmax(self.head(self.trunk(images)))


def subclassed() -> Any:
    model = Subclassed()
    model(IMAGES)
    return model


def features_of(model: Any, output: str | None = None) -> Any:
    found = answer_function(model, input_of(model, NAME), NAME, output)(IMAGES)
    if output is None:
        np.testing.assert_allclose(found.outputs, model(IMAGES, training=False), atol=1e-5)
    return found.late


def up_to(model: Any, places: int) -> Any:
    """What the first layers of a Sequential make of the images."""
    values = IMAGES
    for layer in model.layers[:places]:
        values = layer(values, training=False)
    return np.asarray(values)


@pytest.mark.parametrize(
    "after",
    [
        [layers.Dense(4, "softmax")],
        [layers.Dropout(0.5), layers.Dense(4), layers.BatchNormalization(), layers.Activation("softmax")],
    ],
)
def test_features_are_what_the_last_layer_with_a_kernel_is_given(after: list[Any]) -> None:
    model = sequential(*after)
    np.testing.assert_allclose(features_of(model), up_to(model, 3), atol=1e-5)


def test_nested_models_and_subclasses_have_them_too() -> None:
    model = nested()
    np.testing.assert_allclose(features_of(model), np.asarray(model.layers[1](IMAGES, training=False)), atol=1e-5)
    model = subclassed()
    np.testing.assert_allclose(features_of(model), np.asarray(model.trunk(IMAGES)), atol=1e-5)


def test_they_belong_to_the_output_that_was_chosen() -> None:
    image = keras.Input((SIDE, SIDE, 3))
    shared = layers.Conv2D(5, 3)(image)
    for_species = layers.Dense(6, name="one")(layers.GlobalAveragePooling2D()(shared))
    for_age = layers.Dense(7, name="two")(layers.GlobalMaxPooling2D()(shared))
    species, age = layers.Dense(4, name="species")(for_species), layers.Dense(1, name="age")(for_age)
    model = keras.Model(image, [species, age])
    wanted = keras.Model(image, [for_species, for_age])(IMAGES)
    np.testing.assert_allclose(features_of(model, "species"), wanted[0], atol=1e-5)
    np.testing.assert_allclose(features_of(model, "age"), wanted[1], atol=1e-5)
    with pytest.raises(SuiteError, match="has 2 outputs"):
        features_of(model)


def test_places_are_averaged_where_a_convolution_decides() -> None:
    head = [layers.Conv2D(4, 1), layers.GlobalAveragePooling2D(), layers.Softmax()]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), layers.Conv2D(5, 3), *head])
    np.testing.assert_allclose(features_of(model), up_to(model, 1).mean(axis=(1, 2)), atol=1e-5)


def test_wide_features_are_projected_and_keep_their_distances() -> None:
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), layers.Conv2D(5, 3), layers.Flatten(), layers.Dense(4)])
    wide, found = up_to(model, 2), features_of(model)
    assert found.shape == (len(IMAGES), WIDTH)
    np.testing.assert_allclose(found, wide @ projection(wide.shape[1]), atol=1e-4)
    pairs = np.triu_indices(len(IMAGES), 1)
    ratio = np.linalg.norm((found[:, None] - found)[pairs], axis=1) / np.linalg.norm(
        (wide[:, None] - wide)[pairs], axis=1
    )
    assert ratio.min() > 0.6
    assert ratio.max() < 1.4


def test_none_where_no_single_layer_decides() -> None:
    image = keras.Input((SIDE, SIDE, 3))
    flat = layers.Flatten()(image)
    assert features_of(keras.Model(image, layers.Dense(4)(flat) + layers.Dense(4)(flat))) is None
    assert features_of(keras.Model(image, layers.GlobalAveragePooling2D()(image))) is None


def test_a_loop_inside_does_not_hinder() -> None:
    rows = layers.Reshape((SIDE, SIDE * 3))
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), rows, layers.LSTM(5), layers.Dense(4)])
    np.testing.assert_allclose(features_of(model), up_to(model, 2), atol=1e-5)


@pytest.mark.parametrize("batch", [None, 4])
def test_a_network_gives_both_in_one_pass_whatever_its_batch(batch: int | None) -> None:
    model = sequential(layers.Dense(4, "softmax"))
    if batch:
        fixed = keras.Sequential([keras.Input((SIDE, SIDE, 3), batch_size=batch), *model.layers])
        model = fixed
    network = Network(model, NAME)
    found = network.answers(IMAGES)
    assert found.late is not None
    assert found.early is not None
    assert found.late.dtype == found.early.dtype == np.float32
    np.testing.assert_array_equal(found.outputs, network.outputs(IMAGES))
    np.testing.assert_allclose(found.late, up_to(model, 3), atol=1e-5)
    maps = np.asarray(model.layers[0](IMAGES))
    np.testing.assert_allclose(found.early, np.hstack([maps.mean(axis=(1, 2)), maps.std(axis=(1, 2))]), atol=1e-4)


def test_the_model_is_as_before() -> None:
    model = sequential(layers.Dense(4))
    features_of(model)
    assert all("call" not in layer.__dict__ for layer in model.layers)
