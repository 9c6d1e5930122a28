"""What the user saw, against one more run of the baseline: limits that cover, and words that are never too sure."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from tests.stats.synthetic import ARMS, SHIPPED, evidence, judged, run, runs, suite
from valgap.ground.params.experiment import Augmentation
from valgap.ground.params.suite import Suite
from valgap.stats.diagnosis import diagnose
from valgap.stats.intervals import one_more
from valgap.stats.run import Run
from valgap.stats.seen import Reproduction, Seen
from valgap.stats.splitting import gap_of
from valgap.stats.symptom import measured_otherwise, reproduction


def seen(train: float, val: float, **changes: Any) -> Seen:
    given: dict[str, Any] = {"source": "accuracies", "by": "fit"} | changes
    return Seen(train_accuracy=train, val_accuracy=val, **given)


def exactly(
    train: list[int], val: list[int], images: int = 100, test: list[int] | None = None, *, own: bool = True
) -> Run:
    """A baseline of so many right answers, by replicate; `own`: each validates on images of its own."""
    right = {"train": train, "val": val, "test": test or val}
    found = run(
        {split: np.array(counts)[:, np.newaxis] > np.arange(images) for split, counts in right.items()},
        replicates=len(val),
    )
    if own:
        found["val_index"] = np.arange(len(val) * images).reshape(len(val), images)
    return found


def found(given: Seen, baseline: Run, params: Suite = SHIPPED, margin: float = 0.01) -> Reproduction:
    made = reproduction(params, given, baseline, gap_of(baseline), margin)
    assert made is not None
    return made


def with_train(builder: str = "cnn", **changes: Any) -> Suite:
    train = dataclasses.replace(SHIPPED.train, **changes)
    model = dataclasses.replace(SHIPPED.model, builder=builder)
    return dataclasses.replace(SHIPPED, model=model, train=train, variants=SHIPPED.variants | {"baseline": train})


GAP = exactly([98, 99, 100, 99, 98, 100], [80, 82, 79, 81, 80, 78])  # a gap of 19 pp
NONE = exactly([98, 99, 100, 99, 98, 100], [98, 97, 99, 98, 99, 99])  # hardly any


def test_one_more_value_by_hand() -> None:
    """Mean 2, s 1, n 3: t of 2 degrees of freedom at 97.5% is 4.3027, times the root of 4/3."""
    limits = one_more(np.array([1.0, 2.0, 3.0]))
    assert (limits.mean, limits.sd, limits.n) == (2.0, 1.0, 3)
    assert limits.high - 2 == pytest.approx(4.302653 * math.sqrt(4 / 3), abs=1e-5)
    assert 2 - limits.low == pytest.approx(limits.high - 2)


def test_images_widen_it_and_alone_they_are_normal() -> None:
    constant = one_more(np.array([0.5, 0.5]), images=0.01)
    assert constant.high - 0.5 == pytest.approx(1.959964 * 0.1, abs=1e-5)
    values = np.array([0.4, 0.5, 0.6])
    assert one_more(values, images=0.04).high - 0.5 > 1.96 * math.sqrt(0.01 * 4 / 3 + 0.04)
    assert math.isnan(one_more(np.array([0.5])).low)
    with pytest.raises(ValueError, match="at least one"):
        one_more(np.empty(0))


@pytest.mark.parametrize("n", [2, 3, 6, 12])
@pytest.mark.parametrize("luck", [0.0, 2.0])
def test_it_covers_one_more_run(n: int, luck: float) -> None:
    """2,000 draws: 95% lie within, to 1.5 points; Satterthwaite's sum with a known part is rather wide than narrow."""
    rng = np.random.default_rng(n)
    hits = 0
    for _ in range(2000):
        *values, new = rng.normal(0, 1, n + 1)
        limits = one_more(np.array(values), images=luck)
        hits += limits.low <= new + rng.normal(0, math.sqrt(luck)) <= limits.high
    assert 0.935 <= hits / 2000 <= (0.965 if not luck else 0.995)


@pytest.mark.parametrize(("images", "shared"), [(None, False), (40, False), (None, True), (60, True)])
def test_a_run_of_the_same_kind_lies_within_all_limits_together(images: int | None, shared: bool) -> None:
    """Of 400 users whose run is one more of the baseline: 97% (95% is promised); 1% are called larger or smaller."""
    rng, within, wrong = np.random.default_rng(3), 0, 0
    for _ in range(400):
        difficulty, theirs = rng.normal(0, 0.15, 200), rng.normal(0, 0.15, images or 200)
        level = 0.75 + rng.normal(0, 0.015, (6, 1))
        of_val = difficulty if shared else rng.normal(0, 0.15, (6, 200))
        baseline = run(
            {"val": rng.random((6, 200)) < level + of_val, "train": rng.random((6, 200)) < 0.95}, replicates=6
        )
        baseline["val_index"] = np.tile(np.arange(200), (6, 1)) if shared else np.arange(1200).reshape(6, 200)
        of_user = (difficulty if shared and images is None else theirs) + 0.75 + rng.normal(0, 0.015)
        val = float((rng.random(len(of_user)) < of_user).mean())
        train = float((rng.random(200) < 0.95).mean())
        made = found(seen(train, val, val_images=images), baseline)
        within += all(each.verdict == "within" for each in made.values)
        wrong += made.verdict not in ("reproduced", "too wide", "gap reproduced")
    assert within / 400 > 0.95
    assert wrong / 400 < 0.025


def test_what_lies_within_is_reproduced() -> None:
    made = found(seen(0.99, 0.8), GAP)
    assert (made.verdict, made.n) == ("reproduced", 6)
    assert made.confidence == pytest.approx(1 - 0.05 / 3)
    gap = made.value("gap")
    assert gap.seen == pytest.approx(0.19)
    assert gap.mean == pytest.approx(0.19)
    # s is 0.0179 pp; t of 5 degrees of freedom at 1 - 0.05 / 6 is 3.534
    spread = float(np.std([0.18, 0.17, 0.21, 0.18, 0.18, 0.22], ddof=1))
    assert gap.high - gap.mean == pytest.approx(3.534 * spread * math.sqrt(7 / 6), rel=1e-3)


@pytest.mark.parametrize(
    ("given", "baseline", "word"),
    [
        (seen(0.99, 0.60), NONE, "vanishes"),
        (seen(0.99, 0.60), GAP, "larger"),
        (seen(0.99, 0.60), exactly([70, 71, 72, 70, 71, 72], [69, 70, 72, 70, 71, 70]), "trained less"),
        (seen(0.99, 0.95), GAP, "smaller"),
        (seen(0.90, 0.71), GAP, "gap reproduced"),
        (seen(0.99, 0.80), exactly([99, 98], [70, 90]), "too wide"),
        (seen(0.99, 0.99), exactly([99, 60], [80, 40]), "too wide"),
        (seen(0.80, 0.60), exactly([60, 99, 80], [40, 79, 59]), "too wide"),
        (seen(0.99, 0.80), exactly([99], [80]), "unknown"),
        (seen(0.99, 0.98), NONE, "reproduced"),
    ],
)
def test_every_case_has_its_word(given: Seen, baseline: Run, word: str) -> None:
    assert found(given, baseline).verdict == word


def test_a_baseline_that_learns_less_never_accuses_the_users_code() -> None:
    """Its gap is small because it is not trained: that says nothing of how the user's program scores."""
    made = found(seen(1.0, 0.7), exactly([50, 52, 51, 50], [50, 51, 52, 50]))
    assert made.value("train_accuracy").verdict == "above"
    assert made.verdict == "trained less"


@pytest.mark.parametrize(
    ("builder", "changes", "reasons"),
    [
        ("cnn", {}, ()),
        ("cnn", {"dropout": (0.0, 0.0, 0.5)}, ("dropout",)),
        ("cnn", {"augmentation": Augmentation(horizontal_flip=True)}, ("augmentation",)),
        ("cnn", {"mixup": 0.2}, ("augmentation",)),
        ("cnn", {"batch_norm": True}, ("batch normalisation",)),
        ("resnet", {}, ("batch normalisation",)),
        ("applications:MobileNetV2", {}, ("batch normalisation",)),
        ("my.net:build", {"dropout": (0.1, 0.0, 0.0)}, ("dropout", "own layers")),
        ("cnn", {"ema_momentum": 0.9}, ("averaged weights",)),
        ("cnn", {"class_remedy": "oversampling"}, ("oversampling",)),
        ("cnn", {"l2_penalty": 0.1, "label_smoothing": 0.1}, ()),
    ],
)
def test_what_fit_measures_otherwise_is_named(builder: str, changes: dict[str, Any], reasons: tuple[str, ...]) -> None:
    params = with_train(builder, **changes)
    assert measured_otherwise(params.train, builder) == reasons
    assert found(seen(0.99, 0.8), GAP, params).otherwise == reasons
    assert found(seen(0.99, 0.8, by="evaluate"), GAP, params).otherwise == ()


def test_a_training_accuracy_measured_with_dropout_is_not_compared_as_equal() -> None:
    """Of a run with dropout `fit` says 85% where the network gets 99%: no gap at all, in its history."""
    params = with_train(dropout=(0.25, 0.25, 0.5))
    made = found(seen(0.85, 0.8), GAP, params)
    assert made.value("train_accuracy").verdict == made.value("gap").verdict == "not compared"
    assert made.verdict == "validation alone"
    assert found(seen(0.85, 0.8, by="evaluate"), GAP, params).verdict == "smaller"
    assert found(seen(0.85, 0.6), GAP, params).verdict == "validation worse"
    assert found(seen(0.9, 0.9), GAP, params).verdict == "validation better"


def test_what_dropout_can_only_lower_is_larger_all_the_more() -> None:
    assert found(seen(0.95, 0.5), NONE, with_train(dropout=(0.25, 0.25, 0.5))).verdict == "vanishes"
    assert found(seen(0.95, 0.5), NONE, with_train(batch_norm=True)).verdict == "validation worse"


def test_fewer_images_of_the_users_widen_what_validation_may_be() -> None:
    plain, few, many = (
        found(seen(0.99, 0.8, val_images=images), GAP).value("val_accuracy") for images in (None, 20, 1000)
    )
    assert (plain.low, plain.high) == (many.low, many.high)
    assert few.high - few.low > plain.high - plain.low
    assert few.mean == plain.mean


def test_given_validation_images_are_the_users_unless_their_number_is_another() -> None:
    shared = exactly([99] * 6, [80, 81, 80, 79, 80, 81], own=False)
    plain, same, other = (
        found(seen(0.99, 0.8, val_images=images), shared).value("val_accuracy") for images in (None, 100, 50)
    )
    assert (plain.low, plain.high) == (same.low, same.high)
    assert other.high > plain.high


def test_test_images_are_taken_for_others() -> None:
    baseline = exactly([99] * 6, [80, 81, 80, 79, 80, 81], test=[70, 70, 70, 70, 70, 70])
    made = found(seen(0.99, 0.8, test_accuracy=0.66), baseline)
    assert made.confidence == pytest.approx(1 - 0.05 / 4)
    value = made.value("test_accuracy")
    assert value.verdict == "within"
    # constant, so that the images alone count: two sets of 100, normal at 1 - 0.05 / 8
    assert value.high - 0.7 == pytest.approx(2.4977 * math.sqrt(0.7 * 0.3 * 100 / 99 * 2 / 100), rel=1e-3)
    assert found(seen(0.99, 0.8, test_accuracy=0.4), baseline).verdict == "gap reproduced"


def test_losses_are_shown_and_decide_nothing() -> None:
    made = found(seen(0.99, 0.8, train_loss=0.2, val_loss=9.0), GAP)
    assert made.verdict == "reproduced"
    assert made.value("val_loss").verdict == "above"
    assert made.value("val_loss").mean == pytest.approx(0.8 * -math.log(0.9) + 0.2 * -math.log(0.1))
    penal = found(seen(0.99, 0.8, val_loss=9.0), GAP, with_train(l2_penalty=0.1))
    assert [each.name for each in penal.values] == ["train_accuracy", "val_accuracy", "gap"]
    dropped = found(seen(0.99, 0.8, train_loss=9.0), GAP, with_train(dropout=(0.1, 0.0, 0.0)))
    assert dropped.value("train_loss").verdict == "not compared"


def test_closer_than_the_margin_is_no_difference() -> None:
    constant = exactly([100] * 6, [80] * 6)
    assert found(seen(0.995, 0.805), constant).verdict == "reproduced"
    assert found(seen(0.95, 0.805), constant).verdict == "smaller"


def test_the_verdict_has_it_where_a_symptom_was_said_and_survives_its_file() -> None:
    loaded = runs(np.random.default_rng(1), dict.fromkeys(ARMS, 0.7), images=200)
    assert judged(suite(), loaded).symptom is None
    verdict = judged(suite(), loaded, seen=seen(1.0, 0.7, epoch=3, epochs=3, file="log.csv", source="history"))
    assert verdict.symptom is not None
    assert verdict.symptom.verdict == "reproduced"
    assert verdict.symptom.images is None
    own = dataclasses.replace(SHIPPED.data, source="folder", path="photos")
    _, verdict = diagnose(suite(data=own), evidence(loaded, seen=seen(1.0, 0.7)))
    assert verdict.symptom is not None
    assert verdict.symptom.images == "photos"
