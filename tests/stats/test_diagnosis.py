"""The whole diagnosis: what it pairs, on what metric, what its intervals cover, and what it hands on."""

import dataclasses
import math

import numpy as np
import pytest

from tests.stats.synthetic import ARMS, curve, entry, evidence, judged, manifest, run, runs, suite
from valgap.ground.errors import SuiteError
from valgap.stats import metrics
from valgap.stats.contrasts import contrast, pair
from valgap.stats.diagnosis import diagnose, effects, headline
from valgap.stats.measured import MEASURES, Measured, primary_metric
from valgap.stats.run import Run


def test_the_headline_holds_what_a_reviewer_compares() -> None:
    verdict = judged(suite(), runs(np.random.default_rng(1), dict.fromkeys(ARMS, 0.7) | {"dropout": 0.85}))
    found = headline(verdict)
    assert found["answer"] == ["regularization"]
    assert found["remedies"] == ["dropout"]
    assert found["causes"]["regularization"]["verdict"] == "contributes"
    assert found["causes"]["regularization"]["mean"] == pytest.approx(0.15, abs=0.02)
    assert "gain_per_doubling" not in found
    numbers = effects(verdict)
    assert numbers["gap"]["mean"] == pytest.approx(
        numbers["train_minus_test"]["mean"] + numbers["test_minus_val"]["mean"], abs=2e-6
    )


def test_remedies_of_an_injected_cause_are_compared_with_it() -> None:
    arms = ("baseline", "long_tail", "long_tail_logits")
    table, _ = diagnose(suite(arms), evidence(runs(np.random.default_rng(7), dict.fromkeys(arms, 0.7))))
    rows = table[(table.variant == "long_tail_logits") & (table.metric == "accuracy")]
    assert list(zip(rows.against, rows.role, strict=True)) == [
        ("baseline", "exploratory"),
        ("long_tail", "exploratory"),
    ]


def test_price_of_data_by_hand() -> None:
    """60 of 200 images right at full size and 80 at double, in every replicate: +10 pp, whatever half of it lost."""

    def exactly(right: int) -> Run:
        return run({"test": np.tile(np.arange(200) < right, (12, 1))})

    arms = ("baseline", "half_data", "double_data")
    loaded = {"baseline": exactly(60), "half_data": exactly(10), "double_data": exactly(80)}
    data = judged(suite(arms), loaded).data
    assert data is not None
    assert data.sizes == {"baseline": 1000, "double_data": 2000}
    assert data.per_doubling.mean == pytest.approx(0.1)
    assert data.headroom == pytest.approx(0.7)
    assert data.images_needed.images == pytest.approx(1000 * 2**0.5)  # +5 pp is half a doubling
    assert data.images_needed.high == pytest.approx(2000)  # a doubling, where only half of the trend is left
    lost = judged(suite(arms[:2]), {name: loaded[name] for name in arms[:2]}).data
    assert lost is not None
    assert lost.extrapolated
    assert lost.per_doubling.mean == pytest.approx(0.25)


def test_arms_without_a_shared_replicate_are_named() -> None:
    loaded = runs(np.random.default_rng(9), {"baseline": 0.7, "dropout": 0.7}, images=40)
    loaded["dropout"]["replicates"] = np.arange(100, 112)
    with pytest.raises(SuiteError, match="dropout and baseline share no replicate"):
        pair(Measured(loaded), "dropout", "baseline")


def test_pairing_is_by_number_not_by_position() -> None:
    loaded = runs(np.random.default_rng(10), {"baseline": 0.7}, images=40)
    order = np.random.default_rng(0).permutation(12)[:7]
    loaded["dropout"] = {name: values[order] for name, values in loaded["baseline"].items()}
    measured = Measured(loaded)
    found = contrast(measured, pair(measured, "dropout", "baseline"), "accuracy")
    assert (found.interval.n, found.interval.mean, found.interval.sd) == (7, 0.0, 0.0)


def test_balanced_values_average_to_balanced_accuracy_though_a_class_is_never_predicted() -> None:
    labels = np.array([0] * 30 + [1] * 10)
    always_zero = np.tile(labels == 0, (12, 1))
    found = run({"test": always_zero}, labels=labels)
    expected = metrics.balanced_accuracy(found["test_probabilities"][0], labels)
    assert expected == 0.5
    assert MEASURES["balanced_accuracy"](found).mean(axis=1) == pytest.approx(np.full(12, 0.5))
    assert primary_metric(labels) == "balanced_accuracy"
    assert primary_metric(np.array([0, 0, 0, 1, 1])) == "accuracy"  # exactly 1.5 times


def test_folds_widen_intervals_and_leave_out_sign_flips() -> None:
    loaded = runs(np.random.default_rng(13), dict.fromkeys(ARMS, 0.7), images=100)
    (plain_table, plain), _ = diagnose(suite(), evidence(loaded)), None
    for content in loaded.values():
        content["test_index"] = np.stack([np.arange(100) + 100 * (row % 5) for row in range(12)])
    table, folds = diagnose(suite(), evidence(loaded))
    assert (plain.covers.test, folds.covers.test) == ("fixed", "folds")
    of_causes = [
        found[(found.role == "cause") & (found.metric == "accuracy")].max_t_p for found in (plain_table, table)
    ]
    assert of_causes[0].between(0, 1).all()
    assert of_causes[1].isna().all()
    widths = [found.gap.train_val.high - found.gap.train_val.low for found in (plain, folds)]
    assert widths[1] / widths[0] == pytest.approx(math.sqrt((1 / 12 + 100 / 40) * 12))  # 100 tested, 40 trained on


def test_intervals_count_groups_of_test_images() -> None:
    loaded = runs(np.random.default_rng(14), {"baseline": 0.7, "dropout": 0.7}, images=200)
    for content in loaded.values():
        content["test_groups"] = np.tile(np.arange(200) // 20, (12, 1))
    values = Measured(loaded).values("dropout", "accuracy", list(range(12)))
    assert values.shape == (12, 10)
    assert judged(suite(("baseline", "dropout")), loaded, manifest=manifest(groups=25)).covers.groups == 10


def test_a_loss_that_rises_late_is_said_with_the_epoch_at_which_it_was_lowest() -> None:
    loaded = runs(np.random.default_rng(15), {"baseline": 0.7}, images=40)
    rising = curve()
    rising["val_nll"] += rising.replicate * 1e-3 * rising.epoch
    found = judged(suite(("baseline",)), loaded, curves={"baseline": rising}).divergence
    assert (found.verdict, found.from_epoch) == ("problematic", 3.0)


def test_re_splits_are_no_cure_to_warn_of() -> None:
    loaded = runs(np.random.default_rng(16), {"baseline": 0.9, "resplit": 0.5, "narrow": 0.5})
    for name in ("resplit", "narrow"):
        loaded[name]["train_probabilities"][:, :30] = loaded[name]["train_probabilities"][:, :30, ::-1]
    params = suite(("baseline", "resplit", "narrow"))
    params = dataclasses.replace(params, diffs=params.diffs | {"resplit": {"resplit": True}})
    params = dataclasses.replace(params, variants=params.variants | {"resplit": params.train})
    assert judged(params, loaded).underfit == ("narrow",)
    assert entry(judged(params, loaded), "split").verdict == "not applicable"
