"""A traced model with its optimizer, loss and augmentation, made once a process and started for each replicate."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from valgap.ground.params.experiment import Augmentation, Model, Train
from valgap.training.examples import scored_at_once
from valgap.training.frozen import FrozenPart, frozen_part
from valgap.training.loop import make_outputs, make_prediction, make_training, to_unit
from valgap.training.losses import make_loss
from valgap.training.mixing import make_augment
from valgap.training.network.builders import build_model
from valgap.training.network.contract import sample
from valgap.training.network.knobs import head_variables
from valgap.training.network.structure import forward_flops
from valgap.training.optimizer import make_optimizer
from valgap.training.pixels import Affine, Pixels
from valgap.training.schedule import Plateau, make_rate, plateau_of

KEPT = 2  # traced models of a process: memory of a large one is as much again for each
Predict = Callable[[Iterable[NDArray[Any]]], NDArray[np.float32]]  # of batches


@dataclasses.dataclass(frozen=True)
class Machine:
    """A traced model, reused by all replicates that a worker trains.

    Where a part of it is frozen and sees images as they are, `train` and `predict` take what the `part` makes of them,
    which `outputs` gives; `predict_pixels` takes images in any case. All are scored `batch` at a time.
    """

    model: keras.Model
    optimizer: keras.Optimizer
    train: Callable[..., tf.Tensor]
    predict: Predict
    predict_pixels: Predict
    batch: int
    part: FrozenPart | None
    outputs: Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None
    drawn: bytes  # values of the frozen weights as they were built, by a seed of their own
    fresh_optimizer: list[NDArray[np.generic]]
    forward_flops: int
    counts: tf.Variable  # training examples of each class
    plateau: Plateau | None  # what waits for validation losses
    normalize: Pixels
    mixing_states: list[keras.Variable]  # seeds of MixUp and its kin

    def start(
        self, state: list[NDArray[np.generic]], counts: NDArray[np.float32], pixels: Affine, mixing_seed: int
    ) -> None:
        """Forget every earlier replicate."""
        _assign(self.model.variables, state)
        _assign(self.optimizer.variables, self.fresh_optimizer)
        self.counts.assign(counts)
        self.normalize.set(pixels)
        if self.plateau:
            self.plateau.reset()
        for number, variable in enumerate(self.mixing_states):
            variable.assign([mixing_seed, number * 2**24])

    @property
    def draws_frozen(self) -> bool:
        """Whether weights of the frozen part are drawn for each replicate, the last started among them."""
        return self.part is not None and self.part.weights() != self.drawn

    @contextlib.contextmanager
    def averaged(self, momentum: float) -> Iterator[None]:
        """Inside, the weights are their moving average, where one is kept; training goes on from the raw ones."""
        raw = [variable.numpy().copy() for variable in self.model.trainable_variables] if momentum else []
        if momentum:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)
        yield
        if momentum:
            _assign(self.model.trainable_variables, raw)


def sees_images_as_they_are(settings: Train) -> bool:
    """Whether nothing is done to training images but normalization."""
    mixed = settings.rand_augment or settings.random_erasing or settings.mixup or settings.cutmix
    return settings.augmentation == Augmentation() and not mixed


@functools.lru_cache(maxsize=KEPT)
def machine_of(input_shape: tuple[int, int, int], classes: int, architecture: Model, settings: Train) -> Machine:
    """The machine of these settings, which a process keeps for a while; `start` it before each replicate."""
    keras.utils.set_random_seed(0)  # for what a builder draws beside weights: the same in every process
    with _layers_in(settings.precision):
        model = build_model(input_shape, classes, architecture, settings)
    factor = settings.head_rate_factor
    scaled = head_variables(model, sample(input_shape)[:1], architecture) if factor != 1 else []
    rate = make_rate(settings)
    optimizer = make_optimizer(settings, model.trainable_variables, rate)
    optimizer.build(model.trainable_variables)
    augment_batch, mixing_states = make_augment(settings)
    counts, normalize = tf.Variable(tf.ones(classes)), Pixels(settings, input_shape[-1])
    part = frozen_part(model, input_shape) if sees_images_as_they_are(settings) else None

    def prepare(images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        augmented, wanted = augment_batch(to_unit(images), targets, seed)
        return normalize(augmented), wanted

    # A frozen part's outputs are computed for as many images as a step has, and so is everything with them.
    full = settings.batch_size if part else None
    of_pixels = make_prediction(lambda images: model(normalize(to_unit(images)), training=False), full)
    return Machine(
        model=model,
        optimizer=optimizer,
        train=make_training(model, optimizer, prepare, make_loss(settings, counts), scaled, factor, part),
        predict=make_prediction(lambda images: part(images, training=False), full) if part else of_pixels,
        predict_pixels=of_pixels,
        batch=full or scored_at_once(input_shape),
        part=part,
        outputs=make_outputs(part, normalize) if part else None,
        drawn=part.weights() if part else b"",
        fresh_optimizer=[variable.numpy().copy() for variable in optimizer.variables],
        forward_flops=forward_flops(model, input_shape),
        counts=counts,
        plateau=plateau_of(rate),
        normalize=normalize,
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


def _assign(variables: list[Any], values: list[NDArray[np.generic]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
