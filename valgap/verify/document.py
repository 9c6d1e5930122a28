"""A verification as a document. The texts are in words.yaml."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from valgap.document import environments
from valgap.document.environments import Environments
from valgap.document.numbers import CHANGES, SIZES
from valgap.document.parts import Document, Section, Table
from valgap.document.prose import Prose
from valgap.document.text import Strong, named
from valgap.stats.measures import Measure
from valgap.verify.compare import Outcome, Word

say = Prose(Path(__file__).with_name("words.yaml"))


def build(
    name: str,
    outcomes: Sequence[Outcome],
    measure: Measure,
    bound: float,
    claimed: Environments,
    here: Environments,
    cells: int,
) -> Document:
    """What was found of the claims of `name`: counts, a row a variant, the two environments beside each other.

    `bound` is what counts as equal, in the measure's unit. `cells` are claimed in all, of which these are some: a cell
    is a block of a variant's replicates.
    """
    counts = {word: sum(each.word == word for each in outcomes) for word in get_args(Word)}
    equal = sum(each.word != "different" for each in outcomes)
    made_in = environments.table("", {"claimed": claimed, "here": here})
    return Document(
        title=say("title", name=name),
        kicker=say("kicker"),
        lead=(
            Strong(say("lead", counts={word: count for word, count in counts.items() if count})),
            say("cells", retrained=len(outcomes), claimed=cells, equal=equal),
        ),
        sections=(
            Section("variants", say("variants.title"), (table(outcomes, measure), rule(measure, bound))),
            Section("environments", say("environments.title"), (made_in,)),
        ),
    )


def table(outcomes: Sequence[Outcome], measure: Measure) -> Table:
    """A row a variant: its word and its differences."""
    change, size = CHANGES[measure.unit], SIZES[measure.unit]
    rows = [
        (
            named(each.variant),
            say("variants.verdict", word=each.word, why=say(f"why.{each.why}") if each.why else ""),
            change.bare(each.difference.mean),
            change.limits(each.difference.low, each.difference.high),
            size.bare(each.largest),
            str(each.difference.n),
        )
        for each in outcomes
    ]
    headings = say.all("variants.headings", measure=measure.title, unit=measure.unit)
    return Table("", tuple(headings.values()), tuple(rows), texts=2, folded=False)


def rule(measure: Measure, bound: float) -> str:
    """What the words mean."""
    return say("variants.rule", bound=SIZES[measure.unit](bound))
