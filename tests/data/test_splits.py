"""Index lists: disjoint, stratified, nested, by whole groups, and the same whatever else is asked for."""

import dataclasses
import re
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recipes import streams
from tests.scratch import ROOT
from valgap.data import splits as drawing
from valgap.data.sizes import Candidates, Sizes, candidates, resolve
from valgap.data.splits import Draw, draw_test, order
from valgap.ground.errors import SuiteError
from valgap.ground.files import read_npz, write_npz
from valgap.ground.params.split import Split
from valgap.ground.params.suite import load
from valgap.ground.streams import interleave
from valgap.training.subset import (
    BlockSplits,
    learned_from,
    long_tail_counts,
    long_tailed,
    training_subset,
    validation,
)

SPLIT = Split(
    seed=7, block_size=3, blocks=(0, 1), exploratory_blocks=(), scheme="holdout", folds=5, train_size=40,
    max_train_factor=2.0, val_size=50, test_size=30,
)  # fmt: skip
TRAIN = load(ROOT / "params.yaml").train
LABELS = np.repeat(np.arange(4), [100, 100, 60, 40])
GROUPS = np.random.default_rng(0).permutation(np.arange(300) // 3)  # threes, of mixed classes


def images(labels: np.ndarray = LABELS, groups: np.ndarray | None = None, **given_as: np.ndarray) -> Candidates:
    """Candidates of which the source puts the rows named into val or test."""
    given_split = np.full(len(labels), "", dtype="U5")
    for name, rows in given_as.items():
        given_split[rows] = name
    return candidates(labels, groups, given_split)


def draw(found: Candidates, split: Split, replicate: int) -> tuple[Draw, Sizes]:
    fixed = draw_test(found, split)
    sizes = resolve(split, found, fixed)
    return drawing.draw_replicate(found, split, sizes, replicate, fixed), sizes


def sizes_of(split: Split, found: Candidates) -> Sizes:
    return resolve(split, found, draw_test(found, split))


def resplit(found: Draw) -> tuple[np.ndarray, np.ndarray]:
    assert found.resplit_train is not None
    assert found.resplit_val is not None
    return found.resplit_train, found.resplit_val


def lists(found: Draw) -> list[np.ndarray]:
    return [rows for rows in dataclasses.astuple(found) if rows is not None]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 2**32))
def test_every_prefix_is_stratified(sizes: list[int], seed: int) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    order = interleave(labels, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(labels)))
    one_hot = np.eye(len(sizes))[labels[order]]
    share = np.array(sizes) / len(labels)
    off = np.abs(one_hot.cumsum(axis=0) - np.outer(np.arange(1, len(labels) + 1), share))
    assert (off <= (1 + share * len(sizes)) / 2 + 1e-9).all()


def test_the_three_lists_are_disjoint_without_repeats() -> None:
    for replicate in range(4):
        found, _ = draw(images(), SPLIT, replicate)
        assert [len(rows) for rows in lists(found)] == [80, 50, 30]
        assert len(np.unique(np.concatenate(lists(found)))) == 160


def test_validation_and_training_prefixes_do_not_depend_on_the_training_size() -> None:
    found, _ = draw(images(), SPLIT, 1)
    less, _ = draw(images(), dataclasses.replace(SPLIT, train_size=20), 1)
    assert np.array_equal(found.val, less.val)
    assert np.array_equal(less.train, found.train[:40])  # nested: n of 2n


SCHEMES: tuple[Literal["holdout", "kfold"], ...] = ("holdout", "kfold")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_replicates_do_not_depend_on_how_many_there_are(scheme: Literal["holdout", "kfold"]) -> None:
    split = dataclasses.replace(SPLIT, scheme=scheme)
    wider = dataclasses.replace(split, block_size=5, blocks=(0, 1, 2, 3))
    for replicate in (0, 2):
        ours, theirs = (draw(images(), each, replicate)[0] for each in (split, wider))
        assert all(np.array_equal(*pair) for pair in zip(lists(ours), lists(theirs), strict=True))
    assert list(split.replicates(1)) == [3, 4, 5]


def test_replicates_and_seeds_differ() -> None:
    draws = [draw(images(), SPLIT, replicate)[0].train for replicate in range(3)]
    draws.append(draw(images(), dataclasses.replace(SPLIT, seed=8), 0)[0].train)
    assert len({rows.tobytes() for rows in draws}) == 4


def test_test_set_is_fixed_and_stratified() -> None:
    given_test = np.arange(300)
    found = images(np.concatenate([LABELS, LABELS]), test=given_test)
    chosen, rest = draw_test(found, SPLIT)
    assert np.bincount(LABELS[chosen]).tolist() == [10, 10, 6, 4]
    assert np.array_equal(rest, np.arange(300, 600))
    other = dataclasses.replace(SPLIT, seed=8)
    assert not np.array_equal(chosen, draw_test(found, other)[0])
    drawn, left = draw_test(images(), SPLIT)
    assert np.bincount(LABELS[drawn]).tolist() == [10, 10, 6, 4]
    assert np.array_equal(np.sort(np.concatenate([drawn, left])), np.arange(300))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"train_size": 200}, "split.train_size * max_train_factor = 400 exceeds the images that the other splits"),
        ({"val_size": 2}, "split.val_size leaves classes without an image in 2 images"),
        ({"train_size": 3}, "split.train_size leaves classes without an image in 3 images"),
        ({"test_size": 2}, "split.test_size leaves classes without an image in 2 images"),
        ({"test_size": 400}, "split.test_size = 400 exceeds the source's images: 300"),
        ({"val_size": 290}, "split.val_size = 290 exceeds the pool's images: 270"),
        ({"test_size": "all"}, "split.test_size = all takes all images that the source sets apart, and it sets none"),
        ({"val_size": "all"}, "split.val_size = all takes all images that the source sets apart"),
        ({"scheme": "kfold", "folds": 200}, "split.folds leaves classes without an image in 1 images"),
        ({"scheme": "kfold", "folds": 400}, "split.test_size comes to 0 images: 300 are too few for this split"),
    ],
)
def test_impossible_splits_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(SuiteError) as caught:
        draw(images(), dataclasses.replace(SPLIT, **change), 0)
    assert says in str(caught.value)


def test_a_class_too_small_for_a_split_is_named() -> None:
    with pytest.raises(SuiteError, match=r"class 4 has 1 of 301 images"):
        draw(images(np.append(LABELS, 4)), SPLIT, 0)


def test_sizes_by_hand() -> None:
    split = dataclasses.replace(SPLIT, train_size="all", val_size=0.2, test_size=0.1)
    assert sizes_of(split, images()) == Sizes(train=216, max_train=216, val=54, test=30)  # .2 of the 270 left
    # groups of three: a list may be cut inside a group and lose two more images
    assert sizes_of(split, images(groups=GROUPS)) == Sizes(train=212, max_train=212, val=54, test=30)
    given_val = np.arange(0, 300, 5)
    every = dataclasses.replace(split, val_size="all")
    assert sizes_of(every, images(val=given_val)) == Sizes(train=216, max_train=216, val=60, test=24, resplit=216)
    folds = dataclasses.replace(split, scheme="kfold", folds=7)
    assert sizes_of(folds, images()) == Sizes(train=206, max_train=206, val=51, test=42)  # 300 = 7 x 42 + 6


def test_a_large_group_costs_the_re_split_images_and_the_baseline_none() -> None:
    labels = np.arange(140) % 2
    groups = np.concatenate([np.zeros(50, np.int64), np.arange(1, 91)])  # a chain of 50 in train/, the rest single
    split = dataclasses.replace(SPLIT, train_size="all", val_size="all", test_size="all")
    tested = images(labels, groups, val=np.arange(100, 120), test=np.arange(120, 140))
    # of 120 images together 20 validate, and a cut inside the chain loses 49 more
    assert sizes_of(split, tested) == Sizes(train=100, max_train=100, val=20, test=20, resplit=51)
    given_size = dataclasses.replace(split, train_size=60, max_train_factor=1.5)
    sizes = sizes_of(given_size, tested)
    assert sizes == Sizes(train=60, max_train=90, val=20, test=20, resplit=51)
    again = dataclasses.replace(TRAIN, resplit=True)
    half = dataclasses.replace(again, train_size_factor=0.5)
    assert [sizes.trained(settings) for settings in (TRAIN, again, half)] == [60, 51, 30]
    assert len(draw(tested, given_size, 0)[0].train) == 90
    one_chain = images(labels, np.zeros(140, np.int64), val=np.arange(100, 120), test=np.arange(120, 140))
    baseline, sizes = draw(one_chain, split, 0)
    assert sizes.resplit is None  # nothing is left beside a chain of all
    assert (baseline.resplit_train, baseline.resplit_val) == (None, None)
    assert np.array_equal(np.sort(baseline.train), np.arange(100))


def test_a_re_split_takes_nothing_of_the_groups_in_a_drawn_test_set() -> None:
    groups = np.tile(np.arange(60), 10)  # sixty groups of ten, nine images of each in train/ and one in val/
    found = images(np.arange(600) % 2, groups, val=np.arange(540, 600))
    split = dataclasses.replace(SPLIT, train_size="all", val_size="all", test_size=0.2)
    for seed in range(20):
        drawn, sizes = draw(found, dataclasses.replace(split, seed=seed), 0)
        assert sizes.val == len(drawn.val) == 60  # a given list stays as it is
        assert len(drawn.train) == 540 - 9 * len(np.unique(groups[drawn.test]))
        for rows in resplit(drawn):
            assert not np.isin(groups[rows], groups[drawn.test]).any()


def test_a_re_split_may_validate_without_a_rare_class_as_given_images_may() -> None:
    labels = np.array([0, 1] * 50 + [2, 2] + [0, 1] * 5)
    split = dataclasses.replace(SPLIT, train_size="all", val_size="all", test_size="all")
    drawn, _ = draw(images(labels, val=np.arange(102, 107), test=np.arange(107, 112)), split, 0)
    assert 2 not in labels[drawn.val]
    assert 2 not in labels[resplit(drawn)[1]]
    assert 2 in labels[resplit(drawn)[0]]


def test_a_re_split_leaves_no_class_to_validation_alone() -> None:
    """Both images of class 2, and all of class 3, are near duplicates: half the order lies before the one, or after."""
    labels = np.array([0, 1] * 20 + [2, 2] + [3] * 5 + [0, 1] * 40 + [3] * 4 + [0] * 4)
    groups = np.arange(len(labels))
    groups[[40, 41]] = 40
    groups[labels == 3] = 42
    split = dataclasses.replace(SPLIT, train_size="all", val_size="all", test_size="all")
    found = images(labels, groups, val=np.arange(47, 131), test=np.arange(131, 135))
    for replicate in range(20):
        drawn, sizes = draw(found, split, replicate)
        train, val = resplit(drawn)
        assert set(labels[train]) == {0, 1, 2, 3}
        assert len(val) == sizes.val == 84
        assert len(train) == sizes.resplit
        assert not set(groups[train]) & set(groups[val])


@pytest.mark.parametrize("grouped", [False, True])
def test_a_short_training_list_of_a_re_split_has_every_class(grouped: bool) -> None:
    """Of two images the first stands at a quarter of all, and is within 40%; of the one that is left, at one half."""
    labels = np.array([0, 1] * 50 + [2, 2] + [0, 1] * 60)
    groups = np.arange(len(labels)) if grouped else None
    split = dataclasses.replace(SPLIT, train_size=40, max_train_factor=1, val_size=70, test_size="all")
    for replicate in range(20):
        drawn, sizes = draw(images(labels, groups, val=np.arange(102, 202), test=np.arange(202, 222)), split, replicate)
        train, val = resplit(drawn)
        assert set(labels[train[: sizes.train]]) == {0, 1, 2}
        assert (len(train), len(val), len(np.unique(train))) == (40, 70, 40)


@st.composite
def any_split(draw: st.DrawFn) -> tuple[Candidates, Split]:
    """Images of which each class has two to train on, groups that may lie on both sides of a given split, any sizes."""
    classes, more = draw(st.integers(1, 4)), draw(st.integers(0, 120))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = np.concatenate([np.repeat(np.arange(classes), 2), rng.integers(0, classes, more)])
    names = draw(st.sampled_from([("",), ("", "val"), ("", "test"), ("train", "val", "test"), ("", "", "val", "test")]))
    given_split = np.concatenate([np.full(2 * classes, ""), rng.choice(names, more)])
    groups = None
    if draw(st.booleans()):
        groups = np.unique(rng.integers(0, draw(st.integers(1, len(labels))), len(labels)), return_inverse=True)[1]
    places = rng.permutation(len(labels))
    every: st.SearchStrategy[Literal["all"]] = st.just("all")
    size: st.SearchStrategy[int | float | Literal["all"]] = st.one_of(st.integers(1, 60), st.floats(0.02, 0.9), every)
    training: st.SearchStrategy[int | Literal["all"]] = st.one_of(every, st.integers(1, 60))
    split = dataclasses.replace(
        SPLIT, seed=draw(st.integers(0, 2**32)), scheme=draw(st.sampled_from(SCHEMES)), folds=draw(st.integers(2, 6)),
        train_size=draw(training), max_train_factor=draw(st.sampled_from([1.0, 1.7, 3.0])),
        val_size=draw(size), test_size=draw(size),
    )  # fmt: skip
    return candidates(labels[places], groups, given_split[places]), split


def wanted(size: int | float | str, among: int) -> int:
    return among if isinstance(size, str) else max(round(size * among), 1) if isinstance(size, float) else size


@settings(max_examples=600, deadline=None)
@given(any_split())
def test_any_split_is_refused_by_its_key_or_is_what_was_asked_for(case: tuple[Candidates, Split]) -> None:
    found, split = case
    family = np.arange(len(found.labels)) if found.groups is None else found.groups
    slack = int(np.bincount(family).max()) - 1
    whole = {split.train_size, split.val_size, split.test_size} == {"all"} and split.scheme == "holdout"
    try:
        draws = [draw(found, split, replicate) for replicate in (0, 1, 4)]
    except SuiteError as error:
        draws, refusal = [], str(error)
    if not draws:
        assert re.search(r"split\.(scheme|folds|train_size|val_size|test_size) ", refusal)
        assert not (whole and len(found.val) and len(found.test) and found.groups is None)
        return
    sizes = draws[0][1]
    for drawn, same in draws:
        assert same == sizes
        assert (len(drawn.train), len(drawn.val), len(drawn.test)) == (sizes.max_train, sizes.val, sizes.test)
        once = np.concatenate([drawn.train, drawn.val, drawn.test])
        assert len(np.unique(once)) == len(once)
        assert np.array_equal(np.unique(found.labels[drawn.train[: sizes.train]]), np.unique(found.labels[found.train]))
        if not len(found.test):  # who draws keeps groups together; a given split stays as it is
            assert not np.isin(family[drawn.train], family[drawn.test]).any()
        if not len(found.val):
            assert not np.isin(family[drawn.train], family[drawn.val]).any()
            assert len(found.test) or not np.isin(family[drawn.val], family[drawn.test]).any()
            assert drawn.resplit_train is drawn.resplit_val is None
            check_drawn_sizes(found, split, sizes, slack)
            continue
        left = np.setdiff1d(found.train, drawn.test)
        left = left if len(found.test) else left[~np.isin(family[left], family[drawn.test])]
        assert np.isin(drawn.val, found.val).all()
        assert sizes.val == wanted(split.val_size, len(found.val))
        assert sizes.test == wanted(split.test_size, len(found.test) or len(found.train))
        if split.train_size == "all":
            assert np.array_equal(np.sort(drawn.train), left)  # whatever a re-split may lose
        assert np.isin(drawn.train, left).all()
        if drawn.resplit_train is not None:
            check_resplit(found, drawn, sizes, family)


def check_drawn_sizes(found: Candidates, split: Split, sizes: Sizes, slack: int) -> None:
    """A cut may cost a drawn list's neighbour a group less one image, and nothing else is lost."""
    pool = len(found.train)
    if split.scheme == "kfold":
        assert sizes.test == pool // split.folds - slack
        pool -= -(-pool // split.folds) + slack
    else:
        assert sizes.test == wanted(split.test_size, len(found.test) or pool)
        pool -= 0 if len(found.test) else sizes.test + slack
    assert sizes.val == wanted(split.val_size, pool)
    if split.train_size == "all":
        assert sizes.train == sizes.max_train == pool - sizes.val - slack
    else:
        assert (sizes.train, sizes.max_train) == (split.train_size, round(split.train_size * split.max_train_factor))


def check_resplit(found: Candidates, drawn: Draw, sizes: Sizes, family: np.ndarray) -> None:
    train, val = resplit(drawn)
    assert (len(train), len(val)) == (sizes.resplit, sizes.val)
    assert len(train) <= sizes.max_train
    once = np.concatenate([train, val, drawn.test])
    assert len(np.unique(once)) == len(once)
    assert np.isin(np.concatenate([train, val]), np.concatenate([found.train, found.val])).all()
    assert not np.isin(family[train], family[val]).any()
    if not len(found.test):
        assert not np.isin(family[np.concatenate([train, val])], family[drawn.test]).any()


@pytest.mark.parametrize(("scheme", "given_val"), [("holdout", False), ("holdout", True), ("kfold", False)])
@given(seed=st.integers(0, 2**32), largest=st.integers(1, 12))
def test_no_group_is_on_two_sides(
    scheme: Literal["holdout", "kfold"], given_val: bool, seed: int, largest: int
) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(300), rng.integers(1, largest + 1, 300))[:300]
    labels = rng.integers(0, 2, 300)
    rows = {"val": np.flatnonzero(np.isin(groups, np.unique(groups)[::6]))} if given_val else {}
    split = dataclasses.replace(SPLIT, scheme=scheme, train_size="all", val_size=0.3, test_size=0.2, seed=seed)
    for replicate in (0, 3):
        found, _ = draw(images(labels, groups, **rows), split, replicate)
        pairs = [(found.train, found.val)]
        if given_val:
            pairs.append(resplit(found))
        for train, val in pairs:
            sides = [set(groups[each]) for each in (train, val, found.test)]
            assert not sides[0] & sides[1]
            assert not sides[2] & (sides[0] | sides[1])
            assert not set(found.test) & (set(train) | set(val))


def test_groups_stand_together_and_halving_the_data_halves_them() -> None:
    found = images(groups=GROUPS)
    ordered = order(found, np.arange(300), np.random.default_rng(1))
    changes = np.count_nonzero(np.diff(GROUPS[ordered]))
    assert changes == 99  # a hundred groups, each in one piece
    assert len(np.unique(GROUPS[ordered[:150]])) == 50
    assert sorted(ordered) == list(range(300))


def test_group_prefixes_hold_the_classes_in_proportion() -> None:
    labels = np.repeat([0, 1], [240, 60])
    ordered = order(images(labels, np.arange(300) // 4), np.arange(300), np.random.default_rng(2))
    for size in (40, 100, 200):
        assert abs(np.sum(labels[ordered[:size]] == 1) - size / 5) <= 4 + 1e-9


def test_every_fold_is_the_test_set_once() -> None:
    split = dataclasses.replace(SPLIT, scheme="kfold", train_size="all", val_size=0.2)
    tested = [draw(images(), split, replicate)[0].test for replicate in range(10)]
    for first in (0, 5):
        together = np.concatenate(tested[first : first + 5])
        assert np.array_equal(np.sort(together), np.arange(300))
        assert all(np.bincount(LABELS[fold]).tolist() == [20, 20, 12, 8] for fold in tested[first : first + 5])
    assert not np.array_equal(tested[0], tested[5])  # another partition


def test_given_validation_stays_as_it_is_and_the_re_split_draws_both_together() -> None:
    given_val = np.arange(0, 300, 4)
    split = dataclasses.replace(SPLIT, train_size="all", val_size="all", test_size=30)
    draws = [draw(images(val=given_val), split, replicate)[0] for replicate in range(3)]
    for found in draws:
        assert np.array_equal(found.val, given_val)
        assert not np.isin(found.train, given_val).any()
        again_train, again_val = resplit(found)
        assert len(again_val) == len(given_val)
        assert len(again_train) == len(found.train)
        assert np.isin(again_train, given_val).any()
    assert not np.array_equal(resplit(draws[0])[1], resplit(draws[1])[1])
    blocks = BlockSplits(
        [0, 1, 2], streams(7), len(draws[0].train),
        *(np.stack([getattr(d, n) for d in draws]) for n in ("train", "val", "test")),
        *(np.stack([getattr(d, n) for d in draws]) for n in ("resplit_train", "resplit_val")),
    )  # fmt: skip
    pooled = dataclasses.replace(TRAIN, resplit=True)
    assert np.array_equal(validation(blocks, pooled)[1], resplit(draws[1])[1])
    assert np.array_equal(training_subset(blocks, 1, pooled, LABELS), resplit(draws[1])[0])
    alone = dataclasses.replace(blocks, resplit_train=None, resplit_val=None)
    for use in (lambda: validation(alone, pooled), lambda: training_subset(alone, 0, pooled, LABELS)):
        with pytest.raises(SuiteError, match="the source brings no validation images of its own"):
            use()


def test_folds_of_a_source_with_its_own_split_are_refused() -> None:
    for name in ("val", "test"):
        with pytest.raises(SuiteError, match=r"split\.scheme = kfold draws all splits.*use holdout"):
            draw(images(**{name: np.arange(0, 300, 4)}), dataclasses.replace(SPLIT, scheme="kfold"), 0)


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
    none = np.zeros((3, 1), np.int64)
    splits = BlockSplits(
        [0, 1, 2], streams(7), 40, np.stack([draw(images(), SPLIT, r)[0].train for r in range(3)]), none, none
    )
    plain = [training_subset(splits, row, TRAIN, LABELS) for row in range(3)]
    half = training_subset(splits, 1, dataclasses.replace(TRAIN, train_size_factor=0.5), LABELS)
    assert np.array_equal(half, plain[1][:20])
    tails = [training_subset(splits, row, dataclasses.replace(TRAIN, long_tail=1.5), LABELS) for row in range(3)]
    assert all(len(tail) == 40 for tail in tails)
    assert len({tuple(np.bincount(LABELS[tail])) for tail in tails}) > 1
    with pytest.raises(SuiteError, match=r"long_tail = 100 needs \d+ images of class \d"):
        training_subset(splits, 0, dataclasses.replace(TRAIN, long_tail=100.0, train_size_factor=2.0), LABELS)


def suspecting(suspects: np.ndarray) -> BlockSplits:
    """Training lists of three replicates beside the images whose label is doubted."""
    none = np.zeros((3, 1), np.int64)
    lists = np.stack([draw(images(), SPLIT, replicate)[0].train for replicate in range(3)])
    return BlockSplits([0, 1, 2], streams(7), 40, lists, none, none, suspects=suspects)


@given(st.sets(st.integers(0, 299), max_size=150), st.integers(0, 2), st.sampled_from([0.5, 1.0, 2.0]))
def test_suspects_are_left_out_the_others_stay_in_order_and_nobody_takes_a_place(
    doubted: set[int], row: int, factor: float
) -> None:
    splits = suspecting(np.array(sorted(doubted), np.int64))
    settings = dataclasses.replace(TRAIN, suspects="leave_out", train_size_factor=factor)
    training = training_subset(splits, row, settings, LABELS)
    assert np.array_equal(
        training, training_subset(splits, row, dataclasses.replace(settings, suspects="keep"), LABELS)
    )
    left = [image for image in training.tolist() if image not in doubted]
    if set(LABELS[left]) < set(LABELS[training]):
        with pytest.raises(SuiteError, match="suspects = leave_out would leave no image of class"):
            learned_from(splits, training, settings, LABELS)
    else:
        assert training[learned_from(splits, training, settings, LABELS)].tolist() == left
    whole = learned_from(splits, training, dataclasses.replace(settings, suspects="keep"), LABELS)
    assert whole.tolist() == list(range(len(training)))


def test_where_nobody_is_suspected_all_are_learned_from() -> None:
    splits, settings = suspecting(np.empty(0, np.int64)), dataclasses.replace(TRAIN, suspects="leave_out")
    training = training_subset(splits, 0, settings, LABELS)
    assert np.array_equal(learned_from(splits, training, settings, LABELS), np.arange(40))


def test_a_long_tail_without_suspects_keeps_its_profile_less_the_suspects() -> None:
    splits = suspecting(np.arange(0, 300, 5))
    settings = dataclasses.replace(TRAIN, suspects="leave_out", long_tail=1.5)
    training = training_subset(splits, 1, settings, LABELS)
    assert len(training) == 40
    learned = training[learned_from(splits, training, settings, LABELS)]
    assert set(training) - set(learned) == {image for image in training.tolist() if image % 5 == 0}


def test_a_class_of_suspects_alone_is_refused_by_its_number() -> None:
    splits, settings = suspecting(np.flatnonzero(LABELS == 3)), dataclasses.replace(TRAIN, suspects="leave_out")
    training = training_subset(splits, 0, settings, LABELS)
    with pytest.raises(
        SuiteError, match=r"leave no image of class 3: all \d+ of them in the training list are suspected"
    ):
        learned_from(splits, training, settings, LABELS)


def test_an_archive_holds_its_arrays_and_nothing_of_time_or_python(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6).reshape(2, 3), "flag": np.array(True), "empty": np.zeros((0, 2), np.float32)}
    write_npz(tmp_path / "first.npz", arrays)
    write_npz(tmp_path / "second.npz", arrays)
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()
    found = read_npz(tmp_path / "first.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    with zipfile.ZipFile(tmp_path / "first.npz") as archive:
        assert {(info.date_time, info.extract_version) for info in archive.infolist()} == {((1980, 1, 1, 0, 0, 0), 20)}
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_npz(tmp_path / "third.npz", {"object": np.array([{}])})
