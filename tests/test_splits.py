import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.data.arrays import BlockSplits
from stages.data.splits import draw_replicate, draw_test
from stages.data.subset import interleave, long_tail_counts, long_tailed, training_subset
from stages.errors import SuiteError
from stages.params.experiment import Split
from stages.params.suite import load
from tests.scratch import ROOT

SPLIT = Split(
    seed=7, block_size=3, blocks=(0, 1), exploratory_blocks=(), train_size=40, max_train_factor=2.0, val_size=50,
    test_size=30,
)  # fmt: skip
TRAIN = load(ROOT / "params.yaml").train
LABELS = np.repeat(np.arange(4), [100, 100, 60, 40])


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 2**32))
def test_every_prefix_is_stratified(sizes: list[int], seed: int) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    order = interleave(labels, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(labels)))
    one_hot = np.eye(len(sizes))[labels[order]]
    share = np.array(sizes) / len(labels)
    off = np.abs(one_hot.cumsum(axis=0) - np.outer(np.arange(1, len(labels) + 1), share))
    assert (off <= (1 + share * len(sizes)) / 2 + 1e-9).all()


def test_training_and_validation_are_disjoint_without_repeats() -> None:
    for replicate in range(4):
        training, validation = draw_replicate(LABELS, SPLIT, replicate)
        assert len(training) == 80
        assert len(validation) == 50
        assert len(np.union1d(training, validation)) == 130


def test_validation_and_training_prefixes_do_not_depend_on_the_training_size() -> None:
    training, validation = draw_replicate(LABELS, SPLIT, 1)
    shorter = dataclasses.replace(SPLIT, train_size=20)
    less_training, same_validation = draw_replicate(LABELS, shorter, 1)
    assert np.array_equal(validation, same_validation)
    assert np.array_equal(less_training, training[:40])  # nested: n of 2n


def test_replicates_do_not_depend_on_how_many_there_are() -> None:
    wider = dataclasses.replace(SPLIT, block_size=5, blocks=(0, 1, 2, 3))
    for replicate in (0, 2):
        for ours, theirs in zip(
            draw_replicate(LABELS, SPLIT, replicate), draw_replicate(LABELS, wider, replicate), strict=True
        ):
            assert np.array_equal(ours, theirs)
    assert list(SPLIT.replicates(1)) == [3, 4, 5]


def test_replicates_and_seeds_differ() -> None:
    draws = [draw_replicate(LABELS, SPLIT, replicate)[0] for replicate in range(3)]
    draws.append(draw_replicate(LABELS, dataclasses.replace(SPLIT, seed=8), 0)[0])
    assert len({draw.tobytes() for draw in draws}) == 4


def test_test_set_is_fixed_and_stratified() -> None:
    chosen = draw_test(LABELS, 30, seed=7)
    assert np.bincount(LABELS[chosen]).tolist() == [10, 10, 6, 4]
    assert np.array_equal(chosen, draw_test(LABELS, 30, seed=7))
    assert not np.array_equal(chosen, draw_test(LABELS, 30, seed=8))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"train_size": 200}, "train_size * max_train_factor + val_size = 450 exceeds the pool's images: 300"),
        ({"val_size": 2}, "split.val_size = 2 leaves classes without an image"),
        ({"train_size": 3}, "split.train_size = 3 leaves classes without an image"),
    ],
)
def test_impossible_splits_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(SuiteError) as caught:
        draw_replicate(LABELS, dataclasses.replace(SPLIT, **change), 0)
    assert says in str(caught.value)


def test_a_class_too_small_for_a_split_is_named() -> None:
    labels = np.append(LABELS, 4)
    with pytest.raises(SuiteError, match=r"class 4 has 1 of 301 images"):
        draw_replicate(labels, SPLIT, 0)
    with pytest.raises(SuiteError, match=r"split\.test_size = 400 exceeds the source's test images: 300"):
        draw_test(LABELS, 400, seed=7)


def test_long_tail_counts_by_hand() -> None:
    assert long_tail_counts(3, 111, 100).tolist() == [100, 10, 1]
    counts = long_tail_counts(10, 1000, 10)
    assert counts.sum() == 1000
    assert (np.diff(counts) < 0).all()
    assert counts[0] / counts[-1] == pytest.approx(10, rel=0.06)
    assert long_tail_counts(4, 5, 1000).tolist() == [2, 1, 1, 1]  # none is empty


@given(st.integers(2, 8), st.floats(1, 50), st.integers(0, 2**32))
def test_long_tailed_subset_has_the_size_and_the_profile(classes: int, ratio: float, seed: int) -> None:
    training = np.random.default_rng(seed).permutation(classes * 60) + 1000
    labels, rng = training % classes, np.random.default_rng(seed)
    chosen = long_tailed(training, labels, 60, ratio, rng)
    assert len(np.unique(chosen)) == 60
    assert np.isin(chosen, training).all()
    assert sorted(np.bincount(chosen % classes), reverse=True) == long_tail_counts(classes, 60, ratio).tolist()


def test_training_subsets_of_variants_are_nested_and_the_rare_classes_are_drawn() -> None:
    splits = BlockSplits(
        [0, 1, 2], 40, np.stack([draw_replicate(LABELS, SPLIT, r)[0] for r in range(3)]), np.zeros((3, 1), np.int64)
    )
    plain = [training_subset(splits, row, TRAIN, LABELS, 7) for row in range(3)]
    half = training_subset(splits, 1, dataclasses.replace(TRAIN, train_size_factor=0.5), LABELS, 7)
    assert np.array_equal(half, plain[1][:20])
    tails = [training_subset(splits, row, dataclasses.replace(TRAIN, long_tail=1.5), LABELS, 7) for row in range(3)]
    assert all(len(tail) == 40 for tail in tails)
    assert len({tuple(np.bincount(LABELS[tail])) for tail in tails}) > 1
    with pytest.raises(SuiteError, match=r"long_tail = 100 needs \d+ images of class \d"):
        training_subset(splits, 0, dataclasses.replace(TRAIN, long_tail=100.0, train_size_factor=2.0), LABELS, 7)
