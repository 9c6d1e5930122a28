"""Whether classes are met as often in one split as in another, and what that is worth in accuracy."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

PERMUTATIONS = 999
FEWEST = 20  # images of a split
ALPHA = 0.025  # false alarms
ANY, DIRECTED = 0.2, 0.8  # of these to the test of any difference, and to the one of what it is worth
WORTH = 0.01  # of accuracy: a mix that is worth less is no matter

Index = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Mix:
    """Classes of a split against those of the images to learn from.

    `p` is that of the same shares; None with too few images. `accuracy` is what the model has on the split, `expected`
    what it would have there with the shares of training, of classes that the split has; `low` and `high` are 95% limits
    of their difference, accuracy - expected. `largest` is the class whose share differs most.
    """

    split: str
    p: float | None
    accuracy: float
    expected: float
    low: float
    high: float
    largest: int
    share: float
    learned: float

    @property
    def effect(self) -> float:
        """Accuracy that the mix adds, or takes where it is below 0."""
        return self.accuracy - self.expected

    @property
    def matters(self) -> bool:
        """Whether the mix differs beyond chance, and is worth something."""
        return self.p is not None and self.p <= ALPHA and abs(self.effect) >= WORTH


def class_mix(
    split: str, learned: Index, held: Index, right: NDArray[np.bool_], groups: tuple[Index, Index] | None, seed: int
) -> Mix:
    """Compare labels (m,) of the images to learn from with those (n,) of a split, of which `right` (n,) are recognised.

    Two tests share the false alarms (a weighted Bonferroni correction: Holm 1979): Pearson's chi-squared test, and one
    of the difference of mean recall of the classes that are met, which is what costs accuracy. With `groups` of either,
    whole groups are shuffled between the sides. The accuracy expected is the sum over classes of training's share times
    the split's recall: the correction for label shift (Saerens, Latinne and Decaestecker 2002; Lipton, Wang and Smola
    2018) where labels are known.
    """
    classes = int(max(learned.max(initial=0), held.max(initial=0))) + 1
    counts = np.stack([np.bincount(each, minlength=classes) for each in (learned, held)]).astype(float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    present = counts[1] > 0
    recalls = np.bincount(held, right, classes) / np.maximum(counts[1], 1)
    wanted = np.where(present, shares[0], 0.0)
    wanted = wanted / wanted.sum() if wanted.sum() else shares[1]
    moved = shares[1] - wanted
    smoothed = (recalls * counts[1] + 1) / (counts[1] + 2)
    variance = float(np.sum(moved**2 * smoothed * (1 - smoothed) / np.maximum(counts[1], 1)))
    half = float(stats.norm.ppf(0.975)) * math.sqrt(variance)
    effect = float(moved @ recalls)
    largest = int(np.abs(shares[1] - shares[0]).argmax())
    enough = min(counts.sum(axis=1)) >= FEWEST
    return Mix(
        split,
        _p(counts, recalls, learned, held, groups, seed) if enough else None,
        float(right.mean()) if len(right) else math.nan,
        float(wanted @ recalls),
        effect - half,
        effect + half,
        largest,
        float(shares[1, largest]),
        float(shares[0, largest]),
    )


def _p(
    counts: Values, recalls: Values, learned: Index, held: Index, groups: tuple[Index, Index] | None, seed: int
) -> float:
    met = counts.sum(axis=0) > 0
    if met.sum() < 2:
        return 1.0
    if groups is None:
        any_p = float(stats.chi2_contingency(counts[:, met], correction=False).pvalue)
        directed = _directed(recalls[learned], recalls[held])
    else:
        any_p, directed = _by_groups(counts, recalls, learned, held, groups, seed)
    return min(1.0, any_p / ANY, directed / DIRECTED)


def _directed(first: Values, second: Values) -> float:
    """Two-sided p of equal means, by their normal distribution."""
    error = math.sqrt(np.var(first) / len(first) + np.var(second) / len(second))
    off = abs(float(first.mean() - second.mean()))
    return float(2 * stats.norm.sf(off / error)) if error > 0 else 1.0


def _by_groups(
    counts: Values, recalls: Values, learned: Index, held: Index, groups: tuple[Index, Index], seed: int
) -> tuple[float, float]:
    unit = np.unique(np.concatenate(groups), return_inverse=True)[1]
    labels, side = np.concatenate([learned, held]), np.repeat([0.0, 1.0], [len(learned), len(held)])
    of_unit = np.zeros((int(unit.max()) + 1, counts.shape[1]))
    np.add.at(of_unit, (unit, labels), 1)
    of_side = (np.bincount(unit, side) / of_unit.sum(axis=1) > 0.5).astype(float)
    rng = np.random.default_rng(seed)
    sides = np.vstack([of_side, rng.permuted(np.tile(of_side, (PERMUTATIONS, 1)), axis=1)])
    second = sides @ of_unit
    both = np.stack([of_unit.sum(axis=0) - second, second])
    moved = np.subtract(*(both / np.maximum(both.sum(axis=2, keepdims=True), 1)))
    kept = of_unit.sum(axis=0) > 0
    found = (np.sum(moved[:, kept] ** 2 / of_unit.sum(axis=0)[kept], axis=1), np.abs(moved @ recalls))
    of_any, of_worth = (float(np.mean(each >= each[0] - 1e-9)) for each in found)
    return of_any, of_worth
