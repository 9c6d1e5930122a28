"""Small networks that stock Keras overfits, and what they give of images: outputs, late and early features."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.calibrate.findings.corrupted import Pixels
from valgap.diagnostics.model.penultimate import traced

BATCH, LEARNING_RATE = 32, 2e-3
PART = 500

Values = NDArray[np.float32]
Index = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Given:
    """Of n images class probabilities (n, k), late and early features (n, d), d at most 64."""

    probabilities: Values
    late: Values
    early: Values

    def __getitem__(self, rows: Index) -> "Given":
        return Given(self.probabilities[rows], self.late[rows], self.early[rows])


class Overfitted:
    """A network with two convolutions, trained on a few images until it knows them by heart."""

    def __init__(self, images: Pixels, labels: Index, classes: int, seed: int, epochs: int) -> None:
        """Train on (n, h, w, c) uint8 `images`, whose pixels it divides by 255 itself."""
        import keras
        import tensorflow as tf
        from keras import layers

        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [
                keras.Input(images.shape[1:]),
                layers.Rescaling(1 / 255),
                layers.Conv2D(16, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(32, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                layers.Dense(classes, activation="softmax"),
            ]
        )
        model.compile(keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy")
        model.fit(images.astype(np.float32), labels, batch_size=BATCH, epochs=epochs, verbose=0)
        self._run: Any = tf.function(lambda batch: traced(model, batch, lambda found: found), reduce_retracing=True)

    def __call__(self, images: Pixels) -> Given:
        """What it gives of images."""
        parts = [self._run(images[start : start + PART].astype(np.float32)) for start in range(0, len(images), PART)]
        return Given(*(np.concatenate([np.asarray(part[place]) for part in parts]) for place in range(3)))
