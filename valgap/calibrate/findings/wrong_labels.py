"""Wrong labels as people make them, planted in right ones."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
ANNOTATORS, CARELESS = 5, 2  # people among whom the images are dealt, and those of them who err


def confusable(images: NDArray[np.uint8], labels: Index, classes: int) -> Index:
    """(classes,) for each class the one whose mean image is nearest."""
    flat = images.reshape(len(images), -1)
    means = np.stack([flat[labels == each].mean(axis=0) for each in range(classes)])
    distances = ((means[:, np.newaxis] - means) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.asarray(distances.argmin(axis=1), np.int64)


def uniform(images: NDArray[np.uint8], labels: Index, where: Index, count: int, rng: np.random.Generator) -> Index:
    """Any other class, for `count` of the images at the places `where`."""
    classes, wrong = int(labels.max()) + 1, rng.permutation(where)[:count]
    return _with(labels, wrong, (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes)


def pairwise(images: NDArray[np.uint8], labels: Index, where: Index, count: int, rng: np.random.Generator) -> Index:
    """The class that looks most like the right one."""
    wrong = rng.permutation(where)[:count]
    return _with(labels, wrong, confusable(images, labels, int(labels.max()) + 1)[labels[wrong]])


def annotator(images: NDArray[np.uint8], labels: Index, where: Index, count: int, rng: np.random.Generator) -> Index:
    """Two of five people err: each takes half of the classes for one other, always the same."""
    classes, who = int(labels.max()) + 1, rng.integers(ANNOTATORS, size=len(labels))
    habit = (np.arange(classes) + rng.integers(1, classes, (ANNOTATORS, classes))) % classes
    errs = rng.permuted(np.tile(np.arange(classes) < max(1, classes // 2), (ANNOTATORS, 1)), axis=1)
    theirs = rng.permutation(where[who[where] < CARELESS])
    order = np.argsort(~errs[who[theirs], labels[theirs]], kind="stable")  # of their other classes only what is lacking
    wrong = theirs[order][:count]
    return _with(labels, wrong, habit[who[wrong], labels[wrong]])


def _with(labels: Index, places: Index, others: Index) -> Index:
    found = labels.copy()
    found[places] = others
    return found


Plant = Callable[[NDArray[np.uint8], Index, Index, int, np.random.Generator], Index]
KINDS: dict[str, Plant] = {"uniform": uniform, "pairwise": pairwise, "annotator": annotator}


def plant(
    kind: str, rate: float, images: NDArray[np.uint8], labels: Index, where: Index, rng: np.random.Generator
) -> Index:
    """(n,) labels of which a share `rate` of those at the places `where` is wrong, by one of KINDS."""
    return KINDS[kind](images, labels, where, round(rate * len(where)), rng)
