"""The answer to why: the causes that the headline names, the first first, each with its size."""

from collections.abc import Sequence

from valgap.ground.params.causes import CAUSES
from valgap.stats.hypotheses import LABELS
from valgap.stats.suspicion import are_wrong
from valgap.stats.verdict import Answer, CauseEffect, Estimate, Labels, Price, Shares, SplitEffect, Untested
from valgap.stats.words import BLAMED

NAMED = (*BLAMED, "unresolved")
DATA_WEIGHT = 0.7  # of a doubling's gain, in the order: more data nearly always helps, and twice the data is no cure
ROOTS = {cause.name for cause in CAUSES.values() if cause.is_root}


def answer(
    split: Untested | SplitEffect,
    labels: Labels,
    effects: Sequence[CauseEffect],
    shares: Shares | None,
    data: Price | None,
    margin: float,
) -> tuple[Answer, ...]:
    """A split that contributes or leaks, then a root of others, then by size; data by DATA_WEIGHT of a doubling's."""
    found = [_of_cause(each, shares) for each in effects if each.verdict == "contributes" and each.cause != LABELS]
    found += _of_labels(labels, effects)
    found += _of_data(data, margin)
    found.sort(key=lambda each: (each.cause in ROOTS, _weight(each)), reverse=True)
    first = [_of_split(split)] if isinstance(split, SplitEffect) and split.verdict in NAMED else []
    return (*first, *found)


def _weight(each: Answer) -> float:
    return each.mean * (DATA_WEIGHT if each.kind == "doubling" else 1)


def _of_split(split: SplitEffect) -> Answer:
    """Sized against re-splits where these show it, else against test images; a class mix and copies by what they
    make."""
    cost = split.mix if split.verdict == "class mix" and split.mix else split.alike
    if "leaks" in split.verdict and split.copies and split.copies.low > 0:
        cost = Estimate(-split.copies.mean, -split.copies.high, -split.copies.low)
    if split.verdict in ("contributes", "probably contributes") and split.mean < split.low:
        cost = Estimate(-split.mean, -split.mean + split.low, -split.mean + split.high)
    return Answer(split.cause, split.title, "gap", split.verdict, cost.mean, cost.low, cost.high)


def _of_cause(effect: CauseEffect, shares: Shares | None) -> Answer:
    if shares and effect.cause in shares.shares:
        share = shares.shares[effect.cause]
        return Answer(effect.cause, effect.title, "share", effect.verdict, share.mean, share.low, share.high)
    size = effect.after or Estimate.of(effect)
    return Answer(effect.cause, effect.title, "removal", effect.verdict, size.mean, size.low, size.high)


def _of_labels(labels: Labels, effects: Sequence[CauseEffect]) -> list[Answer]:
    """Wrong labels: sized by their share where that shows them, else by what leaving them out gains."""
    title = CAUSES[LABELS].title
    if labels.excess and are_wrong(labels):
        share = labels.excess
        return [Answer(LABELS, title, "labels", "contributes", share.mean, share.low, share.high)]
    return [_of_cause(each, None) for each in effects if each.cause == LABELS and each.verdict == "contributes"]


def _of_data(data: Price | None, margin: float) -> list[Answer]:
    """Too few images, where a doubling gains the margin and its interval lies above 0."""
    if data is None or data.per_doubling.mean < margin or not data.per_doubling.low > 0:
        return []
    gain, cause = data.per_doubling, CAUSES["data"]
    return [Answer(cause.name, cause.title, "doubling", "contributes", gain.mean, gain.low, gain.high)]
