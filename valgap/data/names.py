"""Names of files and classes as people may read them: valid Unicode, on one line, in lists that end."""

import os
from collections.abc import Sequence

LISTED = 20  # names that a message lists


def readable(name: str) -> str:
    """A file's name in valid Unicode: bytes that are not UTF-8 become `\\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def shown(name: str) -> str:
    """The name as a message shows it: quoted where it holds what does not print, such as a new line."""
    return name if name.isprintable() else repr(name)


def listing(items: Sequence[str], separator: str = ", ") -> str:
    """The first 20 items in a row, and how many more there are."""
    more = f" and {len(items) - LISTED:,} more" if len(items) > LISTED else ""
    return separator.join(map(shown, items[:LISTED])) + more
