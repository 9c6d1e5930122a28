"""What gives a class away in training without being what is shown: a mark, a tint, a lower resolution.

Each candidate is learned on one half of the training images and tested on the other. That is done without a model:
whether a network goes by it is another question.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.ensemble import ExtraTreesClassifier  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valgap.findings.marks import Mark, blocks, marks
from valgap.findings.properties import properties

Index = NDArray[np.int64]
Flags = NDArray[np.bool_]
Values = NDArray[np.float32]  # (n,)
SAMPLE, HELD = 4_000, 2_000  # images to learn from, and held-out ones, at most
PER_CLASS = 300  # images of a class to learn from, at most
SEARCHED, ALL_SEARCHED = 60, 1_000  # images of a class, and in all, in which marks are searched
FEWEST = 8  # images of a class in each half
OWN, REST = 0.55, 0.05  # share of a class's images that have it, at least, and of the others', at most
CONTENT = ("light", "stroke")  # kinds of property that things have by nature
FEW, MOST = 3, 0.75  # classes, of which one may be of finer things: share that has a cue of detail, at least
RARE = 0.01  # the same of a mark
SPREAD = 0.08  # share of held-out images of others that have it, at most, where they confirm it
BEYOND = 0.02  # share of the others' images beyond a limit that is learned
ALPHA = 0.001  # over all candidates, and for what held-out images lack
COLOURS = "colours taken together"
TREES, LEAF = 100, 2
LESS = 0.5  # of the difference in training: held-out images that show no more do not have it


@dataclasses.dataclass(frozen=True)
class Looked:
    """The m images that are looked at: at `index` (m,) of `images` uint8 (n, h, w, c), with labels below `classes`.

    `learned` and `held` (m,) say which are learned from, and which are held out. Of images of one family (m,), a group
    or a cluster of near duplicates, one is looked at: what they share is no cue; None where each is its own.
    """

    images: NDArray[np.uint8]
    index: Index
    labels: Index
    learned: Flags
    held: Flags
    classes: int
    families: Index | None = None


@dataclasses.dataclass(frozen=True)
class Giveaway:
    """A cue that tells class `label` in training images.

    `own` is the share of its images that have it, `rest` that of the others, mean over classes, on images that it was
    not learned from; `held_own` and `held_rest` likewise of held-out images, NaN where there are none. `gone` says that
    it tells the class clearly less there, for fewer images or more of them have it. `has` are the sampled images that
    have it, by their place among the m. `limit` and `sign` are those of a property, `mark` is what is seen of a mark.
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
    def words(self) -> str:
        """The cue, after “by” or “have”."""
        if self.mark is not None:
            return f"a mark {self.mark.place}"
        if self.name == COLOURS:
            return "a tint"
        return f"{self.name} beyond a limit"

    @property
    def strength(self) -> float:
        """How much more often the class has it than the others."""
        return self.own - self.rest


@dataclasses.dataclass(frozen=True)
class Sampled:
    """Places of the images that are looked at, their labels, and the half (0, 1) of training ones; 2 for held-out."""

    rows: Index
    labels: Index
    half: Index
    classes: int


def giveaways(looked: Looked, seed: int) -> list[Giveaway]:
    """Cues that tell a class in training, the strongest first: in OWN of its images, and hardly in others."""
    sample = sampled(looked, seed)
    if len(np.unique(sample.labels[sample.half < 2])) < 2:
        return []
    tested = [*_of_properties(looked, sample), *_of_marks(looked, sample)]
    counts = np.bincount(sample.labels[sample.half < 2], minlength=sample.classes)
    found = [
        each
        for each in tested
        if _tells(each, int(counts[each.label]), int(counts.sum()), len(tested), int(np.count_nonzero(counts)))
    ]
    return sorted(found, key=lambda each: (-each.strength, each.label, each.name))


def _tells(cue: Giveaway, own: int, count: int, tested: int, classes: int) -> bool:
    """Whether a cue, one of so many tested, tells its class of `own` among `count` training images of `classes`.

    Held-out images confirm it, or lack it beyond doubt; what things have by nature must be lacking there.
    """
    few = classes <= FEW and cue.kind == "detail" and not cue.gone
    if cue.own < (MOST if few else OWN) or cue.rest > (RARE if cue.mark else REST):
        return False
    table = [[round(share * of), of - round(share * of)] for share, of in ((cue.own, own), (cue.rest, count - own))]
    if stats.fisher_exact(table).pvalue * tested >= ALPHA:
        return False
    if cue.gone or np.isnan(cue.held_own - cue.held_rest):
        return cue.gone or cue.kind not in CONTENT
    confirmed = cue.held_rest <= SPREAD and cue.held_own - cue.held_rest >= LESS * cue.strength
    return confirmed and cue.kind not in CONTENT


def sampled(looked: Looked, seed: int) -> Sampled:
    """At most SAMPLE and HELD of the images, PER_CLASS of a class; those to learn from in halves."""
    rng = np.random.default_rng(seed)
    rows, half = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for is_learned, side, most in ((True, looked.learned, SAMPLE), (False, looked.held, HELD)):
        each = min(PER_CLASS, max(2 * FEWEST, most // max(1, looked.classes)))
        for label in range(looked.classes):
            own = _different(looked, rng.permutation(np.flatnonzero(side & (looked.labels == label))), each)
            if is_learned and len(own) < 2 * FEWEST:
                continue
            rows.append(own)
            half.append(rng.permutation(np.arange(len(own)) % 2) if is_learned else np.full(len(own), 2))
    found = np.concatenate(rows)
    return Sampled(found, looked.labels[found], np.concatenate(half).astype(np.int64), looked.classes)


def _different(looked: Looked, rows: Index, most: int) -> Index:
    """The first of (n,) rows, at most so many, sorted: one of each family, and of images that are equal."""
    if looked.families is not None:
        rows = rows[np.sort(np.unique(looked.families[rows], return_index=True)[1])]
    taken = rows[:most]
    kept = {looked.images[looked.index[row]].tobytes(): row for row in taken[::-1].tolist()}
    return np.sort(np.array([*kept.values()], np.int64))


def shares(has: Flags, labels: Index, label: int) -> tuple[float, float]:
    """Of (n,) `has`: its share in a class, and in the others, mean over classes; NaN where there is no image."""
    own = has[labels == label]
    rest = [has[labels == each].mean() for each in np.unique(labels) if each != label]
    return float(own.mean()) if len(own) else np.nan, float(np.mean(rest)) if rest else np.nan


def _of_properties(looked: Looked, sample: Sampled) -> Iterator[Giveaway]:
    found = properties(looked.images, looked.index[sample.rows])
    channels = np.array([each.values for each in found if each.kind == "channel"], np.float32).T
    together = _forest(channels, sample) if len(channels) else None
    for label in np.unique(sample.labels[sample.half < 2]).tolist():
        for each in found:
            if each.kind != "channel":
                yield _of_values(sample, label, each.name, each.kind, each.values)
        if together is not None:
            yield _of_values(sample, label, COLOURS, "colour", together[:, label], (1,))


def _of_values(
    sample: Sampled, label: int, name: str, kind: str, values: Values, signs: tuple[int, ...] = (1, -1)
) -> Giveaway:
    """How well values (n,) tell a class, which lies on one of the sides `signs`.

    One half says on which side the class lies, the others' images of the other half how far they reach.
    """
    parts, tested = (sample.half == 0, sample.half == 1), []
    for part, other in zip(parts, parts[::-1], strict=True):
        _, sign = _limit(values[part], sample.labels[part], label, signs)
        limit, _ = _limit(values[other], sample.labels[other], label, (sign,))
        tested.append(shares(sign * values[other] > limit, sample.labels[other], label))
    own, rest = (float(value) for value in np.mean(tested, axis=0))
    limit, sign = _limit(values[sample.half < 2], sample.labels[sample.half < 2], label, signs)
    return _tested(sample, label, name, kind, own, rest, sign * values > limit, limit, sign)


def _forest(features: Values, sample: Sampled) -> Values:
    """How like each class the (n, d) features are, (n, classes): each half by trees that learned on the other.

    Held-out images by both. Where a tint lies within what other images show, no limit of one property tells it.
    """
    found = np.zeros((len(features), sample.classes), np.float32)
    for half in (0, 1):
        learned = sample.half == half
        trees = ExtraTreesClassifier(TREES, min_samples_leaf=LEAF, class_weight="balanced", random_state=half)
        with threadpool_limits(1):
            trees.fit(features[learned], sample.labels[learned])
            other, held = sample.half == 1 - half, sample.half == 2
            for rows, weight in ((other, 1.0), (held, 0.5)):
                if rows.any():
                    found[np.ix_(rows, trees.classes_)] += weight * trees.predict_proba(features[rows])
    return found


def _limit(values: Values, labels: Index, label: int, signs: tuple[int, ...] = (1, -1)) -> tuple[float, int]:
    """(limit, sign) beyond which BEYOND of the other classes' images lie, and most of the class's."""
    others = [np.flatnonzero(labels == each) for each in np.unique(labels) if each != label]
    weight = np.concatenate([np.full(len(each), 1 / len(each) / len(others)) for each in others])
    rest, own, found = values[np.concatenate(others)], values[labels == label], []
    for sign in signs:
        order = np.argsort(-sign * rest, kind="stable")
        place = int(np.searchsorted(np.cumsum(weight[order]), BEYOND))
        limit = float(sign * rest[order[min(place, len(order) - 1)]])
        found.append((float(np.mean(sign * own > limit)), limit, sign))
    _, limit, sign = max(found, key=lambda each: each[0])
    return limit, sign


def _of_marks(looked: Looked, sample: Sampled) -> Iterator[Giveaway]:
    pictures = blocks(looked.images, looked.index[sample.rows])
    each = max(FEWEST, min(SEARCHED, ALL_SEARCHED // max(1, sample.classes)))
    for half in (0, 1):
        part, other = sample.half == half, sample.half == 1 - half
        some = np.concatenate([
            np.flatnonzero(part & (sample.labels == label))[:each] for label in range(sample.classes)
        ])  # fmt: skip
        for mark in marks(pictures[some], sample.labels[some], sample.classes):
            has = mark.on(pictures)
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
        inside = sample.labels == label
        gone = any(_differ(has[side & ~held], has[side & held]) for side in (inside, ~inside))
        # As many images with it as in training, of other classes: then held-out labels are others, and not the images.
        everywhere, there = (_of_classes(has[side], sample.labels[side]) for side in (~held, held))
        gone &= abs(there - everywhere) >= LESS * (everywhere - rest)
    return Giveaway(label, name, kind, own, rest, held_own, held_rest, gone, sample.rows[has], limit, sign)


def _of_classes(has: Flags, labels: Index) -> float:
    """The share of (n,) `has`, mean over classes."""
    return float(np.mean([has[labels == each].mean() for each in np.unique(labels)]))


def _differ(one: Flags, other: Flags) -> bool:
    """Whether shares of flags differ by more than chance (Fisher's exact test)."""
    table = [[int(side.sum()), int((~side).sum())] for side in (one, other)]
    return bool(stats.fisher_exact(table).pvalue < ALPHA)
