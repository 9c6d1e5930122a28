"""The scenarios are whole, what they plant has the properties that they name, and answers are judged as by hand."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.scenarios import planting, run, table
from tests.scenarios.__main__ import chosen
from tests.scenarios.copies import COPIES
from tests.scenarios.judge import judge
from tests.scenarios.known import BASE, PLANTED, Known, Truth, all_known, merged, read
from tests.scenarios.run import Outcome
from tests.scratch import ROOT
from valgap.calibrate import project
from valgap.calibrate.material import Material, Part
from valgap.calibrate.records import Effect, Named
from valgap.ground import records
from valgap.ground.errors import SuiteError
from valgap.ground.files import read_npz
from valgap.ground.params import suite
from valgap.ground.params.causes import CAUSES, IMBALANCED
from valgap.ground.params.experiment import variant_settings
from valgap.ground.params.schema import ParamsError
from valgap.ground.params.suite import Suite

NAMES = [path.stem for path in sorted(PLANTED.glob("*.yaml"))]
EVERY_CAUSE = {*CAUSES, "split", *(cause.opposite.name for cause in CAUSES.values() if cause.opposite)}


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def loaded(name: str, folder: Path) -> Suite:
    project.write_params(all_known()[name].params | _blocks_of_the_workspace(), folder)
    return suite.load(folder / "params.yaml")


def _blocks_of_the_workspace() -> dict:
    return {block: project.shipped_params()[block] for block in ("diagnosis", "review", "compute")}


def validation(material: Material) -> Part:
    assert material.val is not None
    return material.val


# The YAML files


def test_all_scenarios_of_the_measurement_are_there() -> None:
    assert len(NAMES) == 29
    assert list(all_known()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_could_be_misled_by_every_cause(name: str, tmp_path: Path) -> None:
    """It has arms of each cause, in both directions, and a re-split where the file brings validation images."""
    params, material = loaded(name, tmp_path), all_known()[name].material()
    sizes = np.bincount(material.train.labels).tolist()
    for cause in CAUSES.values():
        arms = params.causes.get(cause.name)
        if cause.present(params.train, sizes) and cause.name != "imbalance":
            assert arms, cause.name
            assert arms.removes or arms.opposes or arms.injects, cause.name
        if cause.opposite and arms and cause.opposite.present(params.train, sizes):
            assert arms.opposes or cause.present(params.train, sizes), cause.opposite.name
    regularized = any(params.train.dropout)
    assert bool(params.causes["regularization"].opposes) == regularized
    assert bool(params.causes["capacity"].opposes)
    assert ("imbalance" in params.causes) == (params.train.long_tail > 1 or max(sizes) > IMBALANCED * min(sizes))
    assert ("resplit" in params.variants) == (material.val is not None)


@pytest.mark.parametrize("name", NAMES)
def test_arms_are_what_their_names_say(name: str, tmp_path: Path) -> None:
    params = loaded(name, tmp_path)
    base, arms = params.train, params.variants
    assert arms["longer"].steps == 3 * base.steps
    assert arms["rate_up"].learning_rate == pytest.approx(3 * base.learning_rate)
    assert arms["rate_down"].learning_rate == pytest.approx(base.learning_rate / 3, rel=0.02)
    assert arms["wide"].width == 2 * base.width
    assert ("cosine" in arms) == (base.schedule.name == "constant")
    assert sum(arms["dropout"].dropout) != sum(base.dropout)
    for removes, settings in ((arm, arms[arm]) for arm in params.causes["augmentation"].removes):
        assert base.transforms, removes
        assert settings.transforms != base.transforms
    listed = {arm for cause in params.causes.values() for arm in (*cause.removes, *cause.opposes, *cause.injects)}
    assert set(arms) - listed <= {"baseline", "resplit"}


@pytest.mark.parametrize("name", NAMES)
def test_truth_names_causes_that_there_are(name: str) -> None:
    truth = all_known()[name].truth
    assert {*truth.first, *truth.also, *truth.needed} <= EVERY_CAUSE
    assert set(truth.needed) <= set(truth.first)
    assert not set(truth.first) & set(truth.also)
    assert truth.planted
    assert truth.effect
    assert truth.why.endswith(".")
    assert (
        bool(truth.first) != truth.planted.startswith("nothing")
        or name == "N_equal_steps"
        or "no fault" in truth.planted
    )


def test_replicates_are_those_of_the_measurement() -> None:
    counts = {
        name: known.params["split"]["block_size"] * len(known.params["split"]["blocks"])
        for name, known in all_known().items()
    }
    others = {
        "A_healthy": 6, "B_little_data": 12, "D_strong_augmentation_12": 12, "E_label_noise": 10,
        "E_label_noise_12": 12, "F_imbalance_12": 12, "G_none": 6, "I_grain": 3, "I_noise_long": 6, "I_textures": 10,
        "I_textures_easy": 3, "L_undertrained": 12, "N_equal_steps": 6,
    }  # fmt: skip
    assert counts == {name: others.get(name, 8) for name in NAMES}


def test_a_diff_replaces_adds_and_leaves_out_key_by_key() -> None:
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 3}
    assert merged(base, {"a": {"x": None, "y": [5], "z": {}}, "c": 4}) == {"a": {"y": [5], "z": {}}, "b": 3, "c": 4}
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 3}


def test_a_scenario_that_is_like_another_differs_by_its_diff() -> None:
    twelve, eight = all_known()["E_label_noise_12"], all_known()["E_label_noise"]
    assert twelve.plant == eight.plant
    assert merged(eight.params, {"split": {"block_size": 6}}) == twelve.params


def test_arms_that_a_scenario_lacks_are_left_out_of_its_causes() -> None:
    declared = yaml.safe_load(BASE.read_text())["causes"]
    assert "octuple_data" in declared["data"]["removes"]
    assert all_known()["N_equal_steps"].params["causes"]["data"]["removes"] == ["double_data"]
    assert "imbalance" not in all_known()["N_equal_steps"].params["causes"]


def test_an_unknown_word_of_truth_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(
        "truth: {planted: x, effect: y, why: z, first: [], also: [], alos: []}\nplant: {}"
    )
    with pytest.raises(ParamsError, match="alos"):
        read(tmp_path / "wrong.yaml")


def test_every_variant_of_every_scenario_is_valid() -> None:
    for known in all_known().values():
        for variant in known.params["variants"]:
            variant_settings(known.params["train"], known.params["variants"], variant)


# Planting


def test_the_same_file_plants_the_same_bytes(tmp_path: Path) -> None:
    known = all_known()["H_leak"]
    for name in ("one.npz", "two.npz"):
        known.material().write(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_garments_are_halved_by_means() -> None:
    pool, test = planting.garments()
    assert (pool.images.shape, test.images.shape) == ((10_000, 14, 14), (5_000, 14, 14))
    assert len(np.unique(pool.labels)) == 10


def test_even_parts_are_disjoint_with_equal_classes() -> None:
    pool, _ = planting.garments()
    numbered = Part(pool.images, pool.labels, np.arange(len(pool)))
    first, second = planting.even(numbered, [300, 200], rng())
    assert np.bincount(first.labels).tolist() == [30] * 10
    assert np.bincount(second.labels).tolist() == [20] * 10
    assert first.groups is not None
    assert second.groups is not None
    assert len(np.unique(np.concatenate([first.groups, second.groups]))) == 500
    with pytest.raises(ValueError, match="wanted"):
        planting.even(numbered, [20_000], rng())
    with pytest.raises(ValueError, match="no multiples"):
        planting.even(numbered, [305], rng())


def test_only_training_labels_are_wrong_and_as_many_as_asked() -> None:
    clean, found = planting.given(rng(), 400, 100), planting.noisy(rng(), 400, 100, 0.25)
    assert np.sum(found.train.labels != planting.noisy(rng(), 400, 100, 0.0).train.labels) == 100
    assert np.array_equal(validation(found).labels, validation(clean).labels)
    assert np.array_equal(found.test.labels, clean.test.labels)


def test_a_lens_does_what_its_name_says() -> None:
    images = planting.garments()[0].images[:50]
    assert planting.through(images, ["dark"]).mean() == pytest.approx(images.mean() / 2, abs=0.5)
    assert np.array_equal(planting.through(images, ["moved"])[:, 1:, :-1], images[:, :-1, 1:])
    blurred = planting.through(images, ["blur"]).astype(float)
    assert np.abs(np.diff(blurred, axis=2)).mean() < 0.8 * np.abs(np.diff(images.astype(float), axis=2)).mean()
    assert np.array_equal(planting.through(images, []), images)


def test_another_camera_took_what_was_asked_and_nothing_else(tmp_path: Path) -> None:
    clean = planting.given(rng(), 200, 100)
    found = planting.camera(rng(), 200, 100, ["dark"])
    assert np.array_equal(found.train.images, clean.train.images)
    assert np.array_equal(found.test.images, clean.test.images)
    assert validation(found).images.mean() == pytest.approx(validation(clean).images.mean() / 2, abs=0.5)
    both = planting.camera(rng(), 200, 100, ["dark"], test_too=True, declared=True)
    assert both.test.images.mean() == pytest.approx(clean.test.images.mean() / 2, abs=0.5)
    both.write(tmp_path / "images.npz")
    groups = read_npz(tmp_path / "images.npz")["groups"]
    assert len(np.unique(groups)) == 200 + 100 + 5_000


def test_a_share_of_validation_is_copied_from_training_in_turn() -> None:
    clean = planting.given(rng(), 200, 100)
    found = planting.leak(rng(), 200, 100, 0.2, ["copy", "flip"])
    changed = np.flatnonzero((validation(found).images != validation(clean).images).any(axis=(1, 2)))
    assert len(changed) == 20
    train = {image.tobytes(): label for image, label in zip(found.train.images, found.train.labels, strict=True)}
    images, labels = validation(found).images[changed], validation(found).labels[changed]
    exact = [train.get(image.tobytes()) == label for image, label in zip(images, labels, strict=True)]
    mirrored = [
        train.get(np.ascontiguousarray(image[:, ::-1]).tobytes()) == label
        for image, label in zip(images, labels, strict=True)
    ]
    assert (sum(exact), sum(mirrored)) == (10, 10)


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_looks_like_its_original(kind: str) -> None:
    image = planting.garments()[0].images[0]
    before = image.copy()
    copied = COPIES[kind](image)
    assert copied.shape == image.shape
    assert copied.dtype == np.uint8
    assert np.array_equal(image, before), "the original is left as it was"
    assert (kind == "copy") == np.array_equal(copied, image)
    straight = {"shift": copied[:, 1:], "flip": copied[:, ::-1]}.get(kind, copied)
    original = image[:, :-1] if kind == "shift" else image
    assert np.corrcoef(straight.ravel(), original.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("declared", [False, True])
def test_every_object_has_its_views_and_the_file_says_so_where_declared(declared: bool, tmp_path: Path) -> None:
    found = planting.objects(rng(), 50, 4, declared)
    assert (len(found.train), len(found.test), found.val) == (200, 0, None)
    groups = found.train.groups
    assert groups is not None
    assert np.bincount(groups).tolist() == [4] * 50
    assert all(len(np.unique(found.train.labels[groups == each])) == 1 for each in range(50))
    assert len(np.unique(found.train.images.reshape(200, -1), axis=0)) == 200
    found.write(tmp_path / "images.npz")
    assert ("groups" in read_npz(tmp_path / "images.npz")) == declared


def test_a_tail_falls_from_the_largest_class_to_the_smallest() -> None:
    found = planting.tailed(rng(), 300, 30)
    counts = np.sort(np.bincount(found.train.labels))
    assert [counts[-1], counts[0]] == [300, 10]
    assert np.allclose(counts[1:] / counts[:-1], 30 ** (1 / 9), rtol=0.1)


def test_stripes_have_a_direction_and_no_place() -> None:
    found = planting.textures(rng(), 1000, 500, 0)
    assert np.bincount(found.train.labels).tolist() == [100] * 10
    assert len(found.test) == 500
    alike = found.train.images[found.train.labels == 0].astype(float)
    assert alike.mean(axis=0).std() < 10, "the mean of a direction has no stripes"
    assert np.abs(np.diff(alike, axis=1)).mean() > 5 * np.abs(np.diff(alike, axis=2)).mean()


def test_grain_is_in_test_images_too() -> None:
    clean, found = planting.plain(rng(), 500), planting.grainy(rng(), 500, 80)
    for before, after in ((clean.train, found.train), (clean.test, found.test)):
        assert np.array_equal(before.labels, after.labels)
        assert 30 < np.std(after.images.astype(float) - before.images) < 80


# Judging

TRUTH = Truth("x", "y", "z", ("labels",), ("training",))
BOTH = Truth("x", "y", "z", ("labels", "augmentation"), (), ("labels", "augmentation"))
NOTHING = Truth("nothing", "none", "z", (), ("training",))


def says(*causes: str, fresh: float | None = None) -> tuple[Named, ...]:
    """Names of a headline; fresh replicates gave the last of them this much, by limits of 0.5 pp."""
    named = [Named(cause, 0.05, 0.03, 0.07) for cause in causes]
    if fresh is not None:
        effect = Effect(fresh, fresh - 0.005, fresh + 0.005, 8)
        named[-1] = dataclasses.replace(named[-1], confirmed=effect)
    return tuple(named)


@pytest.mark.parametrize(
    ("truth", "named", "words", "expected"),
    [
        (TRUTH, says("labels"), {}, "right"),
        (TRUTH, says("labels", "training"), {}, "right"),
        (TRUTH, says("labels", "capacity"), {}, "half"),
        (TRUTH, says("training", "labels"), {}, "half"),
        (TRUTH, says("capacity", "labels"), {}, "misleading"),
        (TRUTH, says("capacity"), {"labels": "inconclusive"}, "misleading"),
        (TRUTH, says("training", "capacity"), {"labels": "inconclusive"}, "misleading"),
        (TRUTH, says("training"), {"labels": "waits"}, "honestly open"),
        (TRUTH, says("training"), {"labels": "not to blame"}, "silent"),
        (TRUTH, says(), {"labels": "inconclusive"}, "honestly open"),
        (TRUTH, says(), {"labels": "not tested fairly"}, "honestly open"),
        (TRUTH, says(), {"labels": "not to blame"}, "silent"),
        (TRUTH, says(), {}, "silent"),
        (TRUTH, says("labels", "data", fresh=0.02), {}, "right"),
        (TRUTH, says("labels", "data", fresh=0.004), {}, "half"),
        (TRUTH, says("data", fresh=0.02), {}, "silent"),
        (TRUTH, says("split", "labels"), {"split": "unresolved"}, "right"),
        (BOTH, says("augmentation", "labels"), {}, "right"),
        (BOTH, says("augmentation"), {"labels": "not to blame"}, "half"),
        (NOTHING, says(), {"training": "inconclusive"}, "right"),
        (NOTHING, says("training"), {}, "right"),
        (NOTHING, says("data", fresh=0.02), {}, "right"),
        (NOTHING, says("data", fresh=0.0), {}, "misleading"),
        (NOTHING, says("split"), {"split": "unresolved"}, "honestly open"),
        (NOTHING, says("split"), {"split": "contributes"}, "misleading"),
        (Truth("x", "y", "z", ("split",), ()), says("split"), {"split": "unresolved"}, "honestly open"),
        (Truth("x", "y", "z", ("split",), ()), says("split"), {"split": "probably leaks"}, "right"),
    ],
)  # fmt: skip
def test_answers_are_judged_as_by_hand(
    truth: Truth, named: tuple[Named, ...], words: dict[str, str], expected: str
) -> None:
    assert judge(truth, named, words) == expected


# The table and the command line


def outcome(name: str, *causes: str, failed: str = "") -> Outcome:
    return Outcome(name, says(*causes), {}, f"Because | {causes}", 0.8, 0, (), 100, 61.2, failed, "c")


def test_the_table_has_every_scenario_and_what_became_of_it() -> None:
    scenarios = [all_known()[name] for name in ("G_none", "L_undertrained", "N_equal_steps", "O_over_regularized")]
    outcomes = {
        "G_none": dataclasses.replace(outcome("G_none"), code=run.code(scenarios[0])),
        "L_undertrained": outcome("L_undertrained", "capacity"),
        "N_equal_steps": outcome("N_equal_steps", failed="the loss is nan"),
    }
    page = table.into_page(f"above\n{table.BEGIN}\nold\n{table.END}\nbelow", scenarios, outcomes)
    assert page.startswith("above\n")
    assert page.endswith("\nbelow")
    assert "old" not in page
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1, "a bar within a cell is no border"
    assert "| right | 61 |" in lines[0]
    assert "| misleading (earlier code) | 61 |" in lines[1]
    assert "the loss is nan" in lines[2]
    assert "| not run |" in lines[3]
    assert "4 scenarios: not run 2, right 1, misleading 1." in page
    assert table.failures(scenarios, outcomes) == [
        "L_undertrained: misleading", "N_equal_steps: not run", "O_over_regularized: not run"
    ]  # fmt: skip
    assert table.line(scenarios[0], outcomes["G_none"]).startswith("right         G_none [none] 61 s: Because")
    with pytest.raises(ValueError, match="no <!-- scenarios"):
        table.into_page("no marks", scenarios, {})


def test_only_chooses_by_pattern_and_refuses_what_is_none() -> None:
    assert [known.name for known in chosen(["G_*", "A_healthy"])] == [
        "A_healthy", "G_none", "G_other_camera", "G_shift", "G_shift_groups"
    ]  # fmt: skip
    assert len(chosen([])) == 29
    with pytest.raises(SuiteError, match="it names no scenario"):
        chosen(["A_healthy", "nonesuch"])


def test_the_page_says_what_the_outcomes_in_git_are() -> None:
    page = (ROOT / "docs/scenarios.md").read_text()
    everything = list(all_known().values())
    told = {outcome.name: outcome for outcome in records.read(list[Outcome], run.IN_GIT, "")}
    mark = " (earlier code)"
    assert table.into_page(page, everything, told).replace(mark, "") == page.replace(mark, "")


def test_outcomes_of_earlier_sittings_are_kept_and_what_failed_is_not(tmp_path: Path) -> None:
    in_git, everything = tmp_path / "outcomes.json", list(all_known().values())
    told = [outcome("G_none"), outcome("gone"), outcome("A_healthy", failed="the loss is nan")]
    run.keep(told, in_git)
    assert list(run.kept(everything, tmp_path, in_git)) == ["G_none"]
    now = dataclasses.replace(outcome("G_none", "data"), code=run.code(all_known()["G_none"]))
    (tmp_path / "G_none").mkdir()
    (tmp_path / "G_none" / run.OUTCOME).write_text(records.text(now, indent=1))
    found = run.kept(everything, tmp_path, in_git)
    assert found["G_none"] == dataclasses.replace(now, named=found["G_none"].named), "NaN equals nothing"
    assert [each.cause for each in found["G_none"].named] == ["data"]


def test_an_outcome_is_of_its_scenario_and_code(tmp_path: Path) -> None:
    known = all_known()["L_undertrained"]
    other = dataclasses.replace(known, truth=dataclasses.replace(known.truth, also=("data",)))
    assert run.code(known) == run.code(known)
    assert run.code(other) != run.code(known)
    assert run.finished(known, tmp_path) is None


def toy(name: str = "toy") -> Known:
    """A scenario of seconds: views of garments, networks of 12 steps."""
    params = merged(
        all_known()["M_groups_declared"].params,
        {"split": {"block_size": 2}, "train": {"steps": 12, "batch_size": 16, "curve_points": 3, "width": 0.1}},
    )
    few = {"baseline": {}, "half_data": {"train_size_factor": 0.5}, "longer": {"steps": 36}}
    params = project.leave_out(params, set(params["variants"]) - set(few)) | {"variants": few}
    truth = Truth("a toy", "none", "It is small.", (), ())
    return Known(name, {"kind": "objects", "seed": 1, "count": 60, "views": 4}, params, truth)


@pytest.mark.slow
def test_a_toy_is_planted_diagnosed_and_resumed(tmp_path: Path) -> None:
    known = toy()
    [found] = run.run_all([known], 1, tmp_path)
    assert found.failed == ""
    assert 0 < found.score < 1
    assert {"training", "split"} <= set(found.words)
    assert found.headline
    assert all(each.confirmed is not None and not math.isnan(each.confirmed.mean) for each in found.named)
    stored = set((tmp_path / "store").iterdir())
    assert run.finished(known, tmp_path) == run.run(known, tmp_path)

    again = dataclasses.replace(known, truth=dataclasses.replace(known.truth, why="Judged again."))
    assert run.finished(again, tmp_path) is None
    [second] = run.run_all([again], 1, tmp_path)
    assert dataclasses.replace(second, seconds=0, code="") == dataclasses.replace(found, seconds=0, code="")
    assert set((tmp_path / "store").iterdir()) == stored, "nothing is trained twice"


@pytest.mark.slow
def test_what_cannot_be_run_is_an_outcome_that_says_why(tmp_path: Path) -> None:
    broken = toy("broken")
    known = dataclasses.replace(broken, params=merged(broken.params, {"split": {"val_size": 100_000}}))
    [found] = run.run_all([known], 1, tmp_path)
    assert "val_size" in found.failed
    assert (tmp_path / "broken/log.txt").read_text()
    assert run.finished(known, tmp_path) is None
    assert table.judgement(known, found) == "not run"
