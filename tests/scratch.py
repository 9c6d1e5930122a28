"""Scratch copies of the repository at toy scale, in which tests and `make smoke` run the real pipeline."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from valgap.ground.params.arms import KINDS

ROOT = Path(__file__).resolve().parent.parent
TOY: dict[str, dict[str, Any]] = {
    "split": {"block_size": 2, "blocks": [0], "train_size": 60, "val_size": 50, "test_size": 100},
    "train": {"steps": 12, "batch_size": 16, "curve_points": 3},
}


def copy_repository(target: Path, overrides: dict[str, dict[str, Any]], variants: list[str]) -> Path:
    """Copy what Git tracks or would, without results, with params.yaml overridden and some of its variants."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        source, results = ROOT / name, name.startswith("reports/") or name == "dvc.lock"
        if not results and source.is_file():  # no link to a folder
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    params = only(yaml.safe_load((target / "params.yaml").read_text()), variants)
    for block, values in overrides.items():
        params[block] |= values
    write_params(target, params)
    subprocess.run(["git", "init", "-q"], cwd=target, check=True)
    return target


def only(params: dict[str, Any], variants: list[str]) -> dict[str, Any]:
    """The parameters with these variants alone, exploratory ones among them, and the causes that still have some."""
    declared = params["variants"] | params["exploratory"]
    params["variants"], params["exploratory"] = {name: declared[name] for name in variants}, {}
    causes = {}
    for name, cause in params["causes"].items():
        kept: dict[str, Any] = {kind: [v for v in cause.get(kind, []) if v in variants] for kind in KINDS}
        kept["strengths"] = {
            treatment: [v for v in arms if v in variants] for treatment, arms in cause.get("strengths", {}).items()
        }
        if not kept["injects"]:
            kept["remedies"] = []
        if any(kept[kind] for kind in KINDS):
            causes[name] = kept
    return params | {"causes": causes}


def write_params(folder: Path, params: dict[str, Any]) -> None:
    """Write params.yaml of a scratch copy."""
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def read_params(folder: Path) -> dict[str, Any]:
    """params.yaml of a scratch copy."""
    content: dict[str, Any] = yaml.safe_load((folder / "params.yaml").read_text())
    return content


def user_environment() -> dict[str, str]:
    """The environment of a user's shell: this interpreter's commands on PATH, bytecode caches written."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return environment


def run(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in a scratch copy; output and errors together in `stdout`."""
    done = subprocess.run(
        command, cwd=folder, env=user_environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done
