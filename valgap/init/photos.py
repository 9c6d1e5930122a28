"""What a folder holds: images, splits, classes, sizes, colour, groups, doubted labels. As `valgap check` reads it."""

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valgap.data.layouts.layout import Layout
from valgap.data.layouts.loading import load_layout
from valgap.data.layouts.understand import understand
from valgap.data.reading.decoding import Decoding
from valgap.data.reading.readers import read_sizes
from valgap.data.sizes import Candidates, candidates
from valgap.data.sources.entries import Entry, number
from valgap.data.sources.folder import groups_of
from valgap.data.sources.images import Dropped, Images
from valgap.findings.look import look
from valgap.ground.errors import SuiteError, Term
from valgap.ground.params.split import Split
from valgap.ground.streams import interleave
from valgap.init.grouping import Guess, guess
from valgap.init.sizing import Size, image_sizes

TERMS = {"data.path": Term("--data")}
LOOKED_AT = 5000  # images that are decoded, at most
PIXELS = 4_000_000_000  # of their files, at most: about a minute on two cores
NO_HEADER = "its header cannot be read"

Index = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Photos:
    """What was found.

    `sizes` counts (width, height) of the files; `scales` are sizes that the images may be brought to, the best first.
    `found` are all images whose header can be read. `images` are those that were decoded, at the first scale, `whole`
    whether these are all; `grey` whether none of them has colour, `files_grey` whether their files say so.
    `doubted` counts training labels that a simple model doubts, among those decoded. `table` is the file
    that was given.
    """

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
    table: str | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """Which of val and test the folder brings along."""
        return tuple(name for name in ("val", "test") if len(getattr(self.found, name)))

    @property
    def files_grey(self) -> bool:
        """Whether all files are grey by their mode."""
        return self.images.images.shape[3] == 1


def photos(path: Path, largest: int, target: Path) -> Photos:
    """Look at the images below `path`; `largest` is the longest shorter side, in pixels, that the network should get.

    Decoded images go to the .npy file `target`. Raises SuiteError on a folder that cannot be understood.
    """
    try:
        layout = understand(path)
    except SuiteError as error:
        raise error.named(TERMS) from None
    read = read_sizes([layout.root / entry.path for entry in layout.entries], Decoding())
    entries = [entry for entry, size in zip(layout.entries, read, strict=True) if size]
    headless = tuple(Dropped(each.path, NO_HEADER) for each, size in zip(layout.entries, read, strict=True) if not size)
    known = [size for size in read if size]
    if not known:
        raise SuiteError(f"--data {path}: none of {len(read):,} files is an image that can be read")
    sizes = dict(collections.Counter(known))
    scales = image_sizes(sizes, largest)
    names = tuple(sorted({entry.label for entry in entries}))
    groups = guess([entry.path for entry in entries], [entry.label for entry in entries])
    pattern = groups.pattern if groups and groups.sure else None
    chosen = _sample(entries, known)
    size = scales[0] or known[0][::-1]
    images = load_layout(
        dataclasses.replace(layout, entries=tuple(entries[place] for place in chosen)),
        Decoding(size=size),
        target,
        pattern,
        threads=True,
    )
    pixels = images.images
    given = np.array([entry.given for entry in entries])
    return Photos(
        layout=layout,
        sizes=sizes,
        scales=scales,
        class_names=names,
        found=candidates(_numbered(entries, names), _groups(entries, groups, pattern), given),
        images=images,
        whole=len(chosen) == len(entries),
        unreadable=(*headless, *images.dropped),
        grey=pixels.shape[3] == 1 or all(bool((each[..., :1] == each).all()) for each in pixels),
        guess=groups,
        doubted=doubted(images),
        table=path.name if path.is_file() else None,
    )


def doubted(images: Images) -> int:
    """How many training labels a simple model doubts, as the audit finds them."""
    split = np.where(images.given == "", "pool", images.given)
    tallies = look(images, split, Split().seed).doubts.tallies
    return sum(each.suspected for each in tallies if each.split in ("train", "pool"))


def _sample(entries: Sequence[Entry], sizes: Sequence[tuple[int, int]]) -> Index:
    """Places of the images that are decoded, ascending: all, or a stratified part of as many as there is time for."""
    mean = float(np.mean([width * height for width, height in sizes]))
    most = min(LOOKED_AT, max(int(PIXELS / mean), 1))
    if len(entries) <= most:
        return np.arange(len(entries))
    label = np.unique([f"{entry.given}/{entry.label}" for entry in entries], return_inverse=True)[1]
    return np.sort(interleave(label, np.random.default_rng(0))[:most])


def _numbered(entries: Sequence[Entry], names: Sequence[str]) -> Index:
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[entry.label] for entry in entries], np.int64)


def _groups(entries: Sequence[Entry], found: Guess | None, pattern: str | None) -> Index | None:
    if found is None or pattern is None:
        return None
    return number(groups_of(pattern, [entry.path for entry in entries]))
