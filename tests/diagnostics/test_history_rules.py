"""The rules on histories: hand-made curves whose answer is plain, and judged on curves that thresholds never saw."""

import math
from typing import Any

import numpy as np
import pytest

from tests.diagnostics import judging
from tests.diagnostics.curves import KINDS, simulate
from tests.diagnostics.judging import Case, Rate
from valgap.check.callback.closing import fault
from valgap.diagnostics.history.curves import Curves
from valgap.diagnostics.history.read import read_history
from valgap.diagnostics.history.rules import read_rules
from valgap.diagnostics.history.trend import images, noise, slope, trend, turn
from valgap.diagnostics.seen import Seen

EPOCHS = np.arange(1, 31)


def told(loss: Any, val_loss: Any, accuracy: Any = None, val_accuracy: Any = None) -> dict[str, Seen]:
    def curve(values: Any) -> Any:
        return None if values is None else np.array(values, np.float64)

    curves = Curves(curve(loss), curve(val_loss), curve(accuracy), curve(val_accuracy))
    return {seen.code: seen for seen in read_rules(curves)}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return judging.cases()


def test_validation_that_turns_round_overfits_from_there() -> None:
    held = 0.5 + 0.02 * np.abs(EPOCHS - 10)
    seen = told(np.exp(-EPOCHS / 5), held)
    assert seen["VG401"].severity == "problem"
    evidence = seen["VG401"].evidence
    assert (evidence["epoch"], evidence["form"], evidence["by"]) == (10, "rises", "loss")
    assert evidence["low"] <= 10 <= evidence["high"]
    assert evidence["rise"] == pytest.approx(0.7 / 0.5 - 0.8, abs=0.2)
    assert seen["VG403"].evidence["after"] == 30 - evidence["high"]


def test_epochs_are_counted_in_those_that_were_validated() -> None:
    held = 0.5 + 0.02 * np.abs(EPOCHS - 10)
    curves = Curves(np.exp(-EPOCHS / 5), held, None, None, every=3)
    assert next(seen for seen in read_rules(curves) if seen.code == "VG401").evidence["epoch"] == 30


def test_validation_that_rises_while_training_stands_still_does_not_overfit() -> None:
    seen = told(np.full(30, 0.5), 0.5 + 0.02 * np.abs(EPOCHS - 10))
    assert "VG401" not in seen
    assert "VG403" in seen


def test_a_rise_within_the_noise_is_none() -> None:
    jitter = np.random.default_rng(0).normal(size=30)
    assert "VG401" not in told(np.exp(-EPOCHS / 5), (0.5 + 0.002 * np.maximum(EPOCHS - 15, 0)) * np.exp(0.1 * jitter))


def test_errors_stand_in_for_a_loss_that_is_not_there() -> None:
    accuracy, held = 1 - 0.5 * np.exp(-EPOCHS / 4), 0.8 - 0.01 * np.abs(EPOCHS - 12)
    seen = told(None, None, accuracy, held)["VG401"]
    assert seen.evidence["by"] == "accuracy"
    assert 11 <= seen.evidence["epoch"] <= 13
    assert seen.evidence["best"] == pytest.approx(0.8, abs=0.02)


def test_validation_that_never_learnt_is_not_called_overfitting() -> None:
    """As of BatchNormalization that lags, of other preprocessing or of labels that do not belong."""
    loss, held = [0.8, 0.4, 0.25, 0.18, 0.12, 0.1], [1.7, 2.4, 3.1, 3.3, 3.6, 3.8]
    seen = told(loss, held, [0.7, 0.87, 0.92, 0.95, 0.97, 0.98], [0.2] * 6)["VG401"]
    assert (seen.severity, seen.evidence["form"]) == ("worth a look", "unlearnt")


def test_fine_tuning_that_is_best_after_one_epoch_overfits() -> None:
    loss, held = [0.4, 0.2, 0.1, 0.05, 0.02, 0.01], [0.5, 0.55, 0.62, 0.7, 0.78, 0.85]
    seen = told(loss, held, [0.85, 0.93, 0.97, 0.99, 1, 1], [0.82, 0.82, 0.81, 0.81, 0.81, 0.8])["VG401"]
    assert (seen.evidence["form"], seen.evidence["epoch"]) == ("rises", 1)


def test_a_rise_on_few_images_is_no_problem_yet() -> None:
    held, accuracy = 0.5 + 0.005 * np.abs(EPOCHS - 10), np.round((0.7 + 0.005 * np.minimum(EPOCHS, 10)) * 29) / 29
    accuracy[::5] = 22 / 29
    seen = told(np.exp(-EPOCHS / 5), held, 1 - 0.3 * np.exp(-EPOCHS / 5), accuracy)["VG401"]
    assert (seen.severity, seen.evidence["form"], seen.evidence["images"]) == ("worth a look", "rises", 29)


def test_curves_that_part_without_a_rise_stand_still() -> None:
    held = 0.6 + 0.6 * np.exp(-EPOCHS / 2)
    accuracy, val_accuracy = 1 - 0.5 * np.exp(-EPOCHS / 6), 0.8 - 0.3 * np.exp(-EPOCHS / 2)
    seen = told(1.2 * np.exp(-EPOCHS / 6), held, accuracy, val_accuracy)["VG401"]
    assert (seen.severity, seen.evidence["form"]) == ("worth a look", "apart")
    assert seen.evidence["gap"] == pytest.approx(0.2, abs=0.02)


def test_curves_that_still_fall_were_stopped_too_early() -> None:
    seen = told(2.0 * np.exp(-EPOCHS / 30), 2.1 * np.exp(-EPOCHS / 30))["VG402"]
    assert seen.severity == "worth a look"
    assert seen.evidence["fall"] == pytest.approx(1 / 30, rel=0.05)
    assert seen.evidence["gain"] == pytest.approx(1 - math.exp(-15 / 30), rel=0.05)


def test_a_plateau_after_the_rate_fell_is_not_stopped_too_early() -> None:
    held = np.where(EPOCHS < 22, 1.0, 0.7) * np.exp(0.01 * np.random.default_rng(1).normal(size=30))
    assert "VG402" not in told(held * 0.95, held)


def test_validation_that_jumps_oscillates_and_says_whether_training_does() -> None:
    sign = np.where(EPOCHS % 2, 1.0, -1.0) * np.random.default_rng(2).uniform(0.5, 1, 30)
    steady, shaky = np.full(30, 0.5) * 0.99**EPOCHS, np.exp(0.5 * sign)
    assert told(steady, shaky)["VG404"].evidence["training_too"] is False
    assert told(shaky, shaky)["VG404"].evidence["training_too"] is True


def test_one_spike_does_not_oscillate() -> None:
    held = 0.3 + np.exp(-EPOCHS / 3)
    held[20] *= 4
    assert set(told(0.25 + np.exp(-EPOCHS / 3), held)) == {"VG408"}


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_guessing_to_the_end_is_learning_nothing(classes: int) -> None:
    jitter = np.random.default_rng(3).normal(size=30)
    loss, accuracy = math.log(classes) * (1 + 0.003 * jitter), 1 / classes * (1 + 0.05 * jitter)
    seen = told(loss, loss, accuracy, accuracy)
    assert set(seen) == {"VG405"}
    assert seen["VG405"].severity == "problem"


def test_a_network_that_begins_to_learn_at_the_end_has_learnt_something() -> None:
    loss, accuracy = [0.693, 0.693, 0.693, 0.692, 0.691, 0.69], [0.5, 0.5, 0.5, 0.5, 0.52, 0.55]
    assert "VG405" not in told(loss, loss, accuracy, [0.5, 0.5, 0.5, 0.5, 0.55, 0.85])


def test_one_class_for_all_images_is_learning_nothing() -> None:
    entropy = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    seen = told(np.full(8, entropy), np.full(8, entropy), np.full(8, 0.9), np.full(8, 0.9))
    assert seen["VG405"].evidence["majority"] is True


def test_a_network_that_goes_on_from_good_weights_did_learn() -> None:
    loss = np.full(10, 0.3) * 0.995 ** np.arange(10)
    assert "VG405" not in told(loss, loss, np.linspace(0.91, 0.915, 10), np.linspace(0.9, 0.905, 10))


def test_values_that_are_not_finite_are_told_with_their_epoch_and_split() -> None:
    loss = [1.0, 0.8, math.nan, math.nan, math.nan]
    evidence = told(loss, [1.0, 0.9, 0.8, 0.8, 0.8])["VG407"].evidence
    assert (evidence["epoch"], evidence["epochs"], evidence["best"], evidence["way"]) == (3, 5, 0.8, "not finite")
    assert evidence["split"] == "training"
    assert told([1.0] * 5, [1.0, math.inf, 1.0, 1.0, 1.0])["VG407"].evidence["split"] == "validation"


def test_a_loss_that_grows_back_diverged() -> None:
    loss = [2.3, 1.0, 0.5, 2.3, 2.3, 2.3, 2.3]
    seen = told(loss, loss)["VG407"].evidence
    assert (seen["way"], seen["epoch"]) == ("grows", 4)


def test_a_loss_far_above_guessing_diverged() -> None:
    loss, guess = 40 * np.exp(np.random.default_rng(4).normal(size=10)), np.full(10, 0.25)
    assert told(loss, loss, guess, guess)["VG407"].evidence["way"] == "far"


def test_a_penalty_on_weights_did_not_diverge() -> None:
    loss = 5 + 1.5 * np.exp(-EPOCHS / 10)
    assert "VG407" not in told(loss, loss, 0.5 - 0.3 * np.exp(-EPOCHS / 10), 0.5 - 0.3 * np.exp(-EPOCHS / 10))


def test_the_mean_over_an_epoch_explains_training_below_validation_at_first() -> None:
    ends = 0.1 + 2 * np.exp(-EPOCHS / 1.0)
    means = 0.1 + 2 * (np.exp(-(EPOCHS - 1) / 1.0) - np.exp(-EPOCHS / 1.0))
    seen = told(means, ends)
    assert (seen["VG406"].severity, seen["VG406"].evidence["reason"]) == ("fine", "mean")
    assert "VG408" in seen


def test_training_below_validation_throughout_is_told_with_both_reasons_open() -> None:
    held, accuracy = 0.2 + np.exp(-EPOCHS / 3), 0.9 - 0.5 * np.exp(-EPOCHS / 3)
    seen = told(held + 0.3, held, accuracy - 0.1, accuracy)["VG406"]
    assert (seen.severity, seen.evidence["reason"]) == ("worth a look", "training only")
    assert seen.evidence["right"] == pytest.approx(0.1)


def test_few_images_of_validation_are_named_as_a_reason() -> None:
    held, smooth = 0.4 + np.exp(-EPOCHS / 3), 0.86 - 0.5 * np.exp(-EPOCHS / 3)
    rounded = np.round((smooth + 0.03) * 22) / 22
    seen = told(held + 0.1, held, smooth, rounded)["VG406"].evidence
    assert (seen["reason"], seen["images"]) == ("few", 22)


def words(seen: Seen) -> list[str]:
    return [fault(f"{seen.code}.{part}", **seen.evidence) for part in ("title", "found", "effect", "cure")]


@pytest.mark.parametrize("epochs", [1, 2, 3, 4])
def test_a_few_epochs_are_not_judged(epochs: int) -> None:
    seen = told(np.linspace(1, 0.5, epochs), np.linspace(1, 0.6, epochs))
    assert [each.severity for each in seen.values()] == ["unknown"]
    assert seen["VG408"].evidence["epochs"] == epochs
    assert f"{epochs} epoch" in words(seen["VG408"])[1]


def test_without_validation_nothing_is_called_healthy() -> None:
    seen = told(np.exp(-EPOCHS / 5), None)
    assert (seen["VG408"].severity, seen["VG408"].evidence["held"]) == ("unknown", False)
    assert "no validation curve" in words(seen["VG408"])[1]


def test_losses_below_zero_are_not_judged() -> None:
    seen = told(-np.exp(EPOCHS / 30), -np.exp(EPOCHS / 40))["VG408"]
    assert seen.severity == "unknown"
    assert all(words(seen))


def test_training_that_hardly_moved_is_not_called_healthy() -> None:
    accuracy = np.full(30, 0.4) * np.exp(0.01 * np.random.default_rng(6).normal(size=30))
    seen = told(np.full(30, 1.7), np.full(30, 1.7), accuracy, accuracy)["VG408"]
    assert (seen.severity, seen.evidence["flat"]) == ("unknown", True)
    assert words(seen)[0] == "The curves cannot be judged"


def test_units_do_not_matter_to_a_rise() -> None:
    held = 0.5 + 0.02 * np.abs(EPOCHS - 10)
    small, large = (told(np.exp(-EPOCHS / 5) * by, held * by)["VG401"].evidence for by in (1, 1000))
    assert (small["epoch"], small["rise"]) == (large["epoch"], pytest.approx(large["rise"]))


def test_noise_is_found_under_a_trend() -> None:
    rng = np.random.default_rng(5)
    values = -np.arange(200) / 20 + 0.1 * rng.normal(size=200)
    assert noise(values) == pytest.approx(0.1, rel=0.2)
    assert noise(-np.arange(9.0)) < 0.01


def test_a_trend_drops_a_lone_spike_and_keeps_a_line() -> None:
    line = np.arange(9.0)
    assert trend(line) == pytest.approx(line)
    spiked = np.zeros(9)
    spiked[4] = 5.0
    assert trend(spiked).tolist() == [0.0] * 9


def test_a_line_promises_to_go_on_and_a_curve_less() -> None:
    assert slope(-np.arange(30.0), 10).further == pytest.approx(10.0)
    flat = slope(np.exp(-np.arange(30.0) / 3), 10)
    assert flat.further < 0.001


def test_the_end_of_a_falling_curve_is_its_best_and_no_rise() -> None:
    found = turn(-np.arange(20.0), 2.0)
    assert (found.best, found.high, found.rise) == (19, 19, 0.0)


def test_images_are_counted_from_the_steps_of_an_accuracy() -> None:
    assert images(np.array([3, 7, 12, 20, 21]) / 37) == 37
    assert images((np.array([3, 7, 12, 20, 21]) / 37).astype(np.float32).astype(np.float64)) == 37
    assert images(np.array([0.81, 0.85, 0.873])) is None  # rounded
    assert images(np.array([0.5, 1.0, 0.0])) is None


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_code_has_words_for_what_it_saw(kind: str) -> None:
    for seed in range(60):
        for seen in read_rules(simulate(kind, seed).curves):
            for text in words(seen):
                assert text
                assert not [wrong for wrong in ("None", "nan", "  ", "..", " .") if wrong in text], text


def test_a_healthy_curve_raises_no_problem(cases: list[Case]) -> None:
    healthy = [case for case in cases if judging.HEALTH(case)]
    assert len(cases) > 1000
    assert len(healthy) > 900
    assert sum(case.problem for case in healthy) <= 0.002 * len(healthy)


def test_simulated_curves_are_told_as_planted(cases: list[Case]) -> None:
    least = {"VG401, rise of 10 to 25%": 0.7, "VG401, stands still": 0.75, "VG402": 0.7, "VG403": 0.75}
    least |= {"VG404, 8 epochs or more": 0.7}
    for name, (right, wrong) in judging.rates(cases).items():
        assert right.hits >= least.get(name, 0.9) * right.n, (name, right)
        assert wrong.hits <= (0.1 if name == "VG408" else 0.015) * wrong.n, (name, wrong)


def test_the_best_epoch_lies_within_its_limits(cases: list[Case]) -> None:
    covered: Rate = judging.epochs_covered(cases)
    assert covered.hits >= 0.93 * covered.n


def test_trained_networks_are_told_their_truth() -> None:
    found = judging.networks()
    assert len(found) >= 40
    clear = [network for network in found if network.truth != "grey"]
    told = [network.truth in network.codes or (network.truth == "none" and not network.problems) for network in clear]
    assert sum(told) >= 0.9 * len(told)
    for network in found:
        assert set(network.problems) <= {network.truth}, network


def test_a_history_as_it_was_read_can_be_judged() -> None:
    held = 0.5 + 0.02 * np.abs(EPOCHS - 10)
    logs = {"loss": list(np.exp(-EPOCHS / 5)), "val_loss": list(held)}
    assert read_rules(read_history(logs))[0].code == "VG401"
