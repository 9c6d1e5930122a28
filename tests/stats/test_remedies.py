"""Remedies as a set: intervals of all arms at once, and the arms that may be the best."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from tests.stats.synthetic import ARMS, SHIPPED, evidence, judged, runs, suite
from valgap.stats.diagnosis import diagnose
from valgap.stats.operations import Cost
from valgap.stats.remedies import critical


def test_the_critical_value_of_one_arm_is_students() -> None:
    assert critical(1, 8) == pytest.approx(stats.t.ppf(0.975, 7))
    assert critical(1, 8, two_sided=False) == pytest.approx(stats.t.ppf(0.95, 7))
    assert math.isinf(critical(3, 1))


def test_the_critical_value_lies_between_one_arms_and_bonferronis() -> None:
    for arms, replicates in ((3, 8), (17, 12)):
        found = critical(arms, replicates)
        assert stats.t.ppf(0.975, replicates - 1) < found < stats.t.ppf(1 - 0.025 / arms, replicates - 1)


def test_the_critical_value_is_dunnetts_for_many_replicates() -> None:
    """Four treatments, known variance: 2.44 (Dunnett 1964, table II, two-sided 5%, p = 4, df infinite)."""
    assert critical(4, 200) == pytest.approx(2.44, abs=0.05)


def test_simultaneous_intervals_miss_in_few_suites() -> None:
    """Seven arms alike: any interval misses 0 in about 5% of suites, and no remedy is found in nearly all."""
    rng, params, missed, suites = np.random.default_rng(0), suite(), 0, 150
    for _ in range(suites):
        table, verdict = diagnose(params, evidence(runs(rng, dict.fromkeys(ARMS, 0.8), images=60)))
        rows = table[(table.role == "remedy") & (table.metric == "accuracy")]
        missed += bool(((rows.low > 0) | (rows.high < 0)).any())
        assert {each.variant for each in verdict.remedies.best} <= set(rows[rows.low > 0].variant)
    assert missed / suites <= 0.09


def test_remedies_as_good_as_each_other_stand_together_and_the_cheapest_first() -> None:
    accuracies = dict.fromkeys(ARMS, 0.7) | {"dropout": 0.8, "l2": 0.8, "ema": 0.74}
    loaded = runs(np.random.default_rng(1), accuracies, images=3000)
    costs = {name: Cost(parameters=10, forward_flops=200 if name == "dropout" else 100) for name in loaded}
    found = judged(suite(), loaded, costs=costs).remedies
    assert [(each.variant, each.relative_compute) for each in found.best] == [("l2", 1.0), ("dropout", 2.0)]
    assert (found.tried, found.confidence) == (len(ARMS) - 1, 0.95)
    assert found.best[0].diff == {"l2_penalty": 0.001}


def test_the_price_of_a_remedy_counts_the_images_of_its_steps() -> None:
    """Equal steps on batches of 128 instead of 32: four times the computation."""
    large = dataclasses.replace(SHIPPED.variants["dropout"], batch_size=4 * SHIPPED.train.batch_size)
    params = suite(variants=SHIPPED.variants | {"dropout": large})
    found = judged(params, runs(np.random.default_rng(1), dict.fromkeys(ARMS, 0.7) | {"dropout": 0.85}))
    assert [(each.variant, each.relative_compute) for each in found.remedies.best] == [("dropout", 4.0)]


def test_no_remedy_is_named_where_none_helps() -> None:
    accuracies = dict.fromkeys(ARMS, 0.7) | {"pooling_head": 0.6}
    assert judged(suite(), runs(np.random.default_rng(2), accuracies)).remedies.best == ()


def test_arms_of_other_images_and_those_that_inject_are_no_remedies() -> None:
    arms = ("baseline", "double_data", "long_tail", "long_tail_logits", "constant_rate", "dropout")
    found = judged(suite(arms), runs(np.random.default_rng(3), dict.fromkeys(arms, 0.9) | {"baseline": 0.6})).remedies
    assert ([each.variant for each in found.best], found.tried) == (["dropout"], 1)
