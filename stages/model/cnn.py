"""The networks under study, and their paired initial weights."""

import keras
import numpy as np
from keras import layers, regularizers
from numpy.typing import NDArray

from stages.params.experiment import Train


def build_model(input_shape: tuple[int, int, int], classes: int, settings: Train) -> keras.Model:
    """The source's CNN with the knobs `dropout` and `l2_penalty`; 421,642 parameters on (28, 28, 1), 10 classes.

    Takes float32 batches (n, *input_shape) in [0, 1] and returns logits (n, classes). A rate of 0 adds
    no layer, a penalty of 0 no loss term.
    """

    def penalty() -> keras.Regularizer | None:
        return regularizers.L2(settings.l2_penalty) if settings.l2_penalty else None

    def dropout(rate: float) -> list[keras.Layer]:
        return [layers.Dropout(rate)] if rate else []

    def convolution(filters: int) -> keras.Layer:
        return layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_regularizer=penalty())

    return keras.Sequential(
        [
            keras.Input(input_shape),
            convolution(32),
            layers.MaxPooling2D(),
            *dropout(settings.dropout[0]),
            convolution(64),
            layers.MaxPooling2D(),
            *dropout(settings.dropout[1]),
            layers.Flatten(),
            layers.Dense(128, activation="relu", kernel_regularizer=penalty()),
            *dropout(settings.dropout[2]),
            layers.Dense(classes),
        ]
    )


def initial_state(
    input_shape: tuple[int, int, int],
    classes: int,
    settings: Train,
    baseline: Train,
    weights_seed: int,
    dropout_seed: int,
) -> list[NDArray[np.generic]]:
    """Values of all variables of `build_model(settings)` at step 0, in the order of `model.variables`.

    Where its trainable variables have the shapes of the baseline's, they get the values that the
    baseline has in this replicate: layers without weights, such as dropout, would otherwise shift
    every later initializer's seed and unpair the comparison.
    """
    keras.utils.set_random_seed(weights_seed)
    reference = build_model(input_shape, classes, baseline).trainable_variables
    keras.utils.set_random_seed(dropout_seed)
    model = build_model(input_shape, classes, settings)
    for variable, value in zip(model.trainable_variables, reference, strict=False):
        if variable.shape == value.shape:
            variable.assign(value)
    return [variable.numpy().copy() for variable in model.variables]
