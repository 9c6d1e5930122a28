"""One replicate from its index lists to its predictions: what a worker process runs."""

import dataclasses
import itertools
import time
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Augmentation, Train
from valgap.training.augment import draw_parameters, warp, warp_matrices
from valgap.training.examples import BATCH, Examples, Feed
from valgap.training.inputs import inputs_of
from valgap.training.loop import batch_order, to_unit
from valgap.training.losses import balanced_positions, class_counts
from valgap.training.machine import Machine, machine_of
from valgap.training.pairing import initial_state
from valgap.training.pixels import affine_of
from valgap.training.recipe import Recipe
from valgap.training.subset import SCORED

CURE = "lower train.learning_rate or check the images"
WARP_DRAWS = 1000  # images whose warps are drawn together
TINY = float(np.finfo(np.float32).tiny)  # floor of a probability inside a logarithm


@dataclasses.dataclass(frozen=True)
class CurvePoint:
    """A fair evaluation after `step` optimizer steps, on a part of the training and on all validation images.

    `epoch` is a fraction, of the whole training list, whatever is left out of it; accuracies are fractions, NLL is in
    nats.
    """

    replicate: int
    step: int
    epoch: float
    train_accuracy: float
    train_nll: float
    val_accuracy: float
    val_nll: float


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is said of a replicate's network: `forward_flops` of one image; `selected_step` is that of its weights."""

    replicate: int
    parameters: int
    forward_flops: int
    selected_step: int


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a replicate leaves: probabilities by split and policy, its learning curve, facts, weights and durations."""

    probabilities: dict[str, NDArray[np.float32]]
    history: list[CurvePoint]
    facts: Facts
    seconds: dict[str, float]  # of train, curve and predict
    model: keras.Model


def train_replicate(
    recipe: Recipe,
    replicate: int,
    splits: dict[str, Examples],
    classes: int,
    learned: NDArray[np.int64] | None = None,
) -> Trained:
    """Train one replicate and score it in inference mode: un-augmented train, val and test, and val under each policy.

    `splits` has the keys train, val, test; `learned` are the places in train that it learns from, None for all: the
    others are scored alone. Raises SuiteError on a model that breaks the contract
    (valgap/training/network/contract.py), and naming replicate, step and epoch when the loss of a step is not finite.
    """
    train, settings, streams = splits["train"], recipe.settings, recipe.streams
    input_shape = train.images.shape[1:]
    learned = np.arange(len(train.labels)) if learned is None else learned
    labels = train.labels[learned]
    # TensorFlow's own default would round the factors of products to 10 bits on newer GPUs, unasked.
    tf.config.experimental.enable_tensor_float_32_execution(settings.precision == "tensor_float32")
    machine = machine_of(input_shape, classes, recipe.model, settings)
    state = initial_state(input_shape, classes, recipe, replicate)
    pixels = affine_of(settings, train.at(learned))
    machine.start(state, class_counts(labels, classes), pixels, streams.integer(replicate, "mixing"))
    order = learned.astype(np.int32)[training_order(labels, settings, streams.generator(replicate, "order"))]
    augmentation_seed = streams.integer(replicate, "augmentation")
    seconds = {"train": 0.0, "curve": 0.0, "predict": 0.0}
    clock = time.perf_counter()
    with inputs_of(machine, splits, pixels) as inputs:
        seconds["train"] = time.perf_counter() - clock
        history, step = _fit(machine, settings, inputs, order, len(labels), augmentation_seed, replicate, seconds)
        clock = time.perf_counter()
        scored = inputs | {"train": inputs["train"].first(SCORED)}
        probabilities = {name: machine.predict(each.batches(machine.batch)) for name, each in scored.items()}
    for name, policy in settings.evaluation_policies.items():
        images = warped(splits["val"], policy, streams.integer(replicate, "policies"), machine.batch)
        probabilities[f"val_under_{name}"] = machine.predict_pixels(images)
    seconds["predict"] = time.perf_counter() - clock
    if not all(np.isfinite(values).all() for values in probabilities.values()):
        raise SuiteError(
            f"replicate {replicate}: class probabilities are not finite after step {settings.steps}; {CURE}"
        )
    facts = Facts(
        replicate=replicate,
        parameters=machine.model.count_params(),
        forward_flops=machine.forward_flops,
        selected_step=step,
    )
    return Trained(probabilities, history, facts, seconds, machine.model)


def _fit(
    machine: Machine,
    settings: Train,
    splits: dict[str, Examples],
    order: NDArray[np.int32],
    learned: int,
    augmentation_seed: int,
    replicate: int,
    seconds: dict[str, float],
) -> tuple[list[CurvePoint], int]:
    """Train to the end, leave the model with the weights to score; return its learning curve and their step."""
    train = splits["train"]
    feed, seed = Feed(train, machine.counts.shape[0]), tf.constant(augmentation_seed, tf.int32)
    epochs_per_step = settings.batch_size / len(train.labels)
    history: list[CurvePoint] = []
    kept, selected_step = machine.model.get_weights(), 0
    points = np.linspace(0, settings.steps, settings.curve_points + 1).round().astype(int).tolist()
    epochs = epoch_ends(settings, learned) if machine.plateau else []
    for start, stop in itertools.pairwise(sorted({*points, *epochs})):
        clock = time.perf_counter()
        losses = np.concatenate([machine.train(*part, seed) for part in feed.steps(order[start:stop], start)])
        _check_finite(losses, start, epochs_per_step, replicate)
        seconds["train"] += time.perf_counter() - clock

        clock = time.perf_counter()
        if machine.plateau and stop in epochs:
            val = splits["val"]
            machine.plateau.observe(_scores("val", machine.predict(val.batches(machine.batch)), val.labels)["val_nll"])
        if stop in points:
            with machine.averaged(settings.ema_momentum):
                point = _point(machine, settings, splits, replicate, stop)
                best = point.val_nll < min((earlier.val_nll for earlier in history), default=np.inf)
                if best or not settings.early_stopping or not history:
                    kept, selected_step = machine.model.get_weights(), stop
            history.append(point)
        seconds["curve"] += time.perf_counter() - clock
    machine.model.set_weights(kept)
    return history, selected_step


def epoch_ends(settings: Train, images: int) -> list[int]:
    """Steps after which another pass over so many images has ended, the last one of the run left out."""
    passes = int(settings.steps * settings.batch_size / images)
    ends = (round(number * images / settings.batch_size) for number in range(1, passes + 1))
    return [end for end in ends if 0 < end < settings.steps]


def _point(machine: Machine, settings: Train, splits: dict[str, Examples], replicate: int, step: int) -> CurvePoint:
    """A fair evaluation of the weights that the model has now, after `step` steps."""
    curve = {"train": splits["train"].first(settings.curve_train_images), "val": splits["val"]}
    scores: dict[str, float] = {}
    for name, examples in curve.items():
        scores |= _scores(name, machine.predict(examples.batches(machine.batch)), examples.labels)
    return CurvePoint(replicate, step, step * settings.batch_size / len(splits["train"].labels), **scores)


def training_order(labels: NDArray[np.int64], settings: Train, rng: np.random.Generator) -> NDArray[np.int32]:
    """(steps, batch_size) positions into the training subset; with oversampling every class is equally frequent."""
    if settings.class_remedy != "oversampling":
        return batch_order(len(labels), settings.steps, settings.batch_size, rng)
    positions = balanced_positions(labels, rng)
    return positions.astype(np.int32)[batch_order(len(positions), settings.steps, settings.batch_size, rng)]


def warped(examples: Examples, policy: Augmentation, seed: int, size: int = BATCH) -> Iterator[NDArray[np.uint8]]:
    """Every image under one draw of the policy, in order, `size` at a time."""
    matrices = _matrices(examples, policy, seed)
    for number, images in enumerate(examples.batches(size)):
        found = warp(to_unit(tf.constant(images)), matrices[number * size : number * size + len(images)])
        yield tf.cast(tf.round(255 * tf.clip_by_value(found, 0, 1)), tf.uint8).numpy()


def _matrices(examples: Examples, policy: Augmentation, seed: int) -> tf.Tensor:
    """A warp of every image, float32 (n, 8), drawn for WARP_DRAWS at a time."""
    height, width, _ = examples.images.shape[1:]
    starts = range(0, len(examples.labels), WARP_DRAWS)
    counts = [min(WARP_DRAWS, len(examples.labels) - start) for start in starts]
    drawn = [
        draw_parameters(policy, count, tf.constant([seed, start], tf.int32))
        for start, count in zip(starts, counts, strict=True)
    ]
    return tf.concat([warp_matrices(parameters, height, width) for parameters in drawn], axis=0)


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
