"""What a retrained variant may be called beside the one that reports/ claim. Pure functions on numbers."""

import dataclasses
import math
from typing import Literal

import numpy as np

from valgap.stats.intervals import Interval, over_replicates
from valgap.stats.measures import Series

Word = Literal["bit-identical", "equal within tolerance", "different"]
Why = Literal["", "other scores", "one replicate"]
ROUNDING = 1e-5  # relative: results.csv holds six digits
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One variant: its word, the mean paired difference, here minus claimed, and the largest of any replicate."""

    variant: str
    word: Word
    difference: Interval
    largest: float
    why: Why = ""


def outcome(variant: str, claimed: Series, found: Series, identical: bool, bound: float) -> Outcome:
    """Judge the scores of the same replicates, claimed and found; `identical` says whether the predictions are.

    Equal within tolerance is an equivalence test: the whole 95% interval of the mean paired difference within
    plus-minus `bound`, which is in the scores' unit (Schuirmann 1987, each side at 2.5%). One replicate whose bits
    differ has no interval and is different. Identical predictions whose claimed scores are not theirs are different.
    """
    differences = np.array([found[replicate] - claimed[replicate] for replicate in sorted(found)])
    interval, largest = over_replicates(differences, CONFIDENCE), float(np.max(np.abs(differences)))
    if identical:
        theirs = all(math.isclose(found[r], claimed[r], rel_tol=ROUNDING, abs_tol=ROUNDING) for r in found)
        why: Why = "" if theirs else "other scores"
        return Outcome(variant, "bit-identical" if theirs else "different", interval, largest, why)
    inside = -bound < interval.low and interval.high < bound  # False for NaN
    why = "one replicate" if len(differences) == 1 else ""
    return Outcome(variant, "equal within tolerance" if inside else "different", interval, largest, why)
