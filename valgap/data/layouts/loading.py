"""Loads the images of a layout."""

import collections
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from valgap.data.layouts.groups import groups_of
from valgap.data.layouts.layout import Layout
from valgap.data.names import readable
from valgap.data.reading.decode import Reading
from valgap.data.reading.decoding import Decoding
from valgap.data.reading.readers import facts, read_images
from valgap.data.sources.images import Dropped, Files, Images, numbered


def load_layout(
    layout: Layout,
    decoding: Decoding,
    target: Path,
    group_pattern: str | None = None,
    *,
    threads: bool = True,
    resumed: bool = False,
) -> Images:
    """The images of a layout, decoded, in rows of the .npy file `target`, sorted by path; unreadable ones are dropped.

    Classes are sorted by name. A split may lack classes, and have some that training lacks. `group_pattern` is a
    regular expression with one group, searched for in paths below the layout's root; else groups are the entries', if
    they have some. The sha256 is over paths and contents of all files, unreadable ones too. Read in threads, or else
    in processes, with the same bytes; `resumed` goes on where a killed run was. Raises SuiteError where no file can be
    read, sizes differ and `decoding` has none, or the pattern does not match.
    """
    entries = layout.entries
    files = [layout.root / entry.path for entry in entries]
    pixels, readings = read_images(files, decoding, target, threads=threads, resumed=resumed)
    digest = hashlib.sha256()
    for entry, reading in zip(entries, readings, strict=True):
        digest.update(os.fsencode(entry.path) + b"\0" + reading.sha256.encode() + b"\n")
    names = [readable(entry.path) for entry in entries]
    kept = [row for row, reading in enumerate(readings) if not reading.why]
    read = [readings[row] for row in kept]
    class_names = tuple(sorted({entry.label for entry in entries}))
    place = {name: place for place, name in enumerate(class_names)}
    groups = [entries[row].group for row in kept]
    if group_pattern is not None:
        groups = [*groups_of(group_pattern, [names[row] for row in kept])]
    return Images(
        images=pixels,
        labels=np.array([place[entries[row].label] for row in kept], dtype=np.int64),
        class_names=class_names,
        given=np.array([entries[row].given for row in kept], dtype="U5"),
        names=tuple(names[row] for row in kept),
        sha256={str(layout.root): digest.hexdigest()},
        groups=None if None in groups else numbered([group for group in groups if group is not None]),
        dropped=tuple(Dropped(name, one.why) for name, one in zip(names, readings, strict=True) if one.why),
        facts=facts(*(collections.Counter(getattr(one, what) for one in read) for what in ("size", "mode", "format"))),
        files=_files(read),
    )


def _files(read: Sequence[Reading]) -> Files:
    return Files(
        format=np.array([one.format for one in read], dtype=np.str_),
        mode=np.array([one.mode for one in read], dtype=np.str_),
        size=np.array([one.stored for one in read], dtype=np.int64).reshape(-1, 2),
        orientation=np.array([one.orientation for one in read], dtype=np.int64),
        transparent=np.array([one.transparent for one in read], dtype=np.bool_),
        cut=np.array([one.cut for one in read], dtype=np.str_),
    )
