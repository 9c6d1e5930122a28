"""The title answers why, the largest cause first, and hides none behind a remedy."""

import dataclasses
import math
from typing import Any

import pytest

from tests import samples
from tests.report.situations import situations
from tests.samples import CAPACITY, IN_CAPACITY, IN_DATA, IN_SPLIT, REGULARIZATION, REMEDY, SPLIT, VERDICT
from valgap.report.headline import headline
from valgap.report.inputs import Inputs
from valgap.stats.intervals import Interval
from valgap.stats.verdict import Answer, Baseline, CauseEffect, Estimate, Gap, Remedies

NONE = Remedies((), 14, 0.95, 2.9)
LACK = dataclasses.replace(
    REGULARIZATION, cause="capacity_lack", title="too little capacity", arm="wide", arms=("wide",)
)
SIZE = dataclasses.replace(REGULARIZATION, cause="capacity", title="excess capacity", arm="narrow")


def title(**changes: Any) -> str:
    return headline(Inputs({}, samples.PROVENANCE, dataclasses.replace(VERDICT, **changes), samples.NOTHING_FOUND))


def remedies(*means: float) -> Remedies:
    best = tuple(
        dataclasses.replace(REMEDY, variant=name, mean=mean)
        for name, mean in zip(("ema", "combined", "light", "mild", "l2"), means, strict=False)
    )
    return Remedies(best, 14, 0.95, 2.9)


def test_it_names_the_largest_cause_first_what_is_not_to_blame_and_the_remedies() -> None:
    found = title(answer=(IN_DATA,), causes=(SIZE, LACK, REGULARIZATION), remedies=remedies(0.008, 0.008))
    assert found == (
        "Mostly too few images (each doubling +2.0 pp of test accuracy); the size of the network and its "
        "regularization are not to blame. Best remedy: any of `ema` and `combined` (test accuracy +0.8 pp), none shown "
        "to be better than the others."
    )


def test_every_cause_has_its_size_in_the_order_of_the_answer() -> None:
    second = dataclasses.replace(IN_CAPACITY, cause="imbalance", title="class imbalance", mean=0.02)
    found = title(answer=(IN_CAPACITY, second, IN_DATA), causes=(), remedies=NONE)
    assert found == (
        "Above all excess capacity (+3.4 pp of test accuracy once mended), then class imbalance (+2.0 pp once mended) "
        "and too few images (each doubling +2.0 pp)."
    )


def test_shares_are_called_shares() -> None:
    answer = tuple(dataclasses.replace(each, kind="share") for each in (IN_CAPACITY,))
    assert "excess capacity (+3.4 pp of test accuracy, its share)" in title(answer=answer, causes=())


def test_only_what_takes_half_the_error_is_called_most_of_it() -> None:
    large = dataclasses.replace(IN_CAPACITY, mean=0.1)
    assert title(answer=(large,), causes=()).startswith("Mostly excess capacity")
    assert title(answer=(IN_CAPACITY,), causes=()).startswith("Above all excess capacity")


def test_where_what_is_open_looks_larger_the_named_cause_is_a_part() -> None:
    larger = dataclasses.replace(REGULARIZATION, verdict="inconclusive", mean=0.05, low=-0.01, high=0.11)
    assert title(answer=(IN_CAPACITY,), causes=(larger,)).startswith("At least excess capacity")


@pytest.mark.parametrize("best", [NONE, remedies(0.008), remedies(0.008, 0.02)], ids=lambda best: str(len(best.best)))
def test_a_remedy_never_hides_a_cause_and_the_split_stands_first(best: Remedies) -> None:
    found = title(answer=(IN_SPLIT, IN_CAPACITY), causes=(SPLIT, CAPACITY), remedies=best)
    assert found.startswith(
        "First the split: 9.5 pp of the gap of 16.0 pp; then excess capacity (+3.4 pp of test accuracy"
    )
    assert ("Best remedy" in found) is bool(best.best)


@pytest.mark.parametrize(
    ("word", "mean", "says"),
    [
        ("probably contributes", 0.095, "First, probably, the split: 9.5 pp of the gap"),
        ("unresolved", 0.08, "First settle the split: validation images are harder than others by 8.0 pp, and"),
        (
            "unresolved",
            -0.08,
            "First settle the split: validation images are easier than test images by 8.0 pp: they share",
        ),
        ("leaks", -0.015, "First the split: images of training are in validation, which makes it look 1.5 pp better"),
        ("probably leaks", -0.015, "First, probably, the split: images of training are in validation"),
        ("contributes", math.nan, "First the split: its validation images differ from the others by more than luck"),
        (
            "class mix",
            0.06,
            "First the split: classes are met in other shares in validation than among test images, which "
            "makes 6.0 pp of the gap of 16.0 pp: compare them class by class.",
        ),
        (
            "class mix",
            -0.06,
            "First the split: classes are met in other shares in validation than among test images, which "
            "makes validation look 6.0 pp better: compare them class by class.",
        ),
        ("contributes", -0.02, "First the split: its validation images are easier than test images, by 2.0 pp"),
    ],
)
def test_a_split_says_how_sure_it_is_and_what_it_does(word: Any, mean: float, says: str) -> None:
    answer = dataclasses.replace(IN_SPLIT, verdict=word, mean=mean)
    assert title(answer=(answer,), causes=(SPLIT,), remedies=NONE).startswith(says)


def test_collapsed_runs_are_said_first() -> None:
    found = title(baseline=Baseline(12, 9, 0.72, (1, 4, 7)))
    assert found.startswith("3 of 12 runs of the baseline collapsed to one class. Above all")


def test_a_gap_of_collapsed_runs_alone_is_not_called_real() -> None:
    gone = Baseline(12, 0, 0.72, tuple(range(12)))
    found = title(answer=(), causes=(), data=None, remedies=NONE, baseline=gone)
    assert found.startswith("12 of 12 runs of the baseline collapsed to one class. Something keeps the baseline from")
    assert found.endswith("; a gap of runs that collapsed tells nothing.")


def test_where_nothing_is_named_it_says_what_it_could_have_missed() -> None:
    open_ = [dataclasses.replace(REGULARIZATION, verdict="inconclusive", mde=mde) for mde in (0.025, 0.018, math.nan)]
    found = title(answer=(), causes=(*open_, SIZE), data=None, remedies=NONE)
    assert found == (
        "No tested cause is shown to cost test accuracy 1.0 pp or more, and an effect of up to 2.5 pp may have gone "
        "unseen; the size of the network is not to blame; the gap of 16.0 pp is real."
    )


def test_causes_that_could_not_be_judged_are_owned_to() -> None:
    unfair = dataclasses.replace(CAPACITY, verdict="not tested fairly")
    assert "some could not be judged yet" in title(answer=(), causes=(unfair,), data=None)
    waits = dataclasses.replace(CAPACITY, verdict="waits")
    training = Answer("training", "unfinished training or its rate", "removal", "contributes", 0.07, 0.05, 0.09)
    assert "other causes are judged once training is finished" in title(answer=(training,), causes=(waits,))


def test_no_cause_is_acquitted_unless_every_direction_that_was_tested_is() -> None:
    def acquitted(*causes: CauseEffect) -> bool:
        return "the size of the network" in title(causes=causes)

    assert acquitted(SIZE)
    assert acquitted(SIZE, LACK)
    assert not acquitted(SIZE, dataclasses.replace(LACK, verdict="inconclusive"))
    assert not acquitted(dataclasses.replace(SIZE, verdict="waits"), LACK)
    assert not acquitted(LACK)


def test_a_split_that_is_not_shown_is_acquitted_only_within_the_margin_and_without_a_finding() -> None:
    within = dataclasses.replace(SPLIT, verdict="not shown", audit=(), alike=Estimate(0.001, -0.005, 0.007))
    assert "; the split is not to blame" in title(causes=(within,))
    for open_ in (
        dataclasses.replace(within, alike=Estimate(0.001, -0.05, 0.05)),
        dataclasses.replace(within, audit=("VG106",)),
        dataclasses.replace(within, verdict="unknown"),
        dataclasses.replace(within, alike=Estimate(math.nan, math.nan, math.nan)),
    ):
        assert "not to blame" not in title(causes=(open_,))


def test_few_are_named_and_the_others_counted() -> None:
    names = ("capacity", "augmentation", "regularization", "imbalance", "training")
    acquitted = tuple(dataclasses.replace(REGULARIZATION, cause=name) for name in names)
    assert title(causes=acquitted).partition("Best remedy")[0].count(",") <= 4
    found = title(remedies=remedies(0.008, 0.01, 0.012, 0.007, 0.009))
    assert "any of `ema`, `combined` and `light` and 2 others (test accuracy +0.7 pp to +1.2 pp)" in found


def test_no_name_stands_where_no_remedy_helps() -> None:
    assert "emedy" not in title(remedies=NONE)
    assert title(remedies=remedies(0.008)).endswith("Best remedy: `ema` (test accuracy +0.8 pp).")


def test_a_negative_gap_is_no_missing_gap() -> None:
    gap = Gap(*(Interval(12, -0.152, 0.01, -0.164, -0.14) for _ in range(3)))
    found = title(answer=(), causes=(), data=None, gap=gap)
    assert "the gap is negative, −15.2 pp: validation is easier than training" in found


@pytest.mark.parametrize("name", situations())
def test_every_title_is_made_of_whole_sentences(name: str) -> None:
    found = headline(situations()[name])
    assert found.endswith(".")
    assert not any(odd in found for odd in ("  ", " ;", " ,", " .", ";;", "None", "nan", "()"))
    assert found[0].isupper() or found[0].isdigit()
