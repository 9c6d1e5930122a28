"""Text from outside, safe for a terminal: names of files, classes and columns, and what libraries say of them."""

import unicodedata

KEPT = "\n\t"  # of what does not print, beside spaces of any width


def safe(text: str) -> str:
    r"""The text with an escape, as Python writes it, for all that does not print but new lines, tabs and spaces.

    So no name clears a screen (ESC), rings (BEL) or turns a line around (U+202E): they come out as \x1b, \x07, \u202e.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in KEPT or _is_space(character) else _escaped(character)
        for character in text
    )


def _is_space(character: str) -> bool:
    return unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
