"""The networks under study, and their paired initial weights."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, regularizers
from numpy.typing import NDArray

from stages.params.experiment import Train


def build_model(input_shape: tuple[int, int, int], classes: int, settings: Train) -> keras.Model:
    """The source's CNN and its knobs; 421,642 parameters on (28, 28, 1), 10 classes.

    Takes float32 batches (n, *input_shape) in [0, 1] and returns logits (n, classes). `width` multiplies
    filters and hidden units; the `pooling` head replaces Flatten and Dense(128) by a global average; a
    rate of 0 adds no layer, a penalty of 0 no loss term.
    """

    def penalty() -> keras.Regularizer | None:
        l1, l2 = settings.l1_penalty, settings.l2_penalty
        return regularizers.L1L2(l1, l2) if l1 or l2 else None

    def units(count: int) -> int:
        return max(round(count * settings.width), 1)

    def dropout(rate: float) -> list[keras.Layer]:
        return [layers.Dropout(rate)] if rate else []

    def convolution(filters: int) -> list[keras.Layer]:
        linear = layers.Conv2D(filters, 3, padding="same", kernel_regularizer=penalty())
        if settings.batch_norm:
            return [linear, layers.BatchNormalization(), layers.ReLU()]
        linear.activation = keras.activations.relu
        return [linear]

    def head() -> list[keras.Layer]:
        if settings.head == "pooling":
            return [layers.GlobalAveragePooling2D()]
        return [layers.Flatten(), layers.Dense(units(128), activation="relu", kernel_regularizer=penalty())]

    return keras.Sequential(
        [
            keras.Input(input_shape),
            *convolution(units(32)),
            layers.MaxPooling2D(),
            *dropout(settings.dropout[0]),
            *convolution(units(64)),
            layers.MaxPooling2D(),
            *dropout(settings.dropout[1]),
            *head(),
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

    Its trainable variables that have name and shape of one of the baseline's, in the same order, get the
    value that the baseline has in this replicate: an added layer, such as dropout, would otherwise
    shift every later initializer's seed and unpair the comparison.
    """
    keras.utils.set_random_seed(weights_seed)
    reference = build_model(input_shape, classes, baseline).trainable_variables
    keras.utils.set_random_seed(dropout_seed)
    model = build_model(input_shape, classes, settings)
    following = 0
    for variable in model.trainable_variables:
        kind = (variable.name, variable.shape)
        alike = [i for i in range(following, len(reference)) if (reference[i].name, reference[i].shape) == kind]
        if alike:
            variable.assign(reference[alike[0]])
            following = alike[0] + 1
    return [variable.numpy().copy() for variable in model.variables]


def forward_flops(model: keras.Model, input_shape: tuple[int, int, int]) -> int:
    """Floating-point operations of one image's forward pass in inference mode, as TensorFlow's profiler counts them."""
    graph = tf.function(lambda images: model(images, training=False)).get_concrete_function(
        tf.TensorSpec((1, *input_shape))
    )
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation() | {"output": "none"}
    return int(tf.compat.v1.profiler.profile(graph.graph, options=options).total_float_ops)
