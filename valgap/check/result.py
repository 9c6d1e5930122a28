"""Everything that a check found, put together from predictions and the data audit. Pure functions."""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.check.prediction import POOL, Predicted, roles
from valgap.findings.finding import Audit
from valgap.ground.params.causes import IMBALANCED
from valgap.stats import shares
from valgap.stats.intervals import Interval
from valgap.stats.shares import Scores


@dataclasses.dataclass(frozen=True)
class Result:
    """What a check found. `held_out` is the split that the gap is taken to, val or else test, None where there is none.

    `fitted` is the split on which fit is judged, train or else the only one. `balanced` says that classes are so
    unequal that balanced accuracy decides. `leaked` counts the held-out images that have a duplicate in training, and
    `clean` are the scores without them, None where there are none, or nothing is left.
    """

    predicted: Predicted
    scores: dict[str, Scores]
    fitted: str
    held_out: str | None
    gap: Interval | None
    balanced: bool
    audit: Audit
    leaked: int
    clean: Scores | None


def assemble(predicted: Predicted, audit: Audit, leaked: NDArray[np.bool_]) -> Result:
    """Score every split; `leaked` (n,) marks images that have a duplicate in the training split."""
    splits = [name for name in ("train", "val", "test", POOL) if name in predicted.splits]
    fitted, held_out = roles(predicted.splits)
    rows = {name: np.flatnonzero(predicted.splits == name) for name in splits}
    design = None
    found = {}
    for name in sorted(splits, key=lambda name: name != held_out):  # held-out images err, and so show what groups cost
        found[name] = score(predicted, rows[name], design)
        design = design or found[name].accuracy.design
    scores = {name: found[name] for name in splits}
    balanced = any(is_unequal([count for count in each.counts if count]) for each in scores.values())
    hit = held_out is not None and leaked & (predicted.splits == held_out)
    kept = rows[held_out][~leaked[rows[held_out]]] if held_out else np.array([], np.int64)
    return Result(
        predicted=predicted,
        scores=scores,
        fitted=fitted,
        held_out=held_out,
        gap=shares.gap(scores["train"], scores[held_out], balanced) if held_out else None,
        balanced=balanced,
        audit=audit,
        leaked=int(np.sum(hit)),
        clean=score(predicted, kept, design) if np.any(hit) and len(kept) else None,
    )


def is_unequal(sizes: list[int]) -> bool:
    """Whether the largest class is over 1.5 times the smallest, and not by the luck of a draw (chi-squared test)."""
    return max(sizes) > IMBALANCED * min(sizes) and bool(stats.chisquare(sizes).pvalue < shares.CHANCE)


def score(predicted: Predicted, rows: NDArray[np.int64], design: float | None) -> Scores:
    """Scores of some of the images."""
    groups = predicted.images.groups
    return shares.scores(
        predicted.probabilities[rows], predicted.images.labels[rows], None if groups is None else groups[rows], design
    )
