"""Who trains, validates and tests on which images. Pure functions from labels, groups and streams to index lists.

The images of one group (a patient, a camera, a session) are never on both sides of a split that the suite draws: a
list is cut to its size inside a group, and what is cut off is used nowhere.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from valgap.data.prepared import Manifest
from valgap.ground import streams
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Split
from valgap.ground.streams import interleave

Index = NDArray[np.int64]
CURE = "lower it or use a larger source"


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Images that may be drawn (rows of all images), with their labels and groups; `val` and `test` as the source has.

    `val` and `test` are empty where the source brings none: they are then drawn from `train`.
    """

    labels: Index  # of all images
    groups: Index | None
    train: Index
    val: Index
    test: Index


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Images in each list of a replicate; `max_train` is the longest training list drawn."""

    train: int
    max_train: int
    val: int
    test: int


@dataclasses.dataclass(frozen=True)
class Draw:
    """Index lists of one replicate. Those of the re-split are None where the source has no validation of its own."""

    train: Index
    val: Index
    test: Index
    resplit_train: Index | None = None
    resplit_val: Index | None = None


def candidates(labels: Index, groups: Index | None, given: NDArray[np.str_]) -> Candidates:
    """Sort the images by the split that the source gives them; those without one may train."""
    of = {name: np.flatnonzero(given == name) for name in ("val", "test")}
    return Candidates(labels, groups, np.flatnonzero(~np.isin(given, ("val", "test"))), of["val"], of["test"])


def resolve(split: Split, found: Candidates) -> Sizes:
    """Numbers of images for the sizes that params.yaml gives. Raises SuiteError on those that cannot be had.

    With groups, `all` leaves out as many images as the largest group may lose to a cut.
    """
    slack = 0 if found.groups is None else int(np.bincount(found.groups).max()) - 1
    pool = len(found.train)
    if split.scheme == "kfold":
        if len(found.val) or len(found.test):
            raise SuiteError("split.scheme = kfold draws all splits, but the source brings its own: use holdout")
        test = pool // split.folds - slack
        pool -= -(-pool // split.folds) + slack
    elif len(found.test):
        test = _size("test_size", split.test_size, len(found.test), "the source's test images")
    else:
        test = _size("test_size", _drawn("test_size", split.test_size), pool, "the source's images")
        pool -= test + slack
    if len(found.val):
        val = _size("val_size", split.val_size, len(found.val), "the source's validation images")
    else:
        val = _size("val_size", _drawn("val_size", split.val_size), pool, "the pool's images")
        pool -= val + slack
    if len(found.val):  # training lists that a re-split has too
        pool = min(pool, len(found.train) + len(found.val) - val - slack)
    if split.train_size == "all":
        train = max_train = pool
    else:
        train = split.train_size
        max_train = round(train * split.max_train_factor)
        check_size("split.train_size * max_train_factor", max_train, pool, "the images that the other splits leave")
    for name, size in (("train_size", train), ("test_size", test)):
        if size < 1:
            raise SuiteError(f"split.{name} comes to {size} images: {len(found.train):,} are too few for this split")
    return Sizes(train, max_train, val, test)


def sizes_of(manifest: Manifest) -> Sizes:
    """The sizes that data/prepared/manifest.json gives."""
    return Sizes(manifest.train_size, manifest.max_train_size, manifest.val_size, manifest.test_size)


def _drawn(name: str, size: int | float | str) -> int | float:
    if isinstance(size, str):
        raise SuiteError(
            f"split.{name} = {size} takes all images that the source sets apart, and it sets none apart: give a number "
            "or a fraction"
        )
    return size


def _size(name: str, size: int | float | str, available: int, of_what: str) -> int:
    if isinstance(size, float):
        size = max(round(size * available), 1)
    number = available if isinstance(size, str) else size
    check_size(f"split.{name}", number, available, of_what)
    return number


def order(found: Candidates, rows: Index, rng: np.random.Generator) -> Index:
    """The rows in an order in which every prefix is stratified, and the images of a group stand together.

    Groups of one class (a group's is its most frequent label) are shuffled and spread evenly, by their images.
    """
    labels = found.labels[rows]
    if found.groups is None:
        return rows[interleave(labels, rng)]
    member, kind, size = _kinds(found.groups[rows], labels)
    position = np.empty(len(kind))
    for label in np.unique(kind):
        shuffled = rng.permutation(np.flatnonzero(kind == label))
        position[shuffled] = (np.cumsum(size[shuffled]) - size[shuffled] / 2) / size[shuffled].sum()
    rank = np.empty(len(kind), np.int64)
    rank[np.lexsort((rng.random(len(kind)), position))] = np.arange(len(kind))
    return rows[np.lexsort((rng.random(len(rows)), rank[member]))]


def _kinds(groups: Index, labels: Index) -> tuple[Index, Index, Index]:
    """(images,) number of each image's group from 0, and by that number its most frequent label and its images."""
    names, member = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), int(labels.max()) + 1), np.int64)
    np.add.at(counts, (member, labels), 1)
    return member, counts.argmax(axis=1), counts.sum(axis=1)


def cut(found: Candidates, ordered: Index, size: int) -> tuple[Index, Index]:
    """(the first `size` rows, the rows of none of their groups), both in order."""
    taken, rest = ordered[:size], ordered[size:]
    if found.groups is not None:
        rest = rest[~np.isin(found.groups[rest], found.groups[taken])]
    return taken, rest


def draw_test(found: Candidates, split: Split, sizes: Sizes) -> tuple[Index, Index]:
    """(sorted images of the fixed, stratified test set, images left to train and validate on).

    Raises SuiteError when a class is absent from a drawn one.
    """
    rng = streams.generator(split.seed, streams.FIXED, "test")
    if len(found.test):
        test, _ = cut(found, order(found, found.test, rng), sizes.test)
        rest = found.train
    else:
        test, rest = cut(found, order(found, found.train, rng), sizes.test)
        _check_classes(found.labels, found.train, test, "split.test_size")
    return np.sort(test), np.sort(rest)


def draw_fold(found: Candidates, split: Split, sizes: Sizes, replicate: int) -> tuple[Index, Index]:
    """(sorted test images, the images of the other folds) of a replicate in k-fold.

    Replicate r tests on fold r modulo folds of partition r // folds. Groups go one after the other, class by class,
    to the fold that has the fewest images: folds differ by at most one group. Raises SuiteError when a class is absent.
    """
    partition, fold = divmod(replicate, split.folds)
    rng, rows = streams.generator(split.seed, partition, "folds"), found.train
    groups = rows if found.groups is None else found.groups[rows]
    member, kind, size = _kinds(groups, found.labels[rows])
    filled, fold_of = np.zeros(split.folds, np.int64), np.empty(len(kind), np.int64)
    for group in np.lexsort((rng.random(len(kind)), kind)):
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += size[group]
    inside = fold_of[member] == fold
    test = rng.permutation(rows[inside])[: sizes.test]
    _check_classes(found.labels, found.train, test, "split.folds")
    return np.sort(test), rows[~inside]


def draw_replicate(found: Candidates, split: Split, sizes: Sizes, replicate: int, fixed: tuple[Index, Index]) -> Draw:
    """Training order, validation and test images of one replicate, disjoint.

    `fixed` is what `draw_test` gave. Validation is drawn first, so it is the same whatever the training size; every
    prefix of the training order is stratified. Where the source has its own validation images, training images are
    drawn from its own and nothing moves between the two; the re-split draws both from them together. Raises
    SuiteError when a class is absent from what is drawn.
    """
    test, pool = draw_fold(found, split, sizes, replicate) if split.scheme == "kfold" else fixed
    if not len(found.val):
        train, val = _draw_pair(found, split, sizes, replicate, pool)
        return Draw(train, val, test)
    rng = streams.generator(split.seed, replicate, "validation")
    val = found.val[interleave(found.labels[found.val], rng)][: sizes.val]
    train = order(found, pool, streams.generator(split.seed, replicate, "training"))[: sizes.max_train]
    _check_classes(found.labels, pool, train[: sizes.train], "split.train_size")
    together = np.sort(np.concatenate([pool, found.val]))
    resplit_train, resplit_val = _draw_pair(found, split, sizes, replicate, together)
    return Draw(train, np.sort(val), test, resplit_train, resplit_val)


def _draw_pair(found: Candidates, split: Split, sizes: Sizes, replicate: int, pool: Index) -> tuple[Index, Index]:
    """(training order, sorted validation images) from the pool."""
    drawn = order(found, pool, streams.generator(split.seed, replicate, "validation"))
    val, rest = cut(found, drawn, sizes.val)
    train = order(found, np.sort(rest), streams.generator(split.seed, replicate, "training"))[: sizes.max_train]
    _check_classes(found.labels, pool, val, "split.val_size")
    _check_classes(found.labels, pool, train[: sizes.train], "split.train_size")
    return train, np.sort(val)


def check_size(name: str, size: int, available: int, of_what: str) -> None:
    """Raise SuiteError when a split asks for more images than there are."""
    if size > available:
        raise SuiteError(f"{name} = {size:,} exceeds {of_what}: {available:,}; {CURE}")


def _check_classes(labels: Index, among: Index, chosen: Index, name: str) -> None:
    missing = np.setdiff1d(labels[among], labels[chosen])
    if len(missing):
        counts = ", ".join(f"class {label} has {np.sum(labels[among] == label)}" for label in missing)
        raise SuiteError(
            f"{name} leaves classes without an image in {len(chosen):,} images ({counts} of {len(among):,} images): "
            "every class needs one in each split; raise the size or add images"
        )
