"""The area under the ROC curve, from ranks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def auc(scores: NDArray[np.floating[Any]], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve of (n,) scores, of which some are and some are not (n,) `positive`; in [0, 1].

    Mann and Whitney's U over the number of pairs, ties half.
    """
    count = int(positive.sum())
    rank_sum = float(stats.rankdata(scores)[positive].sum())
    return (rank_sum - count * (count + 1) / 2) / (count * (len(scores) - count))
