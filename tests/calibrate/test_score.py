"""Rates, worked out by hand."""

import dataclasses
import json
import math

import numpy as np
import pytest

from tests.calibrate.trials import named, planted, trial
from valgap.calibrate import score
from valgap.calibrate.scenarios import DOSES


def test_limits_are_wilsons() -> None:
    found = score.rate([True] * 9 + [False])
    assert (found.hits, found.n, found.share) == (9, 10, 0.9)
    assert found.low == pytest.approx(0.5958, abs=1e-4)
    assert found.high == pytest.approx(0.9821, abs=1e-4)
    assert score.rate([False] * 60).high == pytest.approx(0.0602, abs=1e-4)


def test_flags_of_numpy_are_counted_as_numbers_that_json_takes() -> None:
    """As a trial that was just run has them, where one that was read from its record has Python's."""
    assert json.dumps(dataclasses.asdict(score.rate([np.True_, np.False_, np.True_])))


def test_a_rate_of_no_trial_is_unknown() -> None:
    found = score.rate([])
    assert found.n == 0
    assert math.isnan(found.share)
    assert math.isnan(found.high)


@pytest.mark.parametrize(("size", "must"), [(0.03, True), (0.029, False), (-0.05, True)])
def test_a_fault_counts_from_3_pp_in_either_direction(size: float, must: bool) -> None:
    assert bool(score.required(trial("t", planted("camera", size)))) is must


@pytest.mark.parametrize(
    ("effect", "names", "exact"),
    [
        (0.08, ("labels",), True),
        (0.08, (), False),
        (0.08, ("training",), False),
        (0.08, ("labels", "training"), False),
        (0.02, ("labels",), True),  # small: may be named
        (0.02, (), True),  # and need not
        (0.005, ("labels",), False),  # no fault here
        (0.005, (), True),
    ],
)
def test_exact_is_all_that_counts_and_nothing_untrue(effect: float, names: tuple[str, ...], exact: bool) -> None:
    found = trial("t", planted("labels_uniform", effect), names=tuple(map(named, names)))
    assert score.is_exact(found) is exact


def test_a_cause_that_was_not_planted_is_true_where_fresh_replicates_confirm_it() -> None:
    faults = planted("labels_uniform", 0.08)
    for confirmed, exact in ((0.03, True), (0.015, True), (0.009, False), (-0.02, False)):
        assert score.is_exact(trial("t", faults, names=(named("labels"), named("data", confirmed)))) is exact
    assert not score.is_confirmed(named("data", 0.005))  # its interval reaches below 0, and it is under 1 pp


def test_a_pair_is_exact_only_with_both() -> None:
    faults = planted("labels_uniform", 0.08), planted("rate_low", 0.2)
    assert score.is_exact(trial("t", *faults, names=(named("training"), named("labels"))))
    assert not score.is_exact(trial("t", *faults, names=(named("training"),)))
    assert score.is_first(trial("t", *faults, names=(named("training"),)))
    assert not score.is_first(trial("t", *faults, names=(named("data"), named("training"))))


def test_recall_and_precision_of_a_cause() -> None:
    trials = [
        trial("a", planted("labels_uniform", 0.08), names=(named("labels"),)),
        trial("b", planted("labels_pairwise", 0.05), names=(named("training"),)),
        trial("c", planted("labels_overlap", 0.02), names=(named("labels"),)),  # small: not asked for, yet true
        trial("d", names=(named("labels"),)),  # healthy
        trial("e", planted("rate_low", 0.3), names=(named("labels", 0.05),)),  # not planted, but it helps
    ]
    labels = score.of_cause("labels", trials)
    assert (labels.recall.hits, labels.recall.n) == (1, 2)
    assert (labels.precision.hits, labels.precision.n) == (3, 4)
    assert (labels.planted.hits, labels.planted.n) == (2, 4)
    training = score.of_cause("training", trials)
    assert (training.recall.hits, training.recall.n) == (0, 1)
    assert (training.precision.hits, training.precision.n) == (0, 1)


def test_rates_of_a_half() -> None:
    trials = [
        trial("a", planted("labels_uniform", 0.08), names=(named("labels"),)),
        trial("b", planted("rate_low", 0.3), detectable={"training": 0.04}),
        trial("c", planted("rate_high", 0.004), names=(named("data"),)),
        trial("d"),
        trial("e", names=(named("training", 0.02),)),
        trial("f", names=(named("capacity"),)),
    ]
    found = score.of_trials("judged", trials)
    assert found.trials == 6
    counts = {name: (getattr(found, name).hits, getattr(found, name).n) for name in ("first", "exact", "silent")}
    assert counts == {"first": (1, 2), "exact": (1, 2), "silent": (1, 2)}
    assert found.detectable == 0.04
    assert (found.alarms.hits, found.alarms.n) == (2, 3)
    assert (found.unearned.hits, found.unearned.n) == (1, 3)
    assert (found.idle_alarms.hits, found.idle_alarms.n) == (1, 1)
    assert found.recall == pytest.approx((1 + 0) / 2)  # labels and training have a trial
    assert found.precision == pytest.approx((1 + 1 + 0 + 0) / 4)  # labels, training, data, capacity are named


def test_doses_apart_and_pairs_left_out() -> None:
    trials = [
        trial("a", planted("rate_low", 0.02, 0), names=(named("training"),)),
        trial("b", planted("rate_low", 0.06, 0)),
        trial("c", planted("rate_low", 0.5, 2)),
        trial("d", planted("rate_low", 0.5, 0), planted("starved", 0.5, 0)),
    ]
    found = score.of_dose("rate_low", 0, trials)
    assert found is not None
    assert found.effect == pytest.approx(0.04)
    assert (found.least, found.most) == (0.02, 0.06)
    assert (found.dose, found.counted, found.named.hits, found.named.n) == (DOSES[0], 1, 1, 2)
    assert (found.first.hits, found.first.n) == (0, 1)
    assert score.of_dose("rate_low", 1, trials) is None


def test_the_record_keeps_halves_apart_and_lists_what_went_wrong() -> None:
    good = trial("good", planted("rate_low", 0.3), names=(named("training"),), half="rules")
    bad = trial("bad", planted("rate_low", 0.3), names=(named("data", -0.02),))
    refused = dataclasses.replace(trial("refused"), failed="the training loss is nan")
    found = score.calibration([good, bad, refused], "c")
    assert {name: half.first.share for name, half in found.halves.items()} == {"rules": 1, "judged": 0}
    assert [each.trial for each in found.mistakes] == ["bad"]
    assert found.mistakes[0].confirmed == {"data": -0.02}
    assert found.failed == {"refused": "the training loss is nan"}
    assert found.trainings == 180
