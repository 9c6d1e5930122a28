"""Costs and budgets on numbers worked out by hand, and the real commands at toy scale."""

import copy
import dataclasses
import hashlib
import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml

from tests.scratch import ROOT, TOY, copy_repository, run, user_environment
from tests.toys import Toys
from tests.watching import of_kind, processes, wait_for, words
from valgap.compute.placement import Placement
from valgap.costs import budget, estimate, overview, probe, timings
from valgap.costs.estimate import Timings
from valgap.data.sizes import Sizes
from valgap.ground import host
from valgap.ground.calls import CLONE
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.arms import Arms
from valgap.ground.params.experiment import settings_as_dict, variant_settings
from valgap.models.stage import is_emulated
from valgap.plan import ladder
from valgap.plan.command import half
from valgap.repro.command import trains_everything
from valgap.training.recipe import Streams

SHIPPED = suite.load(ROOT / "params.yaml")
RAW: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
SPEED = Timings(step=0.02, image=0.0002, run=0.8, cell=5.0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("45min", 2700), ("2h", 7200), ("1.5h", 5400), (" 1.5 h ", 5400), ("0.5m", 30)]
)
def test_budgets_in_seconds(text: str, seconds: float) -> None:
    assert estimate.parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["2 days", "2", "", "h", "-2h", "0h", "1h30m", "1e3m", "2H", "nan h"])
def test_other_budgets_are_refused_by_name(text: str) -> None:
    with pytest.raises(SuiteError, match=r"BUDGET = .* is not a duration: .*2h, 1\.5h, 90m or 45min") as caught:
        estimate.parse_budget(text)
    assert repr(text) in str(caught.value)


def test_seconds_and_megabytes_of_a_run_by_hand() -> None:
    sizes = Sizes(train=1000, max_train=3000, val=1000, test=5000)
    train = dataclasses.replace(SHIPPED.train, steps=960, curve_points=10, curve_train_images=500)
    assert len(train.evaluation_policies) == 3
    assert estimate.predicted_images(train, sizes) == 1000 + 1000 * 4 + 5000
    assert estimate.scored_images(train, sizes) == 10_000 + 10 * 1500
    assert estimate.run_seconds(train, train, sizes, SPEED, 1) == pytest.approx(960 * 0.02 + 25_000 * 0.0002 + 0.8)
    assert estimate.run_seconds(train, train, sizes, SPEED, 2) == pytest.approx(2 * 24.2 + 0.8)
    large = dataclasses.replace(train, batch_size=4 * train.batch_size)
    assert estimate.run_seconds(large, train, sizes, SPEED, 1) == pytest.approx(960 * 0.08 + 25_000 * 0.0002 + 0.8)
    half = dataclasses.replace(train, train_size_factor=0.25)
    assert estimate.scored_images(half, sizes) == 250 + 4000 + 5000 + 10 * 1250
    # 10,000 x 10 float32, 7,000 labels, indices and groups of 8 bytes each, times 6; 421,642 float32 weights once
    size = 6 * (400_000 + 168_000) + 4 * 421_642
    assert estimate.cell_megabytes(train, sizes, 6, 10, 421_642) == pytest.approx(size / 1e6)


@pytest.mark.parametrize(("replicates", "workers", "seconds"), [(6, 2, 32.5), (7, 2, 37.5), (6, 1, 65)])
def test_cells_side_by_side_keep_all_workers_busy(replicates: int, workers: int, seconds: float) -> None:
    assert estimate.cell_seconds(10, replicates, workers, 5) == seconds


def test_total_counts_what_is_left() -> None:
    cells = {"baseline": (0, 1), "wide": (0,)}
    found = estimate.total(cells, {("baseline", 1)}, 6, {"baseline": 30, "wide": 100}, {"baseline": 3, "wide": 4})
    assert found == estimate.Total(arms=2, runs=18, left=12, seconds=160, seconds_left=130, megabytes=10)


def test_detectable_effect_agrees_with_simulated_power() -> None:
    """By simulation one of six contrasts of +2 pp at paired sd 1.5 has power .78 at n=10 and .89 at 12 (alpha .05)."""
    confidence = 1 - 0.05 / 6
    assert estimate.detectable(0.015, 12, confidence) < 0.02 < estimate.detectable(0.015, 9, confidence)
    assert estimate.detectable(0.015, 10, confidence) == pytest.approx(0.0203, abs=5e-4)
    assert estimate.detectable(0.03, 10, confidence) == pytest.approx(2 * estimate.detectable(0.015, 10, confidence))
    assert math.isnan(estimate.detectable(0.015, 1, confidence))


def test_paired_sd_is_the_median_of_causes() -> None:
    def row(sd: str, metric: str = "accuracy", role: str = "cause") -> dict[str, str]:
        return {"sd": sd, "metric": metric, "role": role}

    rows = [row("0.01"), row("0.03"), row("0.011"), row("0.5", metric="nll"), row("0.6", role="exploratory")]
    assert estimate.paired_sd(rows)[0] == 0.011
    for unknown in ([], [row("")], [row("nan")], [row("0.6", role="exploratory")], [{"variant": "x"}]):
        assert estimate.paired_sd(unknown)[0] == 0.02
        assert "assumed" in estimate.paired_sd(unknown)[1]


def test_suspects_are_the_first_arms_that_take_a_judged_cause_out() -> None:
    causes = {
        "capacity": Arms(removes=("small", "smaller"), opposes=("large",)),
        "augmentation": Arms(opposes=("mild", "strong")),
        "imbalance": Arms(injects=("tail",)),
        "data": Arms(removes=("double",)),
    }
    assert estimate.suspects(causes) == ["small", "mild"]
    assert estimate.directions(causes) == 3, "each direction of a cause is judged by itself"


@pytest.mark.parametrize(
    ("affordable", "rung", "trainings", "looks"),
    [
        (1, "audit", [1], ()),
        (7, "audit", [7], ()),
        (8, "suspect", [2 * 4], (4,)),
        (19, "suspect", [2 * 9], (9,)),
        (20, "screen", [4 * 1, 2 * 8], (8,)),
        (23, "screen", [4 * 1, 2 * 9], (9,)),
        (24, "screen", [4 * 2, 2 * 8], (8,)),
        (31, "screen", [4 * 2, 2 * 10], (10,)),
        (32, "screen", [4 * 2, 3 * 8], (8,)),
        (48, "screen", [4 * 2, 3 * 12], (12,)),  # screen x2, confirm the best two
        (55, "screen", [4 * 2, 3 * 14], (14,)),
        (56, "spread", [4 * 8, 3 * 8], (8, 16)),
        (64, "spread", [4 * 8, 4 * 8], (8, 16)),
        (500, "spread", [4 * 8, 4 * 8], (8, 16)),
    ],
)
def test_ladder_for_three_suspects(affordable: int, rung: str, trainings: list[int], looks: tuple[int, ...]) -> None:
    found = ladder.ladder(affordable, 3)
    assert (found.rung, [step.trainings for step in found.steps], found.looks) == (rung, trainings, looks)


def test_ladder_never_exceeds_what_is_affordable() -> None:
    for suspects in range(1, 6):
        for affordable in range(1, 200):
            found = ladder.ladder(affordable, suspects)
            assert 0 < found.trainings <= affordable, (affordable, suspects)
            assert all(step.trainings > 0 for step in found.steps)
            if affordable >= ladder.SUSPECT:
                assert min(found.looks) >= 4


def test_ladder_with_other_numbers_of_suspects() -> None:
    assert ladder.ladder(48, 1).rung == "suspect"
    assert ladder.ladder(200, 1).looks == (16,)
    assert [step.trainings for step in ladder.ladder(56, 5).steps] == [48]  # 8 are left, too few to top up a pair
    with pytest.raises(SuiteError, match="no cause has a variant that removes it"):
        ladder.ladder(8, 0)
    assert ladder.ladder(7, 0).rung == "audit"


def test_largest_plan_counts_starts_and_no_step_is_shorter_than_a_training() -> None:
    """10 s a run, 5 s a cell, 2 workers: 48 trainings are 4 screening cells and 3 x 6 more, 22 x 25 s of 2 workers."""
    assert ladder.plan_seconds(ladder.ladder(48, 3), 10, 2, 5) == 22 * 25 / 2
    found = ladder.largest_plan(330, 3, 10, 2, 5)
    assert found is not None
    assert found.affordable >= 48
    assert ladder.plan_seconds(found, 10, 2, 5) <= 330
    assert ladder.largest_plan(14, 3, 10, 2, 5) is None
    one = ladder.largest_plan(15, 3, 10, 2, 5)
    assert one is not None
    assert one.trainings == 2  # both workers at once


def edited(tmp_path: Path, kept: list[str], **split: Any) -> suite.Suite:
    """params.yaml after the edits that a plan asks for: other variants moved to exploratory."""
    raw = copy.deepcopy(RAW)
    moved = {name: diff for name, diff in raw["variants"].items() if name not in kept}
    raw["variants"] = {name: raw["variants"][name] for name in kept}
    raw["exploratory"] |= moved
    raw["extra"] = {}
    raw["split"] |= {"exploratory_blocks": []} | split
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    return suite.load(tmp_path / "params.yaml")


def test_edits_that_a_plan_prints_train_what_it_counts(tmp_path: Path) -> None:
    suspects = estimate.suspects(SHIPPED.causes)
    found = ladder.ladder(48, len(suspects))
    first, second = ladder.instructions(found, suspects, "make repro BUDGET=1h")
    assert first[0] == "split: block_size: 2, blocks: [0], exploratory_blocks: []"
    assert second[1] == "split: blocks: [0, 1, 2, 3, 4, 5, 6]"
    screened = edited(tmp_path, ["baseline", *suspects], block_size=2, blocks=[0])
    assert sum(len(blocks) for blocks in screened.cells.values()) * 2 == found.steps[0].trainings
    confirmed = edited(tmp_path, ["baseline", *suspects[:2]], block_size=2, blocks=[0, 1, 2, 3, 4, 5, 6])
    new = [(name, block) for name, blocks in confirmed.cells.items() for block in blocks if block > 0]
    assert len(new) * 2 == found.steps[1].trainings
    for affordable in (5, 10, 56, 64):
        steps = ladder.ladder(affordable, 3)
        assert len(ladder.instructions(steps, ["a", "b", "c"], "make repro")) == len(steps.steps)


def test_findings_lead_with_the_smallest_effect() -> None:
    def smallest(replicates: int, family: int, look: int) -> float:
        return 0.01 * family + replicates / 1000 + look

    lines = ladder.findings(ladder.ladder(48, 3), smallest)
    assert "can be detected: 3.2 pp over 12 replicates (2 arms" in lines[0]
    assert "effects under 3.2 pp" in lines[1]
    assert "nothing is compared" in ladder.findings(ladder.ladder(3, 3), smallest)[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def finish(folder: Path, params: suite.Suite, variant: str, block: int, **changes: Any) -> None:
    """Leave a run as training does, as far as planning reads it."""
    target = folder / "runs" / variant / str(block)
    target.mkdir(parents=True)
    facts = {"parameters": 5, "forward_flops": 7, "selected_step": 1}
    record = {
        "variant": variant,
        "block": block,
        "model": dataclasses.asdict(params.model),
        "settings": settings_as_dict(params.variants[variant]),
        "seed": params.split.seed,
        "replicates": [{"replicate": number} | facts for number in params.split.replicates(block)],
        "environments": [{"device": "cpu"}],
    } | changes
    (target / "run.json").write_text(json.dumps(record))
    rows = [{"replicate": number, "train": train, "curve": 2, "predict": 1} for number, train in ((0, 10), (1, 20))]
    digest = hashlib.sha256((target / "run.json").read_bytes()).hexdigest()
    (target / "telemetry.json").write_text(json.dumps({"run_sha256": digest, "replicates": rows}))


def test_a_cell_is_done_with_its_current_settings_alone(folder: Path) -> None:
    cells = {name: (0,) for name in ("baseline", "dropout", "l2", "narrow", "combined", "pooling_head")}
    finish(folder, SHIPPED, "baseline", 0)
    finish(folder, SHIPPED, "dropout", 0, settings=settings_as_dict(SHIPPED.train))
    finish(folder, SHIPPED, "l2", 0, seed=1)
    finish(folder, SHIPPED, "narrow", 0, replicates=[{"replicate": 0}])
    finish(folder, SHIPPED, "combined", 0)
    (folder / "runs/combined/0/run.json").write_text('{"trunc')
    assert timings.done_cells(SHIPPED, cells) == {("baseline", 0)}
    assert timings.measured_seconds(SHIPPED, "baseline", (0, 1), "cpu") == pytest.approx((13 + 23) / 2)
    assert timings.measured_seconds(SHIPPED, "baseline", (0, 1), "gpu") is None
    assert timings.measured_seconds(SHIPPED, "dropout", (0, 1), "cpu") is None


def test_durations_of_another_run_are_not_taken_for_those_of_this_one(folder: Path) -> None:
    """DVC checks out the run.json of a branch and leaves the telemetry.json of the other one."""
    finish(folder, SHIPPED, "baseline", 0)
    run = folder / "runs/baseline/0/run.json"
    trained = run.read_text()
    run.write_text(trained.replace('"cpu"', '"gpu"'))
    assert timings.done_cells(SHIPPED, {"baseline": (0,)})
    assert timings.measured_seconds(SHIPPED, "baseline", (0,), "gpu") is None
    run.write_text(trained)
    assert timings.measured_seconds(SHIPPED, "baseline", (0,), "cpu") == 18
    for damaged in ("[]", "{", '{"run_sha256": 1}'):
        (folder / "runs/baseline/0/telemetry.json").write_text(damaged)
        assert timings.measured_seconds(SHIPPED, "baseline", (0,), "cpu") is None


def test_probe_is_kept_by_its_key(folder: Path) -> None:
    path = folder / "probe.json"
    probe = timings.Probe(SPEED, {timings.digest(SHIPPED.train): timings.Network(7, 3, False)}, half=0.01)
    key = {"workers": 2, "baseline": {"dropout": [0, 0, 0]}}
    assert timings.read_probe(key, path) is None
    timings.write_probe(key, probe, path)
    assert timings.read_probe(key, path) == probe
    assert timings.read_probe(key | {"workers": 3}, path) is None
    assert [file.name for file in folder.iterdir()] == ["probe.json"]
    missing = timings.missing_models(SHIPPED, probe.models)
    assert len(missing) == len({timings.digest(s) for s in SHIPPED.variants.values()}) - 1
    path.write_text('{"key"')
    assert timings.read_probe(key, path) is None


KEEPS, RUNS = timings.Network(100, 3, True), timings.Network(100, 3, False)
KEPT = Timings(step=0.001, image=0.00001, run=0.5, cell=4.0, once=0.03)


def test_what_keeps_a_frozen_part_is_timed_by_its_like() -> None:
    """Operations are compared where all of a network runs in each step, and nowhere else."""
    wide = timings.Network(200, 6, False)
    plain = timings.Probe(SPEED, {})
    assert timings.pace(wide, RUNS, plain) == (SPEED, 2.0)
    models = {"narrow": timings.Network(50, 2, False), "frozen": KEEPS}
    kept = timings.Probe(KEPT, models, other=timings.Other("narrow", SPEED))
    assert timings.pace(KEEPS, KEEPS, kept) == (KEPT, 1.0)
    assert timings.pace(dataclasses.replace(KEEPS, flops=1), KEEPS, kept) == (KEPT, 1.0)
    assert timings.pace(wide, KEEPS, kept) == (SPEED, 4.0)
    trained = timings.Probe(SPEED, models, other=timings.Other("frozen", KEPT))
    assert timings.pace(KEEPS, RUNS, trained) == (KEPT, 1.0)
    assert timings.pace(wide, RUNS, trained) == (SPEED, 2.0)


def test_a_second_variant_is_timed_where_one_of_both_keeps_a_frozen_part() -> None:
    networks = {timings.digest(settings): RUNS for settings in SHIPPED.variants.values()}
    assert timings.missing_other(SHIPPED, timings.Probe(SPEED, networks)) is None
    dropout = timings.digest(SHIPPED.variants["dropout"])
    mixed = timings.Probe(SPEED, networks | {dropout: KEEPS})
    assert timings.missing_other(SHIPPED, mixed) == "dropout"
    assert timings.missing_other(SHIPPED, dataclasses.replace(mixed, other=timings.Other(dropout, KEPT))) is None
    gone = dataclasses.replace(mixed, other=timings.Other("of an earlier params.yaml", KEPT))
    assert timings.missing_other(SHIPPED, gone) == "dropout"


def test_a_frozen_part_runs_once_for_all_images_that_are_drawn() -> None:
    sizes = Sizes(train=1000, max_train=3000, val=1000, test=5000)
    assert estimate.once_seconds(sizes, KEPT, 2) == pytest.approx(9000 * 0.03 / 2)
    assert estimate.once_seconds(sizes, SPEED, 2) == 0


def test_a_frozen_part_that_is_drawn_anew_runs_in_each_replicate_on_its_own_images() -> None:
    sizes = Sizes(train=1000, max_train=3000, val=1000, test=5000)
    drawn = dataclasses.replace(KEPT, once=0.0, anew=0.03)
    settings = dataclasses.replace(SHIPPED.train, steps=10)
    half = dataclasses.replace(settings, train_size_factor=0.5)
    assert estimate.once_seconds(sizes, drawn, 2) == 0
    for trained, images in ((settings, 7000), (half, 6500)):
        besides = estimate.run_seconds(trained, settings, sizes, dataclasses.replace(KEPT, once=0.0), 1.0)
        assert estimate.run_seconds(trained, settings, sizes, drawn, 1.0) - besides == pytest.approx(images * 0.03)


def test_a_probe_of_what_is_drawn_anew_runs_again_on_more_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """4 s of 64 images a part, 1.92 s of them the frozen part's, as 64 more take them: 0.08 of 2 s are for steps."""
    runs: list[int] = []
    walls = iter([10.0, 4.0, 5.92])

    def scripted(_: Any, parts: Any, classes: int) -> tuple[float, dict[str, float]]:
        runs.append(len(parts["val"][0]))
        return next(walls), {"train": 2.0, "curve": 0.5, "predict": 0.5}

    monkeypatch.setattr(probe, "_run", scripted)
    for name in ("keeps_outputs", "_draws_frozen"):
        monkeypatch.setattr(probe, name, lambda *_: True)
    part = (np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1), np.arange(200) % 3)
    plain = dataclasses.replace(SHIPPED.train, evaluation_policies={}, curve_train_images=500)
    found = probe.timed(SHIPPED.model, plain, Streams(1, ()), dict.fromkeys(("train", "val", "test"), part), 20)
    assert runs == [64, 64, 128]
    assert found.once == 0.0
    assert found.anew == pytest.approx(1.92 / (3 * 64))
    assert found.step == pytest.approx(0.08 / 20)
    assert found.cell == pytest.approx(probe.STAGE_SECONDS + 10 - 4)


def test_a_probe_of_what_is_kept_runs_again_on_other_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 s with all that is traced, 4 s more of the same, 5.92 s with other images: 1.92 s are the frozen part's."""
    runs: list[Any] = []
    walls = iter([10.0, 4.0, 5.92])

    def scripted(_: Any, parts: Any, classes: int) -> tuple[float, dict[str, float]]:
        runs.append({name: images[:, 0, 0, 0].tolist() for name, (images, _) in parts.items()})
        assert classes == 3
        return next(walls), {"train": 2.0, "curve": 0.5, "predict": 0.5}

    monkeypatch.setattr(probe, "_run", scripted)
    monkeypatch.setattr(probe, "keeps_outputs", lambda *_: True)
    monkeypatch.setattr(probe, "_draws_frozen", lambda *_: False)
    images = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)
    part = (images, np.arange(200) % 3)
    plain = dataclasses.replace(SHIPPED.train, evaluation_policies={}, curve_train_images=500)
    found = probe.timed(SHIPPED.model, plain, Streams(1, ()), dict.fromkeys(("train", "val", "test"), part), 20)
    assert [run["val"] for run in runs] == [list(range(64)), list(range(64)), list(range(64, 128))]
    assert found.step == 2.0 / 20
    assert found.image == pytest.approx(1.0 / (5 * 64))
    assert found.run == pytest.approx(1.0)
    assert found.cell == pytest.approx(probe.STAGE_SECONDS + 10 - 4 - 1.92)
    assert found.once == pytest.approx(1.92 / (3 * 64))


@pytest.mark.parametrize(
    ("megaflops", "keeps", "extent"),
    [(8, False, (30, 5000)), (20, False, (30, 5000)), (200, False, (26, 2500)), (600, False, (8, 833)),
     (600, True, (30, 833)), (100_000, False, (8, 64))],
)  # fmt: skip
def test_a_probe_of_a_large_network_is_shorter(megaflops: int, keeps: bool, extent: tuple[int, int]) -> None:
    """At 50 GFLOP/s: 200 MFLOP take 4 ms, a step of 32 three times as many passes, 384 ms, of which 26 fit in 10 s."""
    assert probe.extent(timings.Network(megaflops * 10**6, 1, keeps), 32) == extent


@pytest.mark.parametrize(
    ("changes", "keeps"),
    [({}, False), ({"frozen": 0.5}, True), ({"frozen": 0.5, "augmentation": {"zoom": 0.1}}, False),
     ({"frozen": 0.5, "mixup": 0.2}, False)],
)  # fmt: skip
def test_a_frozen_part_is_kept_where_images_are_as_they_are(changes: dict[str, Any], keeps: bool) -> None:
    settings = variant_settings(RAW["train"], {"arm": changes}, "arm")
    assert probe.keeps_outputs((28, 28, 1), 10, SHIPPED.model, settings) is keeps


def costs_of(of_cell: float) -> timings.Costs:
    flat = dict.fromkeys(SHIPPED.variants, of_cell)
    return timings.Costs("cpu", 2, SPEED, flat, flat, flat, ())


@pytest.mark.parametrize(("step", "lines"), [(None, 0), (0.019, 0), (0.01, 3)])
def test_half_precision_is_offered_where_it_saves_something(step: float | None, lines: int) -> None:
    total = estimate.Total(arms=1, runs=6, left=6, seconds=1200, seconds_left=1200, megabytes=1)
    found = half(dataclasses.replace(costs_of(1.0), half=step), total)
    assert len(found) == lines
    if found:
        assert "10.0 ms a step instead of 20.0, so about 10 minutes instead of 20" in found[1]


@pytest.mark.parametrize(
    ("device", "precision", "has", "offered"),
    [("cpu", "float32", True, True), ("cpu", "float32", False, False), ("gpu", "float32", True, False),
     ("cpu", "mixed_bfloat16", True, False)],
)  # fmt: skip
def test_half_precision_is_probed_where_the_processor_has_it(
    device: str, precision: str, has: bool, offered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "has_bfloat16", lambda: has)
    params = dataclasses.replace(SHIPPED, train=dataclasses.replace(SHIPPED.train, precision=precision))  # type: ignore[arg-type]
    assert probe.offers_half(params, Placement(device, ("",), (0,))) is offered


@pytest.mark.parametrize(
    ("precision", "device", "has", "emulated"),
    [("mixed_bfloat16", "cpu", True, False), ("mixed_bfloat16", "cpu", False, True),
     ("mixed_float16", "cpu", True, True), ("mixed_float16", "gpu", False, False), ("float32", "cpu", False, False)],
)  # fmt: skip
def test_half_precision_that_a_processor_lacks_is_said_to_be_slow(
    precision: str, device: str, has: bool, emulated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "has_bfloat16", lambda: has)
    assert is_emulated(precision, device) is emulated


def test_repro_asks_before_long_training(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = sum(map(len, SHIPPED.cells.values()))
    monkeypatch.setattr(timings, "costs", lambda _: costs_of(7000 / cells))
    runs = cells * SHIPPED.split.block_size
    with pytest.raises(
        SuiteError, match=rf"{runs} runs are left to train, about 1\.9 hours .* the 60 minutes"
    ) as caught:
        budget.check_budget(SHIPPED, "")
    assert "`valgap repro --budget 2h`" in str(caught.value)
    (folder / CLONE).parent.mkdir(parents=True)
    (folder / CLONE).touch()
    with pytest.raises(SuiteError) as caught:
        budget.check_budget(SHIPPED, "")
    assert "`make repro BUDGET=2h`" in str(caught.value)
    assert "`make plan`" in str(caught.value)
    with pytest.raises(SuiteError, match=r"more than BUDGET, 1.5 h"):
        budget.check_budget(SHIPPED, "90m")
    budget.check_budget(SHIPPED, "2.1h")
    with pytest.raises(SuiteError, match="is not a duration"):
        budget.check_budget(SHIPPED, "soon")
    monkeypatch.setattr(timings, "costs", lambda _: costs_of(3500 / cells))
    budget.check_budget(SHIPPED, "")


def test_a_budget_that_does_not_cover_all_is_for_a_first_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = sum(map(len, SHIPPED.cells.values()))
    monkeypatch.setattr(timings, "costs", lambda _: costs_of(600 / cells))
    assert budget.seconds_of_first_answer(SHIPPED, "") is None, "ten minutes need none"
    assert budget.seconds_of_first_answer(SHIPPED, "10m") is None
    assert budget.seconds_of_first_answer(SHIPPED, "9m") == 540
    with pytest.raises(SuiteError, match=r"runs are left to train, about 0\.2 hours .* more than BUDGET, 0\.0167 h"):
        budget.seconds_of_first_answer(SHIPPED, "1m")
    monkeypatch.setattr(timings, "costs", lambda _: costs_of(7000 / cells))
    with pytest.raises(SuiteError, match=r"more than the 60 minutes"):
        budget.seconds_of_first_answer(SHIPPED, "")
    assert budget.seconds_of_first_answer(SHIPPED, "1h") == 3600


def test_repro_measures_nothing_when_nothing_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("no need to know the costs")

    monkeypatch.setattr(timings, "costs", forbidden)
    for name, blocks in SHIPPED.cells.items():
        for block in blocks:
            finish(folder, SHIPPED, name, block)
    budget.check_budget(SHIPPED, "")
    os.remove(folder / "runs/baseline/0/run.json")
    with pytest.raises(AssertionError, match="costs"):
        budget.check_budget(SHIPPED, "")


@pytest.mark.parametrize(
    ("arguments", "everything"),
    [([], True), (["-q", "--no-run-cache"], True), (["prepare"], False), (["-f", "train"], False), (["--dry"], False)],
)
def test_targets_and_rehearsals_are_not_budgeted(arguments: list[str], everything: bool) -> None:
    assert trains_everything(arguments) == everything


def test_table_columns_line_up() -> None:
    assert overview.columns([("", "arms"), ("all", "5")]) == ["     arms", "all     5"]
    assert (overview.minutes(59), overview.minutes(600), overview.minutes(90_000)) == ("1.0", "10", "1,500")


def test_plan_more_and_repro_at_toy_scale(toys: Toys, tmp_path: Path) -> None:
    """One probe serves the three commands; none of them trains or changes a file of the project."""
    folder = toys.share_cache(copy_repository(tmp_path, TOY, ["baseline", "dropout", "narrow"]))
    before = (folder / "params.yaml").read_bytes()
    planned = run(folder, "python", "-m", "valgap", "plan", "--budget", "0.01m").stdout
    assert "probe: 2/2 processes" in planned or "processes, " in planned
    assert "ms a step of the baseline" in planned
    assert planned.splitlines()[-1].startswith("0.01m does not cover one training, which takes ")
    table = {line.split("  ")[0]: line.split() for line in planned.splitlines()}
    assert table["default set"][2:5] == ["3", "6", "6"]
    written = json.loads((folder / ".dvc/tmp/probe.json").read_text())
    assert written["key"]["image_shape"] == [28, 28, 1]
    probe = written["probe"]
    flops = {model["flops"] for model in probe["models"].values()}
    assert len(flops) == 2  # dropout costs what the baseline does, a narrower network less
    assert 0 < probe["timings"]["step"] < 5

    dry = run(folder, "python", "-m", "valgap", "more", "--variant", "dropout", "--blocks", "2", "--dry").stdout
    assert "probe:" not in dry
    assert "extra: dropout_2, replicates 4-5" in dry
    assert "4 cells, 8 runs, about " in dry
    refused = run(folder, "env", "BUDGET=0.01m", "python", "-m", "valgap", "repro", check=False)
    assert refused.returncode == 1
    assert "error: 6 runs are left to train" in refused.stdout
    assert not (folder / "runs").exists()
    assert (folder / "params.yaml").read_bytes() == before
    assert not list(folder.glob("*.partial"))


def stages(folder: Path) -> list[psutil.Process]:
    return [process for process in processes(folder) if "stages.prepare" in words(process)]


def test_a_killed_plan_takes_its_dvc_and_the_stage_with_it(tmp_path: Path) -> None:
    """Nothing works on in a workspace that the next command may lock; while a child lives it is locked."""
    folder = copy_repository(tmp_path, TOY, ["baseline"])
    process = subprocess.Popen(["python", "-m", "valgap", "plan"], cwd=folder, env=user_environment())
    try:
        wait_for(lambda: stages(folder) or process.poll() is not None, "the stage")
        (dvc,) = of_kind(folder, "dvc")
        assert str(folder / ".dvc/tmp/workspace.lock") in [file.path for file in dvc.open_files()]
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not processes(folder), "the end of every process of a killed plan")
    assert not (folder / "data/prepared/manifest.json").exists()
