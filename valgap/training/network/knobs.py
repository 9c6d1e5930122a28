"""Knobs that the suite applies from outside to any model: penalties, frozen layers, a learning rate of the head's own.

Dropout, width, head and batch normalisation are the builder's (contract.py); what acts on batches,
targets, loss or optimizer is in losses, mixing and replicate.
"""

import math
from typing import Any

import keras

from valgap.ground.params.experiment import Model, Train
from valgap.training.network.contract import refusal
from valgap.training.network.structure import head_weights, own_kernels, own_weights, weighted_layers


class Sum(keras.Regularizer):  # type: ignore[misc]
    """The sum of two penalties: a builder's own, and the suite's on top of it."""

    def __init__(self, first: keras.Regularizer, second: keras.Regularizer) -> None:
        self.first, self.second = first, second

    def __call__(self, values: Any) -> Any:
        """Scalar loss of a kernel's values."""
        return self.first(values) + self.second(values)


def apply_knobs(model: keras.Model, images: Any, architecture: Model, settings: Train) -> None:
    """Freeze and penalise a new model as `settings` ask; `images` is a batch to look for its layers with.

    Raises SuiteError naming a knob that finds nothing to act on.
    """
    if settings.frozen:
        freeze(model, images, architecture, settings.frozen)
    if settings.l1_penalty or settings.l2_penalty:
        penalise(model, images, architecture, settings.l1_penalty, settings.l2_penalty)


def freeze(model: keras.Model, images: Any, architecture: Model, share: float) -> None:
    """Make the first `share`, in (0, 1), of the layers with weights untrainable, never the output layer.

    Batch normalisation that is frozen normalises by its moving statistics, also in training, as Keras does.
    Raises SuiteError when the share is of no whole layer.
    """
    layers = weighted_layers(model, images)
    output = max((number for number, layer in enumerate(layers) if own_kernels(layer)), default=0)
    count = min(math.floor(share * len(layers) + 0.5), output)
    if not count:
        what = f"frozen = {share:g} is no whole layer of the {len(layers)} with weights"
        raise refusal(architecture.builder, what, "raise it, or remove the variant")
    for layer in layers[:count]:
        if len(layer._flatten_layers()) == 1:
            layer.trainable = False
        else:  # it holds layers, which are counted themselves
            for weight in own_weights(layer):
                weight.trainable = False


def penalise(model: keras.Model, images: Any, architecture: Model, l1: float, l2: float) -> None:
    """Add l1 * sum|w| + l2 * sum(w^2) to the loss, over the trainable kernels of all layers but the output layer.

    Keras adds the regularizer of every trainable variable to `model.losses`. A builder's own is kept.
    Raises SuiteError when there is no such kernel.
    """
    holders = [layer for layer in weighted_layers(model, images) if own_kernels(layer)]
    kernels = [weight for layer in holders[:-1] for weight in own_kernels(layer) if weight.trainable]
    if not kernels:
        what = "l1_penalty and l2_penalty find no trainable kernel before the output layer"
        raise refusal(architecture.builder, what, "set them to 0, or remove the variant")
    penalty = keras.regularizers.L1L2(l1, l2)
    for kernel in kernels:
        kernel.regularizer = penalty if kernel.regularizer is None else Sum(kernel.regularizer, penalty)


def head_variables(model: keras.Model, images: Any, architecture: Model) -> list[keras.Variable]:
    """Trainable variables of the head, whose learning rate head_rate_factor multiplies.

    Raises SuiteError where no head can be told from the rest: no convolution, no kernel after the last one, or
    nothing but the head is trained.
    """
    members = {id(weight) for weight in head_weights(model, images)}
    head = [variable for variable in model.trainable_variables if id(variable) in members]
    if not head:
        what = "head_rate_factor finds no head: no trainable kernel after the last convolution"
    elif len(head) == len(model.trainable_variables):
        what = "head_rate_factor finds nothing but a head that is trained, so it would be the learning rate alone"
    else:
        return head
    raise refusal(architecture.builder, what, "set it to 1, or remove the variant")
