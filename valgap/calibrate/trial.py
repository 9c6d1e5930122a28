"""One trial: the suite's own stages in a small project folder, then what removing what was planted is truly worth.

Reads the workspace's params.yaml; writes calibration/work/<name>/, with trial.json last. Replicates lie in a store that
all trials share: a trial that is run again trains nothing twice.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import shutil
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from valgap import diagnose, evaluate, prepare, train
from valgap.calibrate import project, truth
from valgap.calibrate.faults import FAULTS
from valgap.calibrate.project import BLOCK_SIZE, BLOCKS, FRESH, Project
from valgap.calibrate.records import Effect, Named, Planted, Trial
from valgap.calibrate.scenarios import Scenario
from valgap.compute import placement, store
from valgap.compute.backend import Backend, InProcess, open_backend
from valgap.ground import paths, records
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_whole
from valgap.ground.params import suite
from valgap.ground.params.suite import BASELINE, Suite
from valgap.ground.records import Plain

WORK = Path("calibration/work")
TRIAL = "trial.json"
ROUNDS = 2  # most further rounds of arms that the diagnosis asks for
DECIDE = (  # code below the package that decides a trial's record
    "data", "findings", "ground", "results", "stats", "training",
    "prepare.py", "train.py", "evaluate.py", "diagnose.py",
    *(f"calibrate/{name}.py" for name in (
        "altering", "arms", "faults", "material", "project", "records", "scenarios", "settings", "trial", "truth",
    )),
)  # fmt: skip


def code() -> str:
    """Digest of the code and of the shipped blocks that decide a trial's record; of another one it is made again."""
    shipped = project.shipped_params()
    digest = hashlib.sha256(json.dumps([shipped["diagnosis"], shipped["review"]], sort_keys=True).encode())
    for name in DECIDE:
        digest.update(store.code_digest(paths.PACKAGE / name).encode())
    return digest.hexdigest()


def known(scenario: Scenario, made_by: str, work: Path = WORK) -> Trial | None:
    """The record of a trial that this code has finished; None where there is none, or it failed: it is tried again."""
    try:
        found = records.parse(Trial, (work / scenario.name / TRIAL).read_bytes())
    except (OSError, ValueError):
        return None
    return found if found.code == made_by and not found.failed else None


def run(scenario: Scenario, made_by: str, work: Path = WORK) -> Trial:
    """Run a trial, or read its record where it has one; see `known`.

    Where the suite refuses to train, or fails, the record says so, and its log has the details: hours of other trials
    do not end with it.
    """
    if found := known(scenario, made_by, work):
        return found
    began, folder, shipped = time.monotonic(), work / scenario.name, project.shipped_params()
    laid = project.project(scenario, shipped)
    project.lay_out(laid, folder, work / "store")
    with (
        (folder / "log.txt").open("w", encoding="utf-8") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        found = _run(scenario, laid, shipped, work)
    shutil.rmtree(folder / paths.RUNS, ignore_errors=True)  # the store has all of it
    record = dataclasses.replace(found, seconds=round(time.monotonic() - began, 1), code=made_by)
    write_whole(folder / TRIAL, records.text(record, indent=1))
    return record


def _run(scenario: Scenario, laid: Project, shipped: Plain, work: Path) -> Trial:
    folder = work / scenario.name
    blank = Trial(
        scenario.name, scenario.kind, scenario.half, scenario.setting, scenario.given, scenario.placebo, (), (), {}, {},
        float("nan"), BLOCK_SIZE * len(BLOCKS), 0, (), 0, 0.0, "", "",
    )  # fmt: skip
    try:
        with project.inside(folder):
            backend = open_here(suite.load())
            verdict, rounds = diagnosed(laid, backend)
            params = suite.load()
            for block in FRESH:
                train_block(params, BASELINE, block, backend)
            named = tuple(_named(answer, verdict, scenario, params, backend) for answer in verdict["answer"])
            faulty = truth.outcomes(BASELINE, (*BLOCKS, *FRESH), verdict["metric"])
        planted = tuple(
            _planted(scenario, name, dose, faulty, verdict, shipped, work) for name, dose in scenario.planted
        )
    except Exception as error:
        traceback.print_exc()
        refused = isinstance(error, SuiteError)
        return dataclasses.replace(blank, failed=str(error) if refused else f"{type(error).__name__}: {error}")
    return dataclasses.replace(
        blank,
        planted=planted,
        named=named,
        words={entry["cause"]: entry["verdict"] for entry in verdict["causes"]},
        detectable={entry["cause"]: entry["mde"] for entry in verdict["causes"] if entry.get("mde") is not None},
        score=float(np.mean(faulty.test)),
        rounds=rounds,
        left_out=tuple(name for name in laid.params["variants"] if name not in params.variants),
        trained=len(params.cells) * BLOCK_SIZE * len(BLOCKS),
    )


def open_here(params: Suite) -> Backend:
    """A cluster where the workspace names one, else this process, in which TensorFlow is started once."""
    if placement.address(params.compute):
        return open_backend(params.compute, Path(params.model.files))
    return InProcess()


def train_block(params: Suite, variant: str, block: int, backend: Backend) -> None:
    """One cell, as the train stage does it."""
    settings = params.variants[variant]
    train.train_cell(variant, block, params.model, settings, params.train, params.compute, backend)


def diagnosed(laid: Project, backend: Backend) -> tuple[Plain, int]:
    """(verdict.json, rounds of further arms) of the project in this folder; params.yaml is left as it was judged."""
    spare = {f"{BASELINE}_{block}": {"variant": BASELINE, "block": block} for block in FRESH}
    project.write_params(laid.params | {"extra": spare})
    prepare.main()  # with the lists of the fresh blocks, which the diagnosis does not see
    params = laid.params
    project.write_params(params)
    for further in range(ROUNDS + 1):
        params = _trained(params, backend)
        evaluate.main()
        diagnose.main()
        verdict: Plain = json.loads(paths.VERDICT.read_text(encoding="utf-8"))
        wanted = {
            arm["variant"]: arm["diff"] for arm in verdict["follow_up"] if arm["variant"] not in params["variants"]
        }
        if not wanted or further == ROUNDS:
            return verdict, further
        params = params | {"variants": params["variants"] | wanted}
        project.write_params(params)
    raise AssertionError("the last round returns")


def _trained(params: Plain, backend: Backend) -> Plain:
    """The parameters without the variants that the suite refuses to train, as its words tell a user to do.

    All others are trained. Raises SuiteError where it refuses the baseline.
    """
    loaded, refused = suite.load(), set()
    for variant, blocks in loaded.cells.items():
        try:
            for block in blocks:
                train_block(loaded, variant, block, backend)
        except SuiteError as error:
            if variant == BASELINE:
                raise
            print(f"{variant} is left out: {error}")
            shutil.rmtree(paths.RUNS / variant, ignore_errors=True)
            refused.add(variant)
    params = project.leave_out(params, refused)
    project.write_params(params)
    return params


def _named(answer: Plain, verdict: Plain, scenario: Scenario, params: Suite, backend: Backend) -> Named:
    """A cause of the headline; where it was not planted, its best arm is tried on the fresh replicates."""
    cause, (mean, low, high) = answer["cause"], (_number(answer.get(key)) for key in ("mean", "low", "high"))
    alone = Named(cause, mean, low, high)
    if any(cause in FAULTS[name].plants for name, _ in scenario.planted):
        return alone
    entries: dict[str, Plain] = {entry["cause"]: entry for entry in verdict["causes"]}
    entry = {"arm": "double_data"} if cause == "data" else entries.get(cause, {})
    arm, against = entry.get("arm"), entry.get("against", BASELINE)
    if arm not in params.variants or against not in params.variants:
        return alone
    return dataclasses.replace(alone, confirmed=confirmed(arm, against, verdict["metric"], params, backend))


def confirmed(arm: str, against: str, metric: str, params: Suite, backend: Backend) -> Effect | None:
    """What an arm gains over another on fresh replicates, which the diagnosis never saw; None where one is refused."""
    try:
        for variant in (arm, against):
            for block in FRESH:
                train_block(params, variant, block, backend)
    except SuiteError:  # of doubted labels, which these replicates may have all of a class
        return None
    with_arm, without = (truth.outcomes(variant, FRESH, metric) for variant in (arm, against))
    return truth.difference(with_arm, without, "test")


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _planted(
    scenario: Scenario, name: str, dose: int, faulty: truth.Outcomes, verdict: Plain, shipped: Plain, work: Path
) -> Planted:
    """What the removal of one planted fault is worth, on twice the replicates of the diagnosis."""
    fault = FAULTS[name]
    clean = _clean(project.twin(scenario, name, shipped), verdict["metric"], work)
    effect: Effect = truth.difference(clean, faulty, fault.shows_in)
    return Planted(name, dose, fault.plants, fault.shows_in, effect)


def _clean(found: Project, metric: str, work: Path) -> truth.Outcomes:
    """Outcomes of a twin's baseline. Trials with the same twin share its folder, and wait for each other."""
    blocks = (*BLOCKS, *FRESH)
    params = found.params | {
        "variants": {BASELINE: {}}, "causes": {}, "split": found.params["split"] | {"blocks": [*blocks]},
    }  # fmt: skip
    twin = dataclasses.replace(found, params=params)
    folder = work / "twins" / truth.digest(twin)
    with _alone(folder):
        project.lay_out(twin, folder, work / "store")
        with project.inside(folder):
            prepare.main()
            loaded = suite.load()
            backend = open_here(loaded)
            for block in blocks:
                train_block(loaded, BASELINE, block, backend)
            return truth.outcomes(BASELINE, blocks, metric)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Inside, no other process works in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
