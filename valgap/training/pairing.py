"""Paired initial weights: variants of a replicate start from the baseline's wherever they have the same."""

import difflib
import re

import keras
import numpy as np
from numpy.typing import NDArray

from valgap.training.network.builders import build_network, knobs_of
from valgap.training.network.contract import Shape
from valgap.training.recipe import Recipe


def initial_state(input_shape: Shape, classes: int, recipe: Recipe, replicate: int) -> list[NDArray[np.generic]]:
    """Values of all variables of `build_model` under the recipe at step 0, in the order of `model.variables`.

    Its weights that have name and shape of one of the baseline's, in the same order, get the value that the
    baseline has in this replicate: an added layer, such as dropout, would otherwise shift every later
    initializer's seed and unpair the comparison.
    """
    model, streams = recipe.model, recipe.streams
    ours, theirs = knobs_of(model, recipe.settings), knobs_of(model, recipe.baseline)
    keras.utils.set_random_seed(streams.integer(replicate, "weights"))
    reference = build_network(input_shape, classes, model, theirs)
    if ours == theirs and len(reference.variables) == len(reference.weights):  # no seeds to draw: one build is enough
        return [variable.numpy().copy() for variable in reference.variables]
    keras.utils.set_random_seed(streams.integer(replicate, "dropout"))
    network = build_network(input_shape, classes, model, ours)
    for mine, other in alike(network.weights, reference.weights):
        mine.assign(other)
    return [variable.numpy().copy() for variable in network.variables]


def alike(weights: list[keras.Variable], others: list[keras.Variable]) -> list[tuple[keras.Variable, keras.Variable]]:
    """Pairs of weights of equal name and shape in the same order: the longest run of such, then those beside it.

    Numbers that Keras appends to a name count how many there were in this process, and are no part of it.
    """
    matcher = difflib.SequenceMatcher(None, _kinds(weights), _kinds(others), autojunk=False)
    return [
        (weights[block.a + offset], others[block.b + offset])
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    ]


def _kinds(weights: list[keras.Variable]) -> list[tuple[str, tuple[int, ...]]]:
    return [(re.sub(r"(_\d+)+$", "", weight.name), tuple(weight.shape)) for weight in weights]
