"""Which labels are doubted, in which split, and what no doubt may know of."""

import dataclasses

import numpy as np
import pytest

from tests.findings.test_audit import SEED, counted, pictures_of, source
from valgap.findings import doubts
from valgap.findings.doubts import Doubts, judge_labels
from valgap.findings.finding import Finding, Used, use
from valgap.findings.labels import label_errors


def finding_of(used: Used, cluster: np.ndarray) -> Finding[int]:
    return label_errors(used, judge_labels(used, cluster, SEED))


def flipped(label: np.ndarray, share: float, where: np.ndarray, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """The labels with a share of those at the places `where` changed, and the places of the changed ones."""
    rng = np.random.default_rng(9)
    places = rng.permutation(where)[: round(share * len(where))]
    other = label.copy()
    other[places] = (label[places] + rng.integers(1, classes, len(places))) % classes
    return other, np.sort(places)


def given(share: float, side: str = "train") -> tuple[Used, np.ndarray]:
    """900 images in four classes, 400 of them to train on; a share of the labels of one split are wrong."""
    truth = np.arange(900) % 4
    split = np.repeat(["train", "val", "test"], [400, 200, 300])
    label, wrong = flipped(truth, share, np.flatnonzero(split == side))
    return use(source(pictures_of(truth, 3), label, classes=4), split), wrong


def test_flipped_labels_of_separable_classes_are_suspected_and_few_others() -> None:
    rng = np.random.default_rng(3)
    truth = np.arange(1200) % 4
    image = pictures_of(truth, 3)
    flipped = rng.permutation(1200)[:60]
    label = truth.copy()
    label[flipped] = (label[flipped] + rng.integers(1, 4, 60)) % 4
    used = use(source(image, label, classes=4), np.full(1200, "pool"))
    judged = doubts.predict(used, np.arange(1200), np.arange(1200), used.learned, np.random.default_rng(0))
    assert judged is not None
    assert len(judged.images) == 1200
    suspects = judged.images[doubts.suspected(judged)]
    assert len(np.intersect1d(suspects, flipped)) >= 50
    assert len(np.setdiff1d(suspects, flipped)) <= 6
    finding = finding_of(used, np.arange(1200))
    assert finding.severity == "problem"
    assert set(image for example in finding.examples for image in example.images) <= set(flipped.tolist())
    assert "suspected, not shown to be wrong" in finding.found


def test_predictions_never_come_from_a_model_that_saw_the_group() -> None:
    # Group and class say nothing of each other, but images of a group are alike: seen, they would be known by heart.
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(30), 10)
    label = rng.integers(0, 2, 30)[group]
    image = pictures_of(np.arange(30), 4)[group] // 2 + pictures_of(group, 5) // 2
    used = use(source(image, label, classes=2), np.full(300, "pool"))
    apart = doubts.predict(used, np.arange(300), group, used.learned, np.random.default_rng(0))
    mixed = doubts.predict(used, np.arange(300), np.arange(300), used.learned, np.random.default_rng(0))
    assert apart is not None
    assert mixed is not None
    accuracy = [np.mean(judged.probabilities.argmax(axis=1) == judged.own) for judged in (apart, mixed)]
    assert accuracy[0] < 0.65
    assert accuracy[1] > 0.8


def test_a_model_without_skill_doubts_no_label() -> None:
    label = np.arange(300) % 3
    images = source(pictures_of(np.zeros(300, np.int64), 8), label)  # the label cannot be seen
    finding = finding_of(use(images, np.full(300, "pool")), np.arange(300))
    assert counted(finding) == ("unknown", 0, 300)
    assert "its doubts are not worth a look" in finding.found


def test_classes_in_few_groups_are_not_judged() -> None:
    label = np.repeat([0, 1, 2], 30)
    group = np.concatenate([np.arange(60), np.full(30, 60)])
    used = use(source(pictures_of(label, 2), label), np.full(90, "pool"))
    judged = doubts.predict(used, np.arange(90), group, used.learned, np.random.default_rng(0))
    assert judged is not None
    assert judged.classes.tolist() == [0, 1]
    assert judged.images.tolist() == list(range(60))
    finding = finding_of(used, np.zeros(90, np.int64))
    assert counted(finding) == ("unknown", 0, 0)


@pytest.mark.parametrize(
    ("share", "recall", "severity"), [(0.05, 0.8, "problem"), (0.25, 0.8, "problem"), (0.4, 0.65, "worth a look")]
)
def test_the_split_with_wrong_labels_is_the_one_with_suspects(share: float, recall: float, severity: str) -> None:
    used, wrong = given(share)
    found = judge_labels(used, np.arange(900), SEED)
    assert [tally.split for tally in found.tallies] == ["train", "val", "test"]
    assert [tally.judged for tally in found.tallies] == [400, 200, 300]
    shares = [tally.suspected / tally.judged for tally in found.tallies]
    assert shares[0] <= share + 0.05
    assert max(shares[1:]) <= 0.02
    assert len(np.intersect1d(found.suspects, wrong)) >= recall * len(wrong)
    finding = label_errors(used, found)
    assert counted(finding) == (severity, len(found.suspects), 900)
    sheet, *_ = finding.tables
    assert sheet.headings[:5] == ("split", "suspected", "judged", "share", "95% interval")
    assert [row[0] for row in sheet.rows] == ["train", "val", "test"]
    assert sheet.rows[0][1:3] == (str(found.tallies[0].suspected), "400")
    assert f"({sheet.rows[0][3]} of train, {sheet.rows[1][3]} of val and " in finding.found


def test_wilsons_interval_by_hand() -> None:
    # 10 of 100: centre (.1 + 1.96^2 / 200) / (1 + 1.96^2 / 100), half width as in Wilson 1927
    used, _ = given(0)
    found = judge_labels(used, np.arange(900), SEED)
    tallies = (doubts.Tally("train", 10, 100, 0.9), doubts.Tally("val", 0, 0, 0.0), doubts.Tally("test", 0, 50, 1.0))
    sheet, *_ = label_errors(used, dataclasses.replace(found, tallies=tallies)).tables
    assert sheet.rows == (
        ("train", "10", "100", "10.0%", "5.5 to 17.4%", "90%"),
        ("test", "0", "50", "0.0%", "0.0 to 7.1%", "100%"),
    )


def test_wrong_labels_in_validation_are_found_there() -> None:
    used, wrong = given(0.2, "val")
    found = judge_labels(used, np.arange(900), SEED)
    assert len(np.intersect1d(found.suspects, wrong)) >= 0.8 * len(wrong)
    assert sum(tally.suspected for tally in found.tallies if tally.split != "val") <= 10


def test_no_held_out_label_decides_which_training_images_are_suspected() -> None:
    used, _ = given(0.2)
    shuffled = used.labels.copy()
    held = np.flatnonzero(~used.learned)
    shuffled[held] = np.random.default_rng(0).permutation(shuffled[held])
    plain = judge_labels(used, np.arange(900), SEED)
    other = judge_labels(dataclasses.replace(used, labels=shuffled), np.arange(900), SEED)
    assert plain.judged is not None
    assert other.judged is not None
    assert np.array_equal(plain.suspects[plain.suspects < 400], other.suspects[other.suspects < 400])
    assert np.array_equal(plain.judged.probabilities, other.judged.probabilities)


def test_a_sample_is_drawn_from_each_side_alone_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubts, "LARGEST", 450)
    used, _ = given(0.2)
    found = judge_labels(used, np.arange(900), SEED)
    assert [tally.judged for tally in found.tallies[:1]] == [200]
    assert len(found.examined) == 450
    assert np.isin(found.suspects, found.examined).all()
    assert "of 450 labels, drawn from 900," in label_errors(used, found).found
    shuffled = used.labels.copy()
    shuffled[400:] = np.random.default_rng(0).permutation(shuffled[400:])
    other = judge_labels(dataclasses.replace(used, labels=shuffled), np.arange(900), SEED)
    assert np.array_equal(found.suspects[found.suspects < 400], other.suspects[other.suspects < 400])


def test_places_are_those_of_the_source_not_of_the_used_images() -> None:
    used, wrong = given(0.1)
    split = np.concatenate([np.full(50, ""), used.split])
    rows = np.concatenate([np.arange(50), np.arange(900)])
    wider = use(source(used.source.images[rows], used.labels[rows], classes=4), split)
    found = judge_labels(wider, np.arange(900), SEED)
    assert found.suspects.dtype == np.int64
    assert (np.diff(found.suspects) > 0).all()
    assert len(np.intersect1d(found.suspects, wrong + 50)) >= 0.8 * len(wrong)
    assert found.examined.min() == 50


def test_without_training_images_the_others_judge_each_other() -> None:
    truth = np.arange(400) % 4
    label, wrong = flipped(truth, 0.1, np.arange(400))
    used = use(source(pictures_of(truth, 3), label, classes=4), np.full(400, "val"))
    found = judge_labels(used, np.arange(400), SEED)
    assert len(np.intersect1d(found.suspects, wrong)) >= 0.8 * len(wrong)


@pytest.mark.parametrize(
    "of",
    [
        np.zeros(60, np.int64),  # one class
        np.arange(60),  # classes of one image
        np.zeros(0, np.int64),
    ],
)
def test_where_nothing_can_be_judged_nobody_is_suspected(of: np.ndarray) -> None:
    split = np.where(np.arange(len(of)) < 40, "pool", "test")
    used = use(source(pictures_of(of, 3), of, classes=60), split)
    found: Doubts = judge_labels(used, np.arange(len(of)), SEED)
    assert found.judged is None
    assert (len(found.suspects), len(found.examined)) == (0, 0)
    assert all((tally.suspected, tally.judged) == (0, 0) for tally in found.tallies)
    assert counted(label_errors(used, found)) == ("unknown", 0, 0)


def test_a_model_with_some_skill_suspects_but_the_finding_stays_unknown() -> None:
    """Four in ten labels wrong everywhere: the model agrees with the rest, and hard images would look the same."""
    truth = np.arange(800) % 4
    label, wrong = flipped(truth, 0.4, np.arange(800))
    used = use(source(pictures_of(truth, 3), label, classes=4), np.full(800, "pool"))
    found = judge_labels(used, np.arange(800), SEED)
    assert 0.55 < found.skill < 0.7
    assert len(np.intersect1d(found.suspects, wrong)) >= 0.8 * len(wrong)
    finding = label_errors(used, found)
    assert counted(finding) == ("unknown", 0, 800)
    assert "or very many labels are wrong" in finding.found


def test_doubts_repeat_and_the_seed_counts() -> None:
    used, _ = given(0.2)
    one, again, other = (judge_labels(used, np.arange(900), seed) for seed in (1, 1, 2))
    assert one.judged is not None
    assert again.judged is not None
    assert other.judged is not None
    assert np.array_equal(one.judged.probabilities, again.judged.probabilities)
    assert not np.array_equal(one.judged.probabilities, other.judged.probabilities)
