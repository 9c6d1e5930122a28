"""One replicate from its index lists to its predictions: what a worker process runs."""

import contextlib
import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Augmentation, Model, Train
from valgap.training.augment import augment
from valgap.training.loop import batch_order, make_prediction, make_training, to_unit
from valgap.training.losses import balanced_positions, class_counts, make_loss
from valgap.training.mixing import make_augment
from valgap.training.network.builders import build_model
from valgap.training.network.contract import sample
from valgap.training.network.knobs import head_variables
from valgap.training.network.structure import forward_flops
from valgap.training.optimizer import make_optimizer
from valgap.training.pairing import initial_state
from valgap.training.recipe import Recipe
from valgap.training.subset import SCORED

CURE = "lower train.learning_rate or check the images"
WARP_BATCH = 1000  # images
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
    """What a replicate leaves: probabilities by split and policy, its learning curve, facts, weights and durations."""

    probabilities: dict[str, NDArray[np.float32]]
    history: list[dict[str, float]]
    facts: dict[str, Any]
    seconds: dict[str, float]
    model: keras.Model


@dataclasses.dataclass(frozen=True)
class Machine:
    """A traced model, reused by all replicates that a worker trains."""

    model: keras.Model
    optimizer: keras.Optimizer
    train: Callable[..., tf.Tensor]
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    fresh_optimizer: list[NDArray[np.generic]]
    forward_flops: int
    counts: tf.Variable  # training examples of each class
    mixing_states: list[keras.Variable]  # seeds of MixUp and its kin

    def start(self, state: list[NDArray[np.generic]], counts: NDArray[np.float32], mixing_seed: int) -> None:
        """Forget every earlier replicate."""
        _assign(self.model.variables, state)
        _assign(self.optimizer.variables, self.fresh_optimizer)
        self.counts.assign(counts)
        for number, variable in enumerate(self.mixing_states):
            variable.assign([mixing_seed, number * 2**24])

    @contextlib.contextmanager
    def averaged(self, momentum: float) -> Iterator[None]:
        """Inside, the weights are their moving average, where one is kept; training goes on from the raw ones."""
        raw = [variable.numpy().copy() for variable in self.model.trainable_variables] if momentum else []
        if momentum:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)
        yield
        if momentum:
            _assign(self.model.trainable_variables, raw)


@functools.cache
def machine_of(input_shape: tuple[int, int, int], classes: int, architecture: Model, settings: Train) -> Machine:
    """The machine of these settings, one in a process; `start` it before each replicate."""
    keras.utils.set_random_seed(0)  # for what a builder draws beside weights: the same in every process
    with _layers_in(settings.precision):
        model = build_model(input_shape, classes, architecture, settings)
    factor = settings.head_rate_factor
    scaled = head_variables(model, sample(input_shape)[:1], architecture) if factor != 1 else []
    optimizer = make_optimizer(settings, model.trainable_variables)
    optimizer.build(model.trainable_variables)
    augment_batch, mixing_states = make_augment(settings)
    counts = tf.Variable(tf.ones(classes))
    return Machine(
        model=model,
        optimizer=optimizer,
        train=make_training(model, optimizer, augment_batch, make_loss(settings, counts), scaled, factor),
        predict=make_prediction(model),
        fresh_optimizer=[variable.numpy().copy() for variable in optimizer.variables],
        forward_flops=forward_flops(model, input_shape),
        counts=counts,
        mixing_states=mixing_states,
    )


@contextlib.contextmanager
def _layers_in(precision: str) -> Iterator[None]:
    """Inside, new layers compute in half precision where it is a mixed one; their weights are float32 in any case."""
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision if precision.startswith("mixed_") else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)


def train_replicate(recipe: Recipe, replicate: int, splits: dict[str, Examples], classes: int) -> Trained:
    """Train one replicate and score it in inference mode: un-augmented train, val and test, and val under each policy.

    `splits` has the keys train, val, test. Raises SuiteError on a model that breaks the contract
    (valgap/training/network/contract.py), and naming replicate, step and epoch when the loss of a step is not finite.
    """
    train, settings, streams = splits["train"], recipe.settings, recipe.streams
    input_shape = train.images.shape[1:]
    # TensorFlow's own default would round the factors of products to 10 bits on newer GPUs, unasked.
    tf.config.experimental.enable_tensor_float_32_execution(settings.precision == "tensor_float32")
    machine = machine_of(input_shape, classes, recipe.model, settings)
    state = initial_state(input_shape, classes, recipe, replicate)
    machine.start(state, class_counts(train.labels, classes), streams.integer(replicate, "mixing"))
    order = training_order(train.labels, settings, streams.generator(replicate, "order"))
    augmentation_seed = streams.integer(replicate, "augmentation")
    seconds = {"train": 0.0, "curve": 0.0, "predict": 0.0}
    history, selected_step = _fit(machine, settings, splits, order, augmentation_seed, replicate, seconds)

    clock = time.perf_counter()
    scored = (
        splits
        | {"train": train.first(SCORED)}
        | {
            f"val_under_{name}": Examples(
                warped_pixels(splits["val"].images, policy, streams.integer(replicate, "policies")),
                splits["val"].labels,
            )
            for name, policy in settings.evaluation_policies.items()
        }
    )
    probabilities = {name: machine.predict(examples.images) for name, examples in scored.items()}
    seconds["predict"] = time.perf_counter() - clock
    if not all(np.isfinite(values).all() for values in probabilities.values()):
        raise SuiteError(
            f"replicate {replicate}: class probabilities are not finite after step {settings.steps}; {CURE}"
        )
    facts = {
        "replicate": replicate,
        "parameters": machine.model.count_params(),
        "forward_flops": machine.forward_flops,
        "selected_step": selected_step,
    }
    return Trained(probabilities, history, facts, seconds, machine.model)


def _fit(
    machine: Machine, settings: Train, splits: dict[str, Examples], order: NDArray[np.int32],
    augmentation_seed: int, replicate: int, seconds: dict[str, float],
) -> tuple[list[dict[str, float]], int]:  # fmt: skip
    """Train to the end, leave the model with the weights to score; return its learning curve and their step."""
    train = splits["train"]
    arrays = tf.constant(train.images), tf.one_hot(train.labels, machine.counts.shape[0])
    curve = {"train": train.first(settings.curve_train_images), "val": splits["val"]}
    epochs_per_step = settings.batch_size / len(train.labels)
    history: list[dict[str, float]] = []
    kept, selected_step = machine.model.get_weights(), 0
    boundaries = np.linspace(0, settings.steps, settings.curve_points + 1).round().astype(int).tolist()
    for start, stop in itertools.pairwise(boundaries):
        clock = time.perf_counter()
        segment = tf.constant(order[start:stop]), tf.constant(start), tf.constant(augmentation_seed, tf.int32)
        losses = machine.train(*arrays, *segment).numpy()
        _check_finite(losses, start, epochs_per_step, replicate)
        seconds["train"] += time.perf_counter() - clock

        clock = time.perf_counter()
        row = {"replicate": replicate, "step": stop, "epoch": stop * settings.batch_size / len(train.labels)}
        with machine.averaged(settings.ema_momentum):
            for name, examples in curve.items():
                row |= _scores(name, machine.predict(examples.images), examples.labels)
            best = row["val_nll"] < min((earlier["val_nll"] for earlier in history), default=np.inf)
            if best or not settings.early_stopping or not history:
                kept, selected_step = machine.model.get_weights(), stop
        history.append(row)
        seconds["curve"] += time.perf_counter() - clock
    machine.model.set_weights(kept)
    return history, selected_step


def training_order(labels: NDArray[np.int64], settings: Train, rng: np.random.Generator) -> NDArray[np.int32]:
    """(steps, batch_size) positions into the training subset; with oversampling every class is equally frequent."""
    if settings.class_remedy != "oversampling":
        return batch_order(len(labels), settings.steps, settings.batch_size, rng)
    positions = balanced_positions(labels, rng)
    return positions.astype(np.int32)[batch_order(len(positions), settings.steps, settings.batch_size, rng)]


def warped_pixels(images: NDArray[np.uint8], policy: Augmentation, seed: int) -> NDArray[np.uint8]:
    """Every image under one draw of the policy, uint8 of the same shape."""
    chunks = []
    for start in range(0, len(images), WARP_BATCH):
        unit = to_unit(tf.constant(images[start : start + WARP_BATCH]))
        warped = augment(unit, policy, tf.constant([seed, start], tf.int32))
        chunks.append(tf.cast(tf.round(255 * tf.clip_by_value(warped, 0, 1)), tf.uint8).numpy())
    return np.concatenate(chunks)


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
