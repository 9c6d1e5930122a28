"""The CNN of TensorFlow's tutorial on image classification: what many a user begins with on photos."""

import keras
from keras import layers

from valgap.training.network.contract import Knobs


def build(input_shape: tuple[int, int, int], classes: int, knobs: Knobs) -> keras.Model:
    """Three convolutions, each with its pooling, and a hidden layer: 3,989,285 parameters on (180, 180, 3), 5 classes.

    Takes float32 batches (n, *input_shape) in [0, 1] and returns logits (n, classes). It answers to no knob.
    """
    return keras.Sequential([
        keras.Input(input_shape),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(classes),
    ])  # fmt: skip
