"""The callback: it finds the fair gap, keeps to its budget, and leaves the run as it would have been."""

import math
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from valgap.check.callback import GapCallback
from valgap.check.callback.pace import LEAST, Pace
from valgap.check.callback.samples import classes, take
from valgap.check.callback.scoring import score
from valgap.ground.errors import SuiteError

SIZE = 8


def images(seed: int, count: int = 96, kinds: int = 3) -> tuple[Any, Any]:
    """Images (count, SIZE, SIZE, 1) of which a class brightens its own rows, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, kinds, count)
    x = rng.normal(size=(count, SIZE, SIZE, 1)).astype(np.float32)
    for label in range(kinds):
        x[labels == label, 2 * label : 2 * label + 2] += 1.0
    return x, labels


class Augmented(keras.utils.PyDataset):  # type: ignore[misc]
    """Adds noise from NumPy's global generator and from one of its own, and counts what it gave."""

    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y, self.rng, self.given = x, y, np.random.default_rng(7), 0

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = slice(16 * index, 16 * index + 16)
        self.given += 1
        noise = np.random.normal(size=self.x[rows].shape) + self.rng.normal() + 0.01 * self.given + random.random()
        return self.x[rows] + 0.1 * noise.astype(np.float32), self.y[rows]


def model_of(always: bool = False) -> Any:
    layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.BatchNormalization(), keras.layers.Flatten()]
    layers += [keras.layers.Dropout(0.3), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential(layers)
    if always:
        inputs = keras.Input((SIZE, SIZE, 1))
        outputs = model(keras.layers.Dropout(0.2)(inputs, training=True))  # draws in inference mode, too
        model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fed(kind: str) -> tuple[Any, Any]:
    """Training and validation data as `fit` takes them."""
    train, val = images(1), images(2)
    of_train, of_val = (tf.data.Dataset.from_tensor_slices(pair) for pair in (train, val))
    if kind == "arrays":
        return train, val
    if kind == "PyDataset":
        return Augmented(*train), Augmented(*val)
    if kind == "shuffled":
        return of_train.shuffle(96, seed=5).batch(16).prefetch(2), of_val.cache().batch(32)
    if kind == "layer":
        noise = keras.layers.GaussianNoise(0.5, seed=3)
        return of_train.shuffle(96).batch(16).map(lambda x, y: (noise(x, training=True), y)), of_val.batch(32)
    if kind == "interleaved":
        parts = tf.data.Dataset.range(3).interleave(lambda _: of_train.shuffle(96, seed=2).take(32))
        return parts.batch(16), of_val.batch(32)

    def generated() -> Iterator[tuple[Any, Any]]:
        for x, y in zip(*train, strict=True):
            yield x + np.random.normal(), y

    signature = (tf.TensorSpec((SIZE, SIZE, 1), tf.float32), tf.TensorSpec((), tf.int64))
    return tf.data.Dataset.from_generator(generated, output_signature=signature).shuffle(50).batch(16), of_val.batch(32)


def trained(kind: str, watched: bool, always: bool = False) -> tuple[Any, Any, Any]:
    """Weights, logs and what the generators give next, after a run with or without the callback."""
    keras.utils.set_random_seed(11)
    train, val = fed(kind)
    model = model_of(always)
    callbacks = [GapCallback(train, val, budget=1.0, images=48)] if watched else []
    data = {"x": train[0], "y": train[1], "batch_size": 16} if kind == "arrays" else {"x": train}
    data |= {} if kind in ("arrays", "PyDataset") else {"shuffle": False}  # what Keras says of data sets otherwise
    history = model.fit(**data, validation_data=val, epochs=3, verbose=0, callbacks=callbacks).history
    logs = {name: values for name, values in history.items() if "fair" not in name}
    return (
        [v.numpy() for v in model.variables + model.optimizer.variables],
        logs,
        (np.random.rand(), random.random()),
    )


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Keras, of what does not say its length
@pytest.mark.parametrize("kind", ["arrays", "PyDataset", "shuffled", "layer", "interleaved", "generator"])
def test_a_run_is_the_same_with_and_without_it(kind: str) -> None:
    plain, watched = trained(kind, False), trained(kind, True)
    assert all(np.array_equal(a, b) for a, b in zip(plain[0], watched[0], strict=True))
    assert plain[1:] == watched[1:]


def test_a_layer_that_draws_in_inference_draws_as_without_it() -> None:
    plain, watched = trained("arrays", False, always=True), trained("arrays", True, always=True)
    assert all(np.array_equal(a, b) for a, b in zip(plain[0], watched[0], strict=True))


def test_accuracies_are_those_of_evaluate(capsys: pytest.CaptureFixture[str]) -> None:
    keras.utils.set_random_seed(3)
    (x, y), val = images(1), images(2)
    model = model_of()
    watch = GapCallback((x, y), val, budget=1.0)
    assert isinstance(watch, keras.callbacks.Callback)
    history = model.fit(x, y, validation_data=val, epochs=6, verbose=0, callbacks=[watch]).history
    fit, held = (model.evaluate(*pair, verbose=0)[1] for pair in ((x, y), val))
    assert set(history) >= {"fair_accuracy", "val_fair_accuracy", "fair_gap"}
    assert watch.gap is not None
    assert watch.gap.mean == pytest.approx(fit - held)
    assert watch.gap.low < watch.gap.mean < watch.gap.high
    assert "The fair gap is" in watch.summary
    assert watch.summary in capsys.readouterr().out
    assert "\n" not in watch.summary
    assert [seen.code for seen in watch.findings]


def test_it_scores_every_few_epochs_only_where_asked() -> None:
    train, val = images(1), images(2)
    watch = GapCallback(train, val, every=2, budget=1.0)
    history = model_of().fit(*train, epochs=4, verbose=0, callbacks=[watch]).history
    assert [math.isnan(value) for value in history["fair_gap"]] == [True, False, True, False]


@pytest.mark.parametrize(("outputs", "loss"), [("sigmoid", "binary_crossentropy"), (None, "logits")])
def test_one_output_is_cut_where_its_loss_says(outputs: str | None, loss: str) -> None:
    keras.utils.set_random_seed(3)
    train, val = images(1, kinds=2), images(2, kinds=2)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1, activation=outputs)])
    compiled = keras.losses.BinaryCrossentropy(from_logits=True) if loss == "logits" else loss
    model.compile("adam", compiled, metrics=[keras.metrics.BinaryAccuracy(threshold=0.0 if loss == "logits" else 0.5)])
    model.fit(*train, epochs=2, verbose=0)
    found = score(model, train, val, 96, seconds=60.0)
    assert found.val.mean == pytest.approx(model.evaluate(*val, verbose=0)[1])
    assert found.train.mean == pytest.approx(model.evaluate(*train, verbose=0)[1])


def test_what_cannot_be_scored_ends_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    train, val = images(1), images(2, kinds=3)
    watch = GapCallback((train[0], train[1] + 5), val, budget=1.0)
    model = model_of()
    history = model.fit(*train, epochs=2, verbose=0, callbacks=[watch]).history
    assert len(history["loss"]) == 2
    assert "a label is 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    "data",
    [
        iter([images(1)]),
        {"x": 1},
        [[1.0], [0]],
        (np.zeros((3, 4, 4, 1)), np.zeros(2)),
        (np.zeros((3, 4, 4, 1)), np.array([0.5, 1.2, 0.1])),
        (np.zeros((2, 4, 4, 1)), np.array([[1, 1, 0], [1, 0, 1]])),
        tf.data.Dataset.range(4).batch(2),
    ],
)
def test_what_cannot_be_read_is_refused(data: Any) -> None:
    with pytest.raises(SuiteError, match="train"):
        take(data, "train", 10)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"images": 0}, {"budget": 0.0}, {"budget": 2.0}, {"every": 1.5}])
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SuiteError, match=next(iter(wrong))):
        GapCallback(images(1), images(2), **wrong)


def test_labels_become_class_numbers() -> None:
    assert classes(np.eye(3, dtype=np.float32)[[2, 0]], "train").tolist() == [2, 0]
    assert classes(np.array([[1.0], [0.0]]), "train").tolist() == [1, 0]
    assert classes(np.array([[0.9, 0.1]]), "train").tolist() == [0]


def test_a_sorted_stream_gives_all_its_classes() -> None:
    x = np.zeros((300, 2, 2, 1), np.float32)
    data = tf.data.Dataset.from_tensor_slices((x, np.repeat([0, 1, 2], 100))).batch(10)
    _, labels = take(data, "val", 90)
    assert (np.bincount(labels) > 15).all()


def test_images_of_an_endless_stream_are_taken_from_its_start() -> None:
    x, labels = take(tf.data.Dataset.from_tensor_slices(images(1)).repeat().batch(10), "train", 20)
    assert len(x) == len(labels) == 20


def test_scoring_waits_until_the_budget_pays_for_it() -> None:
    pace = Pace(budget=0.1, wanted=1000)
    assert pace.next_count() == 0
    pace.epoch(10.0)
    assert pace.next_count() == 1000
    pace.scored(100, seconds=0.9, warm=0.4, settled=False)  # 5 ms an image, and the credit is spent
    assert pace.next_count() == 0
    pace.epoch(1.0)
    assert pace.next_count() == 0  # 14 images fit into an epoch: too few, and 32 cost 0.16 s where 0.09 s is left
    pace.epoch(1.0)
    assert pace.next_count() == LEAST
    pace.scored(LEAST, seconds=0.16, warm=0.0, settled=True)
    assert pace.allowed == pytest.approx(0.02)
    assert pace.count == LEAST


def test_the_number_of_images_does_not_grow_again() -> None:
    pace = Pace(budget=0.1, wanted=1000)
    pace.epoch(100.0)
    pace.scored(200, seconds=1.0, warm=0.0, settled=True)
    pace.epoch(100.0)
    assert pace.next_count() == 200
