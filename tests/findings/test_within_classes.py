"""A permutation test within classes: silent on other class shares and on groups, loud on other images."""

import numpy as np
import pytest

from valgap.findings.within_classes import within_classes

RNG = np.random.default_rng


def drawn(count: int, shares: tuple[float, ...], shift: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (count, 3) of classes that lie 2 apart, all moved by `shift`, and their labels."""
    rng = RNG(seed)
    labels = rng.choice(len(shares), count, p=shares)
    return rng.normal(size=(count, 3)) + 2 * labels[:, None] + shift, labels


def p_of(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray], groups: np.ndarray | None = None
) -> float | None:
    columns, labels = (np.concatenate(parts) for parts in zip(first, second, strict=True))
    return within_classes(columns, np.arange(len(labels)) >= len(first[1]), labels, groups, 0).p


EVEN, SKEWED = (0.5, 0.5), (0.85, 0.15)


def test_a_shift_within_classes_is_found_and_another_mix_is_none() -> None:
    clean = drawn(200, EVEN, 0, 1)
    shifted = p_of(clean, drawn(200, SKEWED, 0.6, 2))
    mixed = p_of(clean, drawn(200, SKEWED, 0, 3))
    assert shifted == pytest.approx(1 / 200)
    assert mixed is not None
    assert mixed > 0.05


def test_p_is_uniform_enough_without_a_shift() -> None:
    found = [p_of(drawn(40, EVEN, 0, 2 * seed), drawn(40, SKEWED, 0, 2 * seed + 1)) for seed in range(60)]
    assert np.mean([p is not None and p <= 0.05 for p in found]) <= 0.10
    assert np.mean([p is not None and p <= 0.5 for p in found]) > 0.3


def test_whole_groups_change_sides() -> None:
    """Ten images of a group are nearly one: counted one by one, groups at random look like a shift."""
    alone = together = 0
    for seed in range(5):
        rng = RNG(seed)
        groups = np.repeat(np.arange(60), 10)
        columns = rng.normal(size=(60, 3))[groups] + 0.05 * rng.normal(size=(600, 3))
        second, labels = groups >= 30, np.zeros(600, np.int64)
        alone += (within_classes(columns, second, labels, None, 0).p or 1) <= 0.01
        together += (within_classes(columns, second, labels, groups, 0).p or 1) <= 0.01
    assert together == 0
    assert alone >= 4


def test_groups_on_both_sides_are_left_out() -> None:
    columns, labels = drawn(300, EVEN, 0, 1)
    groups, second = np.arange(300), np.arange(300) >= 150
    groups[150:200] = groups[:50]
    assert within_classes(columns, second, labels, groups, 0).images == (100, 100)


@pytest.mark.parametrize("count", [5, 19])
def test_too_few_images_are_unknown(count: int) -> None:
    assert p_of(drawn(count, EVEN, 0, 1), drawn(300, EVEN, 9, 2)) is None


def test_sides_without_a_common_class_are_unknown() -> None:
    assert p_of(drawn(100, (1, 0), 0, 1), drawn(100, (0, 1), 0, 2)) is None


def test_columns_that_never_change_do_not_count() -> None:
    columns, labels = drawn(200, EVEN, 0, 1)
    second = np.arange(200) >= 100
    constant = np.ones((200, 2))
    assert within_classes(np.hstack([columns, constant]), second, labels, None, 0) == within_classes(
        columns, second, labels, None, 0
    )
    assert within_classes(constant, second, labels, None, 0).p == 1


def test_the_same_images_give_the_same_words() -> None:
    first, second = drawn(100, EVEN, 0, 1), drawn(100, EVEN, 0.2, 2)
    assert p_of(first, second) == p_of(first, second)


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    columns, second = np.r_[np.zeros(20), np.ones(40), np.zeros(0)][:, None], np.arange(60) >= 30
    found = within_classes(columns, second, np.zeros(60, np.int64), None, 0)
    assert found.distance == pytest.approx(20 / 30)  # 20 of 30 on one side are 0, none on the other
