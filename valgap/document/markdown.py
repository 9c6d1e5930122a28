"""Markdown that is safe to post and short enough: escaping, tables that are cut, sections that are dropped.

The rule of length, in bytes of UTF-8: a table shows its 30 most important rows and says how many more there
are; if the whole is still over LIMIT, sections are left out, those of the highest `drop` first, each named in one line;
at the very last the text is cut at a line. The verdict and the gate stand first and are never left out.
"""

import dataclasses
import html
import re
import unicodedata

LIMIT = 60_000  # bytes; GitHub takes 65,536 characters, and whoever posts it adds a marker and a link
ROWS = 30  # of a table
CELL = 80  # characters of anything that users named
OPEN = 8  # rows up to which a table is not folded
MARKUP = re.compile(r"([\\`*_\[\]|~$@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)  # the last ones begin links on GitHub


@dataclasses.dataclass(frozen=True)
class Section:
    """A titled part; `drop` is its turn to go when space is short, 0 for never."""

    title: str
    body: str
    drop: int


def plain(value: object, limit: int = CELL) -> str:
    """What a user named, on one line, without control characters or backticks, at most `limit` characters."""
    text = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in str(value))
    text = text.replace("`", "'").strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def code(value: object, limit: int = CELL) -> str:
    """What a user named as a code span, in which nothing is markup, a mention or a link; pipes escaped for tables."""
    text = plain(value, limit).replace("|", "\\|")
    return f"`{text}`" if text else "–"


def table(headings: list[str], rows: list[list[str]], texts: int = 1, limit: int | None = ROWS) -> str:
    """A Markdown table of at most `limit` rows, the first of them; folded when long, and saying what it leaves out.

    The first `texts` columns are text, the others numbers. None for `limit` shows all.
    """
    shown = rows if limit is None else rows[:limit]
    lines = [headings, [*["---"] * texts, *["---:"] * (len(headings) - texts)], *shown]
    content = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    if len(shown) < len(rows):
        content += f"\n\n… and {len(rows) - len(shown)} more in `review-full.md` of the artifact (`OUT=`)."
    return content if len(shown) <= OPEN else fold(f"{len(rows)} rows", content)


def fold(summary: str, content: str) -> str:
    """Content that unfolds on a click."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def compose(lead: str, sections: list[Section], limit: int | None = LIMIT) -> str:
    """The whole text, by the rule above; None for no limit. Sections with an empty body are left out silently."""
    kept = [section for section in sections if section.body]
    dropped: list[str] = []

    def text() -> str:
        parts = [lead, *(f"### {section.title}\n\n{section.body}" for section in kept)]
        if dropped:
            parts.append(f"Left out to stay under GitHub's limit: {', '.join(dropped)}; see `review-full.md`.")
        return "\n\n".join(parts) + "\n"

    while limit is not None and len(text().encode()) > limit:
        droppable = [section for section in kept if section.drop]
        if not droppable:
            return text().encode()[: limit - 80].decode(errors="ignore").rpartition("\n")[0] + "\n\n… cut here.\n"
        last = max(droppable, key=lambda section: section.drop)
        kept.remove(last)
        dropped.append(last.title.lower())
    return text()


def inert(text: str) -> str:
    """Text on one line in which Markdown and HTML find nothing to act on, in a table's cell too."""
    escaped = html.escape(" ".join(text.split()), quote=False)
    return MARKUP.sub(r"\\\1", escaped)


def markdown(headings: list[str], rows: list[list[str]], texts: int = 1) -> str:
    """A Markdown table; the first `texts` columns are text, the others are numbers."""
    lines = [headings, [*["---"] * texts, *["---:"] * (len(headings) - texts)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
