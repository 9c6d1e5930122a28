"""Wrong labels that are planted: how many, where and which."""

import numpy as np
import pytest

from valgap.calibrate.findings import labels as study
from valgap.calibrate.findings.sets import DIGITS, digits
from valgap.calibrate.findings.wrong_labels import ANNOTATORS, CARELESS, KINDS, confusable, plant
from valgap.findings.labels import TEN
from valgap.findings.rates import Rate

SET = digits()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [0.01, 0.2])
def test_as_many_labels_as_said_are_wrong_and_none_elsewhere(kind: str, rate: float) -> None:
    where = np.arange(0, len(SET.labels), 2)
    given = plant(kind, rate, SET.images, SET.labels, where, np.random.default_rng(0))
    changed = np.flatnonzero(given != SET.labels)
    assert len(changed) == round(rate * len(where))
    assert np.isin(changed, where).all()
    assert given.min() >= 0
    assert given.max() <= 9


def test_pairs_are_of_classes_that_look_alike() -> None:
    images = np.repeat(np.array([0, 10, 200, 220], np.uint8), 5)[:, np.newaxis, np.newaxis, np.newaxis]
    labels = np.repeat(np.arange(4), 5)
    assert confusable(images, labels, 4).tolist() == [1, 0, 3, 2]
    given = plant("pairwise", 0.5, images, labels, np.arange(20), np.random.default_rng(0))
    changed = given != labels
    assert (given[changed] == np.array([1, 0, 3, 2])[labels[changed]]).all()


def test_an_annotators_errors_follow_few_habits() -> None:
    given = plant("annotator", 0.1, SET.images, SET.labels, np.arange(len(SET.labels)), np.random.default_rng(1))
    changed = given != SET.labels
    pairs = np.unique(np.stack([SET.labels[changed], given[changed]]), axis=1)
    assert pairs.shape[1] <= CARELESS * 10 // 2
    assert ANNOTATORS > CARELESS


def test_a_draw_with_many_wrong_labels_is_found_and_one_without_is_no_problem() -> None:
    found = study.draw(SET, "uniform", 0.1, [0, 3, 1])
    assert found.recall.count > 0.75 * found.recall.n > 0
    assert found.first[TEN] == Rate(10, 10)
    assert found.parted == Rate(1, 1)
    clean = study.draw(SET, study.CLEAN, 0, [0, 0, 0])
    assert clean.problems == Rate(0, 1)
    assert clean.recall.n == 0
    both = found + clean
    assert both.covered.n == 4
    assert both.first[TEN].count == 10
    rows = study.rows_of("uniform, 10% wrong", DIGITS, "uniform", found)
    assert [row.planted for row in rows] == [found.recall]
    assert study.rows_of("none", DIGITS, study.CLEAN, clean)[0].alarms == Rate(0, 1)


def test_draws_in_which_the_model_has_no_skill_have_no_row() -> None:
    assert study.rows_of("uniform, 1% wrong", "photos", "uniform", study.Draws(unknown=5)) == []
    assert study.said(study.Draws(unknown=5)) == "5 unknown"
