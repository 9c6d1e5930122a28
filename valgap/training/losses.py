"""The training loss: cross-entropy, and what imbalance remedies make of it."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from valgap.ground.params.experiment import Train
from valgap.training.loop import Loss

FOCUS = 2.0  # gamma of Lin et al. 2017, "Focal Loss for Dense Object Detection"


def make_loss(settings: Train, counts: tf.Variable) -> Loss:
    """The mean loss of a batch, in nats, float32 scalar; rows of targets sum to 1.

    `counts`, float32 (classes,), are the training examples of each class, to be set before a replicate:
    class weights, n / (classes * count) and so of mean 1 over the examples, and the prior of logit
    adjustment (Menon et al. 2021) come from them.
    """
    kind = keras.losses.CategoricalCrossentropy
    options = {"from_logits": True, "label_smoothing": settings.label_smoothing, "reduction": None}
    if settings.class_remedy == "focal":
        kind = keras.losses.CategoricalFocalCrossentropy
        options |= {"gamma": FOCUS, "alpha": 1.0}  # alpha would scale all classes alike
    each = kind(**options)

    def loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        if settings.class_remedy == "logit_adjustment":
            logits += tf.math.log(counts / tf.reduce_sum(counts))
        losses = each(targets, logits)
        if settings.class_remedy == "class_weights":
            weights = tf.reduce_sum(counts) / (tf.cast(tf.size(counts), tf.float32) * counts)
            losses *= tf.linalg.matvec(targets, weights)
        return tf.reduce_mean(losses)

    return loss


def class_counts(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Training examples of each class, (classes,); 1 for one without any, which then plays no part."""
    return np.maximum(np.bincount(labels, minlength=classes), 1).astype(np.float32)


def balanced_positions(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions in which every class is as frequent as the largest: oversampling by whole repeats and a random rest."""
    largest = np.bincount(labels).max()
    positions = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        repeats, rest = divmod(largest, len(members))
        positions += [np.tile(members, repeats), rng.choice(members, rest, replace=False)]
    return np.concatenate(positions)
