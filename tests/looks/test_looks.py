"""Where a network of the baseline looks, as a table."""

import numpy as np
import pytest

from valgap import looks
from valgap.diagnostics.occlusion import grid

NAMES = ("boot", "coat", "shirt")


def found(before: list[float], covered: dict[int, list[float]], places: int) -> np.ndarray:
    """(1, 1 + places, classes) probabilities of one image: `before`, and where the places listed are covered."""
    every = np.tile(np.array(before, np.float32), (1, 1 + places, 1))
    for place, values in covered.items():
        every[0, 1 + place] = values
    return every


def test_a_row_has_the_class_that_is_named_and_what_the_place_that_counts_most_takes() -> None:
    images = np.random.default_rng(0).integers(0, 255, (5, 12, 12, 1)).astype(np.uint8)
    places = len(grid(12, 12))
    given = found([0.1, 0.8, 0.1], {0: [0.4, 0.5, 0.1], places - 1: [0.7, 0.2, 0.1]}, places)
    row = looks.table(images, np.array([3]), np.array([0]), given, NAMES).iloc[0]
    assert (row.image, row.actual, row.predicted, row.place) == (3, "boot", "coat", "lower right")
    assert (row.probability, row.left) == (pytest.approx(0.8), pytest.approx(0.2))
    assert row.png
    assert row.drawn
    assert row.png != row.drawn


def test_where_no_place_counts_there_is_no_map() -> None:
    images = np.zeros((1, 12, 12, 3), np.uint8)
    given = found([0.1, 0.8, 0.1], {}, len(grid(12, 12)))
    row = looks.table(images, np.array([0]), np.array([1]), given, NAMES).iloc[0]
    assert (row.place, row.drawn) == ("", "")
    assert row.png


def test_no_mistake_gives_an_empty_table() -> None:
    none, nothing = np.array([], np.int64), np.zeros((0, 1, 3), np.float32)
    empty = looks.table(np.zeros((1, 8, 8, 1), np.uint8), none, none, nothing, NAMES)
    assert list(empty.columns) == looks.COLUMNS
    assert empty.empty
