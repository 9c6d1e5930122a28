"""Scratch copies of the workspace, in which cells are trained without touching it."""

import shutil
from pathlib import Path
from typing import Any

from valgap.ground.errors import SuiteError
from valgap.ground.params.suite import BASELINE
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
        raise SuiteError(f"{', '.join(missing)} cannot be confirmed: params.yaml of one side does not declare it")
    empty: dict[str, Any] = {name: {} for name in ("exploratory", "extra", "causes") if name in params}
    split = params["split"] | {"blocks": [block]} | ({"exploratory_blocks": []} if "exploratory" in params else {})
    return params | empty | {"split": split, "variants": {BASELINE: {}} | {name: declared[name] for name in variants}}
