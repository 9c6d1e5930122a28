"""`--confirm 1`: trains the improved variants of both revisions on a block that no choice has seen, in scratch copies.

Thirty harmless merges, each kept for an up-arrow on the same seeds, add up to progress that is not there; a
fresh block has no such memory. The workspace, its dvc.lock and reports/ stay as they are; finished
replicates go to the workspace's store, so that a repeated call trains nothing.
"""

import sys
import tempfile
from pathlib import Path

from valgap.ground import paths
from valgap.ground.files import read_npz
from valgap.pipeline.scratch import copy_revision, copy_workspace, retrain
from valgap.results import scores
from valgap.results.sides import Side
from valgap.review.judge import compare
from valgap.stats.measures import Series, series
from valgap.stats.verdicts import ALPHA, Contrast


def fresh_block(head: Side, base: Side, sizes: tuple[int, int], attempt: int) -> int:
    """The `attempt`-th block, from 1, all of whose replicates are beyond those of both sides.

    `sizes` are the replicates a block of the head and of the base. Block b starts at replicate b x size: what is
    fresh in blocks of the smaller size is fresh in the larger too.
    """
    last = max(int(side.results.replicate.max()) for side in (head, base))
    return last // min(sizes) + attempt


def confirm(commit: str, variants: list[str], block: int, primary: str, pair: bool) -> dict[str, Contrast]:
    """Head minus base of each variant over the block's replicates alone, adjusted for how many variants there are.

    Trains 2 x variants x block_size runs. Raises SuiteError when that fails.
    """
    paths.STORE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="review-") as name:
        sides = []
        for side in ("base", "head"):
            (folder := Path(name, side)).mkdir()
            if side == "base":
                copy_revision(commit, folder)
            else:
                copy_workspace(folder)
            (folder / paths.STORE).symlink_to(paths.STORE.resolve())
            print(f"confirming: {side}, block {block} of {', '.join(variants)}", file=sys.stderr, flush=True)
            retrain(folder, variants, block)
            sides.append({variant: _scores(folder, variant, block, primary) for variant in variants})
    base, head = sides
    confidence = 1 - ALPHA / len(variants)
    return {name: compare(head[name], base[name], pair, confidence)[0] for name in variants}


def _scores(folder: Path, variant: str, block: int, primary: str) -> Series:
    """The primary metric of each replicate of a cell, from its predictions."""
    run = read_npz(folder / paths.run_folder(variant, block) / paths.PREDICTIONS)
    return series(scores.score({variant: run}))[variant][primary]
