"""How many images each split has. Pure functions from what a source brings and params.yaml asks for."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from valgap.data.prepared import Manifest
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Train
from valgap.ground.params.split import Split

Index = NDArray[np.int64]
Fixed = tuple[Index, Index]  # what all replicates share: sorted test images, images left to train and validate on
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
    """Images in each list of a replicate; `max_train` is the longest training list drawn.

    `resplit` are those of the re-split's training list, at most max_train: None where the source has no validation of
    its own, or too few images for a re-split. Its validation list has as many as `val`.
    """

    train: int
    max_train: int
    val: int
    test: int
    resplit: int | None = None

    def trained(self, settings: Train) -> int:
        """Images of the training list of a replicate with these settings, suspects included."""
        asked = round(self.train * settings.train_size_factor)
        return asked if self.resplit is None or not settings.resplit else min(asked, self.resplit)


def candidates(labels: Index, groups: Index | None, given: NDArray[np.str_]) -> Candidates:
    """Sort the images by the split that the source gives them; those without one may train."""
    of = {name: np.flatnonzero(given == name) for name in ("val", "test")}
    return Candidates(labels, groups, np.flatnonzero(~np.isin(given, ("val", "test"))), of["val"], of["test"])


def resplit_pool(found: Candidates, fixed: Fixed) -> Index:
    """Sorted images that a re-split draws from: both given lists, without the groups of a drawn test set."""
    test, pool = fixed
    together = np.sort(np.concatenate([pool, found.val]))
    if found.groups is None or len(found.test):  # a given test set stays as it is, whatever its groups
        return together
    return together[~np.isin(found.groups[together], found.groups[test])]


def resolve(split: Split, found: Candidates, fixed: Fixed) -> Sizes:
    """Numbers of images for the sizes that params.yaml gives. Raises SuiteError on those that cannot be had.

    `fixed` is what `draw_test` gave. A given split loses nothing to groups. Of lists that are drawn, `all` leaves out
    as many images as the largest group may lose to a cut.
    """
    if len(found.val):
        return _beside_given_validation(split, found, fixed)
    if split.scheme == "kfold":
        test, left = _of_folds(split, found)
    else:
        test = len(fixed[0])
        left = len(found.train) - (0 if len(found.test) else test + _slack(found.groups))
    val = size_of("val_size", drawn_size("val_size", split.val_size), left, "the pool's images")
    return Sizes(*_training(split, found, left - val - _slack(found.groups)), val, test)


def _beside_given_validation(split: Split, found: Candidates, fixed: Fixed) -> Sizes:
    """Training has all that the test set leaves, exactly: nothing is cut between it and the given validation."""
    test, pool = fixed
    val = size_of("val_size", split.val_size, len(found.val), "the source's validation images")
    train, max_train = _training(split, found, len(pool))
    together = resplit_pool(found, fixed)
    slack = _slack(None if found.groups is None else found.groups[together])
    resplit = min(max_train, len(together) - val - slack)
    enough = resplit >= len(np.unique(found.labels[together]))
    return Sizes(train, max_train, val, len(test), resplit if enough else None)


def _of_folds(split: Split, found: Candidates) -> tuple[int, int]:
    """Images (of the smallest fold, outside the largest). Raises SuiteError where a fold may have none."""
    pool, slack = len(found.train), _slack(found.groups)
    test = pool // split.folds - slack
    _refuse_none("test_size", test, found)
    return test, pool - -(-pool // split.folds) - slack


def _training(split: Split, found: Candidates, left: int) -> tuple[int, int]:
    """(train, max_train) where the other splits leave so many images."""
    left = max(left, 0)
    if split.train_size == "all":
        _refuse_none("train_size", left, found)
        return left, left
    longest = round(split.train_size * split.max_train_factor)
    check_size("split.train_size * max_train_factor", longest, left, "the images that the other splits leave")
    return split.train_size, longest


def _slack(groups: Index | None) -> int:
    """Images that a cut to size may take from the rest, beyond that size: those of a group less one, at most."""
    return 0 if groups is None else int(np.bincount(groups).max()) - 1


def _refuse_none(name: str, size: int, found: Candidates) -> None:
    if size < 1:
        raise SuiteError(
            f"split.{name} comes to {max(size, 0)} images: {len(found.train):,} are too few for this split"
        )


def sizes_of(manifest: Manifest) -> Sizes:
    """The sizes that data/prepared/manifest.json gives."""
    return Sizes(
        manifest.train_size,
        manifest.max_train_size,
        manifest.val_size,
        manifest.test_size,
        manifest.resplit_train_size,
    )


def drawn_size(name: str, size: int | float | str) -> int | float:
    """The size of a list that the suite draws. Raises SuiteError on `all`, for nothing is set apart."""
    if isinstance(size, str):
        raise SuiteError(
            f"split.{name} = {size} takes all images that the source sets apart, and it sets none apart: give a number "
            "or a fraction"
        )
    return size


def size_of(name: str, size: int | float | str, available: int, of_what: str) -> int:
    """A size in images, of so many. Raises SuiteError when it exceeds them."""
    available = max(available, 0)
    if isinstance(size, float):
        size = max(round(size * available), 1)
    number = available if isinstance(size, str) else size
    check_size(f"split.{name}", number, available, of_what)
    return number


def check_size(name: str, size: int, available: int, of_what: str) -> None:
    """Raise SuiteError when a split asks for more images than there are."""
    if size > available:
        raise SuiteError(f"{name} = {size:,} exceeds {of_what}: {available:,}; {CURE}")
