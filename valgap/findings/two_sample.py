"""Whether training and validation images come from one distribution: a classifier two-sample test.

A classifier that tells held-out training from validation images better than chance shows a shift: Lopez-Paz
and Oquab 2017, "Revisiting classifier two-sample tests". Images of one group (a patient, a scene, a cluster
of near-duplicates) resemble one another without any shift, so groups are folded and permuted as a whole.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.decomposition import PCA  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

COMPONENTS = 20  # principal components that the classifier sees, at most
CELLS = 8  # pixel_features: blocks along each side of an image, at most


@dataclasses.dataclass(frozen=True)
class TwoSample:
    """Held-out AUC of telling the sides apart (0.5: chance), its p value and the number of groups behind it.

    AUC is NaN and p None where there are too few groups to tell.
    """

    auc: float
    p: float | None
    groups: int


def two_sample_auc(
    features: NDArray[np.float64],
    is_validation: NDArray[np.bool_],
    groups: NDArray[np.int64],
    seed: int,
    permutations: int = 200,
    folds: int = 5,
) -> TwoSample:
    """Test (n, d) `features` of training against validation images, (n,) `is_validation`, in (n,) `groups`.

    Logistic regression on standardised features (over 20 of them: on 20 principal components) is fitted
    without one fold of groups and ranks that fold's images; the AUC is the mean over folds, each of which
    holds groups of both sides. p = (1 + permutations with at least that AUC) / (1 + permutations) shuffles
    sides between whole groups; folds are drawn anew each time. Costs (1 + permutations) * folds fits. Too
    few groups, below `folds` on either side, give no AUC. Raises ValueError where groups lie on both sides
    (that is leakage, reported as such), folds are under 2, lengths differ or features are not finite.
    """
    if not len(features) == len(is_validation) == len(groups):
        raise ValueError(f"lengths differ: {len(features)} features, {len(is_validation)} sides, {len(groups)} groups")
    if folds < 2:
        raise ValueError(f"folds must be at least 2, received {folds}")
    if not np.isfinite(features).all():
        raise ValueError("features must be finite")
    names, member = np.unique(groups, return_inverse=True)
    share = np.bincount(member, is_validation, len(names)) / np.bincount(member, minlength=len(names))
    if np.any(both := (share > 0) & (share < 1)):
        raise ValueError(f"groups lie on both sides of the split: {names[both][:5].tolist()} of {both.sum()}")
    side = share == 1
    if min(side.sum(), (~side).sum()) < folds:
        return TwoSample(math.nan, None, len(names))
    rng = np.random.default_rng(seed)
    reduced = _reduce(features)
    found = _held_out_auc(reduced, side, member, folds, rng)
    null = [_held_out_auc(reduced, rng.permutation(side), member, folds, rng) for _ in range(permutations)]
    return TwoSample(found, float(1 + np.sum(np.array(null) >= found)) / (1 + permutations), len(names))


def pixel_features(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Means over at most 8 x 8 blocks per channel of (n, h, w, c) uint8 images: (n, d) in [0, 1]."""
    _, height, width, _ = images.shape
    means = images.astype(np.float64) / 255
    for axis, length in ((1, height), (2, width)):
        edges = np.linspace(0, length, min(CELLS, length) + 1).astype(int)
        shape = [-1 if dimension == axis else 1 for dimension in range(4)]
        means = np.add.reduceat(means, edges[:-1], axis=axis) / np.diff(edges).reshape(shape)
    return np.clip(means.reshape(len(images), -1), 0.0, 1.0)  # rounding may pass 1 by 1e-16


def _reduce(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standardised, at most COMPONENTS columns. It looks at no side, so permutations share it."""
    steps = [StandardScaler()]
    if features.shape[1] > COMPONENTS:
        kept = min(COMPONENTS, len(features))
        steps += [PCA(kept, svd_solver="full"), StandardScaler()]
    return make_pipeline(*steps).fit_transform(features)


def _held_out_auc(
    features: NDArray[np.float64],
    side: NDArray[np.bool_],
    member: NDArray[np.int64],
    folds: int,
    rng: np.random.Generator,
) -> float:
    """Mean AUC over folds; (groups,) `side` and (n,) `member`, the index of each example's group."""
    fold = np.empty(len(side), np.int64)
    for one in (side, ~side):  # dealt like cards: each fold holds groups of both sides, as many within one
        fold[one] = rng.permutation(np.arange(one.sum()) % folds)
    label, held = side[member], fold[member]
    aucs = []
    for number in range(folds):
        test = held == number
        model = LogisticRegression(solver="liblinear").fit(features[~test], label[~test])
        aucs.append(_auc(model.decision_function(features[test]), label[test]))
    return float(np.mean(aucs))


def _auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve by ranks (Mann and Whitney 1947); a hundredth of the time of scikit-learn's."""
    first = int(positive.sum())
    ranks = float(stats.rankdata(scores)[positive].sum())
    return (ranks - first * (first + 1) / 2) / (first * (len(positive) - first))
