"""Which networks answer by chance in inference mode, and which of their layers does it."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.diagnostics.model.networks import SIDE, network, patches, values
from valgap.diagnostics.model.steadiness import differ, random_layer, unsteady, varies

IMAGES = patches(4, 1)[0]


class Always(layers.Layer):  # type: ignore[misc]
    """Drops units whatever the mode, from a generator of its own, below a layer of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner = layers.Dropout(0.5, name="inner")

    def call(self, images: Any) -> Any:
        return self.inner(images, training=True)


class Between(layers.Layer):  # type: ignore[misc]
    """Noise of its own making, in `call`."""

    def call(self, images: Any) -> Any:
        return images + tf.random.normal(tf.shape(images))


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (layers.Lambda(lambda x: tf.image.random_brightness(x, 0.5), name="light"), "light"),
        (layers.Lambda(lambda x: tf.nn.dropout(x, 0.5), name="drop"), "drop"),
        (Always(name="outer"), "inner"),
        (Between(name="between"), "between"),
    ],
)
def test_the_layer_that_is_always_random_is_named_and_nothing_is_left_behind(layer: Any, named: str) -> None:
    model = network(layer)
    before = values(model)
    assert random_layer(model, IMAGES) == named
    for one, other in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert varies(lambda: np.asarray(model(IMAGES, training=False)))


@pytest.mark.parametrize(
    "layer", [layers.RandomFlip(), layers.GaussianNoise(1.0), layers.RandomBrightness(0.5, value_range=(0, 1))]
)
def test_keras_layers_are_random_in_training_alone(layer: Any) -> None:
    model = network(layer)
    assert random_layer(model, IMAGES) is None
    assert not differ(model.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))


def test_dropout_called_in_training_mode_is_off_in_a_functional_model_of_keras_three() -> None:
    image = keras.Input((SIDE, SIDE, 1))
    dropped = layers.Dropout(0.9)(layers.Flatten()(image), training=True)
    model = keras.Model(image, layers.Dense(3)(dropped))
    assert random_layer(model, IMAGES) is None
    assert not differ(model.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))


def test_rounding_is_no_difference_and_a_hundredth_is() -> None:
    answers = np.array([[0.9, 0.1], [0.0, 1.0]], np.float32)
    assert not differ(answers, answers * np.float32(1 + 1e-6))
    assert not differ(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32))
    assert not differ(np.full((2, 2), np.nan, np.float32), np.full((2, 2), np.nan, np.float32))
    assert differ(answers, np.array([[0.9, 0.13], [0.0, 1.0]], np.float32))


def test_it_is_a_problem_where_classes_change() -> None:
    one = np.array([0, 1, 2, 0])
    found = unsteady(one, np.array([0, 1, 1, 1]), "light")
    assert found is not None
    assert (found.code, found.severity) == ("VG215", "problem")
    assert found.evidence == {"changed": 0.5, "images": 4, "layer": "light", "as_read": True}
    elsewhere = unsteady(one, 2 - one, "light", as_read=False)
    assert elsewhere is not None
    assert elsewhere.severity == "worth a look"
    kept = unsteady(one, one, None)
    assert kept is not None
    assert kept.severity == "worth a look"
    assert unsteady(one[:0], one[:0], None) is None
