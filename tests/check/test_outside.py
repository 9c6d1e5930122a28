"""What the checked model says of labels that it did not learn from."""

import dataclasses
from typing import Any, cast

import numpy as np
import pytest

from tests.findings.test_audit import pictures_of, source
from valgap.check.outside import outside
from valgap.check.prediction import POOL, Predicted
from valgap.findings.finding import use


@dataclasses.dataclass(frozen=True)
class Said:
    """The part of a prediction that is asked."""

    splits: np.ndarray
    probabilities: np.ndarray
    decision: Any


@dataclasses.dataclass(frozen=True)
class Decided:
    at_chance: bool


def asked(splits: list[str], *, at_chance: bool = False, used: list[str] | None = None, mistakes: int = 0) -> Any:
    labels = np.arange(len(splits)) % 3
    guessed = np.where(np.arange(len(splits)) < mistakes, (labels + 1) % 3, labels)
    said = Said(np.array(splits), np.eye(3, dtype=np.float32)[guessed], Decided(at_chance))
    audited = use(source(pictures_of(labels, 0, 8), labels), np.array(used or splits))
    return outside(cast(Predicted, said), audited)


def test_it_speaks_of_held_out_images_alone() -> None:
    found = asked(["train", "val", "train", "test", "val"])
    assert found.images.tolist() == [1, 3, 4]
    assert found.split.tolist() == ["val", "test", "val"]
    assert (found.guess == found.own).all()
    assert found.probabilities.dtype == np.float64


@pytest.mark.parametrize("splits", [["train"] * 4, ["val"] * 4])
def test_nothing_is_outside_where_one_split_is_all_there_is(splits: list[str]) -> None:
    assert asked(splits) is None


def test_folders_without_splits_may_have_been_learned_from() -> None:
    assert asked([POOL] * 4) is None


def test_a_model_at_chance_is_not_asked() -> None:
    assert asked(["train", "val", "train", "val"], at_chance=True) is None


def test_places_are_those_among_the_images_that_are_used() -> None:
    found = asked(["train", "val", "train", "test"], used=["", "val", "train", "test"])
    assert found.images.tolist() == [0, 2]
    assert (found.guess == found.own).all()


def test_it_is_as_sure_as_it_is_right_however_sure_the_model_was() -> None:
    found = asked(["val"] * 100 + ["train"] * 50, mistakes=12)
    assert np.mean(found.guess == found.own) == pytest.approx(0.88)
    assert found.probabilities.max(axis=1).mean() == pytest.approx(0.88, abs=0.005)
