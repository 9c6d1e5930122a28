"""The calibration as a document. The texts are in words.yaml."""

from pathlib import Path

from valgap.calibrate.scenarios import DOSES
from valgap.document.numbers import CHANGE, of_rate
from valgap.document.parts import Document, Section, Table
from valgap.document.prose import Prose
from valgap.document.text import Strong, named
from valgap.results.calibration import Calibration, CauseRates, DoseRates, Mistake, Rates

say = Prose(Path(__file__).with_name("words.yaml"))
OVERALL = ("first", "exact", "silent", "alarms", "unearned", "idle_alarms")  # rates of some trials, as they are listed


def build(found: Calibration) -> Document:
    """All rates by half, cause, fault and dose, and every trial that was not right."""
    return Document(
        title=say("title"),
        kicker=say("kicker"),
        lead=(Strong(summary(found)), say("lead", found=found)),
        sections=(
            *(_half(half) for half in found.halves.values()),
            Section("doses", say("doses.title"), (doses(found.doses), say("doses.rule", doses=DOSES))),
            Section("settings", say("settings.title"), (overall(found.settings), say("settings.rule"))),
            Section("mistakes", say("mistakes.title"), (mistakes(found.mistakes), say("mistakes.rule"))),
            *([Section("failed", say("failed.title"), (failed(found.failed),))] if found.failed else []),
        ),
    )


def summary(found: Calibration) -> str:
    """The judged half in one sentence, or both where it is empty."""
    return say("summary", half=found.of_rules)


def _half(rates: Rates) -> Section:
    """One half: its rates, and those of each cause."""
    parts = (overall((rates,)), causes(rates.causes), say("half.rule", rates=rates))
    return Section(rates.name, say(f"half.titles.{rates.name}"), parts)


def overall(rows: tuple[Rates, ...]) -> Table:
    """A row for each set of trials: its rates."""
    headings = say.all("overall.headings")
    cells = [(each.name, str(each.trials), *(of_rate(getattr(each, name)) for name in OVERALL)) for each in rows]
    return Table(say("overall.caption"), tuple(headings.values()), tuple(cells), folded=False)


def causes(rows: tuple[CauseRates, ...]) -> Table:
    """A row a cause that was planted or named: recall and precision."""
    there = [row for row in rows if row.recall.n or row.precision.n]
    cells = [(named(row.cause), of_rate(row.recall), of_rate(row.precision), of_rate(row.planted)) for row in there]
    headings = say.all("causes.headings")
    return Table(say("causes.caption"), tuple(headings.values()), tuple(cells), folded=False)


def doses(rows: tuple[DoseRates, ...]) -> Table:
    """A row a fault and dose."""
    cells = [
        (
            row.title,
            row.dose,
            CHANGE.bare(row.effect),
            CHANGE.limits(row.least, row.most),
            f"{row.counted}/{row.named.n}",
            f"{row.named.hits}/{row.named.n}",
            f"{row.first.hits}/{row.first.n}",
        )
        for row in rows
    ]
    return Table(say("doses.caption"), tuple(say.all("doses.headings").values()), tuple(cells), texts=2, folded=False)


def mistakes(rows: tuple[Mistake, ...]) -> Table:
    """A row a trial that was not exact."""
    cells = [
        (
            named(row.trial),
            row.half,
            "; ".join(f"{name} {CHANGE.bare(size)}" for name, size in row.planted.items()) or say("mistakes.nothing"),
            ", ".join(row.named) or say("mistakes.nothing"),
            "; ".join(f"{name} {CHANGE.bare(size)}" for name, size in row.confirmed.items()),
        )
        for row in rows
    ]
    headings = say.all("mistakes.headings")
    return Table(say("mistakes.caption"), tuple(headings.values()), tuple(cells), texts=5, folded=False)


def failed(rows: dict[str, str]) -> Table:
    """A row a trial that the suite refused to train."""
    cells = [(named(name), why) for name, why in rows.items()]
    return Table(say("failed.caption"), tuple(say.all("failed.headings").values()), tuple(cells), texts=2, folded=False)
