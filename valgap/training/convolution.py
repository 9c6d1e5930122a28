"""A quicker gradient for convolutions of one channel on a CPU, such as the first of a network on grey images.

oneDNN has nothing to vectorise over in one input channel, and its gradient of the kernel takes several times as long
as its arithmetic. Here it is one matrix product, of the image under each position of the kernel and the gradient of
the outputs.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from valgap.training.network.structure import all_layers, lent

# Positions of a kernel, 3 x 3. On one core with AVX-512, forward and backward, oneDNN takes 1.1 to 2.8 times as long
# at 3 x 3 (8 to 64 filters, 28 to 224 pixels), and 0.8 to 1.1 times at 5 x 5.
MOST_POSITIONS = 9


@contextlib.contextmanager
def quick_gradients(model: keras.Model) -> Iterator[None]:
    """Inside, calls of the model have the gradient below where a layer allows it; outputs stay the same bits.

    The model is the caller's again afterwards. On a GPU nothing changes: cuDNN has kernels of its own.
    """
    quick = [] if tf.config.get_visible_devices("GPU") else [layer for layer in all_layers(model) if _suits(layer)]
    with lent(quick, lambda layer, _: functools.partial(_call, layer)):
        yield


def _suits(layer: keras.Layer) -> bool:
    """Whether it is Keras's own convolution, of one channel, float32, by a small kernel that visits every pixel."""
    return (
        type(layer) is keras.layers.Conv2D
        and layer.kernel.shape[2] == layer.groups == 1
        and layer.kernel_size[0] * layer.kernel_size[1] <= MOST_POSITIONS
        and layer.strides == layer.dilation_rate == (1, 1)
        and layer.data_format == "channels_last"
        and layer.compute_dtype == "float32"
    )


def _call(layer: keras.layers.Conv2D, images: Any) -> Any:
    kernel = tf.convert_to_tensor(layer.kernel)
    bias = tf.convert_to_tensor(layer.bias) if layer.use_bias else tf.zeros(layer.filters)
    outputs = _convolution(layer.padding.upper())(images, kernel, bias)
    return outputs if layer.activation is None else layer.activation(outputs)


@functools.cache
def _convolution(padding: str) -> Any:
    """Convolution and bias by `padding`: SAME or VALID."""

    def convolution(images: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> Any:
        def gradients(of_outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            of_images = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(images), filter=kernel, out_backprop=of_outputs, strides=[1] * 4, padding=padding
            )
            return of_images, *_parameter_gradients(images, kernel.shape, of_outputs, padding)

        return tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, padding), bias), gradients

    return tf.custom_gradient(convolution)


def _parameter_gradients(
    images: tf.Tensor, shape: tf.TensorShape, of_outputs: tf.Tensor, padding: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """Gradients of the kernel, of that shape, and of the bias; that of the outputs is (n, rows, columns, filters)."""
    height, width, _, filters = shape
    plane = images[..., 0]
    if padding == "SAME":  # as TensorFlow pads: an odd pixel goes to the end
        plane = tf.pad(plane, [(0, 0), ((height - 1) // 2, height // 2), ((width - 1) // 2, width // 2)])
    rows, columns = tf.shape(of_outputs)[1], tf.shape(of_outputs)[2]
    shifted = [plane[:, i : i + rows, j : j + columns] for i in range(height) for j in range(width)]
    factors = tf.stack([*shifted, tf.ones_like(shifted[0])])  # the ones sum up the gradient of the bias
    product = tf.matmul(tf.reshape(factors, (len(shifted) + 1, -1)), tf.reshape(of_outputs, (-1, filters)))
    return tf.reshape(product[:-1], shape), product[-1]
