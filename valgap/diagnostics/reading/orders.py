"""Orders of the classes among a model's outputs: those that programs make, and that which predictions show.

An order is (classes,) int64: for each class, in the order of the folders sorted by name, its output. Pure functions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from valgap.stats import metrics
from valgap.stats.shares import matching_order

Order = NDArray[np.int64]
SORTED = "sorted"  # the folders by name, as Keras has it
MATCHED = "matched"  # that which agrees best with the predictions


def known(classes: int, by_output: Mapping[str, Sequence[int]]) -> dict[str, Order]:
    """The sorted order, and others by their name, which are given as the class of each output."""
    return {SORTED: np.arange(classes), **{name: np.argsort(order) for name, order in by_output.items()}}


def matched(predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> Order:
    """The order that agrees with most predictions (n,) of images with these labels."""
    return matching_order(metrics.confusion(predicted, labels, classes))


def best(
    predicted: NDArray[np.int64], labels: NDArray[np.int64], orders: Mapping[str, Order], margin: float
) -> tuple[str, float]:
    """(name, accuracy) of the order that agrees best; the first of `orders` unless another is better by `margin`."""
    scores = {name: float(np.mean(order[labels] == predicted)) for name, order in orders.items()}
    first = next(iter(scores))
    top = max(scores, key=lambda name: scores[name])
    return (top, scores[top]) if scores[top] > scores[first] + margin else (first, scores[first])
