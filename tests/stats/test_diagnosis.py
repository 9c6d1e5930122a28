import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.samples import MANIFEST
from tests.scratch import ROOT
from valgap.data.prepared import Manifest
from valgap.ground import records
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Augmentation
from valgap.ground.params.suite import Cause, Suite, load
from valgap.stats import metrics, verdicts
from valgap.stats.causes import Cost
from valgap.stats.contrasts import MEASURES, Comparison, Measured, primary_metric
from valgap.stats.diagnosis import diagnose, headline
from valgap.stats.family import comparisons
from valgap.stats.run import Run
from valgap.stats.verdict import Verdict

SUITE = load(ROOT / "params.yaml")
EPOCHS = np.linspace(3, 30, 10)
ARMS = ("baseline", "pooling_head", "dropout", "l2", "ema")


def suite(arms: tuple[str, ...] = ARMS, **changes: Any) -> Suite:
    """The shipped parameters with some arms only, on two blocks of six."""
    kept = {name: blocks for name, blocks in SUITE.cells.items() if name in arms}
    return dataclasses.replace(SUITE, cells=kept, **changes)


def run(right: dict[str, np.ndarray], replicates: int = 12, labels: np.ndarray | None = None) -> Run:
    """A run of two classes from which images of each split are right, bool (replicates, images)."""
    found: Run = {"replicates": np.arange(replicates), "train_images": np.full(replicates, 40)}
    for split in ("train", "val", "test"):
        correct = right.get(split, np.ones((replicates, 40), bool))
        of_split = np.arange(correct.shape[1]) % 2 if labels is None else labels
        predicted = np.where(correct, of_split, 1 - of_split)
        found[f"{split}_labels"] = np.tile(of_split, (replicates, 1))
        found[f"{split}_index"] = found[f"{split}_groups"] = np.tile(np.arange(len(of_split)), (replicates, 1))
        found[f"{split}_probabilities"] = np.eye(2, dtype=np.float32)[predicted] * 0.8 + 0.1
    return found


def draw(rng: np.random.Generator, accuracy: float, difficulty: np.ndarray, replicates: int = 12) -> np.ndarray:
    """Which test images are right: shared difficulty, luck of the replicate, luck of the image."""
    level = accuracy + rng.normal(0, 0.015, (replicates, 1)) + difficulty
    return rng.random((replicates, len(difficulty))) < level


def suite_of(rng: np.random.Generator, accuracies: dict[str, float], images: int = 200) -> dict[str, Run]:
    difficulty = rng.normal(0, 0.1, images)
    return {
        name: run({"test": draw(rng, value, difficulty), "val": draw(rng, value, rng.normal(0, 0.1, 100))})
        for name, value in accuracies.items()
    }


def judged(params: Suite, loaded: dict[str, Run], manifest: Manifest = MANIFEST, replicates: int = 12) -> Verdict:
    costs = {name: Cost(parameters=10, forward_flops=100) for name in loaded}
    rising = np.tile(0.5 + 0.01 * EPOCHS, (replicates, 1)) + np.arange(replicates)[:, np.newaxis] * 1e-3 * EPOCHS
    _, verdict = diagnose(params, loaded, {"epochs": EPOCHS, "val_nll": rising}, manifest, costs)
    text = records.text(verdict, indent=2)
    assert records.text(records.parse(Verdict, text), indent=2) == text
    return verdict


def cause(verdict: Verdict, name: str) -> Any:
    """The verdict's entry of a cause."""
    return next(entry for entry in verdict.causes if entry.cause == name)


def test_whole_verdict_raises_few_false_alarms() -> None:
    """A/A: five arms that differ by luck alone, in 2,000 suites; words on primaries and on the chosen remedy."""
    rng, params, alarms, suites = np.random.default_rng(0), suite(), 0, 2000
    for _ in range(suites):
        measured = Measured(suite_of(rng, dict.fromkeys(ARMS, 0.8), images=60))
        family = [c for c in comparisons(params, measured, [50, 50]) if c.role in ("primary", "remedy")]
        assert len(family) == 3
        words = {verdicts.verdict(measured.contrast(c, "accuracy").interval, 0.02) for c in family}
        alarms += bool(words & {"helps", "harms"})
    assert alarms / suites <= 0.05
    assert alarms > 0, "a check that never fires tests nothing"


def test_a_removed_cause_that_helps_contributes_and_one_that_harms_does_not() -> None:
    accuracies = dict.fromkeys(ARMS, 0.7) | {"pooling_head": 0.5, "dropout": 0.85}
    verdict = judged(suite(), suite_of(np.random.default_rng(1), accuracies, images=2000))
    assert cause(verdict, "regularization").verdict == "contributes"
    assert cause(verdict, "regularization").material is True
    assert cause(verdict, "regularization").wins == "12/12"
    assert cause(verdict, "capacity").verdict == "removing it harms"
    assert cause(verdict, "split").verdict == "not applicable"
    remedy = verdict.remedy
    assert remedy is not None
    assert (remedy.variant, remedy.verdict, remedy.n, remedy.chosen_on_block) == ("dropout", "helps", 6, 0)
    assert remedy.diff == {"dropout": [0.25, 0.25, 0.5]}
    assert remedy.relative_compute == 1.0
    assert headline(verdict)["causes"]["regularization"]["verdict"] == "contributes"


def test_the_price_of_a_remedy_counts_the_images_of_its_steps() -> None:
    """Equal steps on batches of 128 instead of 32: four times the computation."""
    large = dataclasses.replace(SUITE.variants["dropout"], batch_size=4 * SUITE.train.batch_size)
    params = suite(variants=SUITE.variants | {"dropout": large})
    accuracies = dict.fromkeys(ARMS, 0.7) | {"dropout": 0.85}
    remedy = judged(params, suite_of(np.random.default_rng(1), accuracies, images=2000)).remedy
    assert remedy is not None
    assert (remedy.variant, remedy.relative_compute) == ("dropout", 4.0)


def test_remedy_is_chosen_by_validation_on_the_first_block_and_judged_by_test_on_the_others() -> None:
    """An arm that shines on test everywhere, and on validation in the second block, is not chosen."""
    loaded = suite_of(np.random.default_rng(2), dict.fromkeys(ARMS, 0.7))
    perfect, poor = np.ones((12, 100), bool), np.zeros((12, 100), bool)
    first = np.arange(12)[:, np.newaxis] < 6
    loaded["ema"] = run({"val": np.where(first, perfect, poor), "test": np.zeros((12, 200), bool)})
    loaded["l2"] = run({"val": np.where(first, poor, perfect), "test": np.ones((12, 200), bool)})
    found = comparisons(suite(), Measured(loaded), [50, 50])
    (remedy,) = [c for c in found if c.role == "remedy"]
    assert remedy.variant == "ema"
    assert remedy.replicates == frozenset(range(6, 12))
    verdict = judged(suite(), loaded)
    assert verdict.remedy is not None
    assert verdict.remedy.verdict == "harms"


def test_identical_results_are_no_effect_and_divide_by_nothing() -> None:
    baseline = suite_of(np.random.default_rng(3), {"baseline": 0.7})["baseline"]
    verdict = judged(suite(), dict.fromkeys(ARMS, baseline))
    entry = cause(verdict, "capacity")
    assert (entry.verdict, entry.mean, entry.low, entry.high) == ("no effect within the margin", 0, 0, 0)
    assert entry.max_t_p == 1


def test_one_replicate_has_no_intervals_and_no_words() -> None:
    loaded = {
        name: {key: values[:1] for key, values in content.items()}
        for name, content in suite_of(np.random.default_rng(4), dict.fromkeys(ARMS, 0.7)).items()
    }
    verdict = judged(suite(), loaded, replicates=1)
    assert cause(verdict, "capacity").verdict == "unknown"
    assert math.isnan(cause(verdict, "capacity").low)
    assert verdict.remedy is None
    assert verdict.divergence.verdict == "unknown"


def test_causes_that_the_baseline_lacks_are_not_present_and_their_injection_is_no_cause() -> None:
    arms = ("baseline", "augmentation", "wrong_augmentation", "long_tail")
    loaded = suite_of(
        np.random.default_rng(5), dict.fromkeys(arms, 0.7) | {"long_tail": 0.3, "wrong_augmentation": 0.2}
    )
    verdict = judged(suite(arms), loaded)
    assert cause(verdict, "augmentation").verdict == "not present"
    assert cause(verdict, "imbalance").verdict == "not present"
    assert cause(verdict, "capacity").verdict == "not tested"
    assert {row.variant for row in verdict.injected} == {"long_tail", "wrong_augmentation"}


def test_causes_that_the_baseline_has_need_an_arm_that_removes_them() -> None:
    loaded = suite_of(np.random.default_rng(6), {"baseline": 0.6, "dropout": 0.8})
    uneven = dataclasses.replace(MANIFEST, class_sizes=(90, 10))
    assert cause(judged(suite(), loaded, uneven), "imbalance").verdict == "not tested"
    policy = dataclasses.replace(SUITE.train, augmentation=Augmentation(zoom=0.2))
    causes = {"augmentation": Cause(primary="dropout", removes=("dropout",))}
    found = cause(judged(suite(train=policy, causes=causes), loaded), "augmentation")
    assert found.verdict == "contributes"


def test_remedies_of_an_injected_cause_are_compared_with_it() -> None:
    arms = ("baseline", "long_tail", "long_tail_logits")
    found = comparisons(suite(arms), Measured(suite_of(np.random.default_rng(7), dict.fromkeys(arms, 0.7))), [50, 50])
    assert [(c.against, c.role) for c in found if c.variant == "long_tail_logits"] == [
        ("baseline", "exploratory"),
        ("long_tail", "exploratory"),
    ]


def test_price_of_data_by_hand() -> None:
    """Exactly +10 pp a doubling: 40 of 200 images right at half, 60 at full, 80 at double size, in every replicate."""

    def exactly(right: int) -> Run:
        return run({"test": np.tile(np.arange(200) < right, (12, 1))})

    arms = ("baseline", "half_data", "double_data")
    loaded = {"baseline": exactly(60), "half_data": exactly(40), "double_data": exactly(80)}
    data = judged(suite(arms), loaded).data
    assert data is not None
    assert data.sizes == {"baseline": 1000, "half_data": 500, "double_data": 2000}
    assert data.per_doubling.mean == pytest.approx(0.1)
    assert data.headroom == pytest.approx(0.7)
    assert data.images_needed.images == pytest.approx(1000 * 2**0.5)  # +5 pp is half a doubling


def test_added_replicates_are_a_later_look_at_a_smaller_alpha() -> None:
    params, loaded = suite(), suite_of(np.random.default_rng(8), dict.fromkeys(ARMS, 0.7))
    for look in (0, 1, 2):
        later = dataclasses.replace(params, looks=params.looks | {"dropout": look})
        found = comparisons(later, Measured(loaded), [50, 50])
        (dropout,) = [c for c in found if c.role == "primary" and c.variant == "dropout"]
        assert dropout.confidence == verdicts.adjusted_confidence(3, look)


def test_arms_without_a_shared_replicate_are_named() -> None:
    loaded = suite_of(np.random.default_rng(9), {"baseline": 0.7, "dropout": 0.7})
    loaded["dropout"]["replicates"] = np.arange(100, 112)
    with pytest.raises(SuiteError, match="dropout and baseline share no replicate"):
        Measured(loaded).contrast(Comparison("dropout", "baseline"), "accuracy")


def test_pairing_is_by_number_not_by_position() -> None:
    loaded = suite_of(np.random.default_rng(10), {"baseline": 0.7})
    order = np.random.default_rng(0).permutation(12)[:7]
    loaded["dropout"] = {name: values[order] for name, values in loaded["baseline"].items()}
    contrast = Measured(loaded).contrast(Comparison("dropout", "baseline"), "accuracy")
    assert (contrast.interval.n, contrast.interval.mean, contrast.interval.sd) == (7, 0.0, 0.0)


def test_balanced_values_average_to_balanced_accuracy_though_a_class_is_never_predicted() -> None:
    labels = np.array([0] * 30 + [1] * 10)
    always_zero = np.tile(labels == 0, (12, 1))
    found = run({"test": always_zero}, labels=labels)
    expected = metrics.balanced_accuracy(found["test_probabilities"][0], labels)
    assert expected == 0.5
    assert MEASURES["balanced_accuracy"](found).mean(axis=1) == pytest.approx(np.full(12, 0.5))
    assert primary_metric(labels) == "balanced_accuracy"
    assert primary_metric(np.array([0, 0, 0, 1, 1])) == "accuracy"  # exactly 1.5 times


def given_split(shift: float, rng: np.random.Generator) -> dict[str, Run]:
    """A baseline on given validation images that score `shift` off, and its re-splits; the sd of a split is 3 pp."""
    luck = rng.normal(0, 0.03)
    images = 1000
    found = {}
    for name, level in (("baseline", np.full(12, 0.8 + shift + luck)), ("resplit", 0.8 + rng.normal(0, 0.03, 12))):
        right = np.arange(images) < np.round(images * level)[:, np.newaxis]
        found[name] = run({"val": right, "test": np.ones((12, 40), bool)})
    return found


def split_suite() -> Suite:
    return suite(("baseline",), diffs=SUITE.diffs | {"resplit": {"resplit": True}}, variants=SUITE.variants)


def test_a_given_split_is_one_draw_among_re_splits() -> None:
    rng, alarms = np.random.default_rng(11), 0
    grouped = dataclasses.replace(MANIFEST, given_validation=True, groups=30)
    params = dataclasses.replace(split_suite(), cells={"baseline": (0, 1), "resplit": (0, 1)})
    params = dataclasses.replace(params, variants=SUITE.variants | {"resplit": SUITE.train})
    for _ in range(200):
        alarms += cause(judged(params, given_split(0.0, rng), grouped), "split").verdict != "not shown"
    assert 0 < alarms <= 200 * 0.09
    harder, easier = (given_split(shift, np.random.default_rng(12)) for shift in (-0.2, 0.15))
    assert cause(judged(params, harder, grouped), "split").verdict == "contributes"
    assert cause(judged(params, easier, grouped), "split").verdict == "easier than re-splits"
    unknown = cause(judged(params, harder, dataclasses.replace(grouped, groups=None)), "split")
    assert unknown.verdict == "unresolved"  # never a recommendation to re-split
    alone = {name: content for name, content in harder.items() if name == "baseline"}
    only_baseline = dataclasses.replace(params, cells={"baseline": (0, 1)})
    assert cause(judged(only_baseline, alone, grouped), "split").verdict == "not tested"


def test_folds_widen_intervals_and_leave_out_sign_flips() -> None:
    loaded = suite_of(np.random.default_rng(13), dict.fromkeys(ARMS, 0.7), images=100)
    plain = judged(suite(), loaded)
    for content in loaded.values():
        content["test_index"] = np.stack([np.arange(100) + 100 * (row % 5) for row in range(12)])
    folds = judged(suite(), loaded)
    assert (plain.covers.test, folds.covers.test) == ("fixed", "folds")
    assert math.isnan(cause(folds, "capacity").max_t_p)
    widths = [found.gap.high - found.gap.low for found in (plain, folds)]
    assert widths[1] / widths[0] == pytest.approx(math.sqrt((1 / 12 + 100 / 40) * 12))  # 100 tested, 40 trained on


def test_intervals_count_groups_of_test_images() -> None:
    loaded = suite_of(np.random.default_rng(14), {"baseline": 0.7, "dropout": 0.7})
    for content in loaded.values():
        content["test_groups"] = np.tile(np.arange(200) // 20, (12, 1))
    values = Measured(loaded).values("dropout", "accuracy", list(range(12)))
    assert values.shape == (12, 10)
    assert judged(suite(("baseline", "dropout")), loaded, dataclasses.replace(MANIFEST, groups=25)).covers.groups == 10


def test_a_primary_among_the_exploratory_variants_is_judged_at_its_first_look(tmp_path: Path) -> None:
    raw = yaml.safe_load((ROOT / "params.yaml").read_text())
    raw["exploratory"]["dropout"] = raw["variants"].pop("dropout")
    raw["split"]["exploratory_blocks"] = raw["split"]["blocks"]
    raw["extra"] = {}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    params = load(tmp_path / "params.yaml")
    assert params.causes["regularization"].primary == "dropout"
    params = dataclasses.replace(params, cells={name: params.cells[name] for name in ARMS})
    loaded = suite_of(np.random.default_rng(1), dict.fromkeys(ARMS, 0.7), images=100)
    entry = cause(judged(params, loaded), "regularization")
    assert (entry.variant, entry.n) == ("dropout", 12)
    assert entry.confidence == verdicts.adjusted_confidence(3, 0)
