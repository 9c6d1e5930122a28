"""Batch normalization in fewer passes over memory on a CPU, while a network trains.

Keras writes it as moments, differences, products and sums, each of which reads and writes all of a layer's outputs, and
so does each of their gradients: a quarter of a step of the small ResNet, a third of MobileNetV2's. TensorFlow has it as
one operation with a gradient of its own.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from valgap.training.network.structure import all_layers, lent

RANK = 4  # of images (n, height, width, channels): what the operation takes


@contextlib.contextmanager
def fused_normalization(model: keras.Model) -> Iterator[None]:
    """Inside, layers that normalize images do it by the operation above when they train; in inference all is as before.

    The model is the caller's again afterwards. On a GPU nothing changes.
    """
    fused = [] if tf.config.get_visible_devices("GPU") else [layer for layer in all_layers(model) if _suits(layer)]
    with lent(fused, lambda layer, original: functools.partial(_call, layer, original)):
        yield


def _suits(layer: keras.Layer) -> bool:
    """Whether it is Keras's own layer, float32, over the channels of images, by the batch's own statistics."""
    return (
        type(layer) is keras.layers.BatchNormalization
        and layer.built
        and layer.input_spec.ndim == RANK
        and layer.axis in (-1, RANK - 1)
        and not (layer.renorm or layer.synchronized)
        and layer.compute_dtype == "float32"
    )


def _call(
    layer: keras.layers.BatchNormalization,
    original: Callable[..., Any],
    images: Any,
    training: Any = None,
    mask: Any = None,
) -> Any:
    if not (training and layer.trainable) or mask is not None:
        return original(images, training=training, mask=mask)
    ones, zeros = tf.ones_like(layer.moving_mean.value), tf.zeros_like(layer.moving_mean.value)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=tf.convert_to_tensor(layer.gamma) if layer.scale else ones,
        offset=tf.convert_to_tensor(layer.beta) if layer.center else zeros,
        mean=zeros,
        variance=ones,
        epsilon=layer.epsilon,
        exponential_avg_factor=1.0,
        is_training=True,
    )
    count = tf.cast(tf.size(images) / tf.shape(images)[-1], tf.float32)
    biased = variance * (count - 1) / count  # Keras keeps that of the batch, the operation gives the population's
    for kept, now in ((layer.moving_mean, mean), (layer.moving_variance, biased)):
        kept.assign(kept * layer.momentum + now * (1.0 - layer.momentum))
    return outputs
