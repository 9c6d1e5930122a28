"""A review as a document: a comment short enough to post, the whole of it, its picture, and what programs read."""

import dataclasses
from pathlib import Path

from valgap.document import figures, markdown
from valgap.document.markdown import Style
from valgap.document.parts import Document, Item, Items, Link, Part
from valgap.document.text import Strong
from valgap.ground.errors import SuiteError
from valgap.review import forest, openmetrics, recording, words
from valgap.review.result import Result
from valgap.review.sections import sections
from valgap.review.words import say
from valgap.stats.measures import MEASURES

ROWS = 30  # of a table or the chart in a comment
REASONS = 10  # of a failed gate that are shown
LIMIT = 60_000  # bytes; GitHub takes 65,536 characters, and whoever posts it adds a marker and a link
COMMENT = Style(rows=ROWS, open_rows=8, limit=LIMIT, rest=say("markdown_rest"), heading=2)
WHOLE = Style(open_rows=8, heading=2)


def build(result: Result, link: str | None = None, drawn: int | None = ROWS) -> Document:
    """The review; `link` leads to its artifact, the chart has `drawn` lines at most."""
    return Document(
        title=say("title", base=result.base, commit=result.commit),
        kicker=say("kicker"),
        lead=tuple(lead(result, link)),
        sections=sections(result, drawn),
    )


def comment(result: Result, link: str | None = None) -> str:
    """The review as Markdown, short enough to post."""
    return markdown.write(build(result, link), COMMENT)


def lead(result: Result, link: str | None) -> list[Part]:
    """The verdict in one line, the gate, where the artifact is."""
    parts: list[Part] = [Strong(recording.verdict(result))]
    if result.behind:
        parts.append(say("behind", base=result.base))
    if result.rules.fail_on:
        parts += gate(result)
    if link:
        parts.append(Link(say("artifact.title"), link, say("artifact.text")))
    return parts


def gate(result: Result) -> list[Part]:
    """Whether the gate passes, and why not."""
    fail_on, reasons = result.rules.fail_on, words.reasons(result.reasons, result.rules)
    if not reasons:
        return [say("gate.passed" if result.compared else "gate.nothing", fail_on=fail_on)]
    shown = [Item(reason) for reason in reasons[:REASONS]]
    if len(reasons) > REASONS:
        shown.append(Item(say("gate.more", count=len(reasons) - REASONS)))
    return [Strong(say("gate.failed", fail_on=fail_on)), Items(tuple(shown))]


def save(result: Result, folder: Path) -> None:
    """Write the comment, the whole review, its record, metrics and picture below `folder`.

    Raises SuiteError when it cannot.
    """
    texts = {
        "review.md": comment(result),
        "review-full.md": markdown.write(build(result, drawn=None), WHOLE),
        "review.json": recording.text(result),
        "metrics.txt": openmetrics.text(result),
    }
    found = result.compared
    picture = forest.figure(found.judged, MEASURES[result.rules.primary], found.margin) if found else None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        if picture:
            figures.save(dataclasses.replace(build(result), lead=(picture,)), folder)
    except OSError as error:
        raise SuiteError(f"--out = {folder} cannot be written: {error}; name a folder of yours") from None
