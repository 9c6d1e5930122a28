"""This suite's own training in a child process: `python -m benchmarks.suite_training <folder>`.

What a worker of `make repro` on a CPU runs: it starts TensorFlow as the pool does, and takes the traced training
function that a replicate takes. Beforehand it runs a whole short replicate, so that its peak memory is a worker's.
"""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.child import Work, serve
from benchmarks.images import CLASSES, read_images, steps_of
from valgap.training.tensorflow import start_tensorflow


def start(folder: Path) -> tuple[Mapping[str, Work], dict[str, Any]]:
    """The traced training of the source's recipe: `plain`, and `augmented` as the source augments."""
    start_tensorflow("cpu")
    import tensorflow as tf

    from benchmarks.settings import AUGMENTATION, SHAPE, SOURCE_CNN, STREAMS, source_recipe
    from valgap.training.examples import Examples, Feed
    from valgap.training.machine import machine_of
    from valgap.training.recipe import Recipe
    from valgap.training.replicate import train_replicate, training_order

    splits = {name: Examples(*pair) for name, pair in read_images(folder).items()}
    train, plain = splits["train"], source_recipe()
    train_replicate(Recipe(SOURCE_CNN, plain, plain, STREAMS), 0, splits, CLASSES)
    feed = Feed(train, CLASSES)

    def work(settings: Any) -> Work:
        machine = machine_of(SHAPE, CLASSES, SOURCE_CNN, settings)
        rng = np.random.default_rng(0)

        def epochs_of(epochs: int) -> float:
            steps = steps_of(epochs, len(train.labels))
            order = training_order(train.labels, dataclasses.replace(settings, steps=steps), rng)
            seed = tf.constant(0, tf.int32)
            losses = np.concatenate([machine.train(*part, seed) for part in feed.steps(order, 0)])
            assert len(losses) == steps
            return float(order.size)

        return epochs_of

    return {"plain": work(plain), "augmented": work(dataclasses.replace(plain, augmentation=AUGMENTATION))}, {}


if __name__ == "__main__":
    serve(lambda: start(Path(sys.argv[1])))
