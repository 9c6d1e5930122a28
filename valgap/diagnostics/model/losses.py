"""VG203 and VG209: do loss, metric and last activation belong together? Rules over names, and how they are found."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.model.layers import is_a
from valgap.diagnostics.seen import Seen

PASSING = ("Dropout", "Flatten", "Reshape", "Identity", "InputLayer")  # layers that leave values as they are
CUT_OFF = ("relu", "relu6", "tanh", "softsign", "hard_sigmoid", "hard_tanh")  # of logits only a part is left
BINARY = ("binary_crossentropy", "binary_focal_crossentropy")
CATEGORICAL = ("categorical_crossentropy", "categorical_focal_crossentropy", "sparse_categorical_crossentropy")
UNBOUND = ("linear", "relu", "tanh")  # activations whose outputs are no probabilities
DISTANCES = ("mean_squared_error", "mean_absolute_error", "mean_squared_logarithmic_error", "huber")
CLOSE = 1e-2  # of rows' sums to 1, in half precision


@dataclasses.dataclass(frozen=True)
class Last:
    """What a model ends in: the name of its last activation, None where it is not known, and so many outputs."""

    activation: str | None
    units: int


def last_of(model: Any, outputs: NDArray[np.floating[Any]], output: int = 0) -> Last:
    """What a model ends in, by its layers, else by its outputs (n, k), of which it has perhaps several."""
    units = int(outputs.shape[1])
    named = _activation(model, output)
    return Last(_by_values(np.asarray(outputs, np.float64)) if named is None else named, units)


def mismatched(last: Last, loss: str | None, from_logits: bool | None) -> Seen | None:
    """VG203: a loss that takes the outputs for something else than they are. `loss` is Keras's name for it."""
    evidence = {"activation": last.activation, "units": last.units, "loss": loss, "from_logits": from_logits}
    for reason, severity in _reasons(last, loss, from_logits):
        return Seen("VG203", severity, evidence | {"reason": reason})
    return None


def _reasons(last: Last, loss: str | None, from_logits: bool | None) -> list[tuple[str, Any]]:
    """Why the two do not belong together, gravest first.

    Not among them: from_logits=True on a softmax or sigmoid, and a loss for classes on sigmoids. Keras, 2 and 3, takes
    the logits back from either (keras/src/backend/tensorflow/nn.py, `_get_logits`), so that training is as it should.
    """
    activation, one = last.activation, last.units == 1
    found: list[tuple[str, Any]] = []
    if activation == "softmax" and one:
        found.append(("softmax over one", "problem"))
    if loss in CATEGORICAL and one:
        found.append(("classes of one output", "problem"))
    if loss in (*CATEGORICAL, *BINARY) and not from_logits and activation in UNBOUND:
        found.append(("no probabilities", "worth a look" if one and activation == "linear" else "problem"))
    if loss in CATEGORICAL and from_logits and activation in CUT_OFF and not one:
        found.append(("bounded logits", "problem"))
    if loss in BINARY and activation == "softmax" and last.units > 2:
        found.append(("binary loss of classes", "worth a look"))
    if loss in DISTANCES and activation in ("softmax", "sigmoid"):
        found.append(("distance of probabilities", "worth a look"))
    return found


def misleading_metric(
    last: Last, metrics: Sequence[str], loss: str | None, classes: int, keras: str | None = None
) -> Seen | None:
    """VG209: a compiled metric called accuracy that is not the share of images that are right.

    `binary_accuracy` counts each of K outputs by itself: outputs of 1/K, which name nothing, score (K-1)/K. Keras 3,
    and 2 since 2.4, choose for the name `accuracy` by the outputs' shape, so that it is right for K of them; older
    ones, whose version `keras` says, chose by the loss. `Accuracy` is the class keras.metrics.Accuracy, which asks
    whether an output equals the label: probabilities score near 0.
    """
    if last.units < 2 or classes < 2:
        return None if "Accuracy" not in metrics else _metric("Accuracy", "equal", last, classes, "problem")
    if "binary_accuracy" in metrics:
        return _metric("binary_accuracy", "each output", last, classes, "problem" if classes > 2 else "worth a look")
    if "Accuracy" in metrics:
        return _metric("Accuracy", "equal", last, classes, "problem")
    if "accuracy" in metrics and loss in BINARY and chooses_by_loss(keras):
        return _metric("accuracy", "each output", last, classes, "problem" if classes > 2 else "worth a look")
    return None


def chooses_by_loss(version: str | None) -> bool:
    """Whether a version of Keras took the name `accuracy` for binary accuracy under a binary loss.

    tf.keras did before TensorFlow 2.2, which calls its Keras 2.3.0-tf; Keras by itself up to 2.3.1.
    """
    if version is None or version == "2.3.0-tf":
        return False
    numbers = version.replace("-", ".").split(".")[:2]
    return all(number.isdecimal() for number in numbers) and tuple(map(int, numbers)) < (2, 4)


def _metric(name: str, how: str, last: Last, classes: int, severity: Any) -> Seen:
    evidence = {"metric": name, "how": how, "units": last.units, "classes": classes}
    return Seen("VG209", severity, evidence | {"nothing": (classes - 1) / classes if how == "each output" else 0.0})


def _by_values(outputs: NDArray[np.float64]) -> str | None:
    """What outputs were made by, as far as values tell: rows of a softmax, sigmoids, or anything else."""
    if not len(outputs) or not np.isfinite(outputs).all():
        return None
    if outputs.min() < 0 or outputs.max() > 1:
        return "linear" if outputs.min() < -1 else None
    if outputs.shape[1] > 1 and np.abs(outputs.sum(axis=1) - 1).max() <= CLOSE:
        return "softmax"
    return "sigmoid" if outputs.shape[1] == 1 else None


def _activation(model: Any, output: int) -> str | None:
    """Name of the last activation by the model's layers; None for a subclass, and for what is no plain layer."""
    tensors = getattr(model, "outputs", None)
    if not tensors or output >= len(tensors):
        return None
    operation, place = _origin(tensors[output])
    while operation is not None:
        if hasattr(operation, "layers") and getattr(operation, "outputs", None):
            return _activation(operation, place)
        if is_a(operation, "Softmax"):
            return "softmax"
        if is_a(operation, "ReLU", "LeakyReLU"):
            return "relu"
        if is_a(operation, *PASSING):
            tensors = operation.input if isinstance(operation.input, (list, tuple)) else [operation.input]
            operation, place = _origin(tensors[0]) if not is_a(operation, "InputLayer") else (None, 0)
            continue
        activation = getattr(operation, "activation", None)
        if activation is not None:
            return str(getattr(activation, "__name__", type(activation).__name__))
        return "linear" if is_a(operation, "Dense", "Conv2D") else None
    return None


def _origin(tensor: Any) -> tuple[Any, int]:
    """The layer that made a symbolic tensor, of Keras 3 or tf_keras, and the place of it among the layer's outputs."""
    history = getattr(tensor, "_keras_history", None)
    if history is None:
        return None, 0
    return getattr(history, "operation", getattr(history, "layer", None)), int(history.tensor_index)
