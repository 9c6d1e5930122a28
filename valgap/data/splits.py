"""Who trains, validates and tests on which images. Pure functions from labels, groups and streams to index lists.

The images of one group (a patient, a camera, a session) are never on both sides of a split that the suite draws: a
list is cut to its size inside a group, and what is cut off is used nowhere.
"""

import dataclasses

import numpy as np

from valgap.data.sizes import Candidates, Fixed, Index, Sizes, drawn_size, resplit_pool, size_of
from valgap.ground import streams
from valgap.ground.errors import SuiteError
from valgap.ground.params.split import Split
from valgap.ground.streams import interleave


@dataclasses.dataclass(frozen=True)
class Draw:
    """Index lists of one replicate. Those of the re-split are None where there is none."""

    train: Index
    val: Index
    test: Index
    resplit_train: Index | None = None
    resplit_val: Index | None = None


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


def draw_test(found: Candidates, split: Split) -> Fixed:
    """(sorted images of the fixed, stratified test set, images left to train and validate on).

    In k-fold there is no fixed test set: all images are left. Raises SuiteError on a size that cannot be had, and when
    a class is absent from a drawn set.
    """
    if split.scheme == "kfold":
        if len(found.val) or len(found.test):
            raise SuiteError("split.scheme = kfold draws all splits, but the source brings its own: use holdout")
        return found.test, found.train
    rng = streams.generator(split.seed, streams.FIXED, "test")
    if len(found.test):
        size = size_of("test_size", split.test_size, len(found.test), "the source's test images")
        return np.sort(order(found, found.test, rng)[:size]), found.train
    size = size_of("test_size", drawn_size("test_size", split.test_size), len(found.train), "the source's images")
    test, rest = cut(found, order(found, found.train, rng), size)
    _check_classes(found, test, "split.test_size")
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
    _check_classes(found, test, "split.folds")
    return np.sort(test), rows[~inside]


def draw_replicate(found: Candidates, split: Split, sizes: Sizes, replicate: int, fixed: Fixed) -> Draw:
    """Training order, validation and test images of one replicate, disjoint.

    `fixed` is what `draw_test` gave. Validation is drawn first, so it is the same whatever the training size; every
    prefix of the training order is stratified. Where the source has its own validation images, training images are
    drawn from its own and nothing moves between the two; the re-split draws both from them together. Raises
    SuiteError when a class is absent from what is drawn.
    """
    if len(found.val):
        return _draw_given(found, split, sizes, replicate, fixed)
    test, pool = draw_fold(found, split, sizes, replicate) if split.scheme == "kfold" else fixed
    train, val = _draw_pair(found, split, replicate, pool, sizes.val, sizes.max_train)
    _check_classes(found, val, "split.val_size")
    _check_classes(found, train[: sizes.train], "split.train_size")
    return Draw(train, val, test)


def _draw_given(found: Candidates, split: Split, sizes: Sizes, replicate: int, fixed: Fixed) -> Draw:
    """Lists of a given split, and its re-split, whose validation images may lack a class as given ones may.

    A class of which near duplicates or a group would leave nothing to the re-split's training images keeps one there.
    """
    test, pool = fixed
    rng = streams.generator(split.seed, replicate, "validation")
    val = np.sort(found.val[interleave(found.labels[found.val], rng)][: sizes.val])
    train = order(found, pool, streams.generator(split.seed, replicate, "training"))[: sizes.max_train]
    _check_classes(found, train[: sizes.train], "split.train_size")
    if sizes.resplit is None:
        return Draw(train, val, test)
    together = resplit_pool(found, fixed)
    resplit = _draw_pair(found, split, replicate, together, sizes.val, sizes.resplit, sizes.train)
    _check_classes(found, resplit[0][: sizes.train], "the re-split of split.train_size")
    return Draw(train, val, test, *resplit)


def _draw_pair(
    found: Candidates, split: Split, replicate: int, pool: Index, val_size: int, max_train: int, whole: int = 0
) -> tuple[Index, Index]:
    """(training order, sorted validation images) from the pool; the first `whole` have every class, where they can."""
    drawn = order(found, pool, streams.generator(split.seed, replicate, "validation"))
    val, rest = cut(found, drawn, val_size)
    if whole and len(_missing(found, rest)):
        val, rest = cut(found, _held_back(found, drawn, val_size), val_size)
    train = order(found, np.sort(rest), streams.generator(split.seed, replicate, "training"))
    if whole and len(missing := _missing(found, train[: min(whole, max_train)])):
        family = _family(found)[train]
        first = np.isin(family, [family[found.labels[train] == label][:1] for label in missing])
        train = np.concatenate([train[first], train[~first]])
    return train[:max_train], np.sort(val)


def _held_back(found: Candidates, ordered: Index, size: int) -> Index:
    """The rows with the last of each class, and its group, at the end where the first `size` would take the class."""
    family = _family(found)
    kept: set[int] = set()
    for _ in np.unique(found.labels):  # what is held back makes room for others
        last = np.isin(family[ordered], [*kept])
        ordered = np.concatenate([ordered[~last], ordered[last]])
        missing = _missing(found, cut(found, ordered, size)[1])
        kept |= {int(family[ordered[found.labels[ordered] == label][-1]]) for label in missing}
        if not len(missing):
            break
    return ordered


def _family(found: Candidates) -> Index:
    """The group of each image, itself where there are none."""
    return np.arange(len(found.labels)) if found.groups is None else found.groups


def _missing(found: Candidates, chosen: Index) -> Index:
    """Classes that the source has images to train on of, and the chosen images have not."""
    return np.setdiff1d(found.labels[found.train], found.labels[chosen])


def _check_classes(found: Candidates, chosen: Index, name: str) -> None:
    """Raise SuiteError where the chosen images lack a class that the source has images to train on of."""
    labels = found.labels[found.train]
    missing = _missing(found, chosen)
    if len(missing):
        counts = ", ".join(f"class {label} has {np.sum(labels == label)}" for label in missing)
        raise SuiteError(
            f"{name} leaves classes without an image in {len(chosen):,} images ({counts} of {len(labels):,} images): "
            "every class needs one in each split; raise the size or add images"
        )
