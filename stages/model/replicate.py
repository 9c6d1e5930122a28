"""One replicate from its index lists to its predictions: what a worker process runs."""

import dataclasses
import functools
import itertools
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from stages import streams
from stages.errors import SuiteError
from stages.model.augment import augment
from stages.model.cnn import build_model, initial_state
from stages.model.loop import batch_order, make_prediction, make_training
from stages.params.experiment import Train

CURE = "lower train.learning_rate or check the images"
TINY = float(np.finfo(np.float32).tiny)  # floor of a probability inside a logarithm


@dataclasses.dataclass(frozen=True)
class Examples:
    """uint8 NHWC images and int64 labels of one split of one replicate."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def first(self, count: int) -> "Examples":
        """The first `count` examples: of a training list, a stratified part."""
        return Examples(self.images[:count], self.labels[:count])


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a replicate leaves: probabilities by split, its learning curve, facts, weights and durations."""

    probabilities: dict[str, NDArray[np.float32]]
    history: list[dict[str, float]]
    facts: dict[str, Any]
    seconds: dict[str, float]
    model: keras.Model


@dataclasses.dataclass(frozen=True)
class _Machine:
    """A traced model, reused by all replicates that a worker trains."""

    model: keras.Model
    optimizer: keras.Optimizer
    train: Callable[..., tf.Tensor]
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    fresh_optimizer: list[NDArray[np.generic]]


@functools.cache
def _machine(input_shape: tuple[int, int, int], classes: int, settings: Train) -> _Machine:
    model = build_model(input_shape, classes, settings)
    optimizer = keras.optimizers.Adam(settings.learning_rate)
    optimizer.build(model.trainable_variables)
    return _Machine(
        model=model,
        optimizer=optimizer,
        train=make_training(model, optimizer, lambda batch, seed: augment(batch, settings.augmentation, seed)),
        predict=make_prediction(model),
        fresh_optimizer=[variable.numpy().copy() for variable in optimizer.variables],
    )


def train_replicate(
    settings: Train,
    baseline: Train,
    seed: int,
    replicate: int,
    splits: dict[str, Examples],
    classes: int,
) -> Trained:
    """Train one replicate and score it, un-augmented and in inference mode, on train, val and test.

    `splits` has the keys train, val, test. Raises SuiteError naming replicate, step and epoch when
    the loss of a step is not finite.
    """
    train, val = splits["train"], splits["val"]
    input_shape = train.images.shape[1:]
    machine = _machine(input_shape, classes, settings)
    state = initial_state(
        input_shape, classes, settings, baseline,
        streams.integer(seed, replicate, "weights"), streams.integer(seed, replicate, "dropout"),
    )  # fmt: skip
    _assign(machine.model.variables, state)
    _assign(machine.optimizer.variables, machine.fresh_optimizer)

    order = batch_order(
        len(train.labels), settings.steps, settings.batch_size, streams.generator(seed, replicate, "order")
    )
    arrays = tf.constant(train.images), tf.constant(train.labels)
    augmentation_seed = tf.constant(streams.integer(seed, replicate, "augmentation"), tf.int32)
    curve = {"train": train.first(settings.curve_train_images), "val": val}
    seconds = {"train": 0.0, "curve": 0.0, "predict": 0.0}
    history: list[dict[str, float]] = []
    best_weights, selected_step = None, settings.steps
    boundaries = np.linspace(0, settings.steps, settings.curve_points + 1).round().astype(int).tolist()
    for start, stop in itertools.pairwise(boundaries):
        clock = time.perf_counter()
        losses = machine.train(*arrays, tf.constant(order[start:stop]), tf.constant(start), augmentation_seed)
        _check_finite(losses.numpy(), start, settings.batch_size / len(train.labels), replicate)
        seconds["train"] += time.perf_counter() - clock

        clock = time.perf_counter()
        row = {"replicate": replicate, "step": stop, "epoch": stop * settings.batch_size / len(train.labels)}
        for name, examples in curve.items():
            row |= _scores(name, machine.predict(examples.images), examples.labels)
        if settings.early_stopping and row["val_nll"] < min((r["val_nll"] for r in history), default=np.inf):
            best_weights, selected_step = machine.model.get_weights(), stop
        history.append(row)
        seconds["curve"] += time.perf_counter() - clock
    if best_weights is not None:
        machine.model.set_weights(best_weights)

    clock = time.perf_counter()
    probabilities = {name: machine.predict(examples.images) for name, examples in splits.items()}
    seconds["predict"] = time.perf_counter() - clock
    if not all(np.isfinite(values).all() for values in probabilities.values()):
        raise SuiteError(
            f"replicate {replicate}: class probabilities are not finite after step {settings.steps}; {CURE}"
        )
    facts = {"replicate": replicate, "parameters": machine.model.count_params(), "selected_step": selected_step}
    return Trained(probabilities, history, facts, seconds, machine.model)


def _assign(variables: list[Any], values: list[NDArray[np.generic]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _scores(split: str, probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
    of_label = probabilities[np.arange(len(labels)), labels]
    return {
        f"{split}_accuracy": float(np.mean(probabilities.argmax(axis=1) == labels)),
        f"{split}_nll": float(np.mean(-np.log(np.maximum(of_label, TINY), dtype=np.float64))),
    }


def _check_finite(losses: NDArray[np.float32], start: int, epochs_per_step: float, replicate: int) -> None:
    bad = np.flatnonzero(~np.isfinite(losses))
    if len(bad):
        step = start + int(bad[0]) + 1
        raise SuiteError(
            f"replicate {replicate}: the training loss is {losses[bad[0]]} at step {step} "
            f"(epoch {step * epochs_per_step:.1f}); {CURE}"
        )
