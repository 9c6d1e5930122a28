"""What stands below the title: the gap, whether the baseline is trained, the causes, what to do."""

import dataclasses
import math
from typing import Any

import pandas as pd
import pytest
import yaml

from tests import samples
from tests.samples import CAPACITY, NOT_KNOWN, PRICE, REGULARIZATION, REMEDY, SPLIT, VERDICT, audit_of
from valgap.document import markdown
from valgap.document.parts import Code, Document, Section
from valgap.document.text import Strong
from valgap.findings.finding import Finding
from valgap.report import screen as first
from valgap.report.headline import headline
from valgap.report.inputs import Inputs
from valgap.report.suspects import causes
from valgap.results.shift import COLUMNS as SHIFT_COLUMNS
from valgap.stats.intervals import Interval
from valgap.stats.verdict import (
    Baseline,
    CauseEffect,
    Covers,
    Divergence,
    Estimate,
    FollowUp,
    Gap,
    ImagesNeeded,
    Labels,
    Price,
    Remedies,
    Untested,
)

SUMMARY = pd.DataFrame(
    [("baseline", split, "accuracy", 12, mean, mean - 0.01, mean + 0.01) for split, mean in
     (("train", 0.996), ("val", 0.836), ("test", 0.829))],
    columns=["variant", "split", "metric", "n", "mean", "low", "high"],
)  # fmt: skip
PROVENANCE = dataclasses.replace(samples.PROVENANCE, not_trained={"mixup": {"mixup": 0.2}})
REFERENCE = "its 1-nearest-neighbour reference"
UNTESTED = VERDICT.causes[:1]
SHIFT: Finding[Any] = Finding("VG106", "two_sample", "Validation told from training", "problem", 1, 2, "images", "", "")


def screen(**changes: Any) -> Inputs:
    verdict = dataclasses.replace(VERDICT, **changes)
    tables = {"summary": SUMMARY, "shift": pd.DataFrame(columns=SHIFT_COLUMNS)}
    return Inputs(tables, PROVENANCE, verdict, audit_of(SHIFT))


def price(**changes: Any) -> Price:
    return dataclasses.replace(PRICE, **changes)


def whole(shown: Inputs) -> str:
    lead = (*first.paragraphs(shown), causes(shown), *first.actions(shown))
    return markdown.write(Document(headline(shown), "", lead, ())).replace("\\", "")


def params_diff(shown: Inputs) -> str:
    sections = [part for part in first.actions(shown) if isinstance(part, Section)]
    return "".join(part.text for section in sections for part in section.parts if isinstance(part, Code))


def gap(train_val: float, train_test: float, test_val: float, half: float = 0.01) -> Gap:
    return Gap(*(Interval(12, mean, 0.01, mean - half, mean + half) for mean in (train_val, train_test, test_val)))


def cause(**changes: Any) -> CauseEffect:
    return dataclasses.replace(CAPACITY, **changes)


def row(entry: Any, **changes: Any) -> tuple[str, str, str]:
    """The row of the table of an entry that stands alone."""
    name, word, evidence = causes(screen(causes=(entry,), data=None, answer=(), **changes)).rows[0]
    assert "None" not in evidence
    assert "nan" not in evidence.lower().replace("nano", "")
    assert " ;" not in evidence
    assert "  " not in evidence
    return name, word, evidence


def test_the_first_screen_says_whether_the_gap_is_real_and_what_to_do() -> None:
    shown = screen()
    text = whole(shown)
    assert "The gap is real." in text
    assert "was lowest at epoch 9" in text
    assert "It costs 1× the baseline's computation: 960 steps of 421,642 parameters." in text
    assert "Test loss changed by −0.280 nats (−0.300 to −0.260): its confidence is better earned." in text
    assert "Not tested: `mixup`" in text
    assert yaml.safe_load(params_diff(shown)) == {"train": {"dropout": [0.25, 0.25, 0.5]}}
    assert "about 5,700 images (4,000 to 10,000): the upper limit" in text
    assert "More images: each doubling brings +2.0 pp (+1.5 to +2.5) of test accuracy." in text


@pytest.mark.parametrize("forbidden", ["p =", "p-value", "the cause is", "proves", "nan", "None", "recovers", "harms"])
def test_it_claims_no_more_than_an_intervention_shows(forbidden: str) -> None:
    assert forbidden not in whole(screen())
    assert forbidden not in whole(screen(causes=(cause(verdict="not to blame", mean=-0.09, low=-0.1, high=-0.08),)))


def test_the_gap_has_both_its_parts_with_their_intervals() -> None:
    text = whole(screen(gap=gap(0.158, 0.149, 0.009)))
    assert (
        "15.8 pp (14.8 to 16.8) = 14.9 (training − test; 13.9 to 15.9) + 0.9 (test − validation; −0.1 to 1.9)" in text
    )
    assert "= 16.7 (training − test; 15.8 to 17.6) − 0.7 (test − validation; −1.6 to 0.2)" in whole(screen())


def test_a_negative_gap_is_called_by_its_name() -> None:
    """−15.2 pp (−16.4 to −14.0) is not `no gap`: it is the best sign of wrong labels or heavy augmentation."""
    shown = screen(gap=gap(-0.152, -0.15, -0.002), answer=(), data=None)
    text = whole(shown)
    assert "The gap is negative: validation is easier than training" in text
    assert "the best sign of wrong training labels or heavy augmentation" in text
    assert "the gap is negative, −15.2 pp" in headline(shown)
    assert "No gap is shown" not in text
    assert "gap is real" not in text


def test_a_gap_that_is_not_shown_is_not_called_real() -> None:
    text = whole(screen(gap=gap(0.01, 0.01, 0.0, half=0.03)))
    assert "No gap is shown: its interval includes 0." in text
    assert "The gap is real" not in text


@pytest.mark.parametrize(
    ("baseline", "says"),
    [
        (
            Baseline(12, 12, 0.72, ()),
            "above its 1-nearest-neighbour reference, 72.0% of test accuracy, in 12 of 12 replicates",
        ),
        (
            Baseline(12, 3, 0.81, ()),
            "under its 1-nearest-neighbour reference, 81.0% of test accuracy, in 9 of 12 replicates",
        ),
        (
            Baseline(8, 0, 0.81, ()),
            "under its 1-nearest-neighbour reference, 81.0% of test accuracy, in 8 of 8 replicates",
        ),
        (Baseline(8, 6, 0.7, (1, 5)), "2 replicates of the baseline collapsed to one class (1, 5)"),
    ],
)
def test_whether_the_baseline_is_trained_is_said(baseline: Baseline, says: str) -> None:
    text = whole(screen(baseline=baseline))
    assert says in text
    assert ("collapsed" in text) is bool(baseline.collapsed)


def test_a_reference_that_is_unknown_is_not_mentioned() -> None:
    assert "nearest" not in whole(screen(baseline=Baseline(12, None, math.nan, ())))


def test_effects_stand_beside_those_without_collapsed_runs() -> None:
    entry = cause(sound=Estimate(0.05, 0.04, 0.06))
    text = whole(screen(causes=(entry,), baseline=Baseline(12, 9, 0.72, (1, 4, 7))))
    assert "; without the collapsed runs: +5.0 pp (+4.0 to +6.0)" in text
    assert "The table has effects with and without them." in text


def test_a_split_or_an_arm_that_had_too_few_steps_is_not_said_to_underfit() -> None:
    entry = cause(verdict="not tested fairly", unfair=("pooling_head",))
    under = ("augmentation", "resplit", "pooling_head")
    text = whole(screen(underfit=under, causes=(SPLIT, entry)))
    assert "with `augmentation` training accuracy falls together with test accuracy" in text
    assert "small gap" not in whole(screen(underfit=under[1:], causes=(SPLIT, entry)))


def test_the_best_arms_of_both_halves_are_named() -> None:
    _, word, evidence = row(CAPACITY)
    assert word == "contributes"
    assert evidence == (
        "Removing it, by `narrow` on one half of the replicates, `pooling_head` on the other, raises test accuracy by "
        "+3.4 pp (+2.2 to +4.6), higher in 11/12 replicates"
    )
    assert "by `narrow`, raises" in row(cause(arms=("narrow", "narrow")))[2]
    assert "(+2.2 to +4.6) against `longer`, higher" in row(cause(against="longer"))[2]


def test_what_is_not_to_blame_has_an_upper_limit() -> None:
    _, word, evidence = row(REGULARIZATION)
    assert word == "not to blame"
    assert "Removing it raises test accuracy by at most 0.8 pp: `dropout`, +0.1 pp" in evidence


def test_of_a_healthy_network_more_of_it_lowers_accuracy_and_nothing_harms() -> None:
    """`insufficient regularization: removing it harms` reads as if regularization harmed."""
    healthy = dataclasses.replace(REGULARIZATION, mean=-0.032, low=-0.042, high=-0.022, wins="0/12")
    _, word, evidence = row(healthy)
    assert word == "not to blame"
    assert evidence.startswith("Even the best arm against it, `dropout`, lowers test accuracy: −3.2 pp (−4.2 to −2.2)")


def test_a_small_effect_is_said_to_be_small() -> None:
    assert (
        "raises test accuracy by less than the margin of 1.0 pp: +0.4 pp"
        in (row(cause(verdict="contributes a little", mean=0.004, low=0.001, high=0.007))[2])
    )


def test_equal_steps_are_not_held_against_an_arm_that_still_learns() -> None:
    entry = cause(verdict="not tested fairly", mean=-0.15, low=-0.16, high=-0.14, unfair=("narrow", "pooling_head"))
    _, word, evidence = row(entry)
    assert word == "not tested fairly"
    assert "still learning when the steps ended (`narrow` and `pooling_head`)" in evidence
    assert "`valgap more --follow-up` gives them 3 times the steps" in evidence
    assert "lowers" not in evidence
    assert "−15" not in evidence


def test_a_cause_that_waits_is_judged_later() -> None:
    assert row(cause(verdict="waits"))[2].startswith("Judged once training is finished")


def after(verdict: Any, *estimate: float, **changes: Any) -> str:
    """The evidence on a cause that was judged again once improper augmentation was removed."""
    first_cause = cause(cause="augmentation", title="improper augmentation", arm="none", arms=("none",))
    entry = cause(verdict=verdict, given=("none",), after=Estimate(*estimate), **changes)
    rows = causes(screen(causes=(first_cause, entry), data=None, answer=())).rows
    return next(evidence for name, _, evidence in rows if name == entry.title)


def test_what_another_cause_explains_says_what_is_left() -> None:
    assert after("explained by another", 0.001, -0.01, 0.012).endswith(
        "; once improper augmentation is removed: +0.1 pp (−1.0 to +1.2)"
    )
    assert (
        "once `unlisted` is in place"
        in (row(cause(verdict="explained by another", given=("unlisted",), after=Estimate(0.0, -0.01, 0.01)))[2])
    )


def test_a_word_stands_on_the_effect_once_other_causes_are_removed() -> None:
    """The effect alone may say the opposite of the word: it then stands last."""
    found = after("contributes", 0.029, 0.007, 0.05, mean=0.004, low=-0.03, high=0.04)
    assert found.startswith(
        "Once improper augmentation is removed, removing it, by `narrow`, raises test accuracy by +2.9"
    )
    assert found.endswith("; alone: +0.4 pp (−3.0 to +4.0), higher in 11/12 replicates")
    limit = after("not to blame", 0.001, -0.004, 0.006, mean=0.01, low=-0.03, high=0.05)
    assert "raises test accuracy by at most 0.6 pp" in limit
    assert "would have been found" not in after("inconclusive", 0.01, -0.01, 0.03)


def test_arms_that_still_learn_are_left_out_by_name() -> None:
    entry = cause(verdict="not to blame", high=0.006, mean=0.001, unfair=("pooling_head",))
    assert row(entry)[2].endswith("; `pooling_head` still learned when the steps ended, and is left out")
    assert "left out" not in row(cause(unfair=("pooling_head",)))[2]


def test_an_inconclusive_cause_says_what_would_settle_it() -> None:
    entry = cause(verdict="inconclusive", low=-0.01, mde=0.025, more_replicates=7)
    text = whole(screen(causes=(entry,)))
    assert "an effect of 2.5 pp would have been found with 80% probability" in text
    # 7 replicates are two blocks of 6, of two arms
    assert "`valgap more --variant narrow --blocks 2` (at most 24 runs" in text
    hopeless = whole(screen(causes=(dataclasses.replace(entry, more_replicates=None),)))
    assert "More replicates cannot settle excess capacity" in hopeless
    dear = whole(screen(causes=(dataclasses.replace(entry, more_replicates=1735),)))
    assert "out of reach here: to find it with 80% probability would take 290 blocks more, 3,480 runs." in dear
    assert "--blocks" not in dear


def test_no_remedy_is_recommended_that_is_not_shown_to_help() -> None:
    shown = screen(remedies=Remedies((), 14, 0.95, 2.9))
    assert params_diff(shown) == ""
    assert "remedy" not in whole(shown).lower()


def test_the_cheapest_of_the_best_remedies_is_the_one_to_adopt() -> None:
    cheap = dataclasses.replace(REMEDY, variant="ema", diff={"ema_momentum": 0.99}, mean=0.012)
    shown = screen(remedies=Remedies((cheap, REMEDY), 14, 0.95, 2.9))
    assert yaml.safe_load(params_diff(shown)) == {"train": {"ema_momentum": 0.99}}
    assert "the cheapest of those that may be the best" in whole(shown)
    assert "the cheapest of those" not in whole(screen())


def test_what_to_train_next_is_named_and_counted() -> None:
    follow = (
        FollowUp("both", {"width": 0.5}, "together", ("narrow", "logits")),
        FollowUp("narrow_longer", {"width": 0.5, "steps": 3}, "more steps", ("narrow",)),
    )
    text = whole(screen(follow_up=follow))
    assert "`valgap more --follow-up` adds 2 arms to `params.yaml`" in text
    assert "`both`, `narrow` and `logits` together; `narrow_longer`, `narrow` with 3 times the steps" in text
    assert "follow-up" not in whole(screen())


def test_what_is_unknown_is_said_and_not_printed_as_nan() -> None:
    unknown = cause(verdict="unknown", low=math.nan, high=math.nan, mde=math.nan, wins="1/1", n=1)
    text = whole(
        screen(
            gap=Gap(NOT_KNOWN, NOT_KNOWN, NOT_KNOWN), replicates=1, baseline=Baseline(1, None, math.nan, ()),
            remedies=Remedies((), 0, 0.95, math.nan), divergence=Divergence("unknown", NOT_KNOWN, None), answer=(),
            causes=(unknown,),
            data=price(per_doubling=NOT_KNOWN, images_needed=ImagesNeeded("unknown", *[math.nan] * 3)),
        )
    )  # fmt: skip
    assert "One replicate has no interval" in text
    assert "more cannot be said of 1 replicate" in text
    assert "how many images +5.0 pp would take is unknown" in text
    assert "nan" not in text.lower()
    assert "None" not in text


@pytest.mark.parametrize(
    ("gain", "word"),
    [(Interval(3, 0.04, 0.02, 0.001, 0.08), "has a price"), (Interval(3, 0.04, 0.03, -0.025, 0.113), "inconclusive"),
     (NOT_KNOWN, "unknown")],
)  # fmt: skip
def test_images_have_a_price_where_their_gain_is_shown(gain: Interval, word: str) -> None:
    rows = {name: said for name, said, _ in causes(screen(data=price(per_doubling=gain))).rows}
    assert rows["too few images"] == Strong(word)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"verdict": "contributes"}, "differ from the others in more than luck"),
        ({"verdict": "probably contributes", "groups": None}, "probably differ from the others"),
        ({"verdict": "leaks", "cost": Estimate(-0.015, -0.03, -0.001)}, "copies of training images are among"),
        ({"verdict": "probably leaks", "groups": None}, "look alike to training images"),
        ({"verdict": "unresolved", "groups": None}, "Until then a random re-split is no cure"),
        ({"verdict": "not shown", "mean": 0.001}, "+0.1 pp from that of 12 re-splits"),
        ({"verdict": "not shown", "mean": 0.001, "groups": None}, "groups are unknown, and re-splits may leak"),
        ({"verdict": "unknown", "low": math.nan, "high": math.nan, "n": 1}, "it takes two re-splits"),
        (
            {"verdict": "leaks", "copies": Estimate(0.018, 0.01, 0.026)},
            "copies of training images among them make +1.8 pp (+1.0 to",
        ),
        (
            {"verdict": "class mix", "mix": Estimate(0.08, 0.06, 0.1), "alike": Estimate(0.015, -0.005, 0.035)},
            "of which other shares of classes make +8.0 pp: at the same shares it is +1.5 pp; validation",
        ),
    ],
)
def test_a_given_split_has_both_differences_and_what_the_audit_found(change: dict[str, Any], says: str) -> None:
    _, verdict, evidence = row(dataclasses.replace(SPLIT, **change))
    assert verdict == change["verdict"]
    assert says in evidence
    assert evidence.startswith("Test minus validation accuracy is ")
    assert "the audit found: validation told from training (VG106)" in evidence
    if "low" not in change:
        assert "which chance leaves within −2.8 to +2.8 pp" in evidence


def test_a_baseline_that_collapsed_tells_nothing_of_the_split() -> None:
    entry = dataclasses.replace(SPLIT, verdict="unknown", mean=math.nan, low=math.nan, high=math.nan, n=0)
    _, _, evidence = row(entry, baseline=Baseline(3, 0, 0.72, (0, 1, 2)))
    assert evidence.endswith("; replicates that collapsed to one class tell nothing of images")


def test_a_split_without_re_splits_says_so() -> None:
    entry = dataclasses.replace(SPLIT, variant=None, n=0, mean=math.nan, low=math.nan, high=math.nan, audit=())
    evidence = row(entry)[2]
    assert "no re-splits were trained" in evidence
    assert "audit" not in evidence


def test_easier_than_re_splits_is_not_called_a_leak() -> None:
    """+12.3 pp over re-splits, with a quarter of the training labels wrong: nothing leaked."""
    evidence = row(dataclasses.replace(SPLIT, verdict="not shown", mean=0.123, audit=()))[2]
    assert "easier than re-splits where training labels are wrong, too" in evidence
    assert "leakage" not in evidence


def test_suspected_labels_are_listed_by_split_with_their_limits() -> None:
    labels = Labels({"train": Estimate(0.28, 0.26, 0.3), "val": Estimate(0.08, 0.07, 0.09)}, None)
    untested = Untested(
        cause="labels", title="wrong training labels", verdict="not tested", why="no arm leaves them out"
    )
    _, word, evidence = row(untested, labels=labels)
    assert word == "not tested"
    assert "training 28.0% (26.0 to 30.0), validation 8.0% (7.0 to 9.0)" in evidence
    more = dataclasses.replace(labels, excess=Estimate(0.2, 0.18, 0.22))
    assert "+20.0 pp (+18.0 to +22.0) more of those to learn from" in row(untested, labels=more)[2]
    tested = cause(cause="labels", title="wrong training labels")
    assert "training 28.0% (26.0 to 30.0)" in row(tested, labels=labels)[2]
    rows = causes(screen(causes=(), labels=labels)).rows
    assert [found[:2] for found in rows if "labels" in found[0]] == [("wrong training labels", "suspected only")]


def test_a_baseline_that_has_learnt_little_is_said_first_where_no_cause_is_named() -> None:
    """Undertrained, too much regularization, wrong labels: what it is nobody has shown, and that it is comes first."""
    helps = cause(verdict="inconclusive", mean=0.101, low=-0.034, high=0.236, more_replicates=None)
    little = screen(causes=(helps,), answer=(), baseline=Baseline(4, 1, 0.608, ()), remedies=Remedies((), 1, 0.95, 2.0))
    said = headline(little)
    assert said.startswith(
        f"Something keeps the baseline from learning: it is under {REFERENCE} in 3 of 4 replicates. No tested"
    )
    text = whole(little)
    assert f"`{helps.arm}` changed test accuracy the most, by +10.1 pp (−3.4 to +23.6)" in text
    harms = dataclasses.replace(helps, mean=-0.01)
    assert "changed test accuracy the most" not in whole(dataclasses.replace(
        little, verdict=dataclasses.replace(little.verdict, causes=(harms,))
    ))  # fmt: skip
    half = dataclasses.replace(little.verdict, baseline=Baseline(4, 2, 0.608, ()))
    assert "Something keeps" not in headline(dataclasses.replace(little, verdict=half))
    assert "Something keeps" not in headline(screen(baseline=Baseline(4, 1, 0.608, ()))), "a cause is named"


def test_no_share_is_said_of_labels_where_the_model_that_doubts_them_is_at_a_loss() -> None:
    """0.0% of 3,068 labels doubted, by a model that is right on 37% of images, is no word on the labels."""
    at_a_loss = dataclasses.replace(SHIFT, code="VG108", severity="unknown")
    few = Labels({"train": Estimate(0.0, 0.0, 0.001)}, Estimate(0.0, -0.005, 0.001))
    many = Labels({"train": Estimate(0.3, 0.28, 0.32)}, Estimate(0.2, 0.18, 0.22))

    def said(labels: Labels) -> tuple[str, str]:
        shown = dataclasses.replace(screen(causes=(), labels=labels), audit=audit_of(at_a_loss))
        [(_, word, evidence)] = [found for found in causes(shown).rows if "labels" in found[0]]
        return word, evidence

    assert said(few) == (
        "unknown", "The simple model that doubts labels is wrong too often on these images itself to tell (VG108)"
    )  # fmt: skip
    assert said(many)[0] == "suspected only", "so many are disputed that it is the labels"


def test_training_labels_that_are_doubted_more_than_others_are_to_be_looked_at() -> None:
    shares = {"pool": Estimate(0.28, 0.26, 0.3), "test": Estimate(0.1, 0.09, 0.11)}
    more = Labels(shares, Estimate(0.18, 0.16, 0.2))
    assert "Mend the labels to learn from: 18.0% (16.0 to 20.0) more of them are doubted" in whole(screen(labels=more))
    alike = Labels(shares, Estimate(-0.01, -0.03, 0.01))
    assert "doubted" not in whole(screen(labels=alike)).replace("doubts", "")


def test_what_is_to_blame_stands_first_in_the_order_of_the_answer() -> None:
    split = dataclasses.replace(SPLIT, verdict="not shown")
    rows = causes(screen(causes=(split, *VERDICT.causes[1:]))).rows
    names = [name for name, _, _ in rows]
    assert names == ["excess capacity", "too few images", "the split itself", "insufficient regularization"]


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


def test_the_price_of_data_is_never_followed_beyond_tenfold_and_owns_its_error() -> None:
    text = whole(screen(data=price(images_needed=ImagesNeeded("out of reach", *[math.nan] * 3))))
    assert "+5.0 pp would take more than ten times the images, farther than the trend is followed" in text
    assert "would take about" not in text
    unbounded = whole(screen(data=price(images_needed=ImagesNeeded("within reach", 5656.9, 4000.0, math.nan))))
    assert "about 5,700 images (4,000 to more than the trend is followed)" in unbounded
    for shown in (unbounded, whole(screen())):
        assert "the upper limit allows for a trend that weakens by half" in shown


def test_a_gain_from_more_data_than_there_is_is_an_extrapolation() -> None:
    text = whole(screen(data=price(extrapolated=True), causes=UNTESTED))
    assert "too few images (each doubling +2.0 pp, if the trend goes on)" in text
    assert "More images: each doubling would bring" in text
    assert "the baseline has all there are" in text


def test_where_classes_are_unequal_words_name_the_metric_that_the_verdict_rests_on() -> None:
    text = whole(screen(metric="balanced_accuracy"))
    assert "raises balanced test accuracy by" in text
    assert "Best remedy: `dropout` (balanced test accuracy +1.4 pp)" in text
    assert "balanced" not in whole(screen())
