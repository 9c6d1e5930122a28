import dataclasses
import math
from typing import Any

import pandas as pd
import pytest
import yaml

from tests import samples
from tests.samples import CAPACITY, NOT_KNOWN, PRICE, REMEDY, VERDICT
from valgap.document import markdown
from valgap.document.parts import Code, Document, Section
from valgap.report import screen as first
from valgap.report.inputs import Inputs
from valgap.stats.intervals import Interval
from valgap.stats.verdict import Covers, Divergence, ImagesNeeded, Price, SplitEffect

SUMMARY = pd.DataFrame(
    [("baseline", split, "accuracy", 12, mean, mean - 0.01, mean + 0.01) for split, mean in
     (("train", 0.996), ("val", 0.836), ("test", 0.829))],
    columns=["variant", "split", "metric", "n", "mean", "low", "high"],
)  # fmt: skip
PROVENANCE = dataclasses.replace(samples.PROVENANCE, not_trained={"mixup": {"mixup": 0.2}})
UNTESTED = VERDICT.causes[:1]


def screen(**changes: Any) -> Inputs:
    verdict = dataclasses.replace(VERDICT, **changes)
    return Inputs({"summary": SUMMARY}, PROVENANCE, verdict, samples.NOTHING_FOUND)


def price(**changes: Any) -> Price:
    return dataclasses.replace(PRICE, **changes)


def whole(shown: Inputs) -> str:
    lead = (*first.paragraphs(shown), first.causes(shown), *first.actions(shown))
    return markdown.write(Document(first.headline(shown), "", lead, ())).replace("\\", "")


def params_diff(shown: Inputs) -> str:
    sections = [part for part in first.actions(shown) if isinstance(part, Section)]
    return "".join(part.text for section in sections for part in section.parts if isinstance(part, Code))


def test_the_first_screen_answers_whether_why_and_what_to_do() -> None:
    shown = screen()
    assert first.headline(shown) == "Gap 16.0 pp. `dropout` raises test accuracy by +1.4 pp (+0.7 to +2.1)."
    text = whole(shown)
    assert "The gap is real." in text
    assert "was lowest at epoch 9" in text
    assert "chosen by validation on block 0, judged by test on 12 other replicates" in text
    assert "It costs 1× the baseline's computation: 960 steps of 421,642 parameters." in text
    assert "Test loss changed by −0.280 nats (−0.300 to −0.260): its confidence is better earned." in text
    assert "Not tested: `mixup`" in text
    assert yaml.safe_load(params_diff(shown)) == {"train": {"dropout": [0.25, 0.25, 0.5]}}
    assert first.causes(shown).rows[1][1] == "contributes"
    assert "about 5,700 images (4,000 to 10,000) if the trend went on" in first.causes(shown).rows[2][2]


@pytest.mark.parametrize("forbidden", ["p =", "p-value", "the cause is", "proves", "nan", "None"])
def test_it_claims_no_more_than_an_intervention_shows(forbidden: str) -> None:
    assert forbidden not in whole(screen())


def test_an_inconclusive_cause_says_what_would_settle_it() -> None:
    entry = dataclasses.replace(CAPACITY, verdict="inconclusive", low=-0.01, mde=0.025, more_replicates=7)
    text = whole(screen(causes=(entry,)))
    assert "an effect of 2.5 pp would have been found with 80% probability" in text
    # 7 replicates are two blocks of 6, of two arms
    assert "`make more VARIANT=dropout BLOCKS=2` (at most 24 runs" in text
    hopeless = whole(screen(causes=(dataclasses.replace(entry, more_replicates=None),)))
    assert "More replicates cannot settle excess capacity" in hopeless


def test_a_harmful_removal_that_underfits_is_not_held_against_the_cause() -> None:
    harms = dataclasses.replace(CAPACITY, verdict="removing it harms", mean=-0.15, low=-0.16, high=-0.14)
    assert "after as many steps it underfits" in whole(screen(causes=(harms,), underfit=("dropout",)))
    assert "underfits" not in whole(screen(causes=(harms,), underfit=()))


def test_no_remedy_is_recommended_that_is_not_shown_to_help() -> None:
    remedy = dataclasses.replace(REMEDY, verdict="inconclusive", low=-0.004)
    shown = screen(remedy=remedy, causes=UNTESTED)
    none = "Gap 16.0 pp. No tested remedy is shown to raise test accuracy"
    assert first.headline(shown) == f"{none}; more data does, by +2.0 pp a doubling."
    assert first.headline(screen(remedy=remedy, causes=UNTESTED, data=None)) == f"{none}."
    assert params_diff(shown) == ""
    assert "Do this" not in whole(shown)
    assert "The most promising of the tested remedies, `dropout`" in whole(shown)


def test_a_gap_that_is_not_shown_is_not_called_real() -> None:
    text = whole(screen(gap=Interval(12, 0.01, 0.05, -0.02, 0.04)))
    assert "No gap is shown: its interval includes 0." in text
    assert "The gap is real" not in text


def test_what_is_unknown_is_said_and_not_printed_as_nan() -> None:
    text = whole(
        screen(
            gap=NOT_KNOWN, remedy=None,
            divergence=Divergence("unknown", NOT_KNOWN, None),
            causes=(dataclasses.replace(CAPACITY, verdict="unknown", low=math.nan, high=math.nan, wins="1/1"),),
            data=price(per_doubling=NOT_KNOWN, images_needed=ImagesNeeded("unknown", *[math.nan] * 3)),
        )
    )  # fmt: skip
    assert "One replicate has no interval" in text
    assert "No remedy can be named" in text
    assert "how many images +5.0 pp would take is unknown" in text
    assert "nan" not in text.lower()
    assert "None" not in text


def test_arms_that_close_the_gap_by_underfitting_are_named() -> None:
    assert "with `augmentation` training accuracy falls together with test accuracy" in whole(
        screen(underfit=("augmentation",))
    )


SPLIT = SplitEffect("split", "the split itself", "resplit", 12, 40, -0.05, -0.02, 0.02, "not shown")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"verdict": "contributes"}, "differ from the training images in more than luck"),
        ({"verdict": "unresolved", "groups": None}, "Until then a random re-split is no cure"),
        ({"verdict": "easier than re-splits", "mean": 0.05}, "look for leakage in the data audit"),
        ({"verdict": "not shown", "mean": 0.001}, "+0.1 pp from that of 12 re-splits"),
        ({"verdict": "not shown", "mean": 0.001, "groups": None}, "groups are unknown, and re-splits may leak"),
        ({"verdict": "unknown", "low": math.nan, "high": math.nan, "n": 1}, "it takes two re-splits"),
    ],
)
def test_a_given_split_is_placed_among_re_splits(change: dict[str, Any], says: str) -> None:
    _, verdict, evidence = first.causes(screen(causes=(dataclasses.replace(SPLIT, **change),))).rows[0]
    assert verdict == change["verdict"]
    assert says in evidence
    assert "None" not in evidence
    assert " ;" not in evidence
    if "low" not in change:
        assert "where chance leaves it within ±2.0 pp" in evidence


def test_what_intervals_do_not_speak_for_is_said() -> None:
    whole_pool = whole(screen(covers=Covers("whole", "fixed", 31)))
    assert "replicates vary seeds and validation" in whole_pool
    assert "Test intervals count 31 groups, not images." in whole_pool
    folds = whole(screen(covers=Covers("drawn", "folds", 31)))
    assert "Folds take turns as the test set" in folds
    assert "31 groups" not in folds
    assert "seeds and validation" not in whole(screen())


def test_no_images_are_named_for_more_than_there_is_to_gain() -> None:
    needed = ImagesNeeded("more than is left to gain", *[math.nan] * 3)
    text = whole(screen(data=price(headroom=0.018, images_needed=needed)))
    assert "+5.0 pp is more than the 1.8 pp that are left to gain" in text
    assert "would take about" not in text


def test_no_number_of_images_is_named_where_the_trend_does_not_lead() -> None:
    text = whole(screen(data=price(images_needed=ImagesNeeded("out of reach", *[math.nan] * 3))))
    assert "+5.0 pp is out of reach of this trend" in text
    assert "would take about" not in text
    unbounded = whole(screen(data=price(images_needed=ImagesNeeded("within reach", 5656.9, 4000.0, math.nan))))
    assert "about 5,700 images (4,000 or any number more) if the trend went on" in unbounded


def test_a_gain_from_more_data_than_there_is_is_an_extrapolation() -> None:
    text = whole(screen(data=price(extrapolated=True), remedy=None, causes=UNTESTED))
    assert "more data would, by +2.0 pp a doubling if the trend went on" in text
    assert "the baseline has all there are" in text


def test_where_classes_are_unequal_words_name_the_metric_that_the_verdict_rests_on() -> None:
    text = whole(screen(metric="balanced_accuracy"))
    assert "`dropout` raises balanced test accuracy by" in text
    assert "changed balanced test accuracy by" in text
    assert "balanced" not in whole(screen())
