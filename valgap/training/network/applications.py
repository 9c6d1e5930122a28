"""Networks of keras.applications, with weights from a local file: nothing is ever downloaded."""

import difflib
import inspect
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from valgap.training.network.contract import Knobs, own_words, refusal
from valgap.training.network.structure import is_kernel

PREFIX = "applications:"
NAMES = sorted(name for name in dir(keras.applications) if inspect.isfunction(getattr(keras.applications, name)))


class Pixels(keras.Layer):  # type: ignore[misc]
    """Images in [0, 1] as the network was trained on them: 0 to 255, three channels, then its own preprocessing."""

    def __init__(self, preprocess: Any) -> None:
        super().__init__()
        self.preprocess = preprocess

    def call(self, images: Any) -> Any:
        """float32 (n, height, width, 1 or 3) to (n, height, width, 3); a grey channel is repeated."""
        return self.preprocess(ops.repeat(255 * images, 3 // images.shape[-1], axis=-1))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Three channels."""
        return (*shape[:-1], 3)


def build(name: str, input_shape: tuple[int, int, int], classes: int, knobs: Knobs) -> keras.Model:
    """The network `name` of keras.applications without its top, a global average, and a new head.

    `knobs.weights` is a file of that network's weights without its top, or `random`. The `flatten` head has a
    hidden layer of 128 * width, the `pooling` head none; of `dropout` the last rate acts, before the output layer;
    `batch_norm` does nothing. Takes float32 batches (n, *input_shape) in [0, 1] and returns logits (n, classes).
    Raises SuiteError on an unknown name, on images that are too small, on weights that are not said, or do not fit.
    """
    builder = f"{PREFIX}{name}"
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, n=3) or NAMES
        raise refusal(builder, f"keras.applications has no {name}", f"name one that it has: {', '.join(close)}")
    if knobs.weights is None:
        saving = f"keras.applications.{name}(include_top=False).save_weights('{name}.weights.h5')"
        what = "model.weights is not said, and it is never silently trained from scratch"
        cure = f"where there is a network, save them with {saving} below model.files and name that file"
        raise refusal(builder, what, f"{cure}, or write `random`")
    constructor = getattr(keras.applications, name)
    height, width = input_shape[:2]
    with own_words(builder, f"cannot be built for images {input_shape}", "set data.image_size to what it takes"):
        base = constructor(include_top=False, weights=None, input_shape=(height, width, 3))
    if knobs.weights != "random":
        load_weights(base, knobs.weights, builder)
    images = keras.Input(input_shape)
    preprocess = sys.modules[constructor.__module__].preprocess_input
    values = layers.GlobalAveragePooling2D()(base(Pixels(preprocess)(images)))
    if knobs.head == "flatten":
        values = layers.Dense(max(round(128 * knobs.width), 1), activation="relu")(values)
    if knobs.dropout[2]:
        values = layers.Dropout(knobs.dropout[2])(values)
    return keras.Model(images, layers.Dense(classes)(values))


def load_weights(base: keras.Model, file: str, builder: str) -> None:
    """Load a network's weights. Raises SuiteError when the file is of another network or lacks some of its kernels."""
    cure = f"save them with keras.applications.{builder.removeprefix(PREFIX)}(include_top=False).save_weights(...)"
    kernels = [weight for weight in base.weights if is_kernel(weight)]
    before = [kernel.numpy().copy() for kernel in kernels]
    with own_words(builder, f"model.weights = {Path(file).name} does not fit it", cure):
        base.load_weights(file)
    kept = [old for kernel, old in zip(kernels, before, strict=True) if np.array_equal(kernel.numpy(), old)]
    if kept:
        raise refusal(
            builder, f"model.weights = {Path(file).name} lacks {len(kept)} of its {len(kernels)} kernels", cure
        )
