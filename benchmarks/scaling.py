"""DVC's own cost with many variants: `python -m benchmarks.scaling <variants> ...`, for docs/scaling.md.

Reads dvc.yaml and params.yaml; makes scratch copies of the pipeline with that many variants on split.blocks, whose
stages only touch their outputs, and prints a Markdown table. Nothing is trained.
"""

import copy
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.dvc import dvc
from benchmarks.machine import load
from valgap.ground import paths
from valgap.ground.errors import SuiteError, run_program
from valgap.ground.params.suite import BASELINE
from valgap.pipeline.git import git
from valgap.pipeline.scratch import copy_workspace

MOST = 2000  # variants
SEEDED = 2  # variants that DVC itself brings up to date; the lock entries of the others are copied from the last one
PIPELINE, LOCK = Path("dvc.yaml"), Path("dvc.lock")


def touching(pipeline: dict[str, Any], blocks: list[int]) -> dict[str, Any]:
    """The same stages and dependencies, with commands that write a word into each of their outputs.

    An output that is a folder gets the files on which other stages depend, or one.
    """
    pipeline = copy.deepcopy(pipeline)
    stages = [stage.get("do", stage) for stage in pipeline["stages"].values()]
    read = {dep.replace("${item.block}", str(block)) for stage in stages for dep in stage["deps"] for block in blocks}
    for stage in stages:
        names = [next(iter(out)) if isinstance(out, dict) else out for out in stage["outs"] + stage.get("metrics", [])]
        files = []
        for name in names:
            below = sorted(dep for dep in read if dep.startswith(f"{name}/"))
            files += [name] if Path(name).suffix else below or [f"{name}/one"]
        folders = sorted({str(Path(name).parent) for name in files})
        stage["cmd"] = " && ".join([f"mkdir -p {' '.join(folders)}", *(f"echo {{}} > {name}" for name in files)])
    return pipeline


def params_of(params: dict[str, Any], variants: int) -> dict[str, Any]:
    """params.yaml with the baseline and others, each a diff of one number."""
    others = {f"v{number:04}": {"l2_penalty": number / 1e6} for number in range(1, variants)}
    return params | {"variants": {BASELINE: {}} | others, "exploratory": {}, "extra": {}, "causes": {}}


def extended(lock: dict[str, Any], params: dict[str, Any], blocks: list[int]) -> dict[str, Any]:
    """dvc.lock with an entry for every declared variant: that of the last one brought up to date, renamed."""
    lock = copy.deepcopy(lock)
    pattern = f"v{SEEDED - 1:04}"
    for name, diff in params["variants"].items():
        for block in blocks:
            key = f"train@{name}-{block}"
            if key not in lock["stages"]:
                text = yaml.safe_dump(lock["stages"][f"train@{pattern}-{block}"]).replace(pattern, name)
                entry = yaml.safe_load(text)
                entry["params"]["params.yaml"][f"variants.{name}"] = diff
                lock["stages"][key] = entry
    return lock


def measure(variants: int, folder: Path) -> dict[str, Any]:
    """Cells, bytes of dvc.lock, and what DVC takes for each command, in a scratch copy below `folder`."""
    copy_workspace(folder)
    (folder / LOCK).unlink(missing_ok=True)
    git("init", "-q", str(folder))
    pipeline = yaml.safe_load((folder / PIPELINE).read_text(encoding="utf-8"))
    params = yaml.safe_load((folder / paths.PARAMS).read_text(encoding="utf-8"))
    blocks = params["split"]["blocks"]
    _write(folder / PIPELINE, touching(pipeline, blocks))
    _write(folder / paths.PARAMS, params_of(params, SEEDED))
    dvc(folder, "repro")
    wanted = params_of(params, variants)
    _write(folder / paths.PARAMS, wanted)
    seeded = yaml.safe_load((folder / LOCK).read_text(encoding="utf-8"))
    _write(folder / LOCK, extended(seeded, wanted, blocks))
    dvc(folder, "checkout", "-q")
    dvc(folder, "repro", "models", "evaluate", "diagnose", "report")
    found: dict[str, Any] = {"variants": variants, "cells": variants * len(blocks)}
    found["bytes"] = (folder / LOCK).stat().st_size
    found["status"] = dvc(folder, "status", "-q")
    found["nothing"] = dvc(folder, "repro", "-q")
    more = params_of(params, variants + 1)
    _write(folder / paths.PARAMS, more)
    added = list(more["variants"])[-1]
    found["cell"] = dvc(folder, "repro", "-q", "--single-item", f"train@{added}-{blocks[0]}")
    found["add"] = dvc(folder, "repro", "-q")
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def line(found: dict[str, Any]) -> str:
    """One row of the table: seconds of wall time, of processor time in brackets."""
    timed = " | ".join(
        f"{found[name].wall:.1f} ({found[name].processor:.1f})" for name in ("status", "nothing", "cell", "add")
    )
    return f"| {found['variants']} | {found['cells']} | {found['bytes'] / 1e6:.2f} | {timed} |"


def main() -> None:
    """Measure each number of variants that the command line names."""
    words = sys.argv[1:]
    if not words or not all(word.isascii() and word.isdecimal() and SEEDED <= int(word) <= MOST for word in words):
        raise SuiteError(f"usage: python -m benchmarks.scaling <variants, {SEEDED} to {MOST}> ...: got {words}")
    print(f"load average before: {load()[0]:.2f}\n", flush=True)
    print(
        "| variants | cells | dvc.lock, MB | `dvc status` | `dvc repro`, nothing to do | one cell alone | one variant |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for word in words:
        with tempfile.TemporaryDirectory(prefix="scaling-") as scratch:
            print(line(measure(int(word), Path(scratch))), flush=True)


if __name__ == "__main__":
    run_program(main)
