"""What a retrained variant may be called beside the one that reports/ claim. Pure functions on numbers."""

import dataclasses
import math
from typing import Any, Literal, get_args

import numpy as np

from valgap.document.environments import environments
from valgap.document.markdown import code, table
from valgap.stats.intervals import Interval, over_replicates
from valgap.stats.measures import Measure, Series

Word = Literal["bit-identical", "equal within tolerance", "different"]
ROUNDING = 1e-5  # relative: results.csv holds six digits
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One variant: its word, the mean paired difference, here minus claimed, and the largest of any replicate."""

    variant: str
    word: Word
    difference: Interval
    largest: float
    why: str = ""


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
        why = "" if theirs else "results.csv does not hold the scores of these predictions"
        return Outcome(variant, "bit-identical" if theirs else "different", interval, largest, why)
    inside = -bound < interval.low and interval.high < bound  # False for NaN
    why = "one replicate has no interval" if len(differences) == 1 else ""
    return Outcome(variant, "equal within tolerance" if inside else "different", interval, largest, why)


def document(
    outcomes: list[Outcome], measure: Measure, bound: float, claimed: list[dict[str, str]], here: list[dict[str, str]]
) -> str:
    """Markdown: a line on what was found, the variants, the two environments side by side."""
    counts = {word: sum(o.word == word for o in outcomes) for word in get_args(Word)}
    lead = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    unit = measure.unit
    rows = []
    for o in outcomes:
        verdict = f"{o.word}: {o.why}" if o.why else o.word
        interval = f"{measure.text(o.difference.low)} to {measure.text(o.difference.high)}"
        mean, largest = measure.text(o.difference.mean), measure.text(o.largest, sign=False)
        rows.append([code(o.variant), verdict, mean, interval, largest, str(o.difference.n)])
    headings = ["variant", "verdict", f"{measure.title} ({unit})", "95% interval", "largest of a replicate", "n"]
    rule = (
        f"Differences are here minus claimed, paired by replicate. Equal within tolerance: the whole 95% interval of "
        f"their mean lies within ±{measure.text(bound, sign=False)} {unit} (`review.margin`)."
    )
    return (
        "\n\n".join(
            [f"**{lead}**", table(headings, rows, texts=2), rule, environments(claimed, here, "claimed", "here")]
        )
        + "\n"
    )


def scores(rows: Any, variant: str, measure: Measure) -> Series:
    """Score by replicate of a variant, from rows of results.csv."""
    found = rows[(rows.variant == variant) & (rows.split == measure.split) & (rows.metric == measure.metric)]
    return dict(zip(found.replicate.tolist(), found.value.tolist(), strict=True))
