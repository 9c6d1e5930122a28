"""Texts of documents: plain prose in which `code` in backticks is what users named, or what they type.

Both writers make everything else inert: no text becomes markup, whoever wrote it.
"""

import unicodedata
from collections.abc import Iterable, Iterator

CELL = 80  # characters of anything that users named


class Strong(str):
    """A text to be set in bold, as a whole."""

    __slots__ = ()


def plain(value: object, limit: int = CELL) -> str:
    """What a user named, on one line, without control characters or backticks, at most `limit` characters."""
    text = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in str(value))
    text = text.replace("`", "'").strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def named(value: object, limit: int = CELL) -> str:
    """What a user named, as code; a dash for what is empty."""
    text = plain(value, limit)
    return f"`{text}`" if text else "–"


def joined(names: Iterable[object]) -> str:
    """`a`, `b` and `c`, each as code."""
    *others, last = [named(name) for name in names] or [""]
    return " and ".join(filter(None, (", ".join(others), last)))


def spans(text: str) -> Iterator[tuple[str, bool]]:
    """(part, whether it is code) of a text, in order. Without a closing backtick nothing of it is code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        yield text, False
        return
    for place, part in enumerate(parts):
        if part:
            yield part, place % 2 == 1
