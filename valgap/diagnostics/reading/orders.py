"""Orders of the classes among a model's outputs: candidates, and when one is certain. Pure functions.

An order is (classes,) int64: for each actual class, in the order of the folders sorted by name, its output.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from valgap.stats import metrics
from valgap.stats.shares import matching_order

Order = NDArray[np.int64]
SORTED = "sorted"  # the folders by name, as Keras has it
MATCHED = "matched"  # that which agrees best with the predictions


def candidates(names: Sequence[str], listed: Sequence[str] | None = None) -> dict[str, Order]:
    """Orders that people's programs make of these sorted class names, each once: sorted, natural, found.

    `natural` counts numbers in names (2 before 10), `found` is the order in which the system lists the folders,
    `listed`.
    """
    found: dict[str, Order] = {SORTED: np.arange(len(names))}
    natural = sorted(names, key=lambda name: [(int(p), "") if p.isdigit() else (-1, p) for p in parts(name)])
    for title, order in (("natural", natural), ("found", listed or names)):
        places = np.array([list(order).index(name) for name in names], np.int64)
        if not any(np.array_equal(places, known) for known in found.values()):
            found[title] = places
    return found


def parts(name: str) -> list[str]:
    """The name cut into numbers and what lies between."""
    return [part for part in re.split(r"(\d+)", name) if part]


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
