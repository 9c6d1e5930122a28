"""`CONFIRM=1`: trains the improved variants of both revisions on a block that no choice has seen, in scratch copies.

Thirty harmless merges, each kept for an up-arrow on the same seeds, add up to progress that is not there; a
fresh block has no such memory. The workspace, its dvc.lock and reports/ stay as they are; finished
replicates go to the workspace's store, so that a repeated call trains nothing.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.pipeline.git import unpack
from valgap.pipeline.scratch import copy_workspace, only
from valgap.results import scores
from valgap.results.sides import Side
from valgap.review.judge import compare
from valgap.stats.measures import MEASURES, Series
from valgap.stats.verdicts import ALPHA, Contrast


def fresh_block(head: Side, base: Side, size: int, attempt: int) -> int:
    """The `attempt`-th block, from 1, with no replicate of either side; `size` is replicates a block of the head."""
    last = max(int(side.results.replicate.max()) for side in (head, base))
    return last // size + attempt


def confirm(commit: str, variants: list[str], block: int, primary: str, pair: bool) -> dict[str, Contrast]:
    """Head minus base of each variant over the block's replicates alone, adjusted for how many variants there are.

    Trains 2 x variants x block_size runs. Raises SuiteError with the end of DVC's output when that fails.
    """
    paths.STORE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="review-") as name:
        sides = []
        for side in ("base", "head"):
            folder = Path(name, side)
            folder.mkdir()
            if side == "base":
                unpack(commit, folder)
            else:
                copy_workspace(folder)
            _train(folder, variants, block)
            sides.append({variant: _scores(folder, variant, block, primary) for variant in variants})
    base, head = sides
    confidence = 1 - ALPHA / len(variants)
    return {name: compare(head[name], base[name], pair, confidence)[0] for name in variants}


def _train(folder: Path, variants: list[str], block: int) -> None:
    """Train the variants' cells in a scratch copy."""
    path = folder / paths.PARAMS
    params = only(yaml.safe_load(path.read_text(encoding="utf-8")), variants, block)
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    (folder / "dvc.lock").unlink(missing_ok=True)
    (folder / paths.STORE).symlink_to(paths.STORE.resolve())
    targets = [f"train@{name}-{block}" for name in variants]
    print(f"confirming: {folder.name}, {', '.join(targets)}", file=sys.stderr, flush=True)
    path_variable = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in (["git", "init", "-q"], ["dvc", "repro", *targets]):
        done = subprocess.run(
            command, cwd=folder, env=os.environ | {"PATH": path_variable}, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        if done.returncode:
            raise SuiteError(f"CONFIRM: {' '.join(command)} failed on the {folder.name}'s side:\n{done.stdout[-2000:]}")


def _scores(folder: Path, variant: str, block: int, primary: str) -> Series:
    """The primary metric of each replicate of a cell, from its predictions."""
    with np.load(folder / paths.run_folder(variant, block) / paths.PREDICTIONS) as archive:
        rows = scores.score({variant: dict(archive)})
    measure = MEASURES[primary]
    rows = rows[(rows.split == measure.split) & (rows.metric == measure.metric)]
    return dict(zip(rows.replicate.tolist(), rows.value.tolist(), strict=True))
