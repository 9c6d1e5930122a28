"""The audit of the data as people read it: a block for the top of both reports, and a section of report.html.

Reads reports/audit.json. Names in it come from files of anyone: they are escaped here for Markdown, and by the
template for HTML, and no text of the audit is taken for markup.
"""

import dataclasses
import re

from valgap.document.markdown import inert, markdown
from valgap.document.parts import Table
from valgap.findings import finding

SEVERITIES = ("problem", "worth a look")  # of findings that are not fine, as the audit orders them
UNKNOWN = "not known"
COUNTS = "counts"  # the finding that says what there is
NUMBER = re.compile(r"[+−-]?[\d,.]+")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@dataclasses.dataclass(frozen=True)
class Picture:
    """One image to look at: a data URI, or empty where there is none, its name, and its class and split."""

    source: str
    name: str
    remark: str


@dataclasses.dataclass(frozen=True)
class Example:
    """Images that belong together, and what to see in them."""

    caption: str
    pictures: tuple[Picture, ...]


@dataclasses.dataclass(frozen=True)
class Finding:
    """A finding as shown; `severity` may also be "not known"."""

    name: str
    title: str
    severity: str
    found: str
    effect: str
    examples: tuple[Example, ...]
    tables: tuple[Table, ...]


@dataclasses.dataclass(frozen=True)
class DataAudit:
    """What there is, the findings that are not fine and the others, and the titles of these in a line each."""

    headline: str
    images: str
    has_problem: bool
    not_fine: tuple[Finding, ...]
    rest: tuple[Finding, ...]
    fine: str
    unknown: str


def data_audit(content: finding.Audit) -> DataAudit:
    """What to show of the content of audit.json."""
    findings = [_finding(entry) for entry in content.findings]
    not_fine = tuple(each for each in findings if each.severity in SEVERITIES)
    rest = tuple(each for each in findings if each.severity not in SEVERITIES)
    problems, looks = (sum(each.severity == severity for each in not_fine) for severity in SEVERITIES)
    words = (_many(problems, "problem"), f"{looks} worth a look" if looks else "")
    return DataAudit(
        headline=f"The data: {', '.join(filter(None, words)) or 'no problem found'}",
        images=next((each.found for each in findings if each.name == COUNTS), ""),
        has_problem=problems > 0,
        not_fine=not_fine,
        rest=rest,
        fine=_line("Checked and found fine", [each for each in rest if each.severity == "fine"]),
        unknown=_line("Could not be checked", [each for each in rest if each.severity == UNKNOWN]),
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}" if count else ""


def _line(words: str, findings: list[Finding]) -> str:
    titles = [each.title[:1].lower() + each.title[1:] for each in findings if each.name != COUNTS]
    return f"{words}: {', '.join(titles)}." if titles else ""


def _finding(entry: finding.Finding[finding.Picture]) -> Finding:
    severity = UNKNOWN if entry.severity == "unknown" else entry.severity
    examples = tuple(Example(each.caption, tuple(map(_picture, each.images))) for each in entry.examples)
    tables = tuple(map(_table, entry.tables))
    return Finding(entry.name, entry.title, severity, entry.found, entry.effect, examples, tables)


def _table(table: finding.Sheet) -> Table:
    """A table whose columns are words up to the first that holds numbers alone."""
    numbers = [all(NUMBER.fullmatch(row[column]) for row in table.rows) for column in range(len(table.headings))]
    return Table(table.caption, table.headings, table.rows, max(1, [*numbers, True].index(True)))


def _picture(image: finding.Picture) -> Picture:
    """A picture; what is not base64 gives no image."""
    source = f"data:image/png;base64,{image.png}" if BASE64.fullmatch(image.png) else ""
    return Picture(source, image.name, f"{image.class_name}, {image.split}")


def audit_markdown(shown: DataAudit) -> str:
    """The block as Markdown: what there is, a table of what is not fine, a line of what is. No images."""
    lines = [f"**{inert(shown.headline)}.** {inert(shown.images)}"]
    if shown.not_fine:
        rows = [
            [f"**{each.severity}**", inert(each.title), inert(each.found), inert(each.effect)]
            for each in shown.not_fine
        ]
        headings = ["", "finding", "what was found", "what it may do to the gap"]
        lines.append(markdown(headings, rows, texts=4))
    lines += [inert(text) for text in (shown.fine, shown.unknown) if text]
    if any(each.examples for each in (*shown.not_fine, *shown.rest)):
        lines.append("`report.html` shows the images.")
    return "\n\n".join(lines)
