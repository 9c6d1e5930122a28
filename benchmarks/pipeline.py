"""What the suite costs beside training: of a full run, of one more variant, of nothing to do.

Reads .dvc/tmp/last_run.json, which `make repro` writes; runs DVC in the workspace where nothing is out of date, and
in a scratch copy at toy scale.
"""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.dvc import dvc
from benchmarks.figures import Spread, orchestration_share, spread
from valgap.costs.estimate import default_set
from valgap.ground import paths
from valgap.ground.params.suite import BASELINE, Suite
from valgap.pipeline import processes
from valgap.pipeline.git import git
from valgap.pipeline.scratch import copy_workspace
from valgap.repro.account import LAST_RUN
from valgap.results.record import read_telemetry

ADDED = "dropout"
TOY: dict[str, dict[str, Any]] = {
    "split": {
        "block_size": 1,
        "blocks": [0],
        "exploratory_blocks": [],
        "train_size": 60,
        "val_size": 50,
        "test_size": 100,
    },
    "train": {"steps": 12, "batch_size": 16, "curve_points": 3},
}
READERS = ("evaluate", "diagnose", "report")  # the stages behind training


@dataclasses.dataclass(frozen=True)
class Added:
    """Wall seconds at toy scale of a `dvc repro` with one more variant, and of one with nothing to do.

    `training` of them, in the first, the one replicate trained and was scored.
    """

    wall: float
    idle: float
    training: float


@dataclasses.dataclass(frozen=True)
class Costs:
    """Each None or with a reason in words where it could not be measured.

    `share` of a full run's process-seconds that is not training; `idle` seconds of a `dvc repro` with nothing to do;
    `readers` seconds of the stages behind training on all cells of the workspace.
    """

    share: float | str
    idle: Spread | str
    readers: float | str
    added: Added


def measure(params: Suite, repeats: int, scratch: Path) -> Costs:
    """Everything, below the folder `scratch`. The workspace must be locked, and keeps all its files."""
    (toy := scratch / "toy").mkdir(parents=True)
    (copy := scratch / "copy").mkdir()
    return Costs(full_run_share(params), nothing_to_do(repeats), readers(copy), add_variant(toy))


def full_run_share(params: Suite, path: Path = LAST_RUN) -> float | str:
    """Of the last run, where it trained every replicate of the default set on this machine."""
    wanted = sum(map(len, default_set(params).values())) * params.split.block_size
    how = f"not known: `make repro` over an empty `.replicates/` and `runs/` trains all {wanted} replicates"
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        if run["replicates"] != wanted or not run["slots"]:
            return f"{how}; the last run trained {run['replicates']}"
        return orchestration_share(run["seconds"], run["training_seconds"], run["slots"])
    except (OSError, ValueError, KeyError, TypeError):
        return how


def nothing_to_do(repeats: int) -> Spread | str:
    """Seconds of `dvc repro` in the workspace where everything is up to date; else why not."""
    if dvc(Path(), "status", "-q", check=False).status:
        return "not measured: the workspace is out of date (`dvc status`), and a benchmark trains nothing in it"
    return spread([dvc(Path(), "repro").wall for _ in range(repeats)])


def readers(folder: Path) -> float | str:
    """Seconds of evaluate, diagnose and report on the workspace's runs, with their outputs below `folder`."""
    copy_workspace(folder)
    for path in (paths.RUNS, paths.PREPARED):
        if not path.is_dir():
            return f"not measured: {path} is missing"
        (folder / path).symlink_to(path.resolve())
    clock = time.perf_counter()
    for name in READERS:
        status, text = processes.output([f"stages.{name}"], folder)
        if status:
            return f"not measured: {name} refuses these runs: {(text.strip().splitlines() or [''])[-1]}"
    return time.perf_counter() - clock


def add_variant(folder: Path) -> Added:
    """Train the baseline at toy scale in a scratch copy, then nothing, then one more variant."""
    copy_workspace(folder)
    (folder / "dvc.lock").unlink(missing_ok=True)
    path = folder / paths.PARAMS
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params |= {"variants": {BASELINE: {}}, "exploratory": {}, "extra": {}, "causes": {}}
    for block, values in TOY.items():
        params[block] |= values

    def write(variants: dict[str, Any]) -> None:
        path.write_text(yaml.safe_dump(params | {"variants": variants}, sort_keys=False), encoding="utf-8")

    write({BASELINE: {}})
    git("init", "-q", str(folder))
    dvc(folder, "repro", "-q")
    idle = dvc(folder, "repro").wall
    write({BASELINE: {}, ADDED: {"dropout": [0.25, 0.25, 0.5]}})
    wall = dvc(folder, "repro").wall
    rows = read_telemetry(folder / paths.run_folder(ADDED, 0))
    return Added(wall, idle, sum(row.seconds for row in rows))
