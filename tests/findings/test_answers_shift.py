"""Splits by what a model makes of them: what is compared, what it costs, and at which level."""

import dataclasses

import numpy as np
import pytest

from valgap.findings.answers_shift import ALPHA, SEEN, Answered, Compared, ModelShift, cost, model_shift


def answered(right: dict[str, list[bool]], labels: dict[str, list[int]], early: float = 0, late: float = 0) -> Answered:
    """Images of two classes; test images are moved by so much in early and late features."""
    rng = np.random.default_rng(0)
    splits = np.repeat(list(right), [len(each) for each in right.values()])
    label, hit = np.concatenate([*labels.values()]), np.concatenate([*right.values()])
    named = np.where(hit, label, 1 - label)
    moved = (splits == "test")[:, None]
    features = rng.normal(size=(2, len(splits), 3)).astype(np.float32)
    clusters = np.arange(len(splits))
    probabilities = np.eye(2, dtype=np.float32)[named]
    return Answered(probabilities, features[0] + late * moved, features[1] + early * moved, label, splits, clusters)


def test_the_cost_is_at_one_class_mix() -> None:
    """Recalls .8 and .4, then .6 and .2: .2 are lost, though the mix of test images hides half of it."""
    labels = {"val": [0] * 50 + [1] * 50, "test": [0] * 75 + [1] * 25}
    right = {
        "val": [place < 40 for place in range(50)] + [place < 20 for place in range(50)],
        "test": [place < 45 for place in range(75)] + [place < 5 for place in range(25)],
    }
    found = cost(answered(right, labels), "val", "test")
    assert found is not None
    assert found.mean == pytest.approx(0.2)
    assert found.low < 0.2 < found.high
    assert found.high - found.mean == pytest.approx(found.mean - found.low)


def plain(early: float, late: float) -> Answered:
    count = 120
    sides: dict[str, list[bool]] = {name: [True] * count for name in ("train", "val", "test")}
    return answered(sides, {name: [0, 1] * (count // 2) for name in sides}, early, late)


def test_training_is_compared_by_the_first_layer_alone() -> None:
    found = model_shift(plain(0, 0), 0)
    assert set(found.early) == {("train", "val"), ("train", "test"), ("val", "test")}
    assert found.answers is not None
    assert (found.answers.first, found.answers.second, found.answers.alpha) == ("val", "test", ALPHA)
    assert found.judged is found.early["train", "val"]


def test_where_the_first_layer_tells_splits_apart_answers_need_less() -> None:
    found = model_shift(plain(2, 0), 0)
    assert found.early["val", "test"].differ
    assert found.answers is not None
    assert found.answers.alpha == SEEN


def test_answers_that_differ_decide() -> None:
    found = model_shift(plain(0, 2), 0)
    assert found.judged is found.answers
    assert found.judged is not None
    assert found.judged.differ


def test_what_is_unknown_is_no_difference() -> None:
    assert not Compared("val", "test", None, 0.0, (0, 0)).differ
    assert ModelShift(None, None, {}).judged is None
    assert model_shift(dataclasses.replace(plain(0, 0), early=None), 0).early == {}


def test_of_many_classes_those_met_most_are_compared() -> None:
    one = plain(0, 0)
    wide = np.random.default_rng(0).dirichlet(np.full(100, 0.1), len(one.labels)).astype(np.float32)
    assert dataclasses.replace(one, probabilities=wide).answers(np.arange(30)).shape == (30, 64 + 1 + 3)
