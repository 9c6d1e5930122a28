"""Small networks for these tests, untrained or trained for a second."""

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

SIDE = 8
Images = NDArray[np.float32]


def patches(count: int, seed: int, classes: int = 3) -> tuple[Images, NDArray[np.int64]]:
    """Noise in [0, 1] with a bright row whose place tells the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = 0.4 * rng.random((count, SIDE, SIDE, 1), dtype=np.float32)
    for image, label in zip(images, labels, strict=True):
        image[2 * label] += 0.5
    return images, labels


def network(*first: layers.Layer, norm: bool = True, momentum: float = 0.99, bias: bool = True) -> keras.Model:
    keras.utils.set_random_seed(0)
    normalised = [layers.BatchNormalization(momentum=momentum)] if norm else []
    body = [layers.Conv2D(4, 3, use_bias=bias), *normalised, layers.ReLU(), layers.Dropout(0.5), layers.Flatten()]
    last = layers.Dense(3, activation="softmax", use_bias=bias)
    return keras.Sequential([keras.Input((SIDE, SIDE, 1)), *first, *body, last])


def trained(model: keras.Model, steps: int, rate: float = 0.01) -> keras.Model:
    images, labels = patches(16 * steps, 0)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(images, labels, batch_size=16, verbose=0)
    return model


def values(model: Any) -> list[NDArray[Any]]:
    return [np.array(variable.numpy()) for variable in model.variables]
