"""A network of one's own: what `model.builder: examples.own_images.model:build` names in params.yaml."""

import keras
from keras import layers

from valgap.training.network.contract import Knobs


def build(input_shape: tuple[int, int, int], classes: int, knobs: Knobs) -> keras.Model:
    """Two convolutions and a hidden layer, on float32 images in [0, 1]; returns class probabilities (n, classes).

    Of the knobs it honours `width` and the last of the three `dropout` rates: variants that turn another are refused.
    """
    hidden = round(64 * knobs.width)
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(round(16 * knobs.width), 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(round(32 * knobs.width), 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Dense(hidden, activation="relu")(layers.Flatten()(x))
    if knobs.dropout[2]:
        x = layers.Dropout(knobs.dropout[2])(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
