"""Steps of this suite's machine, for whatever is measured of them. Import it once TensorFlow is started."""

import dataclasses

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from benchmarks.images import BATCH
from valgap.ground.params.experiment import Train
from valgap.training.examples import Feed
from valgap.training.machine import Machine
from valgap.training.replicate import training_order


def trained(
    machine: Machine, settings: Train, feed: Feed, labels: NDArray[np.int64], steps: int, seed: int = 0
) -> float:
    """Train so many steps on what `feed` holds, in an order that `seed` draws; images trained."""
    order = training_order(labels, dataclasses.replace(settings, steps=steps), np.random.default_rng(seed))
    augmentation = tf.constant(0, tf.int32)
    losses = np.concatenate([machine.train(*part, augmentation) for part in feed.steps(order, 0)])
    assert len(losses) == steps
    return float(order.size)


def inputs(machine: Machine, images: NDArray[np.uint8]) -> NDArray[np.uint8] | NDArray[np.float32]:
    """What the machine trains on: the images, or what the frozen part of its network makes of them."""
    if machine.outputs is None:
        return images
    return np.concatenate([machine.outputs(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])
