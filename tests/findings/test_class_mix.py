"""Class shares of splits, and what another mix is worth, on numbers worked out by hand."""

import numpy as np
import pytest

from valgap.findings.class_mix import class_mix


def split(counts: list[int], right: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Labels with so many images of each class, and which are recognised."""
    labels = np.repeat(np.arange(len(counts)), counts)
    hits = [np.arange(count) < hit for count, hit in zip(counts, right, strict=True)]
    return labels, np.concatenate(hits)


def test_accuracy_is_told_for_the_mix_of_training() -> None:
    held, right = split([100, 300], [90, 180])  # recalls 0.9 and 0.6
    learned, _ = split([300, 100], [0, 0])
    found = class_mix("val", learned, held, right, None, 0)
    assert found.accuracy == pytest.approx(0.675)
    assert found.expected == pytest.approx(0.75 * 0.9 + 0.25 * 0.6)
    assert found.effect == pytest.approx(-0.15)
    assert found.low < -0.15 < found.high < 0
    assert found.p is not None
    assert found.p < 1e-6
    assert (found.share, found.learned) == (0.25, 0.75)


def test_the_same_mix_is_worth_nothing() -> None:
    held, right = split([50, 50], [40, 20])
    found = class_mix("test", split([200, 200], [0, 0])[0], held, right, None, 0)
    assert found.p == pytest.approx(1)
    assert found.effect == pytest.approx(0)


def test_a_class_that_the_split_lacks_is_left_out_of_what_is_expected() -> None:
    held, right = split([50, 50], [50, 25])
    found = class_mix("val", split([100, 100, 100], [0, 0, 0])[0], held, right, None, 0)
    assert found.expected == pytest.approx(0.75)
    assert found.largest == 2


def test_few_images_are_unknown() -> None:
    held, right = split([5, 5], [5, 5])
    assert class_mix("val", split([100, 10], [0, 0])[0], held, right, None, 0).p is None


def test_groups_are_shuffled_whole() -> None:
    """Seven of ten groups are of one class here, three there: chance, though 210 of 300 images against 90 are not."""
    groups, classes = np.repeat(np.arange(20), 30), np.repeat([0, 1, 0, 1], [7, 3, 3, 7])
    labels, held = classes[groups], groups >= 10
    right = np.ones(held.sum(), bool)
    apart = class_mix("val", labels[~held], labels[held], right, None, 0)
    whole = class_mix("val", labels[~held], labels[held], right, (groups[~held], groups[held]), 0)
    assert apart.p is not None
    assert whole.p is not None
    assert apart.p < 0.01 < 0.05 < whole.p
