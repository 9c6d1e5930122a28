"""The training loop: many steps inside one tf.function, over arrays already on the device.

Works for any Keras model that returns logits and any Keras optimizer. Stock `fit` on the same
machine stalls when two one-thread processes share it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from valgap.training.convolution import quick_gradients
from valgap.training.frozen import FrozenPart
from valgap.training.normalization import fused_normalization
from valgap.training.outputs import in_full

# (float32 images in [0, 1], one-hot targets, int32 seed pair) -> (images, targets)
Augment = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
# (uint8 images, one-hot targets, int32 seed pair) -> what the network takes
Prepare = Augment
Normalize = Callable[[tf.Tensor], tf.Tensor]  # float32 images in [0, 1] to what the model takes
Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # (targets, logits), float32 (n, classes), to a scalar


def to_unit(images: tf.Tensor) -> tf.Tensor:
    """uint8 [0, 255] to float32 [0, 1], on which augmentation works."""
    return tf.cast(images, tf.float32) / 255.0


def batch_order(examples: int, steps: int, batch_size: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """(steps, batch_size) positions: shuffled passes over all examples laid end to end, no remainder dropped."""
    passes = -(-steps * batch_size // examples)
    stream = np.concatenate([rng.permutation(examples) for _ in range(passes)])
    return stream[: steps * batch_size].reshape(steps, batch_size).astype(np.int32)


def make_training(
    model: keras.Model,
    optimizer: keras.Optimizer,
    prepare: Prepare,
    loss: Loss,
    scaled: Sequence[keras.Variable] = (),
    factor: float = 1.0,
    part: FrozenPart | None = None,
) -> Callable[..., tf.Tensor]:
    """A function (images, one-hot targets, order, first_step, seed) -> float32 (steps,) loss of each step.

    `prepare` makes of a batch of uint8 images and targets what the network takes. With a frozen `part` images are what
    it makes of them, and nothing is prepared.

    It takes one optimizer step per row of `order`. `seed` is an int32 number: step s draws its
    augmentation from (seed, s), so that segments of a run draw what one long run would. The `scaled` variables
    have `factor` times the learning rate: their step is multiplied, as Adam's does not depend on the gradient's
    or the loss's scale.
    """

    def train(
        images: tf.Tensor, targets: tf.Tensor, order: tf.Tensor, first_step: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        steps = tf.shape(order)[0]
        losses = tf.TensorArray(tf.float32, size=steps)
        for step in tf.range(steps):
            rows = order[step]
            batch, wanted = tf.gather(images, rows), tf.gather(targets, rows)
            if part is None:
                batch, wanted = prepare(batch, wanted, tf.stack([seed, first_step + step]))
            with tf.GradientTape() as tape, quick_gradients(model), fused_normalization(model):
                logits = (part or model)(batch, training=True)
                total = tf.add_n([loss(wanted, logits), *(tf.cast(penalty, tf.float32) for penalty in model.losses)])
                objective = optimizer.scale_loss(total)
            gradients = tape.gradient(objective, model.trainable_variables)
            before = [tf.identity(variable) for variable in scaled]
            optimizer.apply(gradients, model.trainable_variables)
            for variable, old in zip(scaled, before, strict=True):
                variable.assign(old + factor * (variable - old))
            losses = losses.write(step, total)
        return losses.stack()

    return _graph(train)


def make_prediction(
    logits: Callable[[tf.Tensor], tf.Tensor], batch: int | None = None
) -> Callable[[Iterable[NDArray[Any]]], NDArray[np.float32]]:
    """A function from batches of images (k, ...) to class probabilities, float32 (n, classes) of all of them.

    `logits` gives those of a batch in inference mode. With `batch`, it is never called for fewer.
    """
    of_tensor = _graph(lambda images: tf.nn.softmax(logits(images)))

    def of_batch(images: NDArray[Any]) -> NDArray[np.float32]:
        return of_tensor(tf.constant(images)).numpy()

    def predict(batches: Iterable[NDArray[Any]]) -> NDArray[np.float32]:
        return np.concatenate([in_full(images, batch, of_batch) if batch else of_batch(images) for images in batches])

    return predict


def make_outputs(part: FrozenPart, normalize: Normalize) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """A function from a batch of uint8 images to what the frozen part makes of them, float32."""
    of_tensor = _graph(lambda images: part.outputs(normalize(to_unit(images))))
    return lambda images: of_tensor(tf.constant(images)).numpy()


def _graph(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Trace into a graph without XLA, which is slower on CPU and fails with op determinism on GPU."""
    return tf.function(function, reduce_retracing=True, jit_compile=False)
