"""When a review ends with status 1: `review.fail_on` of params.yaml. Reads nothing."""

from valgap.document.markdown import code
from valgap.ground.params.suite import Review
from valgap.review.judge import Judged
from valgap.stats.measures import MEASURES


def reasons(judged: list[Judged], review: Review, stale: bool) -> list[str]:
    """Why the review fails, by `review.fail_on`; empty where it passes."""
    primary, found = MEASURES[review.primary], list[str]()
    for row in judged:
        if row.contrast is None or row.gap is None:
            continue
        interval = row.contrast.interval
        best = interval.high if primary.higher_is_better else -interval.low  # NaN compares as False
        if "regression" in review.fail_on and best < -review.tolerance:
            worse = f"{primary.text(abs(best), sign=False)} {primary.unit} worse in {primary.title}"
            found.append(f"regression: {code(row.variant)} is at least {worse}")
        if "gap_growth" in review.fail_on and row.gap.interval.low > review.gap_tolerance:
            grown = MEASURES["gap"].text(row.gap.interval.low, sign=False)
            found.append(f"gap growth: the gap of {code(row.variant)} is at least {grown} pp larger")
    if stale and "stale" in review.fail_on:
        found.append("stale: dvc.lock and reports/ do not belong to the code and parameters beside them")
    return found
