"""The frozen part of a network runs once for each image, and everything comes out as if it ran each time."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.recipes import recipe
from tests.training.test_training import SPLITS, TOY
from valgap.ground.params.experiment import Augmentation, Model
from valgap.training import inputs as module
from valgap.training import machine as machines
from valgap.training import outputs
from valgap.training.examples import Examples
from valgap.training.frozen import frozen_part
from valgap.training.network.contract import sample
from valgap.training.outputs import KeptOutputs, in_full
from valgap.training.replicate import Trained, train_replicate

SHAPE = (12, 12, 1)
FILE = """
import keras
from keras import layers

def build(input_shape, classes, knobs):
    base = keras.Sequential([
        keras.Input(input_shape),
        layers.Conv2D(6, 3, activation="relu", kernel_initializer=keras.initializers.GlorotUniform(SEED)),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
    ], name="base")
    base.trainable = False
    images = keras.Input(input_shape)
    values = layers.GlobalAveragePooling2D()(base(layers.Rescaling(2.0, -1.0)(images)))
    values = layers.Dropout(0.3)(values)
    return keras.Model(images, layers.Dense(classes)(values))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Model]:
    """Makes a builder of a frozen base and a new head, whose base's weights come from a seed, or are drawn."""
    monkeypatch.chdir(tmp_path)
    machines.machine_of.cache_clear()

    def make(seed: str) -> Model:
        (tmp_path / f"net{seed}").mkdir()
        (tmp_path / f"net{seed}" / "frozen.py").write_text(FILE.replace("SEED", "" if seed == "drawn" else seed))
        return Model(f"net{seed}.frozen:build", f"net{seed}", None)

    return make


def as_if_it_ran_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine as it would be without reuse: the same batches, and the whole network in each step."""
    machines.machine_of.cache_clear()
    whole = machines.machine_of.__wrapped__

    def running(*asked: Any) -> machines.Machine:
        with monkeypatch.context() as patch:
            patch.setattr(machines, "frozen_part", lambda *_: None)
            found = whole(*asked)
        batch = asked[-1].batch_size

        def in_batches(batches: Any) -> np.ndarray:
            return np.concatenate([in_full(images, batch, lambda full: found.predict([full])) for images in batches])

        return dataclasses.replace(found, predict=in_batches, predict_pixels=in_batches, batch=batch)

    monkeypatch.setattr("valgap.training.replicate.machine_of", running)


def trained(model: Model, replicate: int = 0, **changes: Any) -> Trained:
    settings = dataclasses.replace(TOY, **changes)
    return train_replicate(recipe(model, settings, settings), replicate, SPLITS, 3)


def kept() -> list[Path]:
    return sorted(Path(".replicates/outputs").glob("*/outputs.npy"))


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluation_policies": {"turn": Augmentation(rotation_degrees=20.0)}},
        {"normalize": "symmetric", "early_stopping": True, "label_smoothing": 0.1},
    ],
)
def test_every_bit_is_that_of_running_it_each_time(
    project: Callable[[str], Model], changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = project("3")
    found = trained(model, **changes)
    assert len(kept()) == len({split.images.tobytes() for split in SPLITS.values()})
    as_if_it_ran_each_time(monkeypatch)
    expected = trained(model, **changes)
    assert found.history == expected.history
    for name, values in expected.probabilities.items():
        assert np.array_equal(found.probabilities[name], values), name
    for ours, theirs in zip(found.model.weights, expected.model.weights, strict=True):
        assert np.array_equal(ours.numpy(), theirs.numpy())


def test_replicates_share_what_is_loaded_and_not_what_is_drawn(project: Callable[[str], Model]) -> None:
    loaded, drawn = project("3"), project("drawn")
    trained(loaded, 0)
    files = kept()
    times = [path.stat().st_mtime_ns for path in files]
    trained(loaded, 1, learning_rate=0.01)
    assert kept() == files
    assert [path.stat().st_mtime_ns for path in files] == times
    one, other = trained(drawn, 0), trained(drawn, 1)
    assert kept() == files  # removed as soon as the replicate has ended
    assert not np.array_equal(one.probabilities["test"], other.probabilities["test"])


@pytest.mark.parametrize(
    "changes", [{"augmentation": Augmentation(horizontal_flip=True)}, {"mixup": 0.3}, {"random_erasing": 0.5}]
)
def test_images_that_are_changed_in_training_run_through_the_whole(
    project: Callable[[str], Model], changes: dict[str, Any]
) -> None:
    trained(project("3"), **changes)
    assert not Path(".replicates/outputs").exists()


def functional(*tail: keras.Layer, skip: bool = False, trained_first: bool = False) -> keras.Model:
    images = keras.Input(SHAPE)
    first = layers.Conv2D(3, 3, padding="same", name="first")
    values = first(images)
    frozen = layers.Conv2D(3, 3, padding="same", name="frozen")
    values = frozen(values)
    if skip:
        values = layers.Concatenate()([values, images])
    for layer in tail:
        values = layer(values)
    frozen.trainable, first.trainable = False, trained_first
    return keras.Model(images, layers.Dense(3)(layers.Flatten()(values)))


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        (lambda: functional(), "flatten"),
        (lambda: functional(layers.MaxPooling2D(name="pool"), layers.Dropout(0.1)), "pool"),
        (lambda: functional(layers.RandomFlip(), layers.MaxPooling2D()), "frozen"),
        (lambda: functional(layers.BatchNormalization(scale=False, center=False), layers.Conv2D(2, 3)), "frozen"),
        (lambda: functional(layers.Conv2D(2, 3, name="trained")), "frozen"),
        (lambda: functional(skip=True), "flatten"),
    ],
)
def test_the_part_ends_before_what_is_trained_or_drawn(model: Callable[[], keras.Model], layer: str) -> None:
    network = model()
    part = frozen_part(network, SHAPE)
    assert part is not None
    assert part.layer.name.startswith(layer)
    images = np.random.default_rng(1).random((5, *SHAPE), dtype=np.float32)
    outputs = part.outputs(images)
    assert outputs.shape == (5, *part.shape)
    assert np.array_equal(part(outputs, training=False), network(images, training=False))


class Own(keras.Model):  # type: ignore[misc]
    """A subclassed model, whose frozen convolution one path goes past."""

    def __init__(self, past: bool) -> None:
        super().__init__()
        self.convolution = layers.Conv2D(2, 3, padding="same", trainable=False)
        self.flatten, self.head, self.past = layers.Flatten(), layers.Dense(3), past

    def call(self, images: Any) -> Any:
        values = self.convolution(images)
        return self.head(self.flatten(values + images if self.past else values))


def test_a_path_past_the_part_is_seen() -> None:
    through, past = Own(False), Own(True)
    for model in (through, past):
        model(sample(SHAPE))
    found, other = frozen_part(through, SHAPE), frozen_part(past, SHAPE)
    assert found is not None
    assert found.layer is through.flatten
    assert other is not None
    assert other.layer is past.flatten  # where both paths have met


def test_what_trains_from_the_input_on_has_no_frozen_part() -> None:
    assert frozen_part(functional(trained_first=True), SHAPE) is None
    plain = keras.Sequential([keras.Input(SHAPE), layers.Rescaling(2.0), layers.Flatten(), layers.Dense(3)])
    assert frozen_part(plain, SHAPE) is None


def test_outputs_are_computed_once_by_whoever_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "SHARD", 8)
    monkeypatch.setattr(outputs, "WAIT_SECONDS", 0.0)
    images = np.random.default_rng(0).integers(0, 256, (30, 2, 2, 1), dtype=np.uint8)
    asked: list[int] = []

    def of_batch(batch: np.ndarray) -> np.ndarray:
        asked.append(len(batch))
        return batch.reshape(len(batch), 4) / np.float32(2)

    one, other = (KeptOutputs(tmp_path / "kept", images, (4,), of_batch, 4) for _ in range(2))
    rows = np.array([29, 3, 3, 9])
    found = one.of(Examples(images, np.array([0, 1, 1, 2]), rows))
    assert np.array_equal(found.read(np.arange(4)), images[rows].reshape(4, 4) / np.float32(2))
    assert found.labels.tolist() == [0, 1, 1, 2]
    assert asked == [4] * 6  # shards 3, 0 and 1; the last one, of six images, in two whole batches
    other.of(Examples(images, np.zeros(4, np.int64), rows))
    assert len(asked) == 6
    whole = other.of(Examples(images, np.zeros(30, np.int64)))
    assert len(asked) == 8
    assert np.array_equal(whole.read(np.arange(30)), images.reshape(30, 4) / np.float32(2))


def test_a_killed_process_leaves_no_shard_that_passes_for_done(tmp_path: Path) -> None:
    images = np.zeros((5, 2, 2, 1), np.uint8)

    def dying(batch: np.ndarray) -> np.ndarray:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        KeptOutputs(tmp_path / "kept", images, (4,), dying, 5).of(Examples(images, np.zeros(5, np.int64)))
    again = KeptOutputs(tmp_path / "kept", images, (4,), lambda batch: np.ones((len(batch), 4), np.float32), 5)
    assert np.all(again.of(Examples(images, np.zeros(5, np.int64))).read(np.arange(5)) == 1)


def test_half_precision_is_kept_exactly() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = functional()
    finally:
        keras.config.set_dtype_policy("float32")
    part = frozen_part(network, SHAPE)
    assert part is not None
    assert part.dtype == tf.bfloat16
    images = sample(SHAPE)
    kept_outputs = np.asarray(part.outputs(images))
    assert kept_outputs.dtype == np.float32
    assert np.array_equal(tf.cast(part(kept_outputs, training=False), tf.float32), tf.cast(network(images), tf.float32))


def test_the_outputs_of_other_images_or_weights_are_others(project: Callable[[str], Model]) -> None:
    trained(project("3"))
    before = kept()
    trained(project("4"))
    assert len(kept()) == 2 * len(before)
    assert module._digest(SPLITS["train"].images) != module._digest(SPLITS["val"].images)
