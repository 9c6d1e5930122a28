"""Outputs and gradients of a model that is called in another way, beside those of Keras."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray


def gradients(
    model: keras.Model,
    images: tf.Tensor,
    weights: tf.Tensor,
    inside: Callable[[keras.Model], contextlib.AbstractContextManager[None]],
    training: bool = True,
) -> list[NDArray[Any]]:
    """Outputs of a call `inside` of the model, and gradients of their weighted sum: of images and trained weights."""

    def of(images: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)
            with inside(model):
                outputs = model(images, training=training)
            total = tf.reduce_sum(weights * outputs)
        return outputs, *tape.gradient(total, [images, *(variable.value for variable in model.trainable_variables)])

    return [value.numpy() for value in tf.function(of, jit_compile=False)(images)]
