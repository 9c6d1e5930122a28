"""What the baseline sees of a shift between splits, as a table."""

import numpy as np
import pandas as pd
import pytest

from valgap.results.shift import COLUMNS, table
from valgap.stats.run import Run

NAMES = ("cat", "dog")
SIZES = {"train": 600, "val": 300, "test": 300}


def planted(surer: float = 0.0, dogs: float = 0.5, seed: int = 0, alike: int = 1) -> Run:
    """Two replicates: cats are right in nine of ten cases, dogs in six; on test images the network is surer by so much.

    Of test images a share of `dogs` are dogs; `alike` images are of one group.
    """
    rng = np.random.default_rng(seed)
    run: Run = {}
    first = 0
    for name, count in SIZES.items():
        share = dogs if name == "test" else 0.5
        labels = (np.arange(count) < share * count).astype(np.int64)
        right = rng.random(count) < np.where(labels == 1, 0.6, 0.9)
        sure = np.clip(rng.uniform(0.55, 0.8, count) + (surer if name == "test" else 0.0), 0.5, 1.0)
        of_dog = np.where(right == (labels == 1), sure, 1 - sure)
        probabilities = np.stack([1 - of_dog, of_dog], axis=1).astype(np.float32)
        run[f"{name}_labels"] = np.tile(labels, (2, 1))
        run[f"{name}_groups"] = np.tile((first + np.arange(count)) // alike, (2, 1))
        run[f"{name}_probabilities"] = np.stack([probabilities, probabilities[::-1]])
        first += count
    return run


def rows(run: Run) -> dict[tuple[str, str], pd.Series]:
    found = table(run, NAMES, 0)
    assert list(found.columns) == COLUMNS
    return {(row.what, row.split): row for _, row in found.iterrows()}


def test_without_a_shift_nothing_differs() -> None:
    differ = [table(planted(seed=seed), NAMES, 0).differ.sum() for seed in range(10)]
    assert sum(differ) <= 1
    found = rows(planted())
    assert set(found) == {("answers", "val"), ("classes", "val"), ("classes", "test")}
    assert found["classes", "test"].p == pytest.approx(1.0)
    assert found["classes", "test"].effect == pytest.approx(0.0)


def test_a_network_that_is_surer_of_test_images_sees_a_shift() -> None:
    answers = rows(planted(surer=0.15))["answers", "val"]
    assert answers.differ == 1
    assert answers.p <= 0.01
    assert (answers.images, answers.others) == (300, 300)
    assert answers.low < 0 < answers.high, "it is as often right"


def test_class_shares_are_priced_by_recall() -> None:
    """80% dogs instead of 50%, of which 6 of 10 are right, and 9 of 10 cats: 0.3 x (0.6 - 0.9) = -9 pp, about."""
    run = planted(dogs=0.8)
    mix = rows(run)["classes", "test"]
    assert (mix["name"], mix.share, mix.learned, mix.differ) == ("dog", pytest.approx(0.8), pytest.approx(0.5), 1)
    right = run["test_probabilities"][0].argmax(axis=1) == run["test_labels"][0]
    of_dogs, of_cats = right[:240].mean(), right[240:].mean()
    assert mix.effect == pytest.approx(0.3 * (of_dogs - of_cats))
    assert mix.low < mix.effect < mix.high < 0
    assert rows(run)["classes", "val"].differ == 0


def test_groups_on_both_sides_are_not_compared_and_groups_are_shuffled_whole() -> None:
    run = planted()
    leaked = run | {"test_groups": run["val_groups"]}
    assert ("answers", "val") not in rows(leaked)
    assert rows(planted(dogs=0.6, alike=30))["classes", "test"].p > rows(planted(dogs=0.6))["classes", "test"].p


def test_too_few_images_leave_p_unknown() -> None:
    few = {name: values[:, :12] for name, values in planted(dogs=0.8).items()}
    found = table(few, NAMES, 0)
    assert found.p.isna().all()
    assert not found.differ.any()
