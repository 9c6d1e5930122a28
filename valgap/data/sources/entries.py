"""From files that should be images, and what was read of them, to `Images`."""

import collections
import dataclasses
import hashlib
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from valgap.data.reading.decode import Reading
from valgap.data.reading.readers import facts
from valgap.data.sources.images import Dropped, Files, Images


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file that should be an image: its path below the folder read, as the system spells it, and what is said of it.

    `given` is train, val or test, or "" where no split is known.
    """

    path: str
    label: str
    given: str = ""
    group: str | None = None


def assemble(
    folder: str,
    entries: Sequence[Entry],
    readings: Sequence[Reading],
    pixels: NDArray[np.uint8],
    *,
    names: Sequence[str],
    class_names: tuple[str, ...],
    groups: Sequence[str | None],
    dropped: Sequence[Dropped],
) -> Images:
    """Images of the entries that were read: those whose reading has no `why`, which `pixels` has rows of.

    `names` and `groups` are of those alone; `groups` are all None where there are none.
    """
    digest = hashlib.sha256()
    for entry, reading in zip(entries, readings, strict=True):
        digest.update(os.fsencode(entry.path) + b"\0" + reading.sha256.encode() + b"\n")
    kept = [row for row, reading in enumerate(readings) if not reading.why]
    read = [readings[row] for row in kept]
    place = {name: place for place, name in enumerate(class_names)}
    return Images(
        images=pixels,
        labels=np.array([place[entries[row].label] for row in kept], dtype=np.int64),
        class_names=class_names,
        given=np.array([entries[row].given for row in kept], dtype="U5"),
        names=tuple(names),
        sha256={folder: digest.hexdigest()},
        groups=None if None in groups else number(groups),
        dropped=tuple(dropped),
        facts=facts(*(collections.Counter(getattr(one, what) for one in read) for what in ("size", "mode", "format"))),
        files=Files(
            format=np.array([one.format for one in read], dtype=np.str_),
            mode=np.array([one.mode for one in read], dtype=np.str_),
            size=np.array([one.stored for one in read], dtype=np.int64).reshape(-1, 2),
            orientation=np.array([one.orientation for one in read], dtype=np.int64),
            transparent=np.array([one.transparent for one in read], dtype=np.bool_),
        ),
    )


def number(groups: Sequence[str | None] | NDArray) -> NDArray[np.int64]:
    """(n,) places of the groups among the sorted ones."""
    return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)
