"""Loss, metric and last activation: which belong together, and how the last activation is found."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from valgap.diagnostics.model.losses import Last, chooses_by_loss, last_of, misleading_metric, mismatched

SPARSE, ONE_HOT, BINARY, SQUARES = (
    "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy", "mean_squared_error",
)  # fmt: skip


@pytest.mark.parametrize(
    ("activation", "units", "loss", "from_logits", "severity"),
    [
        ("softmax", 5, SPARSE, False, None),
        ("linear", 5, SPARSE, True, None),
        ("softmax", 5, SPARSE, True, None),  # Keras takes the logits back
        ("sigmoid", 1, BINARY, False, None),
        ("sigmoid", 1, BINARY, True, None),
        ("linear", 1, BINARY, True, None),
        ("sigmoid", 5, BINARY, False, None),  # one against the rest
        ("softmax", 2, BINARY, False, None),  # twice the same question
        ("linear", 1, SQUARES, None, None),
        ("softmax", 5, "own_loss", None, None),
        ("softmax", 5, None, None, None),
        (None, 5, SPARSE, False, None),
        ("linear", 5, SPARSE, False, "problem"),
        ("linear", 5, ONE_HOT, False, "problem"),
        ("relu", 5, ONE_HOT, False, "problem"),
        ("linear", 1, BINARY, False, "worth a look"),
        ("softmax", 1, BINARY, False, "problem"),
        ("sigmoid", 1, ONE_HOT, False, "problem"),
        ("sigmoid", 1, SPARSE, False, "problem"),
        ("softmax", 5, BINARY, False, "worth a look"),
        ("softmax", 5, SQUARES, None, "worth a look"),
        ("relu", 5, SPARSE, True, "problem"),
        ("sigmoid", 5, SPARSE, False, None),  # likewise
        ("sigmoid", 5, SPARSE, True, None),
    ],
)
def test_pairs(activation: str | None, units: int, loss: str | None, from_logits: bool | None, severity: Any) -> None:
    found = mismatched(Last(activation, units), loss, from_logits)
    assert (None if found is None else found.severity) == severity
    assert found is None or found.code == "VG203"


def test_metrics_that_mislead() -> None:
    ten = Last("softmax", 10)
    found = misleading_metric(ten, ("binary_accuracy",), BINARY, 10)
    assert found is not None
    assert (found.code, found.severity) == ("VG209", "problem")
    assert found.evidence["nothing"] == pytest.approx(0.9)
    assert misleading_metric(ten, ("accuracy",), BINARY, 10, "3.15.1") is None  # chosen by the outputs' shape
    assert misleading_metric(ten, ("accuracy",), BINARY, 10) is None
    assert misleading_metric(ten, ("accuracy",), BINARY, 10, "2.3.1") is not None
    assert misleading_metric(ten, ("accuracy",), ONE_HOT, 10, "2.3.1") is None
    assert misleading_metric(Last("sigmoid", 1), ("binary_accuracy",), BINARY, 2) is None
    equal = misleading_metric(ten, ("Accuracy",), SPARSE, 10)
    assert equal is not None
    assert equal.evidence["how"] == "equal"


def test_keras_itself_scores_so() -> None:
    """What the rule says of metrics, asked of Keras: outputs that name nothing, ten classes."""
    labels = np.eye(10)[np.arange(100) % 10]
    model = keras.Sequential([keras.Input((4,)), layers.Dense(10, activation="softmax", kernel_initializer="zeros")])
    for metric, low, high in (
        ("accuracy", 0, 0.2),
        ("binary_accuracy", 0.899, 0.901),
        (keras.metrics.Accuracy(), 0, 0),
    ):
        model.compile("sgd", BINARY, metrics=[metric])
        assert low <= model.evaluate(np.ones((100, 4)), labels, verbose=0)[1] <= high


@pytest.mark.parametrize(
    ("version", "by_loss"),
    [("2.2.4-tf", True), ("2.3.1", True), ("2.1.6", True), ("2.3.0-tf", False), ("2.4.0", False), ("2.15.0", False),
     ("3.15.1", False), (None, False), ("unknown", False)],
)  # fmt: skip
def test_versions_that_chose_by_the_loss(version: str | None, by_loss: bool) -> None:
    assert chooses_by_loss(version) is by_loss


def functional(*last: layers.Layer) -> keras.Model:
    image = values = keras.Input((4, 4, 1))
    for layer in (layers.Flatten(), *last):
        values = layer(values)
    return keras.Model(image, values)


class Subclass(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3, activation="softmax")

    def call(self, images: Any) -> Any:
        return self.dense(keras.ops.mean(images, axis=(1, 2)))


IMAGES = np.random.default_rng(0).random((4, 4, 4, 1), dtype=np.float32)


@pytest.mark.parametrize(
    ("model", "activation"),
    [
        (functional(layers.Dense(3, activation="softmax")), "softmax"),
        (functional(layers.Dense(3)), "linear"),
        (functional(layers.Dense(3), layers.Activation("sigmoid")), "sigmoid"),
        (functional(layers.Dense(3), layers.Softmax()), "softmax"),
        (functional(layers.Dense(3), layers.ReLU()), "relu"),
        (functional(layers.Dense(3, activation="softmax"), layers.Dropout(0.1), layers.Reshape((3,))), "softmax"),
        (keras.Sequential([functional(layers.Dense(3, activation="tanh"))]), "tanh"),
        (Subclass(), "softmax"),
    ],
)
def test_last_activation_is_found(model: keras.Model, activation: str) -> None:
    outputs = np.asarray(model(IMAGES))
    assert last_of(model, outputs) == Last(activation, 3)


def test_last_activation_of_one_of_several_outputs() -> None:
    image = keras.Input((4, 4, 1))
    flat = layers.Flatten()(image)
    model = keras.Model(image, [layers.Dense(1)(flat), layers.Dense(3, activation="softmax")(flat)])
    assert last_of(model, np.zeros((4, 3)), output=1) == Last("softmax", 3)
