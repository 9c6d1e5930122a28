"""What the audit found in the data: a block of the first screen, and a section with its pictures.

Its texts hold names of anyone's files: each is shown as text on one line.
"""

import re

from valgap.document import parts
from valgap.document.numbers import many
from valgap.document.parts import Example, Fold, Gallery, Item, Items, Part, Section, Table
from valgap.document.text import plain
from valgap.findings.finding import Finding, Picture, Sheet
from valgap.report.inputs import Inputs
from valgap.report.words import sentence

NOT_FINE = ("problem", "worth a look")
COUNTS = "counts"  # the finding that says what there is
NUMBER = re.compile(r"[+−-]?[\d,.]+")
LONGEST = 2_000  # characters of a text of the audit
Findings = list[Finding[Picture]]


def has_problem(inputs: Inputs) -> bool:
    """Whether something about the data is to be read before the verdict."""
    return any(finding.severity == "problem" for finding in inputs.audit.findings)


def block(inputs: Inputs) -> Section:
    """What there is, a line for each finding that is not fine, and the titles of the others."""
    findings = inputs.audit.findings
    counted = [finding for finding in findings if finding.severity == "problem"]
    looks = sum(finding.severity == "worth a look" for finding in findings)
    words = [many(len(counted), "problem") if counted else "", f"{looks} worth a look" if looks else ""]
    items = [_item(finding) for finding in findings if finding.severity in NOT_FINE]
    found: list[Part] = [_text(finding.found) for finding in findings if finding.name == COUNTS]
    found += [Items(tuple(items))] if items else []
    found += _titles("Checked and found fine", [finding for finding in findings if finding.severity == "fine"])
    found += _titles("Could not be checked", [finding for finding in findings if finding.severity == "unknown"])
    return Section("data-audit", f"The data: {', '.join(filter(None, words)) or 'no problem found'}", tuple(found))


def audit(inputs: Inputs) -> Section:
    """Every finding with its pictures and tables; those that are fine or unknown are folded."""
    findings = inputs.audit.findings
    not_fine = [_finding(finding) for finding in findings if finding.severity in NOT_FINE]
    rest = [_finding(finding) for finding in findings if finding.severity not in NOT_FINE]
    summary = f"{'Other' if not_fine else 'All'} checks: {len(rest)}"
    folded = [Fold(summary, tuple(rest))] if rest else []
    return Section("audit", "What the audit of the data found", (sentence("audit"), *not_fine, *folded))


def _item(finding: Finding[Picture]) -> Item:
    effect = f" {_text(finding.effect)}" if finding.severity == "problem" else ""
    return Item(
        _text(finding.found) + effect,
        title=_text(finding.title),
        badge=finding.severity,
        anchor=f"audit-{finding.name}",
    )


def _titles(words: str, findings: Findings) -> list[str]:
    titles = [_text(finding.title) for finding in findings if finding.name != COUNTS]
    return [f"{words}: {', '.join(title[:1].lower() + title[1:] for title in titles)}."] if titles else []


def _finding(finding: Finding[Picture]) -> Section:
    effect = "" if finding.severity == "fine" else f" {_text(finding.effect)}"
    examples = tuple(
        Example(_text(example.caption), tuple(_picture(image) for image in example.images))
        for example in finding.examples
    )
    gallery = [Gallery(examples, folded=finding.severity != "problem")] if examples else []
    tables = [_table(sheet) for sheet in finding.tables]
    return Section(
        f"audit-{finding.name}",
        _text(finding.title),
        (_text(finding.found) + effect, *gallery, *tables),
        badge=finding.severity,
    )


def _picture(image: Picture) -> parts.Picture:
    return parts.Picture(image.png, _text(image.name), f"{_text(image.class_name)}, {image.split}")


def _table(sheet: Sheet) -> Table:
    """A table whose columns are words up to the first that holds numbers alone."""
    rows = tuple(tuple(_text(cell) for cell in row) for row in sheet.rows)
    numbers = [all(NUMBER.fullmatch(row[column]) for row in rows) for column in range(len(sheet.headings))]
    texts = max(1, [*numbers, True].index(True))
    return Table(_text(sheet.caption), tuple(_text(each) for each in sheet.headings), rows, texts, folded=True)


def _text(text: str) -> str:
    return plain(text, LONGEST)
