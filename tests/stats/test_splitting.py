"""The two parts of the gap, and a given validation set: harder, easier, or of copies."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from tests.stats.synthetic import SHIPPED, draw, entry, judged, manifest, run, suite
from valgap.ground.params.suite import Suite
from valgap.stats.run import Run
from valgap.stats.splitting import gap_of
from valgap.stats.trends import paired_difference
from valgap.stats.verdict import Verdict

GROUPED = manifest(given_validation=True, groups=30)
UNKNOWN = manifest(given_validation=True)
EASY_AND_HARD, SPLITS = (0.95, 0.65), ("train", "val", "test")
TOLD_APART, COPIED = {"VG106"}, {"VG103"}


def params() -> Suite:
    found = suite(("baseline", "resplit"))
    return dataclasses.replace(
        found,
        diffs=SHIPPED.diffs | {"resplit": {"resplit": True}},
        variants=SHIPPED.variants | {"resplit": dataclasses.replace(SHIPPED.train, resplit=True)},
    )


def given(shift: float, rng: np.random.Generator, test: float = 0.8, sd: float = 0.03) -> dict[str, Run]:
    """A baseline on given validation images that score `shift` off 80%, but for the luck of a split, and re-splits."""
    luck, images = rng.normal(0, sd), 1000
    tested = draw(rng, test, np.zeros(images))
    found = {}
    for name, level in (("baseline", np.full(12, 0.8 + shift + luck)), ("resplit", 0.8 + rng.normal(0, sd, 12))):
        right = np.arange(images) < np.round(images * level)[:, np.newaxis]
        found[name] = run({"val": right, "test": tested})
    return found


def word(loaded: dict[str, Run], **changes: Any) -> str:
    verdict: str = entry(judged(params(), loaded, **changes), "split").verdict
    return verdict


def test_the_parts_of_the_gap_add_up_by_hand() -> None:
    right = {
        split: np.tile(np.arange(100) < count, (12, 1)) for split, count in (("train", 90), ("test", 70), ("val", 60))
    }
    found = gap_of(run(right))
    assert (found.train_val.mean, found.train_test.mean, found.test_val.mean) == pytest.approx((0.3, 0.2, 0.1))


def test_the_luck_of_shared_images_widens_the_parts_and_that_of_redrawn_ones_does_not() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(200) < 0.5
    right = {"val": np.tile(hard, (12, 1)), "test": np.tile(hard[::-1], (12, 1))}
    shared = run(right)
    redrawn = run(right)
    redrawn["val_index"] = np.arange(12 * 200).reshape(12, 200)
    widths = [found.high - found.low for found in (gap_of(shared).test_val, gap_of(redrawn).test_val)]
    assert widths[0] > 1.2 * widths[1] > 0


def test_a_small_set_in_which_all_are_right_has_its_luck_too() -> None:
    """30 of 30 right beside 97% of 600: chance, though no image of the 30 says so by itself."""
    right = {"val": np.ones((12, 30), bool), "test": np.tile(np.arange(600) >= 18, (12, 1))}
    found = gap_of(run(right)).test_val
    assert found.mean == pytest.approx(-0.03)
    assert found.high > 0


def test_a_given_split_is_one_draw_among_re_splits() -> None:
    rng, alarms, suites = np.random.default_rng(11), 0, 200
    for _ in range(suites):
        alarms += word(given(0.0, rng, test=0.8), manifest=GROUPED) in ("contributes", "probably contributes")
    assert 0 < alarms <= suites * 0.09


def test_harder_validation_contributes_where_groups_are_known() -> None:
    harder = given(-0.2, np.random.default_rng(12), test=0.6)
    assert word(harder, manifest=GROUPED) == "contributes"
    assert word(harder, manifest=UNKNOWN) == "unresolved", "re-splits may put one group on both sides"


def test_without_groups_harder_validation_is_probable_where_the_audit_or_test_images_say_so() -> None:
    harder = given(-0.2, np.random.default_rng(12), test=0.6)
    assert word(harder, manifest=UNKNOWN, problems=TOLD_APART) == "probably contributes"
    beside_test = given(-0.2, np.random.default_rng(12), test=0.8)
    assert word(beside_test, manifest=UNKNOWN) == "probably contributes"


def test_validation_easier_than_test_leaks_where_copies_are_on_both_sides() -> None:
    easier = given(0.0, np.random.default_rng(13), test=0.6)
    assert word(easier, manifest=GROUPED, problems=COPIED) == "leaks"
    assert word(easier, manifest=UNKNOWN, problems=COPIED) == "probably leaks"
    assert word(easier, manifest=UNKNOWN) == "unresolved", "test images may as well be others"


def test_validation_easier_than_re_splits_alone_is_no_leak() -> None:
    """Re-splits carry wrong training labels into validation: nothing leaked where test images agree."""
    easier = given(0.12, np.random.default_rng(14), test=0.92, sd=0.005)
    found = entry(judged(params(), easier, manifest=UNKNOWN), "split")
    assert found.mean > found.high
    assert found.verdict == "not shown"


def test_a_split_is_judged_by_test_images_alone_where_nothing_is_re_split() -> None:
    harder = {"baseline": given(-0.2, np.random.default_rng(15))["baseline"]}
    alone = suite(("baseline",))
    verdict: Verdict = judged(alone, harder, manifest=UNKNOWN, problems=TOLD_APART)
    found = entry(verdict, "split")
    assert (found.verdict, found.variant) == ("probably contributes", None)
    assert math.isnan(found.mean)
    assert [each.cause for each in verdict.answer] == ["split"]


def test_a_split_that_the_suite_made_is_not_judged() -> None:
    assert word(given(-0.2, np.random.default_rng(16)), manifest=manifest()) == "not applicable"


def test_the_answer_sizes_a_harder_split_by_what_showed_it() -> None:
    both_shifted = given(-0.2, np.random.default_rng(12), test=0.6)
    verdict = judged(params(), both_shifted, manifest=GROUPED)
    first = verdict.answer[0]
    assert (first.cause, first.kind) == ("split", "gap")
    assert first.mean == pytest.approx(0.2, abs=0.05)
    assert verdict.gap.test_val.mean == pytest.approx(0.0, abs=0.05)


def test_pairing_by_replicate_cancels_what_both_sides_share() -> None:
    seeds = np.random.default_rng(17).normal(0, 0.05, 12)
    splits = np.random.default_rng(18).normal(0, 0.01, 12)
    paired = paired_difference((0.7 + seeds) - (0.75 + seeds + splits))
    assert paired.outside is True
    assert paired.high < 0.03


def test_two_re_splits_are_the_least() -> None:
    assert paired_difference(np.array([0.1])).outside is None
    assert paired_difference(np.array([0.1, 0.1])).outside is True
    with pytest.raises(ValueError, match="finite"):
        paired_difference(np.array([math.nan]))


def test_a_split_that_is_surely_harder_by_less_than_the_margin_is_not_named() -> None:
    """By 0.8 pp against re-splits that hardly differ, and by 2 pp: a margin of 1 pp lies between."""
    for shift, found in ((-0.008, "not shown"), (-0.02, "contributes")):
        loaded = given(shift, np.random.default_rng(11), sd=0.0)
        assert word(loaded, manifest=GROUPED) == found


def mixed(rng: np.random.Generator, recall: dict[str, tuple[float, float]], first: dict[str, float]) -> Run:
    """A run whose two classes are recognised so often by split, and of which so many images are of the first."""
    found: Run = {}
    for split in SPLITS:
        labels = (np.arange(1000) >= 1000 * first[split]).astype(np.int64)
        level = np.array(recall[split])[labels] + rng.normal(0, 0.1, 1000)
        made = run(dict.fromkeys(SPLITS, rng.random((12, 1000)) < level), labels)
        found |= {name: array for name, array in made.items() if not name.startswith(tuple({*SPLITS} - {split}))}
    return found


def test_other_shares_of_classes_are_no_other_images() -> None:
    shares = {"train": 0.5, "val": 0.3, "test": 0.5}
    baseline = mixed(np.random.default_rng(19), dict.fromkeys(SPLITS, EASY_AND_HARD), shares)
    verdict = judged(suite(("baseline",)), {"baseline": baseline}, manifest=UNKNOWN, problems=TOLD_APART)
    found = entry(verdict, "split")
    assert found.verdict == "class mix"
    assert found.cost.mean == pytest.approx(0.2 * 0.3, abs=0.02)
    assert found.mix.mean == pytest.approx(0.2 * 0.3, abs=0.02)
    assert found.alike.low < 0 < found.alike.high
    assert [(each.cause, each.mean) for each in verdict.answer] == [("split", found.mix.mean)]


def test_harder_images_are_told_beside_other_shares_of_classes() -> None:
    recall = dict.fromkeys(SPLITS, EASY_AND_HARD) | {"val": (0.85, 0.55)}
    shares = {"train": 0.5, "val": 0.7, "test": 0.5}  # more of the easy class hide half of it
    baseline = mixed(np.random.default_rng(20), recall, shares)
    verdict = judged(suite(("baseline",)), {"baseline": baseline}, manifest=UNKNOWN, problems=TOLD_APART)
    found = entry(verdict, "split")
    assert found.verdict == "probably contributes"
    assert found.alike.mean == pytest.approx(0.1, abs=0.025)
    assert found.mix.mean == pytest.approx(-0.2 * 0.3, abs=0.02)
    assert verdict.answer[0].mean == found.alike.mean


def test_shares_of_classes_that_differ_by_chance_are_not_named() -> None:
    rng, named, suites = np.random.default_rng(21), 0, 100
    for _ in range(suites):
        shares = dict(zip(SPLITS, rng.binomial(1000, 0.5, 3) / 1000, strict=True))
        baseline = mixed(rng, dict.fromkeys(SPLITS, EASY_AND_HARD), shares)
        verdict = judged(suite(("baseline",)), {"baseline": baseline}, manifest=UNKNOWN, problems=TOLD_APART)
        named += bool(verdict.answer)
    assert named <= 3


def test_re_splits_of_other_shares_of_classes_are_no_other_images() -> None:
    rng, shares = np.random.default_rng(22), {"train": 0.5, "val": 0.2, "test": 0.2}
    recall = dict.fromkeys(SPLITS, EASY_AND_HARD)
    loaded = {"baseline": mixed(rng, recall, shares), "resplit": mixed(rng, recall, dict.fromkeys(SPLITS, 0.5))}
    found = entry(judged(params(), loaded, manifest=GROUPED), "split")
    assert found.verdict == "not shown"
    assert abs(found.mean) < 0.02


@pytest.mark.parametrize("fallen", [range(12), range(4)], ids=["all", "some"])
def test_replicates_that_collapsed_tell_nothing_of_the_split(fallen: range) -> None:
    """They give all images the second class, which is met more often among validation images."""
    shares = {"train": 0.5, "val": 0.5, "test": 0.6}
    recall = dict.fromkeys(SPLITS, EASY_AND_HARD) | {"val": (0.65, 0.35)}
    baseline = mixed(np.random.default_rng(23), recall, shares)
    for split in SPLITS:
        baseline[f"{split}_probabilities"][list(fallen)] = [0.1, 0.9]
    verdict = judged(suite(("baseline",)), {"baseline": baseline}, manifest=UNKNOWN, problems=TOLD_APART)
    found = entry(verdict, "split")
    if len(fallen) == 12:
        assert (found.verdict, verdict.answer, found.n) == ("unknown", (), 0)
    else:
        assert (found.verdict, found.n) == ("probably contributes", 8)
        assert found.alike.mean == pytest.approx(0.3, abs=0.03)


def with_copies(rng: np.random.Generator, share: float, gain: float) -> Run:
    """A baseline of which so many validation images, the first, are recognised more often by `gain` than 80%."""
    known = np.arange(1000) < 1000 * share
    right = {"val": rng.random((12, 1000)) < 0.8 + gain * known + rng.normal(0, 0.1, 1000)}
    return run(right | {"test": draw(rng, 0.8, np.zeros(1000))})


def of_copies(loaded: Run, share: float, problems: set[str]) -> tuple[Any, Verdict]:
    listed = manifest(given_validation=True, copied=tuple(range(round(1000 * share))))
    verdict = judged(suite(("baseline",)), {"baseline": loaded}, manifest=listed, problems=problems)
    return entry(verdict, "split"), verdict


def test_copies_that_are_known_better_than_other_validation_images_leak_whatever_test_images_say() -> None:
    """A fifth of the images at 95% instead of 80%: 3 pp, too little beside the luck of the test images."""
    found, verdict = of_copies(with_copies(np.random.default_rng(24), 0.2, 0.15), 0.2, COPIED)
    assert found.alike.low < 0 < found.alike.high
    assert found.verdict == "leaks"
    assert found.copies.mean == pytest.approx(0.03, abs=0.01)
    assert (verdict.answer[0].cause, verdict.answer[0].mean) == ("split", -found.copies.mean)


def test_copies_that_are_no_problem_or_are_worth_little_do_not_leak() -> None:
    loaded = with_copies(np.random.default_rng(25), 0.2, 0.15)
    assert of_copies(loaded, 0.2, set())[0].verdict != "leaks", "the audit finds them too few, or mere look-alikes"
    little = of_copies(with_copies(np.random.default_rng(26), 0.02, 0.15), 0.02, COPIED)[0]
    assert little.verdict == "not shown"
    assert little.copies.high < 0.01


@pytest.mark.parametrize("share", [0.0, 0.001, 1.0])
def test_without_copies_or_without_others_nothing_is_said_of_them(share: float) -> None:
    assert of_copies(with_copies(np.random.default_rng(27), share, 0.0), share, COPIED)[0].copies is None


def test_copies_that_are_known_no_better_are_seldom_called_a_leak() -> None:
    rng = np.random.default_rng(28)
    called = [of_copies(with_copies(rng, 0.2, 0.0), 0.2, COPIED)[0].verdict == "leaks" for _ in range(100)]
    assert sum(called) <= 5
