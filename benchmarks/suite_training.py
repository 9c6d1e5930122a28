"""This suite's own training in a child process: `python -m benchmarks.suite_training <folder>`.

What a worker of `make repro` on a CPU runs: it starts TensorFlow as the pool does, and takes the traced training
function that a replicate takes. Beforehand it runs a whole short replicate, so that its peak memory is a worker's.
"""

import dataclasses
import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.child import Work, serve
from benchmarks.images import BATCH, CLASSES, Pair, read_images, steps_of
from benchmarks.networks import HALF, NETWORKS, OPERATIONS, PARAMETERS, PASSES, images_of
from valgap.training.tensorflow import start_tensorflow


def start(folder: Path) -> tuple[Mapping[str, Work], dict[str, Any]]:
    """The training of the source's recipe: `plain`, and `augmented` as the source augments; of each other network in
    float32 and in bfloat16, with its numbers of parameters and operations. A network is built when it is first asked
    for."""
    start_tensorflow("cpu")
    import keras
    import tensorflow as tf

    from benchmarks.settings import AUGMENTATION, SHAPE, SOURCE_CNN, STREAMS, model_of, recipe_of, source_recipe
    from valgap.ground.params.experiment import Train
    from valgap.training.examples import Examples, Feed
    from valgap.training.machine import Machine, machine_of
    from valgap.training.network.builders import build_model
    from valgap.training.network.structure import forward_flops
    from valgap.training.recipe import Recipe
    from valgap.training.replicate import train_replicate, training_order

    splits = {name: Examples(*pair) for name, pair in read_images(folder).items()}
    train, plain = splits["train"], source_recipe()
    train_replicate(Recipe(SOURCE_CNN, plain, plain, STREAMS), 0, splits, CLASSES)
    feed = Feed(train, CLASSES)

    def trained(machine: Machine, settings: Train, feed: Feed, labels: NDArray[np.int64], epochs: int) -> float:
        steps = steps_of(epochs, len(labels))
        order = training_order(labels, dataclasses.replace(settings, steps=steps), np.random.default_rng(0))
        seed = tf.constant(0, tf.int32)
        losses = np.concatenate([machine.train(*part, seed) for part in feed.steps(order, 0)])
        assert len(losses) == steps
        return float(order.size)

    def work(settings: Train) -> Work:
        machine = machine_of(SHAPE, CLASSES, SOURCE_CNN, settings)
        return lambda epochs: trained(machine, settings, feed, train.labels, epochs)

    def network(name: str, precision: Literal["float32", "mixed_bfloat16"]) -> Work:
        """Of a frozen part's outputs, which are computed anew in each turn, PASSES passes are made for each asked."""
        asked = NETWORKS[name]
        settings = dataclasses.replace(recipe_of(asked), precision=precision)

        @functools.cache
        def ready() -> tuple[Machine, Pair]:
            return machine_of.__wrapped__(asked.shape, CLASSES, model_of(asked), settings), images_of(asked)

        def passes(epochs: int) -> float:
            machine, (pixels, labels) = ready()
            if machine.outputs is None:
                return trained(machine, settings, Feed(Examples(pixels, labels), CLASSES), labels, epochs)
            batches = [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]
            outputs = np.concatenate([machine.outputs(batch) for batch in batches])
            return trained(machine, settings, Feed(Examples(outputs, labels), CLASSES), labels, PASSES * epochs)

        return passes

    @functools.cache
    def built(name: str) -> keras.Model:
        asked = NETWORKS[name]
        return build_model(asked.shape, CLASSES, model_of(asked), recipe_of(asked))

    def numbers(name: str) -> dict[str, Work]:
        return {
            f"{name}/{PARAMETERS}": lambda _: float(built(name).count_params()),
            f"{name}/{OPERATIONS}": lambda _: float(forward_flops(built(name), NETWORKS[name].shape)),
        }

    modes = {"plain": work(plain), "augmented": work(dataclasses.replace(plain, augmentation=AUGMENTATION))}
    for name in NETWORKS:
        modes |= {name: network(name, "float32"), f"{name}/{HALF}": network(name, "mixed_bfloat16"), **numbers(name)}
    return modes, {}


if __name__ == "__main__":
    serve(lambda: start(Path(sys.argv[1])))
