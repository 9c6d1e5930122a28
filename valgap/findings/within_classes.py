"""Whether a model makes the same of two sets of images within classes: a permutation test that no class mix moves.

After Rabanser, Guennemann and Lipton 2019, "Failing loudly: an empirical study of methods for detecting dataset
shift": Kolmogorov and Smirnov's distance of every column of what the model gives, and the energy distance (Szekely and
Rizzo 2013) of all together, which is a maximum mean discrepancy. Sides are shuffled among images of one class, whole
groups at a time, so that sides of other class shares, or groups of images that are alike, do not count as a shift.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

PERMUTATIONS = 199
SIDE = 1_000  # images a side, at most
FEWEST = 20  # images a side, in classes that both have, and units that are shuffled
CHUNK = 100  # permutations at once

Values = NDArray[np.floating]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Within:
    """`p` is None where too few images or groups of one class lie on both sides; `images` (first, second) compared.

    `distance` is the largest Kolmogorov-Smirnov distance of a column: 0 for alike, 1 for apart.
    """

    p: float | None
    distance: float
    images: tuple[int, int]


def within_classes(columns: Values, second: Mask, labels: Index, groups: Index | None, seed: int) -> Within:
    """Compare (n, d) `columns` of the images where (n,) `second` with those where not, within (n,) `labels`.

    Groups on both sides are left out: they are leakage. At most SIDE images a side are drawn by `seed`. The smallest of
    the p values of both statistics is judged by its own permutation distribution (Westfall and Young 1993), so that
    p <= a happens in at most a share a of sets without a shift.
    """
    rng = np.random.default_rng(seed)
    rows = _compared(second, labels, groups, rng)
    if rows is None:
        return Within(None, 0.0, (0, 0))
    side, label = second[rows], np.unique(labels[rows], return_inverse=True)[1]
    unit = np.arange(len(rows)) if groups is None else np.unique(groups[rows], return_inverse=True)[1]
    scaled = _scaled(np.asarray(columns[rows], np.float64))
    shuffled = _shuffled(side, label, unit, rng)
    order = np.argsort(scaled, axis=0, kind="stable")
    ends = np.take_along_axis(scaled, order, axis=0)
    last = np.vstack([ends[1:] != ends[:-1], np.ones((1, scaled.shape[1]), np.bool_)])
    distances = _distances(scaled)
    found = []
    for start in range(0, len(shuffled), CHUNK):
        weights = _weights(shuffled[start : start + CHUNK], label)
        energy = -np.einsum("pn,pn->p", weights @ distances, weights)
        found.append(np.stack([_largest(weights, order, last), np.round(energy, 9)], axis=1))
    statistics = np.concatenate(found)
    count = (side.size - int(side.sum()), int(side.sum()))
    return Within(_smallest_p(statistics), float(statistics[0, 0]), count)


def _compared(second: Mask, labels: Index, groups: Index | None, rng: np.random.Generator) -> Index | None:
    """Rows to compare: of classes on both sides, of groups on one; None where they are too few."""
    usable = np.ones(len(second), np.bool_)
    if groups is not None:
        usable &= ~np.isin(groups, np.intersect1d(groups[second], groups[~second]))
    usable &= np.isin(labels, np.intersect1d(labels[usable & second], labels[usable & ~second]))
    drawn = [rng.permutation(np.flatnonzero(usable & side))[:SIDE] for side in (~second, second)]
    units = [len(rows) if groups is None else len(np.unique(groups[rows])) for rows in drawn]
    return np.sort(np.concatenate(drawn)) if min(units) >= FEWEST else None


def _scaled(values: Values) -> NDArray[np.float64]:
    """Columns by their standard deviation, those without any left out."""
    spread = values.std(axis=0)
    kept = spread > 1e-6 * max(float(np.abs(values).max(initial=0.0)), 1e-30)
    return np.asarray((values[:, kept] - values[:, kept].mean(axis=0)) / spread[kept])


def _shuffled(side: Mask, label: Index, unit: Index, rng: np.random.Generator) -> Mask:
    """Sides (1 + PERMUTATIONS, n), the first the true ones: units change places with those of their class."""
    first = np.unique(unit, return_index=True)[1]
    counts = np.zeros((len(first), int(label.max()) + 1), np.int64)
    np.add.at(counts, (unit, label), 1)
    of, kind = side[first], counts.argmax(axis=1)
    found = np.tile(of, (1 + PERMUTATIONS, 1))
    for each in np.unique(kind):
        those = np.flatnonzero(kind == each)
        found[1:, those] = rng.permuted(np.tile(of[those], (PERMUTATIONS, 1)), axis=1)
    return np.asarray(found[:, unit])


def _weights(sides: Mask, label: Index) -> NDArray[np.float64]:
    """Weights (p, n) whose sum is 0 in every class, and 1 over the images of the second side.

    A class counts by the harmonic mean of its images on either side, as in a comparison of means with least variance.
    """
    of = np.eye(int(label.max()) + 1)[label]
    second = sides @ of
    first = of.sum(axis=0) - second
    both = first * second / np.maximum(first + second, 1)
    both /= np.maximum(both.sum(axis=1, keepdims=True), 1e-12)
    up, down = both / np.maximum(second, 1), both / np.maximum(first, 1)
    return np.where(sides, up[:, label], -down[:, label])


def _largest(weights: NDArray[np.float64], order: Index, last: Mask) -> NDArray[np.float64]:
    """The largest Kolmogorov-Smirnov distance over columns, for each row of weights; ties are passed together."""
    found = np.zeros(len(weights), np.float32)
    by_image = np.ascontiguousarray(weights.T, np.float32)
    for column in range(order.shape[1]):
        steps = np.cumsum(by_image[order[:, column]], axis=0)
        if not last[:, column].all():
            steps = steps[last[:, column]]
        found = np.maximum(found, np.maximum(steps.max(axis=0), -steps.min(axis=0)))
    return np.asarray(np.round(found, 6), np.float64)  # float32 sums in another order differ in their last bits


def _distances(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean distances (n, n)."""
    squares = np.einsum("nd,nd->n", values, values)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * values @ values.T, 0.0))


def _smallest_p(statistics: NDArray[np.float64]) -> float:
    """p of the first row: the smallest p over statistics, against the same of every permutation."""
    ranked = np.sort(statistics, axis=0)
    p = np.stack(
        [len(ranked) - np.searchsorted(ranked[:, k], statistics[:, k], side="left") for k in range(ranked.shape[1])], 1
    ).min(axis=1)
    return float(np.mean(p <= p[0]))
