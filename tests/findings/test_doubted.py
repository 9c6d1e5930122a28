"""Which model speaks of which split, what is said of how many flags are right, and which split is named."""

import numpy as np
import pytest

from tests.findings.test_audit import pictures_of, source
from valgap.findings.doubted import asymmetry, doubted
from valgap.findings.doubts import Doubts, Judged, Tally
from valgap.findings.finding import Used, use
from valgap.findings.labels import label_errors, limits_of

CLASSES, LEARNED, HELD = 4, 600, 400


def judged(is_wrong: np.ndarray, right: float, seed: int = 0) -> tuple[Judged, np.ndarray]:
    """Predictions that are right on a share of images and say so, and labels of which some are wrong."""
    rng = np.random.default_rng(seed)
    count = len(is_wrong)
    truth = np.arange(count) % CLASSES
    guess = np.where(rng.random(count) < right, truth, (truth + rng.integers(1, CLASSES, count)) % CLASSES)
    # A quarter of the images is hard, and has all the errors; the model knows which.
    hard = (guess != truth) | (rng.random(count) < 0.15)
    sure = np.where(hard, 0.5, 0.97)[:, np.newaxis]
    probabilities = sure * np.eye(CLASSES)[guess] + (1 - sure) / CLASSES
    own = np.where(is_wrong, (truth + 1) % CLASSES, truth)
    split = np.repeat(["train", "val"], [LEARNED, HELD])[-count:]
    images = np.arange(LEARNED + HELD)[-count:]
    return Judged(images, split, np.arange(CLASSES), probabilities, own), own


def given(train: float, val: float, right: float = 0.97) -> tuple[Used, Doubts, np.ndarray]:
    """Doubts of images of which shares have a wrong label, and which these are."""
    is_wrong = np.arange(LEARNED + HELD) < train * LEARNED
    is_wrong[LEARNED : LEARNED + round(val * HELD)] = True
    found, labels = judged(is_wrong, right)
    worst = np.flatnonzero((found.guess != found.own) & (found.odds >= 2))
    tallies = tuple(
        Tally(name, int(np.sum(found.split[worst] == name)), int(np.sum(where)), found.right(where))
        for name in ("train", "val")
        for where in [found.split == name]
    )
    doubts = Doubts(found, found.right(np.ones(len(labels), np.bool_)), False, worst, worst, found.images, tallies)
    used = use(source(pictures_of(labels, 0, 8), labels, CLASSES), np.repeat(["train", "val"], [LEARNED, HELD]))
    return used, doubts, is_wrong


def test_the_likeliest_to_be_wrong_stand_first_and_of_ten_it_is_said_how_many_are() -> None:
    used, doubts, is_wrong = given(0.1, 0.1)
    seen = doubted(doubts)
    flagged = [int(part.judged.images[place]) for part, place in map(seen.at, range(50))]
    assert is_wrong[flagged].mean() > 0.9
    finding = label_errors(used, doubts)
    assert finding.severity == "problem"
    assert label_errors(*given(0.2, 0.2)[:2]).severity == "worth a look"  # of a model that is right on too few
    assert "of the first 10 about 10 (" in finding.found
    assert "of the first 50 about " in finding.found
    assert f"of all {finding.count} about " in finding.found
    assert {image for example in finding.examples for image in example.images} <= set(np.flatnonzero(is_wrong).tolist())
    for part in seen.parts:
        assert part.wrong is not None
        assert part.wrong.share.low <= 0.1 <= part.wrong.share.high


def test_of_hard_images_with_right_labels_it_is_said_that_perhaps_none_is_wrong() -> None:
    used, doubts, _ = given(0, 0, right=0.9)
    finding = label_errors(used, doubts)
    assert finding.count > 20
    assert finding.severity == "worth a look"
    assert "Estimated to be wrong: 0 to " in finding.found
    assert "cannot be told from images that are merely hard" in finding.found
    assert "of the first 10 0 to " in finding.found


def test_the_headline_names_the_split_with_more_suspects_where_the_intervals_part() -> None:
    assert "clearly more of train than of val" in label_errors(*given(0.25, 0.0)[:2]).found
    found = label_errors(*given(0.0, 0.25)[:2]).found
    assert "clearly more of val than of train" in found
    assert "or its images are of another kind" in found
    assert "clearly more" not in label_errors(*given(0.1, 0.1)[:2]).found


def test_intervals_part_by_hand() -> None:
    # Wilson: 28 of 100 is 20.1 to 37.5%, 8 of 100 is 4.1 to 15.0%, 15 of 100 is 9.3 to 23.3%
    train, val, test = Tally("train", 28, 100, 0.9), Tally("val", 8, 100, 0.9), Tally("test", 15, 100, 0.9)
    assert asymmetry([train, val, test], limits_of) == (train, val)
    assert asymmetry([train, test], limits_of) is None
    assert asymmetry([val, test], limits_of) is None
    assert asymmetry([val, Tally("test", 90, 100, 0.9)], limits_of) is None  # neither is learned from
    assert asymmetry([train, Tally("val", 0, 0, 0.0)], limits_of) is None


def test_held_out_images_of_another_kind_are_not_said_to_have_wrong_labels() -> None:
    used, doubts, _ = given(0.0, 0.3)
    part = doubted(doubts).parts[1]
    assert not part.alike
    assert part.wrong is not None
    assert part.wrong.share.low == 0
    finding = label_errors(used, doubts)
    assert finding.severity == "worth a look"
    assert "at most " in finding.found


def test_the_users_own_model_speaks_of_held_out_images_where_it_is_no_worse() -> None:
    used, doubts, is_wrong = given(0.0, 0.1, right=0.93)
    better, _ = judged(is_wrong[LEARNED:], 1.0, seed=5)
    worse, _ = judged(is_wrong[LEARNED:], 0.5, seed=5)
    parts = doubted(doubts, better).parts
    assert [part.by_model for part in parts] == [False, True]
    assert np.isin(parts[1].judged.images, np.arange(LEARNED, LEARNED + HELD)).all()
    assert [part.by_model for part in doubted(doubts, worse).parts] == [False, False]
    finding = label_errors(used, doubts, better)
    assert "Your own model, which did not learn from these" in finding.found
    assert [row[1] for row in finding.tables[1].rows] == ["a simple model", "your model"]


@pytest.mark.parametrize("part", [0, 1])
def test_a_split_of_few_images_is_not_estimated(part: int) -> None:
    used, doubts, _ = given(0.1, 0.1)
    assert doubts.judged is not None
    name = ("train", "val")[part]
    kept = np.flatnonzero((doubts.judged.split != name) | (np.arange(LEARNED + HELD) % 8 == 0))
    fewer = Judged(
        doubts.judged.images[kept], doubts.judged.split[kept], doubts.judged.classes, doubts.judged.probabilities[kept],
        doubts.judged.own[kept],
    )  # fmt: skip
    worst = np.flatnonzero(np.isin(kept, doubts.worst))
    found = Doubts(fewer, doubts.skill, False, worst, worst, fewer.images, doubts.tallies)
    assert [each.wrong is None for each in doubted(found).parts] == [part == 0, part == 1]
    assert label_errors(used, found).tables[1].rows[part][4] == "not told of fewer than 200"
