"""A difference of accuracy at the same shares of classes: by hand, and what it leaves out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valgap.stats.standardized import at_equal_shares

A, B = 0, 1


def difference(first: tuple[list[int], list[int]], second: tuple[list[int], list[int]]) -> float:
    """Of the means, of (scores, labels) each."""
    ours, theirs = at_equal_shares(
        *((np.array([scores], float), np.array([labels])) for scores, labels in (first, second))
    )
    assert (ours.shape, theirs.shape) == ((1, len(first[0])), (1, len(second[0])))
    return float(ours.mean() - theirs.mean())


def test_classes_count_by_their_mean_share_by_hand() -> None:
    """Of A 2/3 against 1, of B 1 against 1/3, each half of the images of both sets together."""
    found = difference(([1, 1, 0, 1], [A, A, A, B]), ([1, 0, 0, 1], [A, B, B, B]))
    assert found == pytest.approx(0.5 * (2 / 3 - 1) + 0.5 * (1 - 1 / 3))


def test_other_shares_alone_make_no_difference() -> None:
    """A is always right and B never: 3 of 4 against 1 of 4."""
    assert difference(([1, 1, 1, 0], [A, A, A, B]), ([1, 0, 0, 0], [A, B, B, B])) == pytest.approx(0)


def test_a_class_of_one_set_alone_does_not_count() -> None:
    assert difference(([1, 0, 0, 0], [A, A, B, B]), ([1, 1], [A, A])) == pytest.approx(0.5 - 1)
    assert difference(([1, 1], [A, A]), ([0, 0], [B, B])) == 0


@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=30),
)
def test_of_the_same_classes_it_is_the_difference_of_the_means(images: list[tuple[int, bool, bool]]) -> None:
    labels, first, second = (list(column) for column in zip(*images, strict=True))
    plain = float(np.mean(first) - np.mean(second))
    assert difference((first, labels), (second, labels)) == pytest.approx(plain, abs=1e-12)
