"""Doubts on labels put in one order: by split the model that knows its images best, and how many labels are wrong."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from valgap.findings import doubts as doubting
from valgap.findings.doubts import Doubts, Judged, Tally
from valgap.findings.finding import HELD_OUT
from valgap.findings.wrong_labels import DIFFERENT, NOTHING, Limits, Wrong, wrong

Index = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Part:
    """What is said of one split: predictions of its images alone, and places among them of the suspected ones.

    `by_model` says that the predictions are of the model that is checked. `alike` is False where the images may be of
    another kind than those learned from; `wrong` is None where there are too few images to estimate.
    """

    split: str
    judged: Judged
    suspects: Index
    wrong: Wrong | None
    alike: bool
    by_model: bool

    def among(self) -> Limits:
        """How many of the suspected labels are wrong; nothing where that is not estimated."""
        return NOTHING if self.wrong is None else self.wrong.among(self.suspects)


@dataclasses.dataclass(frozen=True)
class Doubted:
    """All splits, and `ranked` (s, 2) the suspected labels as (part, place in it), the likeliest to be wrong first."""

    parts: tuple[Part, ...]
    ranked: Index

    def at(self, number: int) -> tuple[Part, int]:
        """A suspected label, by its place in the ranking."""
        part, place = self.ranked[number].tolist()
        return self.parts[part], place

    def first(self, count: int) -> Limits:
        """How many of the first labels of the ranking are wrong, of those splits where that is estimated."""
        found = NOTHING
        for number, part in enumerate(self.parts):
            if part.wrong is not None:
                head = self.ranked[:count]
                found += part.wrong.among(head[head[:, 0] == number, 1])
        return found


def doubted(doubts: Doubts, outside: Judged | None = None) -> Doubted:
    """The simple model's doubts, and of held-out images those of `outside` where it guesses labels no worse."""
    judged = doubts.judged
    if judged is None:
        return Doubted((), np.empty((0, 2), np.int64))
    is_suspect = np.zeros(len(judged.own), np.bool_)
    is_suspect[doubts.worst] = True
    learned = ~np.isin(judged.split, HELD_OUT)
    parts, taught = [], 0.0
    for tally in doubts.tallies:
        where = judged.split == tally.split
        if not where.any():
            continue
        held = tally.split in HELD_OUT and bool(learned.any())
        alike = not held or judged.right(where) >= judged.right(learned) - DIFFERENT
        own, suspects, better = of_split(judged, where), np.flatnonzero(is_suspect[where]), False
        if held and outside is not None:
            theirs = of_split(outside, outside.split == tally.split)
            everywhere = np.ones(len(theirs.own), np.bool_)
            better = len(theirs.own) > 0 and theirs.right(everywhere) >= judged.right(where)
            if better:
                own, suspects = theirs, np.sort(doubting.suspected(theirs))
        found = wrong(own.probabilities, own.own, taught=taught if held else 0.0, alike=alike)
        if not held and found:
            taught = found.share.mean
        parts.append(Part(tally.split, own, suspects, found, alike, better))
    return Doubted(tuple(parts), _ranked(parts))


def of_split(judged: Judged, where: NDArray[np.bool_]) -> Judged:
    """Some of the images."""
    return Judged(
        judged.images[where], judged.split[where], judged.classes, judged.probabilities[where], judged.own[where]
    )


def asymmetry(tallies: Sequence[Tally], limits: Callable[[Tally], tuple[float, float]]) -> tuple[Tally, Tally] | None:
    """(the split with more suspects, that with fewer) of learned and held-out ones whose intervals part, else None.

    By less than DIFFERENT hard images differ, without a wrong label. Of several pairs the farthest apart counts.
    """
    some = [each for each in tallies if each.judged]
    pairs = [
        (limits(more)[0] - limits(less)[1], more, less)
        for more in some
        for less in some
        if (more.split in HELD_OUT) != (less.split in HELD_OUT)
        and more.suspected / more.judged >= less.suspected / less.judged + DIFFERENT
    ]
    apart, *pair = max(pairs, key=lambda each: each[0], default=(0.0,))
    return (pair[0], pair[1]) if apart > 0 else None


def _ranked(parts: Sequence[Part]) -> Index:
    """Suspected labels by how likely they are wrong, then by the fit's posterior, then by margin."""
    rows = []
    for number, part in enumerate(parts):
        margin = part.judged.margin
        for place in part.suspects.tolist():
            likely, posterior = 0.0, 0.0
            if part.wrong is not None:
                likely, posterior = part.wrong.rank(place)
            rows.append((-likely, -posterior, float(margin[place]), number, place))
    rows.sort()
    return np.array([row[3:] for row in rows], np.int64).reshape(-1, 2)
