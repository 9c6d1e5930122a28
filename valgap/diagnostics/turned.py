"""Whether a model recognises validation images better when they are mirrored or turned: they were saved otherwise."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.diagnostics.seen import Seen
from valgap.findings.symmetries import SYMMETRIES

ALPHA = 0.001  # of the sign test
GAIN = 0.10  # of accuracy, at least
ALIKE = 0.01  # sign test of the best against another: from here on they are not told apart


def turned(right: NDArray[np.bool_], chance: float = 0.0) -> Seen | None:
    """VG120: the one of SYMMETRIES under which a sample of validation images is recognised clearly better.

    `right` (8, n) says which images the model recognises under each of SYMMETRIES, in their order, where a row of an
    odd quarter turn may be False throughout if images are not square; `chance` is the share of the largest class. The
    best is chosen on every other image and confirmed on the rest: accuracy rises by GAIN or more on both, the sign test
    of pairs of right and wrong is below ALPHA, and accuracy is above chance (the same level, one-sided). Evidence:
    `name` (the best, and after “or” those that the images do not tell from it: things that look the same mirrored
    have two), `before` and `after` (accuracies), `gain`, `images`, `p`. Raises ValueError on another number of rows.
    """
    if right.ndim != 2 or len(right) != len(SYMMETRIES):
        raise ValueError(f"right must have {len(SYMMETRIES)} rows, one for each symmetry; received shape {right.shape}")
    chosen_on, judged_on = right[:, ::2], right[:, 1::2]
    if not judged_on.shape[1]:
        return None
    best = int(chosen_on.mean(axis=1).argmax())
    if min(np.mean(half[best]) - np.mean(half[0]) for half in (chosen_on, judged_on)) < GAIN:
        return None
    p = _better(judged_on[best], judged_on[0])
    above = stats.binomtest(int(judged_on[best].sum()), judged_on.shape[1], chance, alternative="greater").pvalue
    if p >= ALPHA or (chance > 0 and above >= ALPHA):
        return None
    before, after = float(right[0].mean()), float(right[best].mean())
    evidence = {
        "name": " or ".join(SYMMETRIES[each].name for each in (best, *_alike(right, best))),
        "before": before,
        "after": after,
        "gain": after - before,
        "images": right.shape[1],
        "p": p,
    }
    return Seen("VG120", "problem", evidence)


def _better(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """p of the one-sided sign test that (n,) `one` is right more often than `other` on the same images."""
    won, lost = int(np.sum(one & ~other)), int(np.sum(other & ~one))
    return float(stats.binomtest(won, won + lost, alternative="greater").pvalue) if won + lost else 1.0


def _alike(right: NDArray[np.bool_], best: int) -> list[int]:
    """Rows of other symmetries that gain as much, and are not told from the best."""
    return [
        row
        for row in range(1, len(right))
        if row != best and right[row].mean() - right[0].mean() >= GAIN and _better(right[best], right[row]) >= ALIKE
    ]
