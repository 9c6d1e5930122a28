"""Which labels a simple model doubts: confident learning on predictions of images that it has not seen.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", by cleanlab: from
predictions beyond each class's mean confidence it estimates how many labels of each class are wrong, and takes the
least likely of them. Of these only those are suspected to which the model clearly prefers another class, for images
that are merely hard are dear in training. The model learns from images that are trained on alone, and each split is
judged by itself: which training images are suspected does not depend on any held-out label. What it finds stands in
docs/findings/VG108.md.
"""

import dataclasses
import warnings

import numpy as np
from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]
from numpy.typing import NDArray

from valgap.findings import pixels
from valgap.findings.finding import Used
from valgap.findings.simple_model import fitted_probabilities
from valgap.findings.wrong_labels import CLEARLY, DIFFERENT
from valgap.ground.streams import interleave

Index = NDArray[np.int64]
LARGEST = 20_000  # images that are looked at, at most: a sample, stratified by class
FOLDS = 5
CELLS = 14  # blocks along each side of the thumbnails that the model sees
ENOUGH = 100  # judged images of a split, from which on it can show that the model has skill
BETTER = 0.4  # of the way from chance to always right: with less skill no label is suspected


@dataclasses.dataclass(frozen=True)
class Judged:
    """Images with a prediction from a model that saw neither them nor their cluster.

    `images` (q,) are places among the used ones, ascending, `split` (q,) theirs, `classes` (k,) the labels that the
    model knows, `probabilities` (q, k) what it gives each, `own` (q,) the column of an image's own label.
    """

    images: Index
    split: NDArray[np.str_]
    classes: Index
    probabilities: NDArray[np.float64]
    own: Index

    @property
    def guess(self) -> Index:
        """(q,) the column of the class that the model takes an image for."""
        return self.probabilities.argmax(axis=1)

    @property
    def margin(self) -> NDArray[np.float64]:
        """(q,) the probability of an image's own label less the largest of another."""
        rows, others = np.arange(len(self.own)), self.probabilities.copy()
        others[rows, self.own] = -1
        return self.probabilities[rows, self.own] - others.max(axis=1)

    @property
    def odds(self) -> NDArray[np.float64]:
        """(q,) the largest probability over that of an image's own label; 1 where its own is the largest."""
        own = self.probabilities[np.arange(len(self.own)), self.own]
        return self.probabilities.max(axis=1) / np.maximum(own, np.finfo(np.float64).tiny)

    def right(self, where: NDArray[np.bool_]) -> float:
        """The share of labels that the model guesses, mean over the classes there; NaN where there is no image."""
        if not where.any():
            return float("nan")
        own, guess = self.own[where], self.guess[where]
        counts = np.bincount(own)
        return float(np.mean(np.bincount(own, guess == own)[counts > 0] / counts[counts > 0]))


@dataclasses.dataclass(frozen=True)
class Tally:
    """How many labels of a split are suspected, of how many that were judged; the model guesses the share `right`."""

    split: str
    suspected: int
    judged: int
    right: float


@dataclasses.dataclass(frozen=True)
class Doubts:
    """What a simple model says of the labels; `judged` is None where there are too few images to say anything.

    `worst` are places within `judged` of the suspected ones, the most doubtful first: none where the model has too
    little skill. `skill` is the share of labels that it guesses, mean over classes, on the split where that is most:
    wrong labels elsewhere do not speak against the model. `suspects` and `examined` are sorted places in the source's
    arrays, of suspected and of all judged images. `disputes` are tallies the other way round, see `_disputes`: empty
    where they say nothing.
    """

    judged: Judged | None
    skill: float
    sampled: bool
    worst: Index
    suspects: Index
    examined: Index
    tallies: tuple[Tally, ...]
    disputes: tuple[Tally, ...] = ()


def judge_labels(used: Used, cluster: Index, seed: int) -> Doubts:
    """Doubts on the labels of the used images; (m,) `cluster` are folded as a whole, `seed` decides folds and sample.

    Nobody is suspected where the model is less than BETTER of the way from chance to always right on every split.
    """
    learned = used.learned if used.learned.any() else np.ones(len(used.index), np.bool_)
    sample = _sample(used, learned, seed)
    judged = predict(used, sample, cluster, learned, np.random.default_rng([seed, 1])) if len(sample) else None
    none, sampled = np.empty(0, np.int64), len(sample) < len(used.index)
    if judged is None:
        return Doubts(None, 0.0, sampled, none, none, none, tuple(Tally(name, 0, 0, 0.0) for name in used.present))
    able = [judged.right(where) for name in used.present if np.sum(where := judged.split == name) >= ENOUGH]
    skill = max(able, default=judged.right(np.ones(len(judged.own), np.bool_)))
    chance = 1 / len(judged.classes)
    able_enough = skill >= chance + BETTER * (1 - chance)
    worst = suspected(judged) if able_enough else none
    return Doubts(
        judged=judged,
        skill=skill,
        sampled=sampled,
        worst=worst,
        suspects=used.index[np.sort(judged.images[worst])],
        examined=used.index[judged.images],
        tallies=tuple(_tally(judged, name, worst) for name in used.present),
        disputes=_disputes(used, sample, cluster, learned, judged, seed) if able_enough else (),
    )


def _disputes(
    used: Used, sample: Index, cluster: Index, learned: NDArray[np.bool_], judged: Judged, seed: int
) -> tuple[Tally, ...]:
    """How many labels of each split a model of held-out images disputes; it saw neither them nor their cluster.

    A model of wrong labels doubts few of them where they are wrong by a rule; one of held-out labels, which are right,
    disputes them all. Where learned and held-out images differ in kind it disputes right ones too: then the first model
    guesses held-out labels worse than learned ones, and nothing is said. No image is chosen by these: they compare
    shares alone.
    """
    is_learned = learned[judged.images]
    shifted = judged.right(~is_learned) < judged.right(is_learned) - DIFFERENT
    if shifted or np.sum(~is_learned) < ENOUGH:
        return ()
    against = predict(used, sample, cluster, ~learned, np.random.default_rng([seed, 2]))
    if against is None:
        return ()
    places = np.flatnonzero((against.guess != against.own) & (against.odds >= CLEARLY))
    return tuple(_tally(against, name, places) for name in used.present)


def suspected(judged: Judged) -> Index:
    """Places within `judged` of the suspected ones, the lowest margin first. Each split is judged by itself."""
    found = np.zeros(len(judged.own), np.bool_)
    for name in np.unique(judged.split):
        where = np.flatnonzero(judged.split == name)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="May not flag all label issues")  # of a class with few images
            found[where] = find_label_issues(
                judged.own[where], judged.probabilities[where], filter_by="prune_by_class", n_jobs=1
            )
    places = np.flatnonzero(found & (judged.odds >= CLEARLY))
    return places[np.argsort(judged.margin[places], kind="stable")]


def predict(
    used: Used, sample: Index, cluster: Index, learned: NDArray[np.bool_], rng: np.random.Generator
) -> Judged | None:
    """Cross-validated predictions of the used images at (q,) `sample`; None where too little can be judged.

    The model of a fold learns from those of the other folds that are `learned` (m,), and predicts all of its fold.
    Clusters are dealt to folds class by class. Images of a class with fewer learned clusters than folds are left out,
    those whose class the model of the other folds has never met, and a split of which a single class is left.
    """
    label, learns = used.labels[sample], learned[sample]
    member = np.unique(cluster[sample], return_inverse=True)[1]
    enough = np.zeros(len(used.source.class_names), np.bool_)
    for each in np.unique(label):
        enough[each] = len(np.unique(member[learns & (label == each)])) >= FOLDS
    kept = enough[label]
    sample, label, member, learns = sample[kept], label[kept], member[kept], learns[kept]
    classes, own = np.unique(label, return_inverse=True)
    if len(classes) < 2:
        return None
    features = _features(used, sample)
    fold = _folds(own, member, learns, rng)
    probabilities, met = np.zeros((len(sample), len(classes))), np.zeros(len(sample), np.bool_)
    for number in range(FOLDS):
        held, fitted = fold == number, (fold != number) & learns
        seen = np.unique(own[fitted])
        if not held.any() or len(seen) < 2 or not np.ptp(features[fitted], axis=0).any():
            continue
        probabilities[np.ix_(held, seen)] = fitted_probabilities(features[fitted], own[fitted], features[held], rng)
        met[held] = np.isin(own[held], seen)
    for name in used.present:
        where = met & (used.split[sample] == name)
        if len(np.unique(own[where])) < 2:  # a split of one class says nothing of how often labels are wrong
            met[where] = False
    columns, own = np.unique(own[met], return_inverse=True)
    if len(columns) < 2:
        return None
    probabilities = probabilities[met][:, columns]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Judged(sample[met], used.split[sample[met]], classes[columns], probabilities, own.astype(np.int64))


def _sample(used: Used, learned: NDArray[np.bool_], seed: int) -> Index:
    """Sorted places of LARGEST images at most: of the learned and of the others alike, each stratified by class."""
    share, parts = min(1.0, LARGEST / max(1, len(used.index))), []
    for number, side in enumerate((learned, ~learned)):
        rows = np.flatnonzero(side)
        order = interleave(used.labels[rows], np.random.default_rng([seed, 0, number]))
        parts.append(rows[order[: int(share * len(rows))]])
    return np.sort(np.concatenate(parts))


def _tally(judged: Judged, name: str, worst: Index) -> Tally:
    where = judged.split == name
    return Tally(name, int(np.sum(where[worst])), int(np.sum(where)), judged.right(where))


def _features(used: Used, sample: Index) -> NDArray[np.float32]:
    rows = [
        pixels.block_means(read, CELLS).reshape(len(read), -1) / 255
        for _, read in pixels.parts(used.source.images, used.index[sample])
    ]
    return np.concatenate(rows)


def _folds(own: Index, member: Index, learns: NDArray[np.bool_], rng: np.random.Generator) -> Index:
    """The fold of each image: clusters, by the class of their first learned image, dealt like cards.

    Those without a learned image are dealt last, whatever their class.
    """
    order = np.argsort(~learns, kind="stable")
    clusters, first = np.unique(member[order], return_index=True)
    first = order[first]
    fold = np.empty(len(clusters), np.int64)
    kind = np.where(learns[first], own[first], -1)
    for each in np.unique(kind)[::-1]:
        those = rng.permutation(np.flatnonzero(kind == each))
        fold[those] = (np.arange(len(those)) + rng.integers(FOLDS)) % FOLDS
    return fold[np.searchsorted(clusters, member)]
