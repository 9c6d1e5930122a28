"""A user's own image files, by their layout: read as the suite reads, and refused where it could not train on them."""

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from valgap.data.layouts.groups import groups_of
from valgap.data.layouts.layout import Layout, refused
from valgap.data.layouts.loading import load_layout
from valgap.data.layouts.tree import SUFFIXES
from valgap.data.names import listing, readable, shown
from valgap.data.reading.decoding import Decoding
from valgap.data.sources.classes import check_classes
from valgap.data.sources.images import Dropped, Images
from valgap.ground.errors import SuiteError
from valgap.ground.files import sha256_of
from valgap.ground.params.experiment import Data


def load_files(data: Data, layout: Layout, target: Path) -> Images:
    """The images of a layout below data.path, streamed to `target`; `said` tells how it was read.

    What is lost by the layout, and what cannot be read, is refused or counted as data.on_unreadable says. Besides the
    sha256 of the images there are those of the tables that say their labels. Raises SuiteError on splits, classes,
    groups and files that cannot be used.
    """
    entries = layout.entries
    names = [readable(entry.path) for entry in entries]
    check_splits(layout)
    check_classes(
        [entry.label for entry in entries],
        [entry.given for entry in entries],
        sorted({entry.label for entry in entries}),
        data.path,
    )
    if len(set(names)) < len(names):
        raise SuiteError(f"file names below {data.path} that are not UTF-8 read like others: rename them")
    if data.group_pattern is not None:  # early, for what looks like an image
        groups_of(data.group_pattern, [name for name in names if name.lower().endswith(SUFFIXES)])
    images = load_layout(layout, Decoding.of(data), target, data.group_pattern, threads=False, resumed=True)
    dropped = _dropped(data, [*layout.lost, *images.dropped])
    check_classes(
        [images.class_names[label] for label in images.labels],
        images.given.tolist(),
        images.class_names,
        f"{data.path}, without {len(dropped):,} unreadable files" if dropped else data.path,
    )
    (digest,) = images.sha256.values()
    tables = {str(layout.root / name): sha256_of(layout.root / name) for name in layout.tables}
    return dataclasses.replace(images, sha256={data.path: digest} | tables, dropped=dropped, said=layout.said)


def check_splits(layout: Layout) -> None:
    """Raise SuiteError where nothing may train, and on files in several splits."""
    given = {entry.given for entry in layout.entries}
    if given <= {"val", "test"}:
        raise refused(
            layout.root,
            f"it holds {' and '.join(sorted(given))} images alone, and none to train on",
            "give the folder that holds training too, or whose folders are the classes",
        )
    counts = collections.Counter(entry.path for entry in layout.entries)
    if several := [shown(readable(path)) for path, count in counts.items() if count > 1]:
        raise SuiteError(
            f"{len(several):,} images below {layout.root} are in several splits, by {listing(layout.tables)}: "
            f"{listing(several)}; what is trained on cannot validate or test: leave each in one"
        )


def _dropped(data: Data, found: Sequence[Dropped]) -> tuple[Dropped, ...]:
    """What is not used, sorted. Raises SuiteError listing it, unless it may be skipped."""
    dropped = tuple(sorted(found, key=lambda item: item.name))
    if dropped and data.on_unreadable == "error":
        raise SuiteError(
            f"{len(dropped):,} files below {data.path} cannot be used: "
            f"{listing([f'{shown(item.name)}: {item.why}' for item in dropped], '; ')}; "
            "mend or remove them, or set data.on_unreadable: skip, which the report counts"
        )
    return dropped
