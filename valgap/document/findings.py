"""The audit of the data as parts of a document: a section for each finding that matters, and what stands in lines.

The words of findings are prose without code; names of anyone's files stand in them, which the writers make inert.
"""

import re
from collections.abc import Mapping

from valgap.document.parts import Example, Gallery, Item, Items, Part, Picture, Section, Table
from valgap.findings.finding import Audit, Finding, Severity, Sheet
from valgap.findings.finding import Example as Drawn
from valgap.findings.finding import Picture as Found

SERIOUS: tuple[Severity, ...] = ("problem", "worth a look")
COUNTS = "counts"  # the finding that says what there is
NUMBER = re.compile(r"[+−-]?[\d,.]+")


def of(audit: Audit, *severities: Severity) -> tuple[Finding[Found], ...]:
    """The findings of these severities, in their order, without the one that says what there is."""
    return tuple(found for found in audit.findings if found.severity in severities and found.name != COUNTS)


def overview(audit: Audit) -> str:
    """What there is: images, shape, classes and splits, in a sentence."""
    return next((prose(found.found) for found in audit.findings if found.name == COUNTS), "")


def section(finding: Finding[Found], cure: str = "") -> Section:
    """A finding with its severity as badge, its images to look at, and its tables, which only the page shows.

    `cure` is what the front end adds in its own names: what to set, or where to look.
    """
    effect = "" if finding.severity == "fine" else prose(finding.effect)
    parts: list[Part] = [" ".join(filter(None, (prose(finding.found), effect, cure)))]
    if finding.examples:
        examples = tuple(_example(each) for each in finding.examples)
        parts.append(Gallery(examples, folded=finding.severity != "problem"))
    return Section(
        name=f"data-{finding.name}",
        title=title(finding),
        parts=(*parts, *(table(each) for each in finding.tables)),
        badge=finding.severity,
    )


def sections(audit: Audit, cures: Mapping[str, str]) -> tuple[Section, ...]:
    """What was found, problems first; `cures` by the name of a finding."""
    return tuple(section(each, cures.get(each.name, "")) for each in of(audit, *SERIOUS))


def rest(audit: Audit) -> tuple[Part, ...]:
    """What was found fine, in a line, and what could not be checked, with why."""
    fine, unknown = of(audit, "fine"), of(audit, "unknown")
    parts: list[Part] = []
    if fine:
        titles = prose(", ".join(_within(each.title) for each in fine))
        parts.append(f"Looked at and fine: {titles}.")
    if unknown:
        parts.append("Could not be checked:")
        parts.append(Items(tuple(Item(prose(each.found), title=title(each)) for each in unknown)))
    return tuple(parts)


def title(finding: Finding[Found]) -> str:
    """What a finding is called, with the code under which its page in docs/findings/ explains it."""
    return f"{prose(finding.title)} ({finding.code})"


def _within(title: str) -> str:
    """A title within a sentence: its first letter small, unless it begins with an abbreviation."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def table(sheet: Sheet) -> Table:
    """A table whose columns are words up to the first that holds numbers alone; folded, and only on the page."""
    numbers = [all(NUMBER.fullmatch(row[column]) for row in sheet.rows) for column in range(len(sheet.headings))]
    return Table(
        caption=prose(sheet.caption),
        headings=tuple(map(prose, sheet.headings)),
        rows=tuple(tuple(map(prose, row)) for row in sheet.rows),
        texts=max(1, [*numbers, True].index(True)),
        folded=True,
        markdown=False,
    )


def prose(text: str) -> str:
    """A text of the audit, in which a backtick is part of a name and never begins code."""
    return text.replace("`", "'")


def _example(example: Drawn[Found]) -> Example:
    pictures = (Picture(each.png, each.name, f"{each.class_name}, {each.split}") for each in example.images)
    return Example(prose(example.caption), tuple(pictures))
