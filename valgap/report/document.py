"""The comparison report as one document, which report.md, report.html and the figures are written from."""

from collections.abc import Callable

from valgap.document.parts import Document, Part, Section
from valgap.report import screen
from valgap.report.audit import audit, block, has_problem
from valgap.report.background import data, making, method
from valgap.report.doubted import doubted
from valgap.report.effects import effects, results
from valgap.report.headline import headline
from valgap.report.inputs import Inputs
from valgap.report.looks import looks
from valgap.report.picture import picture
from valgap.report.predictions import classes, confusion, hardest, reliability
from valgap.report.responses import curves, doses, policies
from valgap.report.segments import segments
from valgap.report.shift import shift
from valgap.report.suspects import causes
from valgap.report.symptom import symptom
from valgap.report.words import sentence

SECTIONS: tuple[Callable[[Inputs], Section], ...] = (  # everything below the first screen, in the order of reading
    effects,
    results,
    curves,
    doses,
    policies,
    reliability,
    classes,
    confusion,
    segments,
    shift,
    hardest,
    looks,
    doubted,
    audit,
    data,
    making,
    method,
)


def build(inputs: Inputs) -> Document:
    """The report: its first screen, on which the symptom comes first, then a problem of the data, and its sections."""
    of_data, done = block(inputs), inputs.trained
    lead: list[Part] = [*screen.paragraphs(inputs), picture(inputs), causes(inputs), *screen.actions(inputs)]
    first = (*([sentence("partial", done=done)] if done else []), *symptom(inputs))
    return Document(
        title=sentence("partial_title", done=done, headline=headline(inputs)) if done else headline(inputs),
        kicker=sentence("kicker"),
        lead=(*first, *([of_data, *lead] if has_problem(inputs) else [*lead, of_data])),
        sections=tuple(section(inputs) for section in SECTIONS),
        contents=True,
    )
