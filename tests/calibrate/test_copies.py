"""The study of copies: what it plants, and what it counts as right."""

import numpy as np
import pytest

from valgap.calibrate.findings import copies
from valgap.calibrate.findings.changes import CHANGES, OF_COLOUR
from valgap.calibrate.findings.sets import ImageSet


def some(count: int = 60, channels: int = 3) -> ImageSet:
    rng = np.random.default_rng(0)
    images = np.kron(rng.integers(30, 220, (count, 6, 6, channels)), np.ones((1, 4, 4, 1))).astype(np.uint8)
    return ImageSet("squares", images, np.arange(count) % 2, ("a", "b"))


@pytest.mark.parametrize("name", [*CHANGES, *OF_COLOUR])
def test_every_change_keeps_the_shape_changes_the_image_and_is_drawn_by_the_seed(name: str) -> None:
    change, image = {**CHANGES, **OF_COLOUR}[name], some().images[0]
    first, again, other = (change(image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == image.shape
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert (first != image).any()
    assert np.corrcoef(np.sort(other.ravel()), np.sort(image.ravel()))[0, 1] > 0.8  # no two are other pictures


def test_recolouring_is_for_colour_alone() -> None:
    assert set(copies.changes_for(some(channels=1).images)) == set(CHANGES)
    assert set(copies.changes_for(some().images)) == {*CHANGES, *OF_COLOUR}


def test_copies_are_planted_in_held_out_images_of_what_is_learned() -> None:
    planted = copies.plant(some(), CHANGES, 3, seed=4)
    copied = planted.original >= 0
    assert copied.sum() == 3 * len(CHANGES)
    assert (planted.split[planted.original[copied]] == "train").all()
    assert set(planted.split[copied]) == {"val"}
    assert (planted.labels[copied] == planted.labels[planted.original[copied]]).all()
    assert (planted.split == "train").sum() == 36
    assert (planted.images == copies.plant(some(), CHANGES, 3, seed=4).images).all()
    assert (planted.images[:45] != copies.plant(some(), CHANGES, 3, seed=5).images[:45]).any()


def test_a_row_counts_copies_that_are_found_and_flags_that_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = copies.plant(some(channels=1), CHANGES, copies.OF_EACH, seed=0)
    first, second = np.flatnonzero(planted.original >= 0)[:2].tolist()
    clean = int(np.flatnonzero((planted.split == "val") & (planted.original < 0))[0])
    pairs = {
        copies.NEAR: np.array([[first, planted.original[first]]]),
        copies.CHANGED: np.array([[second, planted.original[second] + 1], [clean, 0]]),
    }
    monkeypatch.setattr(copies, "found_in", lambda *_: pairs)
    rows = copies.with_copies(some(channels=1), 0)
    name = next(iter(CHANGES))
    found = next(row.planted for row in rows if row.what == name)
    assert found is not None
    assert (found.count, found.n) == (1, 20)
    right = {row.code: (row.right.count, row.right.n) for row in rows if row.right is not None}
    assert right == {copies.NEAR: (1, 1), copies.CHANGED: (0, 2)}
