"""Fills the record of a review, which programs read, from the result that the Markdown is written from."""

from typing import Any

from valgap.ground import records
from valgap.ground.records import Plain
from valgap.review import changes, words
from valgap.review.changes import ABSENT, Change
from valgap.review.judge import Judged
from valgap.review.record import (
    SCHEMA,
    Base,
    Believed,
    Confirmed,
    Costs,
    Effect,
    Failure,
    Freshness,
    Gate,
    Gated,
    Measured,
    Names,
    Record,
    Variant,
)
from valgap.review.result import Compared, Result
from valgap.stats.measures import MEASURES
from valgap.stats.verdict import CauseEntry, Untested
from valgap.stats.verdicts import Contrast

DEPTH = 20  # levels of a value of params.yaml that are kept; deeper ones are told as text


def text(result: Result) -> str:
    """The review as JSON, ASCII with a line end."""
    return records.text(of(result), indent=1)


def verdict(result: Result) -> str:
    """The review in one line."""
    stale, found = bool(result.stale), result.compared
    if found is None:
        return words.nothing(result.why, stale)
    return words.verdict(found.judged, found.variants, result.rules, stale)


def of(result: Result) -> Record:
    """The record of a result."""
    found, measure = result.compared, MEASURES[result.rules.primary]
    names = found.variants if found else changes.Variants([], [], [], set())
    return Record(
        schema=SCHEMA,
        status=result.status,
        verdict=verdict(result),
        base=Base(result.base, result.commit, result.behind),
        why=result.why,
        measure=Measured(
            name=result.rules.primary,
            title=measure.title,
            unit="fraction" if measure.percent else "nats",
            higher_is_better=measure.higher_is_better,
            margin=found.margin if found else result.rules.margin,
        ),
        variants=_variants(found) if found else (),
        names=Names(names.added, names.removed, names.redefined),
        causes=_causes(found) if found else (),
        parameters=tuple(_sides("key", each) for each in result.parameters),
        freshness=Freshness(not result.stale, result.stale),
        gate=_gate(result),
    )


def _variants(found: Compared) -> tuple[Variant, ...]:
    costs = {each.name: Costs(each.base, each.head) for each in changes.every_cost(found.head, found.base)}
    return tuple(_variant(row, costs[row.variant]) for row in found.judged)


def _variant(row: Judged, cost: Costs) -> Variant:
    told = row.confirmation
    return Variant(
        name=row.variant,
        word=row.word,
        effect=_effect(row.contrast),
        detectable=row.detectable if row.contrast else None,
        paired=row.paired,
        confirmation=Confirmed(told.stands, _of(told.contrast)) if told else None,
        beside=dict(row.beside),
        gap=_effect(row.gap),
        cost=cost,
    )


def _effect(contrast: Contrast | None) -> Effect | None:
    return _of(contrast) if contrast else None


def _of(contrast: Contrast) -> Effect:
    interval = contrast.interval
    return Effect(interval.mean, interval.low, interval.high, contrast.confidence, interval.n, contrast.wins)


def _causes(found: Compared) -> tuple[Plain, ...]:
    rows = []
    for each in changes.every_cause(found.head, found.base):
        entry = each.head or each.base
        assert entry is not None
        rows.append(
            {"cause": entry.cause, "title": each.name, "base": _believed(each.base), "head": _believed(each.head)}
        )
    return tuple(rows)


def _believed(entry: CauseEntry | None) -> Believed | None:
    if entry is None or isinstance(entry, Untested):
        return Believed(entry.verdict, None, None, None) if entry else None
    return Believed(entry.verdict, entry.mean, entry.low, entry.high)


def _sides(name: str, change: Change[object]) -> dict[str, Any]:
    """A change by its name; a side that has no such value is left out."""
    sides = {"base": change.base, "head": change.head}
    return {name: change.name} | {side: _plain(value) for side, value in sides.items() if value != ABSENT}


def _plain(value: object, depth: int = DEPTH) -> object:
    """A value of params.yaml as JSON has them: what it has not, such as a date, and what is deeper is told as text."""
    if isinstance(value, dict) and depth:
        return {str(key): _plain(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list) and depth:
        return [_plain(inner, depth - 1) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _gate(result: Result) -> Gated:
    fail_on, reasons = result.rules.fail_on, result.reasons
    outcome: Gate = "passed" if result.compared else "nothing to compare"
    if reasons or not fail_on:
        outcome = "failed" if reasons else "off"
    told = zip(reasons, words.reasons(reasons, result.rules), strict=True)
    failures = (Failure(each.trouble, each.variant or None, each.amount, said) for each, said in told)
    return Gated(fail_on, outcome, tuple(failures))
