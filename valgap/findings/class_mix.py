"""Whether classes are met as often in one split as in another, and what that is worth in accuracy."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

PERMUTATIONS = 999
FEWEST = 20  # images of a split
ALPHA = 0.01  # false alarms
WORTH = 0.01  # of accuracy: a mix that is worth less is no matter

Index = NDArray[np.int64]


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

    Without groups Pearson's chi-squared test; with `groups` of either, whole groups are shuffled between the sides. The
    accuracy expected is the sum over classes of training's share times the split's recall: the correction for label
    shift (Saerens, Latinne and Decaestecker 2002; Lipton, Wang and Smola 2018) where labels are known.
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
        _p(counts, learned, held, groups, seed) if enough else None,
        float(right.mean()) if len(right) else math.nan,
        float(wanted @ recalls),
        effect - half,
        effect + half,
        largest,
        float(shares[1, largest]),
        float(shares[0, largest]),
    )


def _p(
    counts: NDArray[np.float64], learned: Index, held: Index, groups: tuple[Index, Index] | None, seed: int
) -> float:
    met = counts[:, counts.sum(axis=0) > 0]
    if met.shape[1] < 2:
        return 1.0
    if groups is None:
        return float(stats.chi2_contingency(met, correction=False).pvalue)
    unit = np.unique(np.concatenate(groups), return_inverse=True)[1]
    labels, side = np.concatenate([learned, held]), np.repeat([0.0, 1.0], [len(learned), len(held)])
    of_unit = np.zeros((int(unit.max()) + 1, counts.shape[1]))
    np.add.at(of_unit, (unit, labels), 1)
    of_side = (np.bincount(unit, side) / of_unit.sum(axis=1) > 0.5).astype(float)
    rng = np.random.default_rng(seed)
    sides = np.vstack([of_side, rng.permuted(np.tile(of_side, (PERMUTATIONS, 1)), axis=1)])
    second = sides @ of_unit
    first = of_unit.sum(axis=0) - second
    kept = of_unit.sum(axis=0) > 0
    found = _chi_squared(np.stack([first, second])[:, :, kept])
    return float(np.mean(found >= found[0] - 1e-9))


def _chi_squared(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of shares of the (2, p, k) counts, for each of p: chi-squared over all classes."""
    shares = counts / np.maximum(counts.sum(axis=2, keepdims=True), 1)
    return np.asarray(np.sum((shares[0] - shares[1]) ** 2 / counts.sum(axis=0), axis=1))
