"""Held-out images that are mirrored, turned, zoomed or shifted copies of an image of a split before theirs."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from valgap.findings import moved, right_angles
from valgap.findings.finding import BIT, EARLIER, Used
from valgap.findings.neighbours import Similar

Index = NDArray[np.int64]
LEAST, AMONG = 100, 200  # training images from which on, and of which, copies are searched for among themselves
RIGHT, MOVED = 1_000_000_000, 100_000_000  # pairs of images that are compared for each split, at most


@dataclasses.dataclass(frozen=True)
class Found:
    """Copies among m images, by place: each exact duplicate stands for its first, its original.

    `pairs` (p, 2) int64 are originals, the held-out one first, `how` (p,) what was done to it. `checked` (m,) are the
    held-out images that were searched for. `told` is False where copies could not be told from images that merely
    look alike, or cannot be searched for at all.
    """

    pairs: Index
    how: tuple[str, ...]
    checked: NDArray[np.bool_]
    told: bool


@dataclasses.dataclass(frozen=True)
class Copies:
    """Copies mirrored or turned by right angles, and those turned, zoomed or shifted a little."""

    right: Found
    moved: Found

    @property
    def pairs(self) -> Index:
        """All pairs (p, 2) of originals, the held-out one first."""
        return np.concatenate([self.right.pairs, self.moved.pairs])

    @property
    def how(self) -> tuple[str, ...]:
        """What was done to the first of each of the `pairs`."""
        return self.right.how + self.moved.how


def search(used: Used, original: Index, similar: Similar, seed: int) -> Copies:
    """Copies of one class across splits; `original` (m,) collapses exact duplicates.

    Where not every held-out image can be compared with all others, a sample is, drawn by `seed`. Images with a near
    duplicate in a split before theirs are known already, and their small turns are not searched for.
    """
    images, index, labels = used.source.images, used.index, used.labels
    mask = np.zeros(len(index), np.int64)
    np.bitwise_or.at(mask, original, used.bits)
    rights, moves = [_none(len(index))], [_none(len(index), moved.searchable(images))]
    for name, earlier in EARLIER.items():
        held, base = np.flatnonzero(mask & BIT[name]), np.flatnonzero(mask & earlier)
        if not len(held) or not len(base):
            continue
        near = _crossing(similar.pairs, (mask & BIT[name]) != 0, (mask & earlier) != 0)
        drawn = _drawn(held, RIGHT // len(base), seed)
        pairs, how = right_angles.search(images, index, drawn, base, labels, len(near))
        rights.append(Found(pairs, how, _marked(drawn, len(index)), True))
        if moved.searchable(images):
            rest = held[~np.isin(held, np.concatenate([near[:, 0], pairs[:, 0]]))]
            drawn = _drawn(rest, MOVED // len(base), seed)
            found = moved.search(images, index, drawn, base, labels)
            known = np.setdiff1d(held, rest) if len(drawn) == len(rest) else np.empty(0, np.int64)
            moves.append(Found(found.pairs, found.how, _marked(np.concatenate([drawn, known]), len(index)), found.told))
    return Copies(*(_joined(parts, original, used) for parts in (rights, moves)))


def share_among(used: Used, original: Index, similar: Similar, seed: int) -> float | None:
    """Share of some training images that look like changed copies of the others, 1 where likeness cannot be told.

    Things that merely look alike do so within training as across splits; so do copies made before splitting. None
    where images are few.
    """
    learned = np.flatnonzero(used.learned)
    if len(learned) < LEAST:
        return None
    order = np.random.default_rng(seed).permutation(len(learned))
    split = np.full(len(learned), "train", "U5")
    split[order[: min(AMONG, len(learned) // 4)]] = "val"
    first = np.unique(original[learned], return_index=True, return_inverse=True)
    place = np.full(len(original), -1, np.int64)
    place[learned] = np.arange(len(learned))
    pairs = place[similar.pairs]
    within = dataclasses.replace(similar, pairs=pairs[(pairs >= 0).all(axis=1)])
    groups = None if used.groups is None else used.groups[learned]
    inside = Used(used.source, used.index[learned], split, used.labels[learned], groups)
    own = first[1][first[2]].astype(np.int64)
    found = search(inside, own, within, seed)
    held = np.flatnonzero(split == "val")
    return float(np.isin(held, found.pairs[:, 0]).mean()) if found.moved.told else 1.0


def _crossing(pairs: Index, held: NDArray[np.bool_], base: NDArray[np.bool_]) -> Index:
    """Those of (p, 2) pairs that have one image held out and one in a split before, the held-out one first."""
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return both[held[both[:, 0]] & base[both[:, 1]]]


def _drawn(places: Index, size: int, seed: int) -> Index:
    if size >= len(places):
        return places
    return np.sort(np.random.default_rng(seed).permutation(places)[: max(1, size)])


def _marked(places: Index, count: int) -> NDArray[np.bool_]:
    found = np.zeros(count, np.bool_)
    found[places] = True
    return found


def _none(count: int, told: bool = True) -> Found:
    return Found(np.empty((0, 2), np.int64), (), np.zeros(count, np.bool_), told)


def _joined(parts: list[Found], original: Index, used: Used) -> Found:
    """What was found in both held-out splits; exact duplicates are checked with their original."""
    checked = np.any([part.checked for part in parts], axis=0)[original] & ~used.learned
    how = tuple(each for part in parts for each in part.how)
    return Found(np.concatenate([part.pairs for part in parts]), how, checked, all(part.told for part in parts))
