"""Scratch copies of the workspace, in which cells are trained without touching it."""

import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.suite import BASELINE
from valgap.pipeline import processes
from valgap.pipeline.git import git


def copy_workspace(folder: Path) -> None:
    """Copy what Git tracks or would, as it lies in the workspace, below `folder`."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.decode()
    for name in filter(None, listed.split("\0")):
        if Path(name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, folder / name)


def only(params: dict[str, Any], variants: list[str], block: int) -> dict[str, Any]:
    """The parameters with these variants and this block alone. Raises SuiteError on a variant that is not declared."""
    declared = params["variants"] | params.get("exploratory", {})
    if missing := [name for name in variants if name not in declared]:
        raise SuiteError(f"{', '.join(missing)} cannot be trained: params.yaml of one side does not declare it")
    empty: dict[str, Any] = {name: {} for name in ("exploratory", "extra", "causes") if name in params}
    split = params["split"] | {"blocks": [block]} | ({"exploratory_blocks": []} if "exploratory" in params else {})
    return params | empty | {"split": split, "variants": {BASELINE: {}} | {name: declared[name] for name in variants}}


def train(folder: Path, variants: list[str], block: int, shared: Path) -> None:
    """Train the variants' cells of one block in the copy `folder`, which uses the workspace's folder `shared`, if any.

    DVC speaks on standard error. Raises SuiteError when it fails.
    """
    path = folder / paths.PARAMS
    params = only(yaml.safe_load(path.read_text(encoding="utf-8")), variants, block)
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    (folder / "dvc.lock").unlink(missing_ok=True)
    if shared.is_dir():
        (folder / shared).symlink_to(shared.resolve())
    git("init", "-q", str(folder))
    words = ["dvc", "repro", *(f"train@{name}-{block}" for name in variants)]
    print(f"{folder.name}: {' '.join(words)}", file=sys.stderr, flush=True)
    if processes.start(words, folder, stdout=sys.stderr).wait():
        raise SuiteError(f"`{' '.join(words)}` failed in a scratch copy ({folder.name}); what it said is above")
