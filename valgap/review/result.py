"""Reads both sides of a review and judges them."""

import dataclasses
import math
from collections.abc import Iterable, Mapping

from valgap.data.names import listing
from valgap.ground.errors import SuiteError
from valgap.ground.params.suite import Review, Suite
from valgap.pipeline.freshness import Finding
from valgap.pipeline.git import is_behind, of_revision
from valgap.results import sides
from valgap.results.sides import NotComparableError, Side
from valgap.review import changes, fresh_block, judge
from valgap.review.changes import Change, Variants
from valgap.review.judge import Judged, Reason
from valgap.stats import measures
from valgap.stats.measures import MEASURES, Series
from valgap.stats.verdicts import default_margin


@dataclasses.dataclass(frozen=True)
class Compared:
    """Both sides that could be read, what became of the variants, and what each change may be called.

    `margin` is what counts as no effect, in the primary's unit.
    """

    base: Side
    head: Side
    variants: Variants
    paired: bool
    margin: float
    judged: tuple[Judged, ...]


@dataclasses.dataclass(frozen=True)
class Result:
    """All that a review found. `base` is how the user named the base, `commit` is its; `behind` says that it has more.

    `compared` is None where the sides cannot be compared, for the reason `why`.
    """

    rules: Review
    base: str
    commit: str
    behind: bool
    stale: tuple[Finding, ...]
    parameters: tuple[Change[object], ...]
    compared: Compared | None
    why: str = ""

    @property
    def judged(self) -> tuple[Judged, ...]:
        """Every variant of both sides, the worst first."""
        return self.compared.judged if self.compared else ()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why the gate fails."""
        return judge.reasons(self.judged, self.rules, bool(self.stale))

    @property
    def status(self) -> int:
        """What the command ends with: 1 where the gate fails, else 0."""
        return int(bool(self.reasons))


def read(params: Suite, base: str, commit: str, stale: Iterable[Finding]) -> Result:
    """The review of the workspace against a commit, which the user named `base`."""
    compared, why = None, ""
    try:
        old = sides.read_side(of_revision(commit), f"{base} ({commit[:9]})")
        compared = compare(sides.read_side(sides.of_workspace, "the workspace"), old, params.review)
    except NotComparableError as error:
        why = str(error)
    return Result(
        rules=params.review,
        base=base,
        commit=commit,
        behind=is_behind(commit),
        stale=tuple(stale),
        parameters=changes.parameters(sides.read_params(sides.of_workspace), sides.read_params(of_revision(commit))),
        compared=compared,
        why=why,
    )


def compare(head: Side, base: Side, rules: Review) -> Compared:
    """Judge every variant of both sides.

    Raises SuiteError where they lack the score to judge by, NotComparableError where a part of one does.
    """
    found, paired, margin = changes.variants(head, base), changes.is_paired(head, base), margin_of(rules, head)
    new, old = measures.series(head.results), measures.series(base.results)
    if not any(variant[rules.primary] for side in (new, old) for variant in side.values()):
        raise SuiteError(f"params.yaml: review.primary = {rules.primary} is not a score of these results")
    for where, side in (("the workspace", new), ("the base", old)):
        lacking = [name for name, scores in side.items() if not _suffices(scores, {rules.primary, "gap"})]
        if lacking:
            raise NotComparableError(
                f"the results of {where} lack scores of {listing(lacking)}, or hold some that are not finite"
            )
    return Compared(base, head, found, paired, margin, judge.judge(new, old, found.identical, paired, rules, margin))


def _suffices(scores: Mapping[str, Series], judged_by: set[str]) -> bool:
    """Whether there are scores of all that a review shows, finite ones where it judges by them."""
    there = all(scores[name] for name in {*judged_by, *judge.BESIDE})
    return there and all(math.isfinite(value) for name in judged_by for value in scores[name].values())


def margin_of(rules: Review, head: Side) -> float:
    """What counts as no effect, in the primary's unit: of an accuracy never under two test images."""
    accuracy = "accuracy" in MEASURES[rules.primary].metric
    return default_margin(rules.margin, head.provenance.data.test_size) if accuracy else rules.margin


def block_size_of(result: Result) -> int:
    """Replicates in a block of the base. Raises SuiteError where its params.yaml does not say."""
    split = sides.read_params(of_revision(result.commit)).get("split")
    size = split.get("block_size") if isinstance(split, dict) else None
    if not isinstance(size, int):
        raise SuiteError(
            f"params.yaml of {result.base}: split.block_size = {size!r}: --confirm needs a number of replicates there "
            "to find a block that is fresh on both sides"
        )
    return size


def confirm(result: Result, block_size: int, attempt: int) -> Result:
    """Train the `attempt`-th fresh block of what improved on both sides, and judge it there.

    `block_size` is that of the workspace.
    """
    improved = [row.variant for row in result.judged if row.word == "improved"]
    if not improved or not result.compared:
        return result
    found = result.compared
    block = fresh_block.fresh_block(found.head, found.base, (block_size, block_size_of(result)), attempt)
    fresh = fresh_block.confirm(result.commit, improved, block, result.rules.primary, found.paired)
    judged = judge.confirm(fresh, found.judged, result.rules)
    return dataclasses.replace(result, compared=dataclasses.replace(found, judged=judged))
