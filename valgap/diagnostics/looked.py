"""Which images to look at, and what covering each place of one took from the model's answer."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

EACH = 4  # images of the weakest class, and of other surest mistakes


@dataclasses.dataclass(frozen=True)
class Looked:
    """One image (h, w, c) uint8, its name, class, split, and the class that the model names, with its probability.

    `falls` (places,) are by how much that probability falls when a patch covers each place of occlusion's grid.
    """

    image: NDArray[np.uint8]
    name: str
    label: str
    guess: str
    split: str
    probability: float
    falls: NDArray[np.float64]


def choose(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows to look at: of the weakest class the two surest mistakes and the two surest right ones, then other mistakes.

    Of (n, classes) probabilities and (n,) labels, at most 2 * EACH. None where there is no mistake.
    """
    guess, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = guess == labels
    if right.all():
        return np.array([], np.int64)
    classes = probabilities.shape[1]
    recall = np.array([right[labels == label].mean() if np.any(labels == label) else 2.0 for label in range(classes)])
    weak = labels == int(np.argmin(recall))
    order = np.argsort(-sure, kind="stable")
    own = [*order[(weak & ~right)[order]][: EACH // 2], *order[(weak & right)[order]][: EACH // 2]]
    others = [place for place in order[~right[order]].tolist() if place not in own][: 2 * EACH - len(own)]
    return np.array([*own, *others], np.int64)
