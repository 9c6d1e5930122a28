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

from benchmarks.child import Work, serve
from benchmarks.images import CLASSES, Pair, read_images, steps_of
from benchmarks.networks import HALF, NETWORKS, OPERATIONS, PARAMETERS, PASSES, images_of
from valgap.training.tensorflow import start_tensorflow

Precision = Literal["float32", "mixed_bfloat16"]


def start(folder: Path) -> tuple[Mapping[str, Work], dict[str, Any]]:
    """The training of the source's recipe: `plain`, and `augmented` as the source augments; of the other networks.

    Those train in float32 and in bfloat16, tell their numbers of parameters and of operations, and are built when they
    are first asked for.
    """
    start_tensorflow("cpu")
    from benchmarks import turns
    from benchmarks.settings import AUGMENTATION, SHAPE, SOURCE_CNN, STREAMS, model_of, recipe_of, source_recipe
    from valgap.ground.params.experiment import Train
    from valgap.training.examples import Examples, Feed
    from valgap.training.machine import Machine, machine_of
    from valgap.training.recipe import Recipe
    from valgap.training.replicate import train_replicate

    splits = {name: Examples(*pair) for name, pair in read_images(folder).items()}
    train, plain = splits["train"], source_recipe()
    train_replicate(Recipe(SOURCE_CNN, plain, plain, STREAMS), 0, splits, CLASSES)
    feed = Feed(train, CLASSES)

    def work(settings: Train) -> Work:
        machine = machine_of(SHAPE, CLASSES, SOURCE_CNN, settings)
        return lambda epochs: turns.trained(machine, settings, feed, train.labels, steps_of(epochs, len(train.labels)))

    @functools.cache
    def ready(name: str, precision: Precision) -> tuple[Machine, Train, Pair]:
        asked = NETWORKS[name]
        settings = dataclasses.replace(recipe_of(asked), precision=precision)
        return machine_of.__wrapped__(asked.shape, CLASSES, model_of(asked), settings), settings, images_of(asked)

    def passes(name: str, precision: Precision, epochs: int) -> float:
        """Of a frozen part's outputs, which are computed anew in each turn, PASSES passes are made for each asked."""
        machine, settings, (pixels, labels) = ready(name, precision)
        of_part = Feed(Examples(turns.inputs(machine, pixels), labels), CLASSES)
        count = epochs if machine.outputs is None else PASSES * epochs
        return turns.trained(machine, settings, of_part, labels, steps_of(count, len(labels)))

    def modes_of(name: str) -> dict[str, Work]:
        return {
            name: functools.partial(passes, name, "float32"),
            f"{name}/{HALF}": functools.partial(passes, name, "mixed_bfloat16"),
            f"{name}/{PARAMETERS}": lambda _: float(ready(name, "float32")[0].model.count_params()),
            f"{name}/{OPERATIONS}": lambda _: float(ready(name, "float32")[0].forward_flops),
        }

    modes = {"plain": work(plain), "augmented": work(dataclasses.replace(plain, augmentation=AUGMENTATION))}
    for name in NETWORKS:
        modes |= modes_of(name)
    return modes, {}


if __name__ == "__main__":
    serve(lambda: start(Path(sys.argv[1])))
