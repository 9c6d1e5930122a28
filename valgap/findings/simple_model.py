"""The simple model that labels are judged by: the mean of a logistic regression and of randomised trees.

Together they are right more often than either, and less sure of a class that one alone would insist on.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA  # type: ignore[import-untyped]
from sklearn.ensemble import ExtraTreesClassifier  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Index = NDArray[np.int64]
COMPONENTS = 60  # principal components of them
PENALTY = 0.01  # inverse strength of the L2 penalty on standardised components
LEAST = 1e-9  # of the largest variance of a component: below it is rounding
TREES, OF_A_TREE, LEAF = 50, 4000, 3  # trees, images that each learns from, fewest in a leaf
STEPS = 200  # of the optimizer; an unfinished fit predicts nearly as well


def fitted_probabilities(
    features: NDArray[np.float32], own: Index, unseen: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float64]:
    """What the model, fitted to (n, d) features and their classes (n,), gives each of the (m, d) unseen.

    Float64 (m, k), a column for each class of `own` in ascending order. `rng` decides the trees.
    """
    kept = min(COMPONENTS, *features.shape, _rank(features))
    lines = make_pipeline(
        PCA(kept, svd_solver="full" if len(features) <= 500 else "covariance_eigh"),
        StandardScaler(),
        LogisticRegression(C=PENALTY, max_iter=STEPS, tol=1e-3),
    )
    many = len(features) > OF_A_TREE
    trees = ExtraTreesClassifier(
        TREES,
        min_samples_leaf=LEAF,
        bootstrap=many,
        max_samples=OF_A_TREE if many else None,
        random_state=int(rng.integers(2**31)),
    )
    with threadpool_limits(1), warnings.catch_warnings():  # the number of cores must not decide a digit
        warnings.simplefilter("ignore", ConvergenceWarning)
        of_lines = lines.fit(features, own).predict_proba(unseen)
        of_trees = trees.fit(features, own).predict_proba(unseen)
    return np.asarray((of_lines.astype(np.float64) + of_trees) / 2, np.float64)


def _rank(features: NDArray[np.float32]) -> int:
    """Directions in which (n, d) features vary at all, at least one: others have no spread to divide by."""
    spread = np.linalg.eigvalsh(np.cov(features.astype(np.float64), rowvar=False).reshape(features.shape[1], -1))
    return max(int(np.sum(spread > LEAST * spread[-1])), 1)
