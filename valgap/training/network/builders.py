"""Builds the network under study: the builder that `model.builder` names, its contract, and the knobs from outside.

Reads a user's module and weights below model.files.
"""

import dataclasses
import functools
from typing import Any

import keras
import numpy as np

from valgap.ground.params.experiment import Model, Train
from valgap.training.network import applications, cnn, resnet
from valgap.training.network.contract import (
    FAILED,
    Builder,
    Knobs,
    Shape,
    as_logits,
    check_kind,
    own_words,
    refusal,
    sample,
)
from valgap.training.network.knobs import apply_knobs
from valgap.training.network.loading import user_builder, weights_path
from valgap.training.network.structure import all_layers

BUILDERS: dict[str, Builder] = {"cnn": cnn.build, "resnet": resnet.build}


def build_model(input_shape: Shape, classes: int, architecture: Model, settings: Train) -> keras.Model:
    """The network that `architecture` and `settings` ask for, with every knob applied.

    Takes float32 batches (n, *input_shape), normalized as `settings` say, and returns logits float32 (n, classes).
    Raises SuiteError, naming model.builder, on anything that breaks the contract (contract.py), on a knob applied from
    outside that finds nothing to act on, and on pixels that would be normalized twice.
    """
    if settings.normalize != "unit" and architecture.builder.startswith(applications.PREFIX):
        what = f"it preprocesses images itself, as it was trained, and train.normalize = {settings.normalize} would too"
        raise refusal(architecture.builder, what, "set train.normalize to unit")
    model = build_network(input_shape, classes, architecture, knobs_of(architecture, settings))
    model = as_logits(model, input_shape, classes, architecture.builder)
    apply_knobs(model, sample(input_shape)[:1], architecture, settings)
    return model


def knobs_of(architecture: Model, settings: Train) -> Knobs:
    """What the builder is asked for: the settings that `Knobs` names, and the weights.

    Raises SuiteError when the weights' file is missing.
    """
    names = [field.name for field in dataclasses.fields(Knobs) if field.name != "weights"]
    return Knobs(**{name: getattr(settings, name) for name in names}, weights=weights_path(architecture))


def build_network(input_shape: Shape, classes: int, architecture: Model, knobs: Knobs) -> keras.Model:
    """The builder's own model with all its weights made, before the suite adds anything.

    Its variables are those of `build_model`, in the same order. Raises SuiteError as that does, short of what
    takes outputs to find.
    """
    model: Any = _builder(architecture)(input_shape, classes, knobs)
    check_kind(model, input_shape, architecture.builder)
    if not all(layer.built for layer in all_layers(model)):
        with own_words(architecture.builder, f"its model fails on images {input_shape}", FAILED):
            if isinstance(model, keras.Sequential):
                model.build((None, *input_shape))
            else:
                model(np.zeros((1, *input_shape), np.float32), training=False)
    return model


def _builder(architecture: Model) -> Builder:
    if architecture.builder.startswith(applications.PREFIX):
        return functools.partial(applications.build, architecture.builder.removeprefix(applications.PREFIX))
    if architecture.builder not in BUILDERS:
        return user_builder(architecture)
    if architecture.weights not in (None, "random"):
        what = f"it reads no model.weights, received {architecture.weights}"
        raise refusal(architecture.builder, what, "write null, or name a builder of your own that loads them")
    return BUILDERS[architecture.builder]
