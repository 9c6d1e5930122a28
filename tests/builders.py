"""Builders as users write them, for the tests of what becomes of them."""

import itertools
import textwrap
from pathlib import Path

import pytest

from valgap.ground.params.experiment import Model

NUMBERS = itertools.count()
HEADER = """
import keras
from keras import layers, ops


def dropouts(rate):
    return [layers.Dropout(rate)] if rate else []

"""
SEQUENTIAL = """
def build(input_shape, classes, knobs):
    norm = [layers.BatchNormalization()] if knobs.batch_norm else []
    pooling = knobs.head == "pooling"
    head = [layers.GlobalAveragePooling2D()] if pooling else [layers.Flatten(), layers.Dense(8, "relu")]
    return keras.Sequential([
        layers.Conv2D(round(8 * knobs.width), 3, 2), *norm, layers.ReLU(), *head, *dropouts(knobs.dropout[2]),
        layers.Dense(classes),
    ])
"""
FUNCTIONAL = """
def build(input_shape, classes, knobs):
    images = keras.Input(input_shape)
    values = layers.Conv2D(round(8 * knobs.width), 3, 2, activation="relu")(images)
    if knobs.batch_norm:
        values = layers.BatchNormalization()(values)
    values = layers.Add()([layers.Conv2D(values.shape[-1], 3, padding="same")(values), values])
    if knobs.head == "pooling":
        values = layers.GlobalAveragePooling2D()(values)
    else:
        values = layers.Dense(8, "relu")(layers.Flatten()(values))
    for layer in dropouts(knobs.dropout[2]):
        values = layer(values)
    return keras.Model(images, layers.Dense(classes)(values))
"""
SUBCLASSED = """
class Net(keras.Model):
    # the output layer is named first, and called last
    def __init__(self, classes, knobs):
        super().__init__()
        self.out = layers.Dense(classes)
        self.blocks = [layers.Conv2D(round(8 * knobs.width), 3, 2, activation="relu")]
        if knobs.batch_norm:
            self.blocks.append(layers.BatchNormalization())
        self.blocks.append(layers.GlobalAveragePooling2D() if knobs.head == "pooling" else layers.Flatten())
        self.hidden = None if knobs.head == "pooling" else layers.Dense(8, "relu")
        self.rate = knobs.dropout[2]
        self.seeds = keras.random.SeedGenerator()

    def call(self, images, training=False):
        for block in self.blocks:
            images = block(images, training=training) if isinstance(block, layers.BatchNormalization) else block(images)
        if self.hidden is not None:
            images = self.hidden(images)
        if training and self.rate:
            images = keras.random.dropout(images, self.rate, seed=self.seeds)
        return self.out(images)


def build(input_shape, classes, knobs):
    return Net(classes, knobs)
"""
SOFTMAX = FUNCTIONAL.replace("layers.Dense(classes)(values)", 'layers.Dense(classes, "softmax")(values)')
PLAIN_CALL = """
class Plain(keras.Model):
    # knows nothing of training, and normalises its outputs itself
    def __init__(self, classes):
        super().__init__()
        self.stack = keras.Sequential([layers.Conv2D(4, 3, 2, activation="relu"), layers.Flatten()])
        self.out = layers.Dense(classes)

    def call(self, images):
        return ops.softmax(self.out(self.stack(images)))


def build(input_shape, classes, knobs):
    return Plain(classes)
"""
KINDS = {
    "sequential": SEQUENTIAL,
    "functional": FUNCTIONAL,
    "subclassed": SUBCLASSED,
    "softmax": SOFTMAX,
    "plain_call": PLAIN_CALL,
}


def write(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str, header: str = HEADER) -> Model:
    """A repository with the builder in the folder `mine`, made the current directory; its block `model`."""
    name = f"networks_{next(NUMBERS)}"  # Python imports a module of one name once
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / f"{name}.py").write_text(header + textwrap.dedent(code))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder / "mine"))
    return Model(f"{name}:build", "mine", None)
