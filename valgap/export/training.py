"""Training of the one model that is exported: a replicate's, which ends where early stopping would."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError
from valgap.training.examples import Examples, Feed
from valgap.training.inputs import inputs_of
from valgap.training.losses import class_counts
from valgap.training.machine import machine_of
from valgap.training.pairing import initial_state
from valgap.training.pixels import Affine, affine_of
from valgap.training.recipe import Recipe
from valgap.training.replicate import CURE, training_order


def train_until(
    recipe: Recipe, stop: int, replicate: int, train: Examples, test: Examples, classes: int
) -> tuple[keras.Model, Affine, NDArray[np.float32]]:
    """The model after the first `stop` of the recipe's steps, what its pixels go through, and its probabilities.

    These are of `test`, (n, classes). The learning rate follows the schedule over all of the recipe's steps, as in
    the runs whose weights early stopping restored. Up to `stop` every bit is that of `train_replicate`. Raises
    SuiteError on a loss that is not finite.
    """
    settings, streams = recipe.settings, recipe.streams
    shape = train.images.shape[1:]
    tf.config.experimental.enable_tensor_float_32_execution(settings.precision == "tensor_float32")
    machine = machine_of(shape, classes, recipe.model, settings)
    pixels = affine_of(settings, train)
    machine.start(
        initial_state(shape, classes, recipe, replicate),
        class_counts(train.labels, classes),
        pixels,
        streams.integer(replicate, "mixing"),
    )
    order = training_order(train.labels, settings, streams.generator(replicate, "order"))[:stop]
    seed = tf.constant(streams.integer(replicate, "augmentation"), tf.int32)
    with inputs_of(machine, {"train": train, "test": test}, pixels) as inputs:
        steps = Feed(inputs["train"], classes).steps(order, 0)
        losses = np.concatenate([machine.train(*each, seed) for each in steps])
        if len(bad := np.flatnonzero(~np.isfinite(losses))):
            raise SuiteError(
                f"replicate {replicate}: the training loss is {losses[bad[0]]} at step {bad[0] + 1}; {CURE}"
            )
        with machine.averaged(settings.ema_momentum):
            weights = machine.model.get_weights()
        machine.model.set_weights(weights)
        probabilities = machine.predict(inputs["test"].batches(machine.batch))
    if not np.isfinite(probabilities).all():
        raise SuiteError(f"replicate {replicate}: class probabilities are not finite after step {stop}; {CURE}")
    return machine.model, pixels, probabilities
