"""Each cause by its best arm: who is chosen, who judges, and what may be said."""

import dataclasses
import math

import numpy as np
import pytest

from tests.stats.synthetic import ARMS, SHIPPED, curve, effect, entry, evidence, judged, manifest, run, runs, suite
from valgap.data.prepared import Suspected
from valgap.ground.params.arms import Arms
from valgap.ground.params.experiment import Augmentation
from valgap.stats import verdicts
from valgap.stats.crossed import crossed
from valgap.stats.diagnosis import diagnose
from valgap.stats.fairness import Trial, still_learns
from valgap.stats.intervals import Interval
from valgap.stats.judging import word_for
from valgap.stats.measured import Measured


def test_each_half_is_judged_by_the_arm_that_the_other_half_chose() -> None:
    """`l2` shines in validation on the first six replicates, `dropout` on the last: each judges the other six."""
    first, perfect, poor = np.arange(12)[:, np.newaxis] < 6, np.ones((12, 50), bool), np.zeros((12, 50), bool)
    loaded = {
        "baseline": run({"val": poor}),
        "l2": run({"val": np.where(first, perfect, poor)}),
        "dropout": run({"val": np.where(first, poor, perfect)}),
    }
    arms = [Trial(name, name, "baseline", True) for name in ("l2", "dropout")]
    parts = crossed(Measured(loaded), arms, "accuracy")
    assert [(part.variant, part.replicates) for part in parts] == [
        ("dropout", (0, 1, 2, 3, 4, 5)),
        ("l2", (6, 7, 8, 9, 10, 11)),
    ]


def test_an_arm_that_is_alone_is_judged_on_all_replicates() -> None:
    loaded = runs(np.random.default_rng(0), {"baseline": 0.7, "l2": 0.7}, images=50)
    (part,) = crossed(Measured(loaded), [Trial("l2", "l2", "baseline", True)], "accuracy")
    assert part.replicates == tuple(range(12))


def test_the_choice_rests_on_balanced_accuracy_where_the_verdict_does() -> None:
    """By plain accuracy `l2` is better, on 30 of 40 images; by balanced accuracy `dropout`, on both classes."""
    labels = np.array([0] * 30 + [1] * 10)
    common, even = np.tile(labels == 0, (12, 1)), np.tile(np.arange(40) % 4 != 3, (12, 1))
    even[:, :30] = np.arange(30) % 3 != 0
    right = {"baseline": np.zeros((12, 40), bool), "l2": common, "dropout": even}
    loaded = {name: run({"val": each, "test": each}, labels=labels) for name, each in right.items()}
    arms = [Trial(name, name, "baseline", True) for name in ("l2", "dropout")]
    chosen = {
        metric: {part.variant for part in crossed(Measured(loaded), arms, metric)}
        for metric in ("accuracy", "balanced_accuracy")
    }
    assert chosen == {"accuracy": {"l2"}, "balanced_accuracy": {"dropout"}}


def test_a_cause_is_named_whichever_of_its_arms_removes_it() -> None:
    for helpful in ("dropout", "l2"):
        accuracies = dict.fromkeys(ARMS, 0.7) | {"dropout": 0.6, "l2": 0.6, "pooling_head": 0.5, helpful: 0.78}
        found = judged(suite(), runs(np.random.default_rng(1), accuracies))
        assert effect(found, "regularization").verdict == "contributes"
        assert effect(found, "regularization").arms == (helpful,)
        assert effect(found, "regularization").mean == pytest.approx(0.08, abs=0.02)
        assert effect(found, "capacity").verdict != "contributes"
        assert [each.cause for each in found.answer] == ["regularization"]


def test_crossing_names_few_idle_causes() -> None:
    """A/A: arms that differ by luck alone, in 200 suites."""
    rng, params, alarms, suites = np.random.default_rng(0), suite(), 0, 200
    for _ in range(suites):
        found = judged(params, runs(rng, dict.fromkeys(ARMS, 0.8), images=60))
        alarms += any(each.verdict.startswith("contributes") for each in found.causes)
    assert alarms / suites <= 0.05


def test_the_words_follow_from_the_interval_and_the_margin() -> None:
    def word(low: float, high: float) -> str:
        return word_for(Interval(8, (low + high) / 2, 0.01, low, high), 0.01)

    assert word(0.005, 0.03) == "contributes"
    assert word(0.001, 0.005) == "contributes a little"
    assert word(-0.03, 0.009) == "not to blame"
    assert word(-0.05, -0.01) == "not to blame"  # removing it harms: there was none too much
    assert word(0.0, 0.0) == "not to blame"
    assert word(-0.01, 0.02) == "inconclusive"
    assert word(math.nan, math.nan) == "unknown"


def test_an_opposite_is_judged_by_the_arms_that_oppose() -> None:
    accuracies = {"baseline": 0.7, "narrow": 0.6, "wide": 0.8}
    found = judged(suite(("baseline", "narrow", "wide")), runs(np.random.default_rng(2), accuracies))
    assert effect(found, "capacity").verdict == "not to blame"
    assert effect(found, "capacity_lack").verdict == "contributes"
    assert effect(found, "capacity_lack").title == "too little capacity"


def test_too_much_regularization_needs_some_in_the_baseline() -> None:
    causes = {"regularization": Arms(removes=("l2",), opposes=("narrow",))}
    loaded = runs(np.random.default_rng(3), {"baseline": 0.7, "l2": 0.6, "narrow": 0.8})
    plain = judged(suite(causes=causes), loaded)
    assert "regularization_excess" not in [each.cause for each in plain.causes]
    dropped = dataclasses.replace(SHIPPED.train, dropout=(0.4, 0.4, 0.7))
    assert effect(judged(suite(causes=causes, train=dropped), loaded), "regularization_excess").verdict == "contributes"


def test_causes_that_the_baseline_lacks_are_not_present_and_their_injection_is_no_cause() -> None:
    arms = ("baseline", "wrong_augmentation", "long_tail")
    accuracies = {"baseline": 0.7, "long_tail": 0.3, "wrong_augmentation": 0.2}
    found = judged(suite(arms), runs(np.random.default_rng(5), accuracies))
    assert {name: entry(found, name).verdict for name in ("augmentation", "imbalance", "capacity", "labels")} == {
        "augmentation": "not present",
        "imbalance": "not present",
        "capacity": "not tested",
        "labels": "not tested",
    }
    assert {row.variant for row in found.injected} == {"long_tail", "wrong_augmentation"}
    assert found.answer == ()


def test_causes_that_the_baseline_has_need_an_arm_that_removes_them() -> None:
    loaded = runs(np.random.default_rng(6), {"baseline": 0.6, "dropout": 0.8})
    arms = ("baseline", "dropout")
    found = judged(suite(arms), loaded, manifest=manifest(class_sizes=(90, 10)))
    assert (entry(found, "imbalance").verdict, found.metric) == ("not tested", "balanced_accuracy")
    policy = dataclasses.replace(SHIPPED.train, augmentation=Augmentation(zoom=0.2))
    causes = {"augmentation": Arms(removes=("dropout",))}
    assert entry(judged(suite(arms, train=policy, causes=causes), loaded), "augmentation").verdict == "contributes"


def test_labels_are_judged_where_some_are_suspected() -> None:
    arms = ("baseline", "without_suspects")
    loaded = runs(np.random.default_rng(7), {"baseline": 0.6, "without_suspects": 0.7})
    assert entry(judged(suite(arms), loaded), "labels").verdict == "not tested"
    alike = manifest(suspected={"pool": Suspected(80, 1000), "test": Suspected(80, 1000)})
    found = judged(suite(arms), loaded, manifest=alike)
    assert entry(found, "labels").verdict == "contributes", "leaving them out helps"
    assert [(each.cause, each.kind) for each in found.answer] == [("labels", "removal")]
    held_out = manifest(suspected={"pool": Suspected(0, 1000), "test": Suspected(80, 1000)})
    assert entry(judged(suite(arms), loaded, manifest=held_out), "labels").verdict == "not tested"


def test_labels_doubted_more_often_than_held_out_ones_are_wrong_whatever_leaving_them_out_gains() -> None:
    arms = ("baseline", "without_suspects")
    loaded = runs(np.random.default_rng(7), {"baseline": 0.6, "without_suspects": 0.6})
    doubted = manifest(suspected={"train": Suspected(280, 1000), "val": Suspected(40, 500), "test": Suspected(40, 500)})
    found = judged(suite(arms), loaded, manifest=doubted)
    assert found.labels.excess is not None
    assert found.labels.excess.mean == pytest.approx(0.2)
    assert found.labels.excess.low == pytest.approx(0.2 - math.hypot(0.28 - 0.2530, 0.0985 - 0.08), abs=1e-3)
    assert entry(found, "labels").verdict == "contributes"
    assert [(each.cause, each.kind, round(each.mean, 9)) for each in found.answer] == [("labels", "labels", 0.2)]
    hardly = manifest(suspected={"train": Suspected(110, 1000), "test": Suspected(80, 1000)})
    assert judged(suite(arms), loaded, manifest=hardly).answer == ()
    untrained = judged(suite(("baseline",)), {"baseline": loaded["baseline"]}, manifest=doubted)
    assert [each.cause for each in untrained.answer] == ["labels"], "no arm is needed to see them"


def test_an_arm_that_is_behind_and_still_rising_is_not_tested_fairly() -> None:
    baseline = curve()
    assert still_learns(curve(end=0.9, half=0.8), baseline)
    assert not still_learns(curve(end=0.9, half=0.895), baseline), "it has stopped"
    assert not still_learns(curve(end=0.995, half=0.9), baseline), "it is not behind"
    assert still_learns(curve(end=0.9, half=0.8, replicates=1), curve(replicates=1))


def test_no_cause_is_acquitted_by_arms_that_had_too_few_steps() -> None:
    loaded = runs(np.random.default_rng(8), {"baseline": 0.8, "pooling_head": 0.6, "narrow": 0.6})
    arms = ("baseline", "pooling_head", "narrow")
    curves = {name: curve() for name in arms}
    slow = curve(end=0.9, half=0.8)
    assert effect(judged(suite(arms), loaded), "capacity").verdict == "not to blame"
    both = judged(suite(arms), loaded, curves=curves | {"pooling_head": slow, "narrow": slow})
    assert effect(both, "capacity").verdict == "not tested fairly"
    assert [(each.variant, each.diff) for each in both.follow_up] == [
        ("baseline_longer", {"steps": 2880}),
        ("pooling_head_longer", {"head": "pooling", "steps": 2880}),
        ("narrow_longer", {"width": 0.5, "steps": 2880}),
    ]
    one = judged(suite(arms), loaded, curves=curves | {"pooling_head": slow})
    assert effect(one, "capacity").arms == ("narrow",)
    assert (effect(one, "capacity").verdict, effect(one, "capacity").unfair) == ("not to blame", ("pooling_head",))


def test_an_arm_with_more_steps_is_compared_with_the_baseline_at_as_many() -> None:
    arms = ("baseline", "longer", "narrow")
    params = suite(arms, together={"narrow_longer": ("longer", "narrow")})
    accuracies = {"baseline": 0.7, "longer": 0.8, "narrow": 0.6, "narrow_longer": 0.9}
    curves = {name: curve() for name in accuracies} | {"narrow": curve(end=0.9, half=0.8)}
    params = dataclasses.replace(params, causes={"capacity": Arms(removes=("narrow",))})
    found = effect(judged(params, runs(np.random.default_rng(9), accuracies), curves=curves), "capacity")
    assert (found.verdict, found.arm, found.against, found.unfair) == ("contributes", "narrow_longer", "longer", ())
    assert found.mean == pytest.approx(0.1, abs=0.02)


def test_a_slow_arm_that_helps_anyway_needs_no_more_steps_for_its_word() -> None:
    loaded = runs(np.random.default_rng(10), {"baseline": 0.6, "narrow": 0.8})
    found = judged(suite(("baseline", "narrow")), loaded, curves={"baseline": curve(), "narrow": curve(0.9, 0.8)})
    assert effect(found, "capacity").verdict == "contributes"


def test_identical_results_are_no_effect_and_divide_by_nothing() -> None:
    baseline = runs(np.random.default_rng(3), {"baseline": 0.7})["baseline"]
    found = judged(suite(), dict.fromkeys(ARMS, baseline))
    capacity = effect(found, "capacity")
    assert (capacity.verdict, capacity.mean, capacity.low, capacity.high) == ("not to blame", 0, 0, 0)
    assert found.remedies.best == ()


def test_one_replicate_has_no_intervals_and_names_nothing() -> None:
    loaded = {
        name: {key: values[:1] for key, values in content.items()}
        for name, content in runs(np.random.default_rng(4), dict.fromkeys(ARMS, 0.7) | {"dropout": 0.9}).items()
    }
    found = judged(suite(), loaded)
    assert effect(found, "regularization").verdict == "unknown"
    assert math.isnan(effect(found, "regularization").low)
    assert (found.answer, found.remedies.best, found.divergence.verdict) == ((), (), "unknown")


def test_added_replicates_are_a_later_look_at_a_smaller_alpha() -> None:
    params, loaded = suite(), runs(np.random.default_rng(8), dict.fromkeys(ARMS, 0.7), images=60)
    for look in (0, 1, 2):
        later = dataclasses.replace(params, looks=params.looks | {"dropout": look})
        assert effect(judged(later, loaded), "regularization").confidence == verdicts.adjusted_confidence(3, look)


def test_collapsed_runs_are_the_fault_of_training_and_judge_nothing_else() -> None:
    """Two of twelve baselines give every image one class; a lower rate cures that, a narrow network does too."""
    rng = np.random.default_rng(11)
    arms = ("baseline", "rate_down", "narrow")
    loaded = runs(rng, dict.fromkeys(arms, 0.8))
    labels = loaded["baseline"]["test_labels"]
    loaded["baseline"]["test_probabilities"][:2] = np.eye(2, dtype=np.float32)[np.zeros_like(labels[:2])]
    found = judged(suite(arms), loaded)
    assert found.baseline.collapsed == (0, 1)
    training, capacity = effect(found, "training"), effect(found, "capacity")
    assert training.verdict == "contributes"
    assert training.low < 0, "two runs of twelve leave the t interval wide"
    assert training.sound is not None
    assert abs(training.sound.mean) < 0.02
    assert capacity.verdict == "waits"
    assert [each.cause for each in found.answer] == ["training"]


def test_a_baseline_is_compared_with_its_own_nearest_neighbour() -> None:
    loaded = runs(np.random.default_rng(12), {"baseline": 0.7})
    references = {"accuracy": {replicate: 0.6 if replicate < 9 else 0.8 for replicate in range(12)}}
    found = judged(suite(("baseline",)), loaded, references=references).baseline
    assert (found.replicates, found.above_reference) == (12, 9)
    assert found.reference == pytest.approx(0.65)
    assert judged(suite(("baseline",)), loaded, references={}).baseline.above_reference is None


def test_words_stand_on_causes_alone() -> None:
    accuracies = dict.fromkeys(ARMS, 0.7) | {"dropout": 0.8}
    table, _ = diagnose(suite(), evidence(runs(np.random.default_rng(13), accuracies)))
    worded = table[table.verdict != ""]
    assert set(worded.role) == {"cause"}
    assert set(worded.metric) == {"accuracy"}
    assert len(worded) == 3
    assert set(table[table.role == "remedy"].variant) == set(ARMS[1:])


def test_a_wider_network_that_may_help_asks_for_a_wider_one_still_and_is_judged_beside_it() -> None:
    """Twice the width helps by 10 pp in most replicates and fails in two; four times helps in all."""
    rng = np.random.default_rng(8)
    accuracies = {"baseline": 0.7, "wide": 0.82}
    loaded = runs(rng, accuracies, images=400)
    for split in ("test", "val"):
        loaded["wide"][f"{split}_probabilities"][[2, 8]] = loaded["baseline"][f"{split}_probabilities"][[2, 8]][:, ::-1]
    params = suite(("baseline", "wide"))
    found = judged(params, loaded)
    assert effect(found, "capacity_lack").verdict == "inconclusive"
    (asked,) = found.follow_up
    assert (asked.variant, asked.diff, asked.why, asked.of) == ("wide_wider", {"width": 4.0}, "wider", ("wide",))

    diffs = params.diffs | {"wide_wider": asked.diff}
    variants = params.variants | {"wide_wider": dataclasses.replace(params.train, width=4.0)}
    cells = params.cells | {"wide_wider": (0, 1)}
    more = dataclasses.replace(params, diffs=diffs, variants=variants, cells=cells)
    wider = loaded | {"wide_wider": runs(rng, {"wide_wider": 0.85}, images=400)["wide_wider"]}
    found = judged(more, wider)
    assert effect(found, "capacity_lack").verdict == "contributes"
    assert effect(found, "capacity_lack").arm == "wide_wider"
    assert not [each for each in found.follow_up if each.why == "wider"]


def test_a_wider_network_that_harms_or_surely_helps_asks_for_none() -> None:
    for accuracy, word in ((0.6, "not to blame"), (0.85, "contributes")):
        found = judged(suite(("baseline", "wide")), runs(np.random.default_rng(9), {"baseline": 0.7, "wide": accuracy}))
        assert effect(found, "capacity_lack").verdict == word
        assert not found.follow_up
