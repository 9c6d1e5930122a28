"""The sections of a review: their parts, none where nothing is to be said. The texts are in words.yaml."""

from collections.abc import Iterable, Sequence

from valgap.document import environments
from valgap.document.numbers import CHANGE, CHANGES, COUNT, PERCENT, Form
from valgap.document.parts import Code, Part, Section, Table
from valgap.document.text import Strong, named, plain
from valgap.ground.calls import call
from valgap.ground.params.suite import Review
from valgap.pipeline.freshness import Finding
from valgap.results.provenance import VariantRecord
from valgap.results.summary import describe
from valgap.review import changes, forest, words
from valgap.review.changes import ABSENT, Change, Cost, RecallChange, Variants
from valgap.review.judge import BESIDE, Judged
from valgap.review.result import Result
from valgap.review.words import say
from valgap.stats.measures import MEASURES
from valgap.stats.verdict import CauseEntry, Untested

Parts = tuple[Part, ...]
Entries = dict[str, VariantRecord]  # of provenance.json, by variant
RELATIVE = Form(decimals=3, unit="×")


def sections(result: Result, drawn: int | None) -> tuple[Section, ...]:
    """Every section that says something, in reading order; of the chart `drawn` lines at most."""
    found, rules = result.compared, result.rules
    every: list[tuple[str, int, Parts]] = [("parameters", 3, parameters(result.parameters))]
    if found:
        head, base = found.head, found.base
        changed = [row.variant for row in found.judged if row.contrast]
        every = [
            ("changes", 0, judged(found.judged, rules, found.margin)),
            ("chart", 5, chart(found.judged[:drawn], rules, found.margin)),
            *every,
            ("variants", 2, variants(found.variants, head.variants, base.variants)),
            ("causes", 4, causes(changes.causes(head, base))),
            ("classes", 6, recalls(changes.recalls(head, base, changed))),
            ("environments", 3, made_in(base.variants, head.variants)),
            ("costs", 7, costs(changes.costs(head, base))),
        ]
    every.append(("freshness", 1, freshness(result.stale)))
    return tuple(Section(name, say(f"{name}.title"), parts, drop=drop) for name, drop, parts in every if parts)


def judged(every: Sequence[Judged], rules: Review, margin: float) -> Parts:
    """The table of the changed variants, and what its intervals are."""
    rows = [row for row in every if row.contrast]
    if not rows:
        return (say("changes.nothing"),)
    measure = MEASURES[rules.primary]
    beside = {name: MEASURES[name] for name in BESIDE if name != rules.primary}
    variant, verdict, *others = say.all("changes.headings").values()
    headings = (variant, verdict, _heading(rules.primary), *others, *map(_heading, beside))
    change, lines = CHANGES[measure.unit], []
    for row in rows:
        assert row.contrast
        interval = row.contrast.interval
        lines.append(
            (
                named(row.variant),
                words.word(row, rules, margin),
                change.bare(interval.mean),
                change.limits(interval.low, interval.high),
                say("changes.replicates", n=interval.n, paired=row.paired),
                row.contrast.wins,
                *(CHANGES[each.unit].bare(row.beside[name]) for name, each in beside.items()),
            )
        )
    unpaired = sum(not row.paired for row in rows)
    confidence = rows[0].contrast.confidence if rows[0].contrast else 0
    return (
        Table(say("changes.caption"), headings, tuple(lines), texts=2),
        say("changes.how", family=len(rows), confidence=confidence, higher=measure.higher_is_better),
        *([Strong(say("changes.unpaired", count=unpaired, family=len(rows)))] if unpaired else []),
    )


def _heading(name: str) -> str:
    return f"{MEASURES[name].title} ({MEASURES[name].unit})"


def chart(every: Sequence[Judged], rules: Review, margin: float) -> Parts:
    """The changes drawn with characters."""
    measure = MEASURES[rules.primary]
    drawn = forest.text(every, measure, margin)
    return (say("chart.how", measure=measure.title), Code(drawn, "text")) if drawn else ()


def parameters(rows: Sequence[Change[object]]) -> Parts:
    """Every parameter that differs."""
    lines = [(named(row.name), _value(row.base), _value(row.head)) for row in rows]
    return (_table("parameters", lines, 3),) if rows else (say("parameters.none"),)


def variants(names: Variants, head: Entries, base: Entries) -> Parts:
    """Variants removed, added, redefined, with their diffs from `train`."""
    became = {"removed": names.removed, "added": names.added, "redefined": names.redefined}
    lines = [
        (say(f"variants.what.{what}"), named(name), _diff(base, name), _diff(head, name))
        for what, found in became.items()
        for name in found
    ]
    return (_table("variants", lines, 4),) if lines else ()


def _diff(side: Entries, name: str) -> str:
    return named(describe(side[name].diff)) if name in side else ABSENT


def _value(value: object) -> str:
    return ABSENT if value == ABSENT else named(value)


def causes(rows: Sequence[Change[CauseEntry | None]]) -> Parts:
    """Causes whose verdict changed."""
    lines = [(plain(row.name), _cause(row.base), _cause(row.head)) for row in rows]
    return (_table("causes", lines, 3), say("causes.how")) if rows else (say("causes.none"),)


def _cause(entry: CauseEntry | None) -> str:
    """The word on a cause, with its evidence where it was tested."""
    if entry is None or isinstance(entry, Untested):
        return entry.verdict if entry else ABSENT
    return f"{entry.verdict}: {CHANGE.estimate(entry)}"


def recalls(rows: Sequence[RecallChange]) -> Parts:
    """Changes of a class's recall."""
    lines = [
        (named(row.variant), named(row.class_name), PERCENT(row.base), PERCENT(row.head), CHANGE.bare(row.change))
        for row in rows
    ]
    return (_table("classes", lines, 2, say("classes.caption")), say("classes.how", count=len(rows))) if rows else ()


def made_in(base: Entries, head: Entries) -> Parts:
    """The environments of both sides' variants, unless all were made in one and the same."""
    sides = {
        name: [environment for entry in side.values() for environment in entry.environments]
        for name, side in (("base", base), ("head", head))
    }
    return () if environments.is_one(sides) else (environments.table("", sides), say("environments.how"))


def costs(rows: Sequence[Change[Cost]]) -> Parts:
    """Changed costs; compute is relative to the base's baseline."""
    lines = []
    for row in rows:
        cells = zip(_cost(row.base), _cost(row.head), strict=True)
        lines.append((named(row.name), *(say("costs.moved", base=base, head=head) for base, head in cells)))
    return (_table("costs", lines, 1), say("costs.how", plan=call("plan"))) if rows else ()


def _cost(cost: Cost) -> tuple[str, str, str]:
    return COUNT(cost.parameters), COUNT(cost.steps), RELATIVE(cost.compute)


def freshness(found: Sequence[Finding]) -> Parts:
    """What is stale and the command that cures it."""
    lines = [(named(each.what, 200), say("freshness.stages", stages=each.stages), each.cure) for each in found]
    return (
        _table("freshness", lines, 3) if lines else say("freshness.fresh"),
        say("freshness.not_checked"),
    )


def _table(name: str, lines: Iterable[tuple[str, ...]], texts: int, caption: str = "") -> Table:
    return Table(caption, tuple(say.all(f"{name}.headings").values()), tuple(lines), texts=texts)
