"""What a folder holds: images, splits, classes, sizes, colour, groups, doubted labels. As `valgap check` reads it."""

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valgap.data.layouts.groups import groups_of
from valgap.data.layouts.layout import Entry, Layout
from valgap.data.layouts.loading import load_layout
from valgap.data.names import readable
from valgap.data.reading.decoding import Decoding
from valgap.data.reading.readers import read_sizes
from valgap.data.sizes import Candidates, candidates
from valgap.data.sources.classes import check_classes
from valgap.data.sources.files import check_splits
from valgap.data.sources.images import Dropped, Images, numbered
from valgap.findings.look import look
from valgap.ground.errors import SuiteError
from valgap.ground.params.split import Split
from valgap.ground.streams import interleave
from valgap.init.grouping import Guess, guess
from valgap.init.place import Place
from valgap.init.sizing import Size, image_sizes

LOOKED_AT = 5000  # images that are decoded, at most
PIXELS = 4_000_000_000  # of their files, at most: about a minute on two cores
NO_HEADER = "its header cannot be read"

Index = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Photos:
    """What was found.

    `sizes` counts (width, height) of the files; `scales` are sizes that the images may be brought to, the best first.
    `found` are all images but those of which it is known that they cannot be read. `images` are those that were
    decoded, at the first scale, `whole` whether these are all; `unreadable` are files that cannot be used. `grey` says
    whether no image has colour. `guess` is on groups; `doubted` counts training labels that a simple model doubts,
    among the decoded.
    """

    place: Place
    layout: Layout
    sizes: dict[tuple[int, int], int]
    scales: tuple[Size | None, ...]
    class_names: tuple[str, ...]
    found: Candidates
    images: Images
    whole: bool
    unreadable: tuple[Dropped, ...]
    grey: bool
    guess: Guess | None
    doubted: int

    @property
    def given(self) -> tuple[str, ...]:
        """Which of val and test the folder brings along."""
        return tuple(name for name in ("val", "test") if len(getattr(self.found, name)))

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.found.labels)

    @property
    def files_grey(self) -> bool:
        """Whether all files are grey by their mode."""
        return self.images.images.shape[3] == 1


def photos(place: Place, largest: int, target: Path) -> Photos:
    """Look at the images of a place; `largest` is the longest shorter side, in pixels, that the network should get.

    Decoded images go to the .npy file `target`. Raises SuiteError on a folder that the suite could not train on.
    """
    layout, read = place.layout, _headers(place)
    entries = [entry for entry, size in zip(layout.entries, read, strict=True) if size]
    known = [size for size in read if size]
    if not known:
        raise SuiteError(f"--data {place.said}: none of {len(read):,} files is an image that can be read")
    names = tuple(sorted({entry.label for entry in entries}))
    labels, given = [entry.label for entry in entries], [entry.given for entry in entries]
    check_splits(layout)
    check_classes(labels, given, names, place.said)
    sizes = dict(collections.Counter(known))
    scales = image_sizes(sizes, largest)
    groups = None if place.group_column else guess([entry.path for entry in entries], labels)
    pattern = groups.pattern if groups and groups.sure else None
    chosen = _sample(entries, known)
    part = dataclasses.replace(layout, entries=tuple(entries[each] for each in chosen))
    images = load_layout(part, Decoding(size=scales[0] or known[0][::-1]), target, pattern)
    whole = len(chosen) == len(entries)
    lost = {dropped.name for dropped in images.dropped}
    entries = [entry for entry in entries if readable(entry.path) not in lost]
    labels, given = [entry.label for entry in entries], [entry.given for entry in entries]
    pixels = images.images
    headless = (Dropped(each.path, NO_HEADER) for each, size in zip(layout.entries, read, strict=True) if not size)
    number = {name: number for number, name in enumerate(names)}
    return Photos(
        place=place,
        layout=layout,
        sizes=sizes,
        scales=scales,
        class_names=names,
        found=candidates(np.array([number[label] for label in labels]), _groups(entries, pattern), np.array(given)),
        images=images,
        whole=whole,
        unreadable=(*layout.lost, *headless, *images.dropped),
        grey=pixels.shape[3] == 1 or all(bool((each[..., :1] == each).all()) for each in pixels),
        guess=groups,
        doubted=doubted(images),
    )


def doubted(images: Images) -> int:
    """How many training labels a simple model doubts, as the audit finds them."""
    split = np.where(images.given == "", "pool", images.given)
    tallies = look(images, split, Split().seed).doubts.tallies
    return sum(each.suspected for each in tallies if each.split in ("train", "pool"))


def _headers(place: Place) -> list[tuple[int, int] | None]:
    """(width, height) of each file; None where its header cannot be read."""
    return read_sizes([place.layout.root / entry.path for entry in place.layout.entries], Decoding())


def _sample(entries: Sequence[Entry], sizes: Sequence[tuple[int, int]]) -> Index:
    """Places of the images that are decoded, ascending: all, or a stratified part of as many as there is time for."""
    mean = float(np.mean([width * height for width, height in sizes]))
    most = min(LOOKED_AT, max(int(PIXELS / mean), 1))
    if len(entries) <= most:
        return np.arange(len(entries))
    label = np.unique([f"{entry.given}/{entry.label}" for entry in entries], return_inverse=True)[1]
    return np.sort(interleave(label, np.random.default_rng(0))[:most])


def _groups(entries: Sequence[Entry], pattern: str | None) -> Index | None:
    if pattern is not None:
        return numbered(groups_of(pattern, [entry.path for entry in entries]))
    named = [entry.group for entry in entries if entry.group is not None]
    return numbered(named) if len(named) == len(entries) else None
