"""Whether a model recognises validation images better when they are mirrored or turned: they were saved otherwise."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.diagnostics.seen import Seen
from valgap.findings.symmetries import SYMMETRIES

ALPHA = 0.001  # of the sign test
GAIN = 0.10  # of accuracy, at least


def turned(right: NDArray[np.bool_], chance: float = 0.0) -> Seen | None:
    """VG120: the one of SYMMETRIES under which a sample of validation images is recognised clearly better.

    `right` (8, n) says which images the model recognises under each of SYMMETRIES, in their order, where a row of an
    odd quarter turn may be False throughout if images are not square; `chance` is the share of the largest class. The
    best is chosen on every other image and confirmed on the rest: accuracy rises by GAIN or more on both, the sign test
    of pairs of right and wrong is below ALPHA, and accuracy is above chance (the same level, one-sided). Evidence:
    `name`, `before` and `after` (accuracies), `gain`, `images`, `p`. Raises ValueError on another number of rows.
    """
    if right.ndim != 2 or len(right) != len(SYMMETRIES):
        raise ValueError(f"right must have {len(SYMMETRIES)} rows, one for each symmetry; received shape {right.shape}")
    chosen_on, judged_on = right[:, ::2], right[:, 1::2]
    if not judged_on.shape[1]:
        return None
    best = int(chosen_on.mean(axis=1).argmax())
    if min(np.mean(half[best]) - np.mean(half[0]) for half in (chosen_on, judged_on)) < GAIN:
        return None
    won = int(np.sum(judged_on[best] & ~judged_on[0]))
    lost = int(np.sum(judged_on[0] & ~judged_on[best]))
    p = float(stats.binomtest(won, won + lost, alternative="greater").pvalue)
    above = stats.binomtest(int(judged_on[best].sum()), judged_on.shape[1], chance, alternative="greater").pvalue
    if p >= ALPHA or (chance > 0 and above >= ALPHA):
        return None
    before, after = float(right[0].mean()), float(right[best].mean())
    evidence = {
        "name": SYMMETRIES[best].name, "before": before, "after": after, "gain": after - before,
        "images": right.shape[1], "p": p,
    }  # fmt: skip
    return Seen("VG120", "problem", evidence)
