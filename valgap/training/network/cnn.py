"""The source's CNN: two convolutions and a hidden layer."""

import keras
from keras import layers

from valgap.training.network.contract import Knobs


def build(input_shape: tuple[int, int, int], classes: int, knobs: Knobs) -> keras.Model:
    """The source's CNN and its knobs; 421,642 parameters on (28, 28, 1), 10 classes.

    Takes float32 batches (n, *input_shape) in [0, 1] and returns logits (n, classes). `width` multiplies
    filters and hidden units; the `pooling` head replaces Flatten and Dense(128) by a global average; a
    rate of 0 adds no layer.
    """

    def units(count: int) -> int:
        return max(round(count * knobs.width), 1)

    def dropout(rate: float) -> list[keras.Layer]:
        return [layers.Dropout(rate)] if rate else []

    def convolution(filters: int) -> list[keras.Layer]:
        linear = layers.Conv2D(filters, 3, padding="same")
        if knobs.batch_norm:
            return [linear, layers.BatchNormalization(), layers.ReLU()]
        linear.activation = keras.activations.relu
        return [linear]

    def head() -> list[keras.Layer]:
        if knobs.head == "pooling":
            return [layers.GlobalAveragePooling2D()]
        return [layers.Flatten(), layers.Dense(units(128), activation="relu")]

    return keras.Sequential(
        [
            keras.Input(input_shape),
            *convolution(units(32)),
            layers.MaxPooling2D(),
            *dropout(knobs.dropout[0]),
            *convolution(units(64)),
            layers.MaxPooling2D(),
            *dropout(knobs.dropout[1]),
            *head(),
            *dropout(knobs.dropout[2]),
            layers.Dense(classes),
        ]
    )
