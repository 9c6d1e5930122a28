"""A small CNN for photos: what `model.builder: examples.photos.model:build` names in small.yaml."""

import keras
from keras import layers

from valgap.training.network.contract import Knobs

FILTERS = (16, 32, 64, 128)


def build(input_shape: tuple[int, int, int], classes: int, knobs: Knobs) -> keras.Model:
    """Four convolutions, each with its pooling, and a hidden layer, on float32 images in [0, 1]; returns logits.

    At 224 x 224 x 3 and 10 classes 3,310,122 parameters. Of the knobs it honours `width` and the last `dropout` rate.
    """
    inputs = x = keras.Input(input_shape)
    for filters in FILTERS:
        x = layers.Conv2D(round(filters * knobs.width), 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(round(128 * knobs.width), activation="relu")(layers.Flatten()(x))
    if knobs.dropout[2]:
        x = layers.Dropout(knobs.dropout[2])(x)
    return keras.Model(inputs, layers.Dense(classes)(x))
