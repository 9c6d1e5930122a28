"""Image sizes, splits and batches that suit so many images: by hand, and drawn."""

import numpy as np
import pytest

from valgap.data.sizes import Candidates, candidates
from valgap.ground.errors import SuiteError
from valgap.init.sizing import FEWEST_STEPS, batch_size, image_sizes, imbalance, split_for, steps_of


@pytest.mark.parametrize(
    ("files", "largest", "sizes"),
    [
        ({(28, 28): 500}, 128, (None,)),
        ({(64, 64): 500}, 128, (None, (48, 48), (32, 32))),
        ({(150, 150): 9}, 128, ((128, 128), (96, 96), (64, 64), (48, 48), (32, 32))),
        ({(640, 480): 9}, 128, ((128, 171), (96, 128), (64, 85), (48, 64), (32, 43))),
        ({(168, 224): 90, (224, 168): 9}, 224, tuple((side, side) for side in (160, 128, 96, 64, 48, 32))),
        ({(20, 20): 9, (24, 24): 8}, 128, ((20, 20),)),
    ],
)
def test_images_of_one_size_keep_their_shape_and_others_become_squares(
    files: dict[tuple[int, int], int], largest: int, sizes: tuple[object, ...]
) -> None:
    assert image_sizes(files, largest) == sizes


def test_batches_and_steps_of_few_and_many_images() -> None:
    assert [batch_size(images) for images in (20, 64, 65, 256, 257, 10**6)] == [8, 8, 16, 16, 32, 32]
    assert steps_of(30, 3068, 32) == 2876
    assert steps_of(30, 60, 8) == FEWEST_STEPS


def found(counts: dict[str, dict[int, int]], each: int = 0) -> Candidates:
    """Images of each class by split; groups of `each` images where it is not 0."""
    rows = [
        (split, label) for split, classes in counts.items() for label, count in classes.items() for _ in range(count)
    ]
    labels = np.array([label for _, label in rows])
    groups = np.arange(len(rows)) // each if each else None
    return candidates(labels, groups, np.array([split for split, _ in rows]))


@pytest.mark.parametrize(
    ("counts", "keys"),
    [
        (
            {"train": {0: 90, 1: 90}, "val": {0: 30, 1: 30}, "test": {0: 9, 1: 9}},
            {"val_size": "all", "test_size": "all"},
        ),
        ({"train": {0: 90, 1: 90}, "val": {0: 30, 1: 30}}, {"val_size": "all"}),
        ({"train": {0: 90, 1: 90}, "test": {0: 30, 1: 30}}, {"test_size": "all"}),
        ({"": {0: 600, 1: 600}}, {}),
        ({"": {0: 30, 1: 30}}, {"scheme": "kfold"}),
        ({"": {0: 300, 1: 9}}, {"scheme": "kfold"}),
        ({"": {0: 300, 1: 4}}, {}),
    ],
)
def test_a_given_split_stays_and_the_rest_is_drawn(counts: dict[str, dict[int, int]], keys: dict[str, object]) -> None:
    drawn = split_for(found(counts), 6)
    assert drawn.keys == keys
    assert drawn.sizes.train > 0


def test_groups_are_kept_together_in_folds_too() -> None:
    drawn = split_for(found({"": {0: 120, 1: 120}}, each=4), 10)
    assert drawn.kfold
    assert drawn.sizes.train < 240 * 0.8 * 0.8


def test_a_class_of_too_few_images_for_any_split_is_refused_by_name() -> None:
    with pytest.raises(SuiteError, match="class 1 has 2"):
        split_for(found({"": {0: 2000, 1: 2}}), 6)


def test_imbalance_is_of_the_largest_over_the_smallest_class() -> None:
    assert imbalance([0] * 8 + [1] * 2 + [2] * 4) == 4
