"""Whether a model sees another kind of images in one split than in another: by its answers, and by its first layer.

A model is surer of the images that it was trained on, without any shift. So its answers, class probabilities and late
features, are compared only between held-out splits; training is compared with them by early features, which learning
images by heart hardly changes.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valgap.findings.within_classes import Within, within_classes

ALPHA = 0.01  # false alarms of one comparison
SEEN = (
    0.05  # of answers, where the first layer tells the splits apart: that they differ is known, the rest is who sees it
)
CLASSES = 64  # whose probabilities are compared, at most
CONFIDENT = 1.96  # standard errors, of 95% limits

Values = NDArray[np.float32]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Answered:
    """What a model gives of n images. Features are float32 (n, d), None where they are not known.

    `clusters` (n,) are groups, or near duplicates: images that are alike without a shift.
    """

    probabilities: Values
    late: Values | None
    early: Values | None
    labels: Index
    splits: NDArray[np.str_]
    clusters: Index

    def answers(self, rows: Index) -> Values:
        """Class probabilities, of the CLASSES met most, the largest, and late features where they are known: (m, d)."""
        found = self.probabilities[rows]
        surest = found.max(axis=1, keepdims=True)
        if found.shape[1] > CLASSES:
            found = found[:, np.argsort(-found.mean(axis=0), kind="stable")[:CLASSES]]
        return np.hstack([found, surest, *([] if self.late is None else [self.late[rows]])])

    def rows(self, first: str, second: str) -> Index:
        """Labelled images of two splits."""
        return np.flatnonzero(np.isin(self.splits, (first, second)) & (self.labels >= 0))


@dataclasses.dataclass(frozen=True)
class Compared:
    """Two splits compared: `p` that of the same images, None where they are too few; `distance` 0 to 1, of a column.

    `alpha` is the level of p up to which they are said to differ.
    """

    first: str
    second: str
    p: float | None
    distance: float
    images: tuple[int, int]
    alpha: float = ALPHA

    @property
    def differ(self) -> bool:
        """Whether the model sees a difference."""
        return self.p is not None and self.p <= self.alpha


@dataclasses.dataclass(frozen=True)
class Cost:
    """Accuracy on the first split less that on the second, classes weighted alike on both, with 95% limits."""

    mean: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class ModelShift:
    """What a model sees of a shift. `answers` compares val with test, None where one is missing; `cost` is its worth.

    `early` compares train, val and test by the first layer, by pair of names; empty where its features are not known.
    """

    answers: Compared | None
    cost: Cost | None
    early: Mapping[tuple[str, str], Compared]

    @property
    def judged(self) -> Compared | None:
        """The comparison that decides: of answers where they differ, else of a held-out split with training."""
        if self.answers and self.answers.differ:
            return self.answers
        pairs = (("train", "val"), ("train", "test"))
        early = next((self.early[pair] for pair in pairs if pair in self.early), None)
        return early if early and early.p is not None else self.answers or early


def model_shift(answered: Answered, seed: int) -> ModelShift:
    """Compare the splits by what the model makes of their images; `seed` draws the images and the permutations."""
    present = [name for name in ("train", "val", "test") if np.any(answered.splits == name)]
    pairs = [(first, second) for place, first in enumerate(present) for second in present[place + 1 :]]
    early = {}
    if answered.early is not None:
        early = {pair: compared(answered, "early", *pair, seed) for pair in pairs}
    if ("val", "test") not in pairs:
        return ModelShift(None, None, early)
    answers = compared(answered, "answers", "val", "test", seed)
    if ("val", "test") in early and early["val", "test"].differ:
        answers = dataclasses.replace(answers, alpha=SEEN)
    return ModelShift(answers, cost(answered, "val", "test"), early)


def compared(answered: Answered, what: Literal["answers", "early"], first: str, second: str, seed: int) -> Compared:
    """Compare two splits by answers or early features, within classes and regardless of class: both must differ.

    Within classes alone wrong labels of a split would be taken for other images; regardless of class another class mix
    would. p is the larger one.
    """
    rows = answered.rows(first, second)
    columns = answered.answers(rows) if what == "answers" or answered.early is None else answered.early[rows]
    side, labels, clusters = answered.splits[rows] == second, answered.labels[rows], answered.clusters[rows]
    with threadpool_limits(1):  # the number of cores must not decide a digit
        within = within_classes(columns, side, labels, clusters, seed)
        regardless = within_classes(columns, side, np.zeros(len(rows), np.int64), clusters, seed)
    return _both(first, second, within, regardless)


def _both(first: str, second: str, within: Within, regardless: Within) -> Compared:
    known = within.p is not None and regardless.p is not None
    p = max(within.p or 0.0, regardless.p or 0.0) if known else None
    return Compared(first, second, p, within.distance, within.images)


def cost(answered: Answered, first: str, second: str) -> Cost | None:
    """What the model loses from one split to the other at the same class mix; None where no class is on both.

    Classes have their shares of both splits together. Limits are over clusters, as those of a difference of means.
    """
    right = answered.probabilities.argmax(axis=1) == answered.labels
    rows = [np.flatnonzero((answered.splits == name) & (answered.labels >= 0)) for name in (first, second)]
    classes = np.intersect1d(answered.labels[rows[0]], answered.labels[rows[1]])
    rows = [each[np.isin(answered.labels[each], classes)] for each in rows]
    if min(map(len, rows)) < 2:
        return None
    counts = [np.bincount(answered.labels[each], minlength=int(classes.max()) + 1).astype(float) for each in rows]
    shares = (counts[0] + counts[1]) / (len(rows[0]) + len(rows[1]))
    values, variance = [], 0.0
    for each, count in zip(rows, counts, strict=True):
        label = answered.labels[each]
        weights = (shares / np.maximum(count, 1))[label]
        recalls = np.bincount(label, right[each], len(count)) / np.maximum(count, 1)
        off = weights * (right[each] - recalls[label])
        sums = np.bincount(np.unique(answered.clusters[each], return_inverse=True)[1], off)
        values.append(float(weights @ right[each]))
        variance += len(sums) / max(len(sums) - 1, 1) * float(sums @ sums)
    half = CONFIDENT * float(np.sqrt(variance))
    mean = values[0] - values[1]
    return Cost(mean, mean - half, mean + half)
