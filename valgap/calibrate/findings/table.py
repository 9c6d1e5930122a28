"""The rates of findings as a document. The texts are in words.yaml of the package above."""

from valgap.calibrate.document import say
from valgap.calibrate.score import rate_of
from valgap.document.numbers import of_rate
from valgap.document.parts import Document, Item, Items, Section, Table
from valgap.findings.rates import Measured, Rate, Row


def build(found: Measured) -> Document:
    """A table for each code: by kind of plant and by set, recall, precision and false alarms."""
    codes = sorted({row.code for row in found.rows})
    return Document(
        title=say("findings.title"),
        kicker=say("findings.kicker"),
        lead=(say("findings.lead", seed=found.seed), Items(tuple(map(Item, found.sets)))),
        sections=tuple(_section(code, [row for row in found.rows if row.code == code]) for code in codes),
    )


def _section(code: str, rows: list[Row]) -> Section:
    headings = tuple(say.all("findings.headings").values())
    cells = tuple((row.what, row.set, *(_share(each) for each in (row.planted, row.right, row.alarms))) for row in rows)
    return Section(code, code, (Table(say("findings.caption", code=code), headings, cells, texts=2, folded=False),))


def _share(rate: Rate | None) -> str:
    """With Wilson's 95% limits; empty where nothing was tried."""
    return "" if rate is None or not rate.n else of_rate(rate_of(rate.count, rate.n))
