"""Segments that the baseline is worse at, as a table."""

import numpy as np
import pandas as pd
import pytest

from valgap.results.segments import COLUMNS, SHOWN, table
from valgap.stats.run import Run

IMAGES, CLASSES, REPLICATES = 600, 3, 3


def planted(wrong_of_dark: float, wrong: float, seed: int = 0, groups: int = IMAGES) -> tuple[Run, np.ndarray]:
    """Predictions of which such a share is wrong, in all replicates alike; a fifth of the images are dark."""
    rng = np.random.default_rng(seed)
    dark = np.arange(IMAGES) < IMAGES // 5
    images = rng.integers(100, 140, (IMAGES, 12, 12, 1))
    images[dark] -= 80
    labels = rng.integers(0, CLASSES, IMAGES)
    misses = rng.random(IMAGES) < np.where(dark, wrong_of_dark, wrong)
    predicted = np.where(misses, (labels + 1) % CLASSES, labels)
    run: Run = {
        "test_index": np.tile(np.arange(IMAGES), (REPLICATES, 1)),
        "test_labels": np.tile(labels, (REPLICATES, 1)),
        "test_groups": np.tile(np.arange(IMAGES) % groups, (REPLICATES, 1)),
        "test_probabilities": np.tile(np.eye(CLASSES, dtype=np.float32)[predicted], (REPLICATES, 1, 1)),
    }
    return run, images.astype(np.uint8)


def test_a_segment_in_which_mistakes_were_planted_is_first_and_has_its_numbers() -> None:
    run, images = planted(0.6, 0.1)
    found = table(run, images, 0)
    assert list(found.columns) == COLUMNS
    first = found.iloc[0]
    assert (first.segment, first.images, first.weak) == ("dark images", IMAGES // 5, 1)
    right = run["test_probabilities"][0].argmax(axis=1) == run["test_labels"][0]
    assert first.right == pytest.approx(right[: IMAGES // 5].mean())
    assert first.elsewhere == pytest.approx(right[IMAGES // 5 :].mean())
    assert first.low < first.right < first.high
    assert len(first.pngs.split()) == SHOWN


def test_mistakes_that_are_spread_evenly_name_no_segment() -> None:
    named = [table(*planted(0.2, 0.2, seed), 0).weak.sum() for seed in range(30)]
    assert sum(map(bool, named)) <= 1, "one in a hundred is to be expected"


def test_an_image_counts_as_most_replicates_have_it() -> None:
    run, images = planted(0.6, 0.1)
    one = {name: values.copy() for name, values in run.items()}
    one["test_probabilities"][0] = 1 - one["test_probabilities"][0]  # a replicate that is nearly always wrong
    pd.testing.assert_frame_equal(table(one, images, 0), table(run, images, 0))


def test_groups_are_segments_where_images_share_them() -> None:
    assert not table(*planted(0.2, 0.2), 0).segment.str.startswith("group").any()
    assert table(*planted(0.2, 0.2, groups=6), 0).segment.str.startswith("group").sum() == 6


def test_the_order_of_the_lists_does_not_matter_and_few_images_give_no_row() -> None:
    run, images = planted(0.6, 0.1)
    turned = {name: values[:, ::-1] for name, values in run.items()}
    pd.testing.assert_frame_equal(table(turned, images, 0), table(run, images, 0))
    few = {name: values[:, :59] for name, values in run.items()}
    assert table(few, images, 0).empty
