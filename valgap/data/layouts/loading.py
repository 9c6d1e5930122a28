"""Loads the images of a layout."""

from collections.abc import Sequence
from pathlib import Path

from valgap.data.layouts.layout import Layout
from valgap.data.reading.decoding import Decoding
from valgap.data.reading.readers import read_images
from valgap.data.sources.entries import Entry, assemble
from valgap.data.sources.folder import groups_of, readable
from valgap.data.sources.images import Dropped, Images


def load_layout(
    layout: Layout, decoding: Decoding, target: Path, group_pattern: str | None = None, *, threads: bool = True
) -> Images:
    """The images of a layout, decoded, in rows of the .npy file `target`, sorted by path; unreadable ones are dropped.

    Classes are sorted by name. A split may lack classes, and have some that training lacks. `group_pattern` is a
    regular expression with one group, searched for in paths below the layout's root. Read in threads, or else in
    processes, with the same bytes. Raises SuiteError where no file can be read, sizes differ and `decoding` has none,
    or the pattern does not match.
    """
    entries: Sequence[Entry] = layout.entries
    pixels, readings = read_images([layout.root / entry.path for entry in entries], decoding, target, threads=threads)
    names = [readable(entry.path) for entry in entries]
    kept = [row for row, reading in enumerate(readings) if not reading.why]
    read = [names[row] for row in kept]
    return assemble(
        str(layout.root),
        entries,
        readings,
        pixels,
        names=read,
        class_names=tuple(sorted({entry.label for entry in entries})),
        groups=[None] * len(read) if group_pattern is None else groups_of(group_pattern, read),
        dropped=[Dropped(name, reading.why) for name, reading in zip(names, readings, strict=True) if reading.why],
    )
