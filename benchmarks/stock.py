"""Stock Keras in a child process: `python -m benchmarks.stock <folder> <threads, or 0 for TensorFlow's own>`.

`arrays` is `fit` on float32 arrays; `generator` is the source's recipe, `fit` on ImageDataGenerator.flow. TensorFlow's
and Keras's settings are those that a user gets who sets none. Processes of one thread also measure matrix products.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.child import Work, serve
from benchmarks.images import BATCH, CLASSES, LEARNING_RATE, read_images, unit
from benchmarks.product import products


def start(folder: Path, threads: int) -> tuple[Mapping[str, Work], dict[str, Any]]:
    """Compiled models and their data. The network comes from the suite's builder, as all Keras ones do."""
    import keras
    import tensorflow as tf

    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    from benchmarks.settings import GENERATOR, SHAPE, SOURCE_CNN, source_recipe
    from valgap.training.network.builders import build_model

    pixels, labels = read_images(folder)["train"]
    images = unit(pixels)

    def compiled() -> keras.Model:
        model = build_model(SHAPE, CLASSES, SOURCE_CNN, source_recipe())
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss=loss, metrics=["accuracy"])
        return model

    plain, augmented = compiled(), compiled()
    flow = tf.keras.preprocessing.image.ImageDataGenerator(**GENERATOR).flow(images, labels, batch_size=BATCH)

    def arrays(epochs: int) -> float:
        plain.fit(images, labels, batch_size=BATCH, epochs=epochs, verbose=0)
        return float(epochs * len(images))

    def generator(epochs: int) -> float:
        augmented.fit(flow, epochs=epochs, verbose=0)
        return float(epochs * len(images))

    return {"arrays": arrays, "generator": generator, **(products() if threads == 1 else {})}, {}


if __name__ == "__main__":
    serve(lambda: start(Path(sys.argv[1]), int(sys.argv[2])))
