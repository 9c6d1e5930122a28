"""Labels that the baseline's networks doubt: which images they speak of, and what the tables hold."""

import base64

import numpy as np
import pytest

from valgap.results import suspects
from valgap.stats.run import Run

CLASSES = 3
NAMES = ("cat", "dog", "owl")


def run_of(val: np.ndarray, test: np.ndarray, labels: np.ndarray, said: np.ndarray) -> Run:
    """A run whose networks say (n, classes) `said` of every image."""
    found: Run = {}
    for name, index in (("val", val), ("test", test)):
        found |= {f"{name}_index": index, f"{name}_labels": labels[index], f"{name}_probabilities": said[index]}
    return found


def confident(labels: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    guess = np.where(wrong, (labels + 1) % CLASSES, labels)
    return (0.94 * np.eye(CLASSES)[guess] + 0.02).astype(np.float32)


def test_an_image_is_of_the_pool_where_only_some_replicates_leave_it_out() -> None:
    labels = np.arange(9) % CLASSES
    said = np.eye(CLASSES)[labels]
    val, test = np.array([[0, 1, 2], [1, 2, 3]]), np.array([[7, 8], [7, 8]])
    pool, held = suspects.outside(run_of(val, test, labels, said))
    assert (pool.part, pool.images.tolist(), pool.networks.tolist()) == ("pool", [0, 1, 2, 3], [1, 2, 2, 1])
    assert (held.part, held.images.tolist(), held.networks.tolist()) == ("test", [7, 8], [2, 2])
    fixed = suspects.outside(run_of(val[[0, 0]], test, labels, said))
    assert [each.part for each in fixed] == ["val", "test"]
    folds = suspects.outside(run_of(val, np.array([[5, 6], [7, 8]]), labels, said))
    assert [each.part for each in folds] == ["pool"]
    assert folds[0].images.tolist() == [0, 1, 2, 3, 5, 6, 7, 8]


def test_probabilities_are_the_mean_of_those_networks_that_had_an_image_out() -> None:
    labels, index = np.zeros(2, np.int64), np.array([[0], [0]])
    run = run_of(index, np.array([[1], [1]]), labels, np.eye(CLASSES)[labels])
    run["val_probabilities"] = np.array([[[0.8, 0.2, 0.0]], [[0.4, 0.4, 0.2]]], np.float32)
    np.testing.assert_allclose(suspects.outside(run)[0].probabilities, [[0.6, 0.3, 0.1]], atol=1e-6)


def test_wrong_labels_are_counted_by_part_and_listed_first() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(1000) % CLASSES
    wrong = np.zeros(1000, np.bool_)
    wrong[rng.permutation(600)[:90]] = True  # in the pool alone
    images = rng.integers(0, 256, (1000, 6, 6, 1), dtype=np.uint8)
    val = np.stack([rng.permutation(600)[:500] for _ in range(3)])
    test = np.tile(np.arange(600, 1000), (3, 1))
    run = run_of(val, test, labels, confident(labels, wrong))
    shares, listed = suspects.tables(run, images, NAMES)
    pool, held = shares.itertuples()
    share = wrong[np.unique(val)].mean()
    assert (pool.part, pool.images, held.part, held.images) == ("pool", len(np.unique(val)), "test", 400)
    assert pool.low <= share <= pool.high
    assert pool.low > 0.05
    assert (held.wrong, held.low) == (0, 0)
    assert held.high < 0.02
    assert wrong[listed.image].all()
    assert len(listed) == wrong[np.unique(val)].sum()
    assert (listed.label != listed.predicted).all()
    assert (listed[["wrong", "low", "high"]].diff().dropna() >= 0).all(axis=None)
    assert listed.low[9] <= 10 <= listed.high[9] + 1e-9
    assert base64.b64decode(listed.png[0]).startswith(b"\x89PNG")
    assert (listed.png != "").sum() == suspects.SHOWN


@pytest.mark.parametrize("count", [50, 300])
def test_few_images_or_none_doubted_give_whole_tables(count: int) -> None:
    labels = np.arange(2 * count) % CLASSES
    index = np.arange(count)
    run = run_of(np.stack([index, index]), np.stack([index, index]) + count, labels, confident(labels, labels < 0))
    shares, listed = suspects.tables(run, np.zeros((2 * count, 4, 4, 1), np.uint8), NAMES)
    assert shares.wrong.isna().all() == (count < 200)
    assert len(listed) == 0
    assert list(listed.columns)[:4] == ["image", "part", "label", "predicted"]
