"""Writes a document as Markdown that is safe to post: nothing that a user named is markup, a mention or a link.

Long tables are cut and folded, and say so. Under a limit of bytes, sections are left out, those of the highest `drop`
first, each named in one line; at the very last the text is cut at a line. What stands first is never left out.
"""

import dataclasses
import functools
import html
import re
from collections.abc import Callable, Iterable, Sequence

from valgap.document.parts import Code, Document, Figure, Fold, Gallery, Items, Link, Part, Section, Table, Terms
from valgap.document.text import Strong, named, spans
from valgap.ground.terminal import safe

MARKUP = re.compile(r"([\\`*_\[\]|~$@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)  # the last ones begin links on GitHub
BLOCK = re.compile(r"^(#{1,6} |[-+] |\d+[.)] )")  # what would begin a heading or a list


@dataclasses.dataclass(frozen=True)
class Style:
    """How much is shown: `rows` of a table, None for all, of which over `open_rows` are folded; `limit` bytes in all.

    `rest` says where what is left out can be read. `heading` is the level of the document's title. `pictures` maps the
    name of a figure to its file; a figure without one shows its tables.
    """

    rows: int | None = None
    open_rows: int = 12
    limit: int | None = None
    rest: str = ""
    heading: int = 1
    pictures: Callable[[str], str | None] = lambda name: None


def write(document: Document, style: Style = Style()) -> str:
    """The text of a document, ended by a line end, without characters that move a terminal's cursor."""
    kept = [section for section in document.sections if section.markdown]
    lead = _parts(document.lead, style, style.heading)
    dropped: list[str] = []

    def text() -> str:
        parts = [f"{'#' * style.heading} {inline(document.title)}", *lead]
        for section in kept:
            parts += _section(section, style, style.heading + 1)
        if dropped:
            parts.append(f"Left out to keep this short: {', '.join(dropped)}; see {style.rest}.")
        return "\n\n".join(filter(None, parts)) + "\n"

    while style.limit is not None and len(text().encode()) > style.limit:
        droppable = [section for section in kept if section.drop]
        if not droppable:
            cut = text().encode()[: style.limit - 80].decode(errors="ignore")
            return safe(cut.rpartition("\n")[0]) + "\n\n… cut here.\n"
        last = max(droppable, key=lambda section: section.drop)
        kept.remove(last)
        dropped.append(inline(last.title.lower()))
    return safe(text())


def inline(text: str, cell: bool = False) -> str:
    """A text on one line: code as code spans, all else inert; in the `cell` of a table pipes are escaped everywhere."""
    found = []
    for part, is_code in spans(" ".join(text.split())):
        if is_code:
            found.append(f"`{part.replace('|', chr(92) + '|') if cell else part}`")
        else:
            found.append(MARKUP.sub(r"\\\1", html.escape(part, quote=False)))
    joined = "".join(found)
    if not cell:
        joined = BLOCK.sub(r"\\\1", joined)
    return f"**{joined}**" if isinstance(text, Strong) and joined else joined


def table(content: Table, style: Style = Style()) -> str:
    """A table of at most `style.rows` rows, the first of them; folded where it is long or says so."""
    shown = content.rows if style.rows is None else content.rows[: style.rows]
    words, numbers = min(content.texts, len(content.headings)), max(0, len(content.headings) - content.texts)
    rows: list[Sequence[str]] = [[inline(heading, cell=True) for heading in content.headings]]
    rows += [["---"] * words + ["---:"] * numbers]
    rows += [[inline(cell, cell=True) for cell in row] for row in shown]
    text = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    if len(shown) < len(content.rows):
        text += f"\n\n… and {len(content.rows) - len(shown):,} more in {style.rest}."
    folded = len(shown) > style.open_rows if content.folded is None else content.folded
    if folded:
        return fold(content.caption or f"{len(content.rows)} rows", text)
    return f"{inline(content.caption)}\n\n{text}" if content.caption else text


def fold(summary: str, text: str) -> str:
    """Text that unfolds on a click."""
    return f"<details><summary>{html.escape(summary.replace('`', ''), quote=False)}</summary>\n\n{text}\n\n</details>"


def _section(section: Section, style: Style, level: int) -> list[str]:
    badge = f"{inline(section.badge)}: " if section.badge else ""
    return [f"{'#' * min(level, 6)} {badge}{inline(section.title)}", *_parts(section.parts, style, level)]


def _parts(parts: Iterable[Part], style: Style, level: int) -> list[str]:
    found: list[str] = []
    for part in parts:
        if isinstance(part, Section):
            found += _section(part, style, level + 1) if part.markdown else []
        else:
            found.append(_part(part, style, level))
    return [text for text in found if text]


@functools.singledispatch
def _part(part: object, style: Style, level: int) -> str:
    raise TypeError(f"no part of a document: {type(part).__name__}")


@_part.register
def _(part: str, style: Style, level: int) -> str:
    return inline(part)


@_part.register
def _(part: Terms, style: Style, level: int) -> str:
    return "\n".join(f"- **{inline(term)}.** {inline(text)}" for term, text in part.pairs)


@_part.register
def _(part: Items, style: Style, level: int) -> str:
    lines = []
    for entry in part.entries:
        badge = f"**{inline(entry.badge)}** " if entry.badge else ""
        title = f"**{inline(entry.title)}.** " if entry.title else ""
        lines.append(f"- {badge}{title}{inline(entry.text)}")
    return "\n".join(lines)


@_part.register
def _(part: Code, style: Style, level: int) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", part.text)), default=0))
    return f"{fence}{part.language}\n{part.text.rstrip(chr(10))}\n{fence}"


@_part.register
def _(part: Link, style: Style, level: int) -> str:
    address = part.address.replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace("<", "%3C")
    return f"[{inline(part.title)}]({address}){inline(part.text)}"


@_part.register
def _(part: Table, style: Style, level: int) -> str:
    return table(part, style) if part.markdown else ""


@_part.register
def _(part: Figure, style: Style, level: int) -> str:
    file = style.pictures(part.name) if part.picture else None
    found = [f"![{inline(part.caption)}]({file})"] if file else [inline(part.caption)]
    tables = [
        content if content.folded is not None else dataclasses.replace(content, folded=True) for content in part.tables
    ]
    found += [table(content, style) for content in tables if content.markdown]
    return "\n\n".join(found)


@_part.register
def _(part: Gallery, style: Style, level: int) -> str:
    if not part.markdown:
        return ""
    names = [named(picture.name) for example in part.examples for picture in example.pictures][:6]
    return f"For instance {inline(', '.join(names))}." if names else ""


@_part.register
def _(part: Fold, style: Style, level: int) -> str:
    return fold(part.summary, "\n\n".join(_parts(part.parts, style, level)))
