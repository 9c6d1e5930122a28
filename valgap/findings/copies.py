"""Images that are changed copies of an image of a split before theirs, or of their own split."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from valgap.findings import changed, moved, right_angles
from valgap.findings.finding import BIT, EARLIER, Used
from valgap.findings.neighbours import Similar

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
LEAST, AMONG = 100, 200  # training images from which on, and of which, copies are searched for among themselves
RIGHT, CHANGED, MOVED = 1_000_000_000, 200_000_000, 100_000_000  # pairs of images compared for each split, at most
WITHIN = 300  # images of all splits whose changed copies are searched for in their own split, at most


@dataclasses.dataclass(frozen=True)
class Found:
    """Copies among m images, by place: each exact duplicate stands for its first, its original.

    `pairs` (p, 2) int64 are originals, the held-out one first, `how` (p,) what was done to it. `checked` (m,) are the
    images that were searched for. `told` is False where copies could not be told from images that merely
    look alike, or cannot be searched for at all.
    """

    pairs: Index
    how: tuple[str, ...]
    checked: NDArray[np.bool_]
    told: bool


@dataclasses.dataclass(frozen=True)
class Copies:
    """Copies mirrored or turned by right angles, changed otherwise, and those turned, zoomed or shifted further.

    `within` are changed copies of images of the same split. `elsewhere` (p, 2) are pairs as in `changed` whose classes
    differ.
    """

    right: Found
    changed: Found
    moved: Found
    within: Found
    elsewhere: Index

    @property
    def pairs(self) -> Index:
        """All pairs (p, 2) of originals of one class across splits, the held-out one first."""
        return np.concatenate([self.right.pairs, self.changed.pairs, self.moved.pairs])

    @property
    def how(self) -> tuple[str, ...]:
        """What was done to the first of each of the `pairs`."""
        return self.right.how + self.changed.how + self.moved.how


def search(used: Used, original: Index, similar: Similar, seed: int, features: Floats | None = None) -> Copies:
    """Changed copies across splits and within them; `original` (m,) collapses exact duplicates.

    Where not every held-out image can be compared with all others, a sample is, drawn by `seed`. Images with a near
    duplicate in a split before theirs are known already, and no more is asked of them. `features` (m, d) are those of a
    network: one more way to find what may be a copy, never the proof of it.
    """
    mask = np.zeros(len(used.index), np.int64)
    np.bitwise_or.at(mask, original, used.bits)
    across, elsewhere = _across(used, mask, original, similar, seed, features)
    return Copies(*across, _within(used, mask, similar, seed, features), elsewhere)


def _across(
    used: Used, mask: Index, original: Index, similar: Similar, seed: int, features: Floats | None
) -> tuple[tuple[Found, Found, Found], Index]:
    """The first fields of Copies and `elsewhere`; (m,) `mask` are the splits of each original."""
    images, index, labels = used.source.images, used.index, used.labels
    rights, changes = [_none(len(index))], [_none(len(index), changed.searchable(images))]
    moves, elsewhere = [_none(len(index), moved.searchable(images))], [np.empty((0, 2), np.int64)]
    for name, earlier in EARLIER.items():
        held, base = np.flatnonzero(mask & BIT[name]), np.flatnonzero(mask & earlier)
        if not len(held) or not len(base):
            continue
        near = _crossing(similar.pairs, (mask & BIT[name]) != 0, (mask & earlier) != 0)
        searched = _drawn(held, RIGHT // len(base), seed)
        pairs, how = right_angles.search(images, index, searched, base, labels, len(near))
        rights.append(Found(pairs, how, _marked(searched, len(index)), True))
        known = np.concatenate([near[:, 0], pairs[:, 0]])
        if moved.searchable(images):
            rest = held[~np.isin(held, known)]
            drawn = _drawn(rest, MOVED // len(base), seed)
            turned = moved.search(images, index, drawn, base, labels)
            settled = np.setdiff1d(held, rest) if len(drawn) == len(rest) else np.empty(0, np.int64)
            checked = _marked(np.concatenate([drawn, settled]), len(index))
            moves.append(Found(turned.pairs, turned.how, checked, turned.told))
            known = np.concatenate([known, turned.pairs[:, 0]])
        if changed.searchable(images):
            asked = _drawn(searched, CHANGED // len(base), seed)
            found = changed.search(images, index, asked[~np.isin(asked, known)], base, features)
            alike = labels[found.pairs[:, 0]] == labels[found.pairs[:, 1]]
            elsewhere.append(found.pairs[~alike])
            same = tuple(how for how, kept in zip(found.how, alike, strict=True) if kept)
            changes.append(Found(found.pairs[alike], same, _marked(asked, len(index)), True))
    right, altered, further = (_joined(parts, original, used) for parts in (rights, changes, moves))
    return (right, altered, further), np.concatenate(elsewhere)


def _within(used: Used, mask: Index, similar: Similar, seed: int, features: Floats | None) -> Found:
    """Changed copies in the same split, of a sample of images without near duplicates; `mask` as in search."""
    images, count = used.source.images, len(used.index)
    parts = [_none(count, changed.searchable(images))]
    alone = np.ones(count, np.bool_)
    alone[similar.pairs.ravel()] = False
    drawn = _drawn(np.flatnonzero(mask), WITHIN, seed)
    for name in used.present if changed.searchable(images) else ():
        base = np.flatnonzero(mask & BIT[name])
        asked = drawn[(mask[drawn] & BIT[name]) != 0]
        found = changed.search(images, used.index, asked[alone[asked]], base, features)
        apart = used.families[found.pairs[:, 0]] != used.families[found.pairs[:, 1]]
        how = tuple(how for how, kept in zip(found.how, apart, strict=True) if kept)
        parts.append(Found(found.pairs[apart], how, _marked(asked, count), True))
    checked = np.any([part.checked for part in parts], axis=0)
    how = tuple(each for part in parts for each in part.how)
    return Found(np.concatenate([part.pairs for part in parts]), how, checked, parts[0].told)


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
    mask = np.zeros(len(learned), np.int64)
    np.bitwise_or.at(mask, own, inside.bits)
    found, _ = _across(inside, mask, own, within, seed, None)
    held = np.flatnonzero(split == "val")
    copied = np.concatenate([each.pairs[:, 0] for each in found])
    return float(np.isin(held, copied).mean()) if found[2].told else 1.0


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
