"""What explains what: causes judged again once others are removed, their shares, and what to train next."""

import dataclasses

import numpy as np
import pytest

from tests.stats.synthetic import draw, effect, judged, manifest, run, runs, suite
from valgap.data.prepared import Suspected
from valgap.stats.answering import answer
from valgap.stats.hypotheses import together, with_diff
from valgap.stats.verdict import Answer, Estimate, Shares

TWO = ("baseline", "longer", "dropout")
BOTH = {"longer_and_dropout": ("longer", "dropout")}


def test_one_cause_that_contributes_needs_nothing_more() -> None:
    found = judged(suite(TWO), runs(np.random.default_rng(0), {"baseline": 0.7, "longer": 0.7, "dropout": 0.8}))
    assert [each.cause for each in found.answer] == ["regularization"]
    assert (found.follow_up, found.shares) == ((), None)


def test_a_cause_behind_a_baseline_that_is_not_trained_waits_until_it_is_judged_on_a_better_one() -> None:
    accuracies = {"baseline": 0.6, "longer": 0.8, "dropout": 0.7}
    first = judged(suite(TWO), runs(np.random.default_rng(1), accuracies))
    assert effect(first, "regularization").verdict == "waits"
    assert [(each.variant, each.why, each.of) for each in first.follow_up] == [
        ("longer_and_dropout", "together", ("longer", "dropout"))
    ]
    assert first.follow_up[0].diff == {"steps": 2880, "dropout": [0.25, 0.25, 0.5]}
    assert [each.cause for each in first.answer] == ["training"]

    vanished = judged(suite(TWO, BOTH), runs(np.random.default_rng(2), accuracies | {"longer_and_dropout": 0.8}))
    explained = effect(vanished, "regularization")
    assert (explained.verdict, explained.given) == ("explained by another", ("longer",))
    assert explained.after is not None
    assert explained.after.mean == pytest.approx(0.0, abs=0.015)
    assert [each.cause for each in vanished.answer] == ["training"]

    remains = judged(suite(TWO, BOTH), runs(np.random.default_rng(3), accuracies | {"longer_and_dropout": 0.87}))
    assert effect(remains, "regularization").verdict == "contributes"
    assert [each.cause for each in remains.answer] == ["training", "regularization"]


def test_what_never_helped_is_not_called_explained() -> None:
    accuracies = {"baseline": 0.6, "longer": 0.8, "dropout": 0.6, "longer_and_dropout": 0.7}
    found = judged(suite(TWO, BOTH), runs(np.random.default_rng(4), accuracies))
    assert effect(found, "regularization").verdict in ("not to blame", "waits")


def test_wrong_labels_come_before_what_only_treats_them() -> None:
    """Dropout helps more than leaving the suspected images out, and nothing once they are gone."""
    arms = ("baseline", "without_suspects", "dropout")
    params = suite(arms, {"both": ("without_suspects", "dropout")})
    accuracies = {"baseline": 0.5, "without_suspects": 0.6, "dropout": 0.65, "both": 0.61}
    doubted = manifest(suspected={"pool": Suspected(240, 1000)})
    found = judged(params, runs(np.random.default_rng(5), accuracies), manifest=doubted)
    assert [each.cause for each in found.answer] == ["labels"]
    assert effect(found, "regularization").verdict == "explained by another"


def test_shapley_shares_by_hand() -> None:
    """+10 and +20 of 100 images alone, +24 together: 7 and 17, for (10 + 4) / 2 and (20 + 14) / 2."""

    def exactly(right: int) -> np.ndarray:
        return np.tile(np.arange(2000) < 20 * right, (12, 1))

    right = {"baseline": 50, "longer": 60, "dropout": 70, "longer_and_dropout": 74}
    loaded = {name: run({"test": exactly(count), "val": exactly(count)}) for name, count in right.items()}
    found = judged(suite(TWO, BOTH), loaded)
    shares = found.shares
    assert shares is not None
    assert {name: round(each.mean, 9) for name, each in shares.shares.items()} == {
        "training": 0.07,
        "regularization": 0.17,
    }
    assert shares.total.mean == pytest.approx(0.24)
    assert shares.rest == pytest.approx(1 - 0.5 - 0.24)
    assert [(each.cause, each.kind, round(each.mean, 9)) for each in found.answer] == [
        ("regularization", "share", 0.17),
        ("training", "share", 0.07),
    ]


def test_shares_of_three_causes_add_up_and_ask_for_the_arms_of_their_subsets() -> None:
    arms = ("baseline", "longer", "dropout", "narrow")
    some: dict[str, tuple[str, ...]] = {
        **BOTH,
        "longer_and_narrow": ("longer", "narrow"),
        "all_three": ("longer", "dropout", "narrow"),
    }
    accuracies = {"baseline": 0.4, "longer": 0.55, "dropout": 0.5, "narrow": 0.46}
    accuracies |= {"longer_and_dropout": 0.66, "longer_and_narrow": 0.62, "all_three": 0.74}
    rng = np.random.default_rng(6)
    missing = judged(suite(arms, some), runs(rng, accuracies, images=3000))
    assert [each.cause for each in missing.answer] == ["training", "regularization", "capacity"]
    assert [each.of for each in missing.follow_up] == [("dropout", "narrow")]
    assert missing.shares is None
    some["dropout_and_narrow"] = ("dropout", "narrow")
    whole = judged(suite(arms, some), runs(rng, accuracies | {"dropout_and_narrow": 0.57}, images=3000))
    assert whole.shares is not None
    assert sum(each.mean for each in whole.shares.shares.values()) == pytest.approx(whole.shares.total.mean)


def test_arms_that_set_one_thing_to_different_values_are_not_put_together() -> None:
    params = suite(("baseline", "longer", "dropout", "heavy_dropout"))
    assert together(params, ("longer", "dropout")) == {"steps": 2880, "dropout": [0.25, 0.25, 0.5]}
    assert together(params, ("dropout", "heavy_dropout")) is None
    assert with_diff(params, params.cells, {"steps": 2880}) == "longer"
    assert with_diff(params, params.cells, {"steps": 1}) is None


def test_an_arm_asked_for_twice_is_listed_once_and_never_under_a_name_that_is_taken() -> None:
    params = suite(TWO)
    params = dataclasses.replace(params, diffs=params.diffs | {"longer_and_dropout": {"steps": 5}})
    found = judged(params, runs(np.random.default_rng(1), {"baseline": 0.6, "longer": 0.8, "dropout": 0.7}))
    assert [each.variant for each in found.follow_up] == ["longer_and_dropout_again"]


def test_data_counts_less_than_a_doubling_in_the_order_of_the_answer() -> None:
    def data_and(dropout: float) -> list[str]:
        accuracies = {"baseline": 0.5, "half_data": 0.44, "double_data": 0.56, "dropout": dropout}
        arms = ("baseline", "half_data", "double_data", "dropout")
        return [each.cause for each in judged(suite(arms), runs(np.random.default_rng(7), accuracies, 6000)).answer]

    assert data_and(0.5) == ["data"]
    assert data_and(0.525) == ["data", "regularization"]
    assert data_and(0.56) == ["regularization", "data"]


def test_a_split_that_leaks_stands_before_all_else() -> None:
    rng = np.random.default_rng(8)
    loaded = {
        name: run({"test": draw(rng, level, np.zeros(2000)), "val": draw(rng, 0.9, np.zeros(2000))})
        for name, level in {"baseline": 0.6, "dropout": 0.8}.items()
    }
    params = suite(("baseline", "dropout"))
    found = judged(params, loaded, manifest=manifest(given_validation=True), problems={"VG103"})
    assert [(each.cause, each.verdict) for each in found.answer] == [
        ("split", "probably leaks"),
        ("regularization", "contributes"),
    ]
    assert found.answer[0].mean == pytest.approx(-0.3, abs=0.03)


def test_an_answer_takes_shares_where_there_are_some() -> None:
    verdict = judged(suite(TWO), runs(np.random.default_rng(0), {"baseline": 0.7, "longer": 0.7, "dropout": 0.8}))
    share = Estimate(0.05, 0.04, 0.06)
    shares = Shares({"regularization": "dropout"}, {"regularization": share}, share, 0.1)
    effects = [each for each in verdict.causes if hasattr(each, "arms")]
    (found,) = answer(verdict.causes[0], verdict.labels, effects, shares, None, 0.01)  # type: ignore[arg-type]
    assert found == Answer(
        "regularization", "insufficient regularization", "share", "contributes", share.mean, share.low, share.high
    )
