"""The frozen part of a network: what stands before everything that is trained, and gives the same for an image always.

Such as the pretrained base under a new head. Its outputs need not be computed again in every step of every replicate.
It is found by trying, so it may be any layer of any model that all data flow through.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from valgap.training.network.contract import Shape, sample
from valgap.training.network.structure import all_layers, is_kernel, lent, own_kernels, own_weights


@dataclasses.dataclass(frozen=True)
class FrozenPart:
    """Everything up to the outputs of `layer`: of an image of shape `images` they have this `shape` and `dtype`."""

    model: keras.Model
    layer: keras.Layer
    images: Shape
    shape: tuple[int, ...]
    dtype: tf.DType

    def outputs(self, images: Any) -> Any:
        """What the layer gives for normalized images float32 (n, height, width, channels), float32 (n, *shape)."""
        return tf.cast(_run(self.model, images, self.layer, False)[0], tf.float32)

    def __call__(self, outputs: Any, training: bool) -> Any:
        """The model's logits for images of which these are the layer's outputs."""
        count = outputs.shape[0] or tf.shape(outputs)[0]
        nothing = tf.zeros((count, *self.images))  # what stands before the layer is left out of the graph
        return _run_from(self.model, nothing, self.layer, tf.cast(outputs, self.dtype), training)

    def weights(self) -> bytes:
        """Values of all weights that are not trained, those of the part among them."""
        return b"".join(weight.numpy().tobytes() for weight in self.model.weights if not weight.trainable)


def frozen_part(model: keras.Model, input_shape: Shape) -> FrozenPart | None:
    """The largest frozen part of a model; None where nothing with a kernel is frozen, or data flow past it.

    Frozen is what holds no trainable weight and draws nothing at random, up to the first layer that does. Whether all
    data flow through a layer's outputs is tried: with those of other images the model gives what it gives for those.
    """
    if not any(is_kernel(weight) and not weight.trainable for weight in model.weights):
        return None
    images, others = sample(input_shape), 1 - sample(input_shape)
    ended = _ended_before_training(model, images)
    if not any(own_kernels(part) for layer in ended for part in all_layers(layer)):
        return None
    for layer in reversed(ended):
        outputs, expected = _run(model, images, layer, False)
        if not _is_batch(outputs, len(images)):
            continue
        same = _equal(_run_from(model, tf.constant(others), layer, outputs, False), expected)
        if same and _equal(_run(model, images, layer, True)[0], outputs):
            return FrozenPart(model, layer, input_shape, tuple(outputs.shape[1:]), outputs.dtype)
    return None


def _ended_before_training(model: keras.Model, images: NDArray[np.float32]) -> list[keras.Layer]:
    """Layers whose calls end before one begins that is trained or draws at random, in the order in which they end."""
    ended: list[keras.Layer] = []
    begun = False

    def noting(layer: keras.Layer, original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal begun
            begun = begun or _changes(layer)
            outputs = original(*args, **kwargs)
            if not begun:
                ended.append(layer)
            return outputs

        return call

    with lent(all_layers(model), noting):
        model(images, training=False)
    return ended


def _changes(layer: keras.Layer) -> bool:
    """Whether the layer itself is trained, draws at random, or adds to the loss."""
    known = {id(weight) for weight in layer.weights}
    known |= {id(variable) for child in all_layers(layer)[1:] for variable in child.variables}
    draws = any(id(variable) not in known for variable in layer.variables)  # the state of a SeedGenerator
    penalty = getattr(layer, "activity_regularizer", None)
    return draws or penalty is not None or any(weight.trainable for weight in own_weights(layer))


def _run(model: keras.Model, images: Any, layer: keras.Layer, training: bool) -> tuple[Any, Any]:
    """(outputs of the layer, of the model)."""
    found: list[Any] = []

    def noting(_: keras.Layer, original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            found.append(original(*args, **kwargs))
            return found[-1]

        return call

    with lent([layer], noting):
        outputs = model(images, training=training)
    return found[-1], outputs


def _run_from(model: keras.Model, images: Any, layer: keras.Layer, outputs: Any, training: bool) -> Any:
    """Outputs of the model for images, with those of the layer said."""
    with lent([layer], lambda *_: lambda *args, **kwargs: outputs):
        return model(images, training=training)


def _is_batch(outputs: Any, count: int) -> bool:
    return hasattr(outputs, "shape") and tuple(outputs.shape[:1]) == (count,) and outputs.dtype.is_floating


def _equal(ours: Any, theirs: Any) -> bool:
    return np.array_equal(np.asarray(ours), np.asarray(theirs))
