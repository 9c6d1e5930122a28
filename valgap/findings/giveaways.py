"""What gives a class away in training without being what is shown: a mark, a tint, a lower resolution.

Each candidate is learned on one half of the training images and tested on the other. That is done without a model:
whether a network goes by it is another question.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.data.sources.images import Images
from valgap.findings.marks import Mark, blocks, marks
from valgap.findings.properties import properties
from valgap.ground.streams import interleave

Index = NDArray[np.int64]
Flags = NDArray[np.bool_]
SAMPLE, HELD = 4_000, 2_000  # images to learn from, and held-out ones, at most
PER_CLASS = 300  # images of a class to learn from, at most
FEWEST = 8  # images of a class in each half
OWN, REST = 0.55, 0.05  # share of a class's images that have it, at least, and of the others', at most
RARE = 0.01  # the same of a mark
BEYOND = 0.02  # share of the others' images beyond a limit that is learned
ALPHA = 0.001  # over all candidates, and for what held-out images lack
LESS = 0.5  # of the difference in training: held-out images that show no more do not have it


@dataclasses.dataclass(frozen=True)
class Giveaway:
    """A cue that tells class `label` in training images.

    `own` is the share of its images that have it, `rest` that of the others, mean over classes, on images that it was
    not learned from; `held_own` and `held_rest` likewise of held-out images, NaN where there are none. `gone` says that
    it tells the class clearly less there. `has` are the images of the sample (rows of the images) that have it.
    `limit` and `sign` are those of a property, `mark` is what is seen of a mark.
    """

    label: int
    name: str
    kind: str
    own: float
    rest: float
    held_own: float
    held_rest: float
    gone: bool
    has: Index
    limit: float = 0.0
    sign: int = 1
    mark: Mark | None = None

    @property
    def strength(self) -> float:
        """How much more often the class has it than the others."""
        return self.own - self.rest


@dataclasses.dataclass(frozen=True)
class Sampled:
    """Rows of the images that are looked at, their labels, and the half (0, 1) of training ones; 2 for held-out."""

    rows: Index
    labels: Index
    half: Index
    classes: int


def giveaways(images: Images, learned: Flags, held: Flags, seed: int) -> list[Giveaway]:
    """Cues in the images that are `learned` (n,) from, tested there and on the `held` (n,) ones, the strongest first."""
    sample = sampled(images.labels, learned, held, len(images.class_names), seed)
    if len(sample.rows) == 0:
        return []
    tested = [*_of_properties(images, sample), *_of_marks(images, sample)]
    counts = np.bincount(sample.labels[sample.half < 2], minlength=sample.classes)
    found = []
    for each in tested:
        own = int(counts[each.label])
        others = int(counts.sum()) - own
        table = [[round(each.own * own), own - round(each.own * own)]]
        table.append([round(each.rest * others), others - round(each.rest * others)])
        most = RARE if each.mark else REST
        if each.own >= OWN and each.rest <= most and (each.gone or each.kind != "light") and stats.fisher_exact(table).pvalue * len(tested) < ALPHA:
            found.append(each)
    return sorted(found, key=lambda each: (-each.strength, each.label, each.name))


def sampled(labels: Index, learned: Flags, held: Flags, classes: int, seed: int) -> Sampled:
    """At most SAMPLE and HELD of the images, as many of each class as there are; the first in halves."""
    rng = np.random.default_rng(seed)
    rows, half = [], []
    for side, most in ((learned, SAMPLE), (held, HELD)):
        each = min(PER_CLASS, max(2 * FEWEST, most // max(1, classes)))
        for label in range(classes):
            own = np.sort(rng.permutation(np.flatnonzero(side & (labels == label)))[:each])
            if side is learned and len(own) < 2 * FEWEST:
                continue
            rows.append(own)
            half.append(rng.permutation(np.arange(len(own)) % 2) if side is learned else np.full(len(own), 2))
    if not rows:
        return Sampled(*[np.zeros(0, np.int64)] * 3, classes)
    found = np.concatenate(rows)
    return Sampled(found, labels[found], np.concatenate(half).astype(np.int64), classes)


def shares(has: Flags, labels: Index, label: int) -> tuple[float, float]:
    """Of (n,) `has`: its share in a class, and in the others, mean over classes; NaN where there is no image."""
    own = has[labels == label]
    rest = [has[labels == each].mean() for each in np.unique(labels) if each != label]
    return float(own.mean()) if len(own) else np.nan, float(np.mean(rest)) if rest else np.nan


def _of_properties(images: Images, sample: Sampled) -> Iterator[Giveaway]:
    for each in properties(images.images, sample.rows):
        for label in np.unique(sample.labels[sample.half < 2]).tolist():
            parts = [sample.half == 0, sample.half == 1]
            limits = [_limit(each.values[part], sample.labels[part], label) for part in parts]
            tested = [
                shares(sign * each.values[part] > limit, sample.labels[part], label)
                for (limit, sign), part in zip(limits, parts[::-1], strict=True)
            ]
            own, rest = (float(value) for value in np.mean(tested, axis=0))
            limit, sign = _limit(each.values[sample.half < 2], sample.labels[sample.half < 2], label)
            yield _tested(sample, label, each.name, each.kind, own, rest, sign * each.values > limit, limit, sign)


def _limit(values: NDArray[np.float32], labels: Index, label: int) -> tuple[float, int]:
    """(limit, sign) beyond which BEYOND of the other classes' images lie, and most of the class's."""
    others = [np.flatnonzero(labels == each) for each in np.unique(labels) if each != label]
    weight = np.concatenate([np.full(len(each), 1 / len(each) / len(others)) for each in others])
    rest, own, found = values[np.concatenate(others)], values[labels == label], []
    for sign in (1, -1):
        order = np.argsort(-sign * rest, kind="stable")
        place = int(np.searchsorted(np.cumsum(weight[order]), BEYOND))
        limit = float(sign * rest[order[min(place, len(order) - 1)]])
        found.append((float(np.mean(sign * own > limit)), limit, sign))
    _, limit, sign = max(found, key=lambda each: each[0])
    return limit, sign


def _of_marks(images: Images, sample: Sampled) -> Iterator[Giveaway]:
    seen = blocks(images.images, sample.rows)
    for half in (0, 1):
        part, other = sample.half == half, sample.half == 1 - half
        for mark in marks(seen[part], sample.labels[part], sample.classes):
            has = mark.on(seen)
            own, rest = shares(has[other], sample.labels[other], mark.label)
            found = _tested(sample, mark.label, "a mark", "mark", own, rest, has, 0.0, 1)
            yield dataclasses.replace(found, mark=mark)


def _tested(
    sample: Sampled, label: int, name: str, kind: str, own: float, rest: float, has: Flags, limit: float, sign: int
) -> Giveaway:
    held = sample.half == 2
    held_own, held_rest = shares(has[held], sample.labels[held], label)
    gone = False
    if held_own - held_rest <= LESS * (own - rest):
        kept, of = has[held & (sample.labels == label)], has[(sample.half < 2) & (sample.labels == label)]
        table = [[int(side.sum()), int((~side).sum())] for side in (of, kept)]
        spread = held_rest > REST  # others have it too, so that it tells nothing
        gone = bool(spread or stats.fisher_exact(table).pvalue < ALPHA)
    return Giveaway(label, name, kind, own, rest, held_own, held_rest, gone, sample.rows[has], limit, sign)
