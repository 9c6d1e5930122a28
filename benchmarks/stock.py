"""Stock Keras in a child process: `python -m benchmarks.stock <folder> <threads, or 0 for TensorFlow's own>`.

`arrays` is `fit` on float32 arrays; `generator` is the source's recipe, `fit` on ImageDataGenerator.flow; the names of
networks.py are `fit` on those. TensorFlow's and Keras's settings are those that a user gets who sets none. Processes of
one thread also measure matrix products.
"""

import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.child import Work, serve
from benchmarks.images import BATCH, CLASSES, LEARNING_RATE, read_images, unit
from benchmarks.networks import NETWORKS, images_of
from benchmarks.product import products


def start(folder: Path, threads: int) -> tuple[Mapping[str, Work], dict[str, Any]]:
    """Compiled models and their data. The network comes from the suite's builder, as all Keras ones do."""
    import keras
    import tensorflow as tf

    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    from benchmarks.settings import GENERATOR, SHAPE, SOURCE_CNN, model_of, recipe_of, source_recipe
    from valgap.training.network.builders import build_model

    pixels, labels = read_images(folder)["train"]
    images = unit(pixels)

    def compiled(model: keras.Model) -> keras.Model:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss=loss, metrics=["accuracy"])
        return model

    plain, augmented = (compiled(build_model(SHAPE, CLASSES, SOURCE_CNN, source_recipe())) for _ in range(2))
    flow = tf.keras.preprocessing.image.ImageDataGenerator(**GENERATOR).flow(images, labels, batch_size=BATCH)

    def arrays(epochs: int) -> float:
        plain.fit(images, labels, batch_size=BATCH, epochs=epochs, verbose=0)
        return float(epochs * len(images))

    def generator(epochs: int) -> float:
        augmented.fit(flow, epochs=epochs, verbose=0)
        return float(epochs * len(images))

    def network(name: str) -> Work:
        asked = NETWORKS[name]

        @functools.cache
        def ready() -> tuple[keras.Model, NDArray[np.float32], NDArray[np.int64]]:
            pixels, classes = images_of(asked)
            built = build_model(asked.shape, CLASSES, model_of(asked), recipe_of(asked))
            return compiled(built), unit(pixels), classes

        def passes(epochs: int) -> float:
            model, pixels, classes = ready()
            model.fit(pixels, classes, batch_size=BATCH, epochs=epochs, verbose=0)
            return float(epochs * asked.images)

        return passes

    others = {name: network(name) for name in NETWORKS}
    return {"arrays": arrays, "generator": generator, **others, **(products() if threads == 1 else {})}, {}


if __name__ == "__main__":
    serve(lambda: start(Path(sys.argv[1]), int(sys.argv[2])))
