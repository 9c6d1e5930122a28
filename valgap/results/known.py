"""What the finished cells tell so far, in a line: means of what was measured, and no verdict."""

import functools
from collections.abc import Collection
from pathlib import Path

import numpy as np

from valgap.ground import paths
from valgap.ground.params.suite import BASELINE
from valgap.stats.measured import split_accuracy

SHOWN = 5  # variants, those that differ most from the baseline
SPLITS = ("train", "val", "test")

Scores = dict[int, dict[str, float]]  # of a replicate, accuracy by split


def known(done: Collection[tuple[str, int]], total: int) -> str:
    """Gap and test accuracy of the baseline, and what variants differ from it on the replicates that both have.

    `done` are the trained cells, `total` says how many there will be.
    """
    said = f"{len(done)} of {total} cells"
    scores: dict[str, Scores] = {}
    for name, block in sorted(done):
        scores.setdefault(name, {}).update(_scores(name, block))
    baseline = scores.pop(BASELINE, {})
    if not baseline:
        return f"{said}; the baseline is not trained yet"
    gap = np.mean([each["train"] - each["val"] for each in baseline.values()])
    said += f": gap {100 * gap:.1f} pp, test accuracy {np.mean([each['test'] for each in baseline.values()]):.1%}"
    effects = {}
    for name, found in scores.items():
        if shared := sorted(found.keys() & baseline.keys()):
            differences = [found[number]["test"] - baseline[number]["test"] for number in shared]
            effects[name] = 100 * float(np.mean(differences)), len(shared)
    most = sorted(effects.items(), key=lambda item: -abs(item[1][0]))[:SHOWN]
    if most:
        listed = ", ".join(f"{name} {effect:+.1f} ({count})" for name, (effect, count) in most).replace("-", "−")
        said += f"; against it, in pp, of so many replicates: {listed}"
    return f"{said}; no verdict yet"


def _scores(variant: str, block: int) -> Scores:
    path = paths.run_folder(variant, block) / paths.PREDICTIONS
    return _of_file(path, path.stat().st_mtime_ns)


@functools.cache
def _of_file(path: Path, changed: int) -> Scores:
    with np.load(path, allow_pickle=False) as content:
        accuracies = {name: split_accuracy(name)(content) for name in SPLITS}
        numbers = content["replicates"].tolist()
    return {
        number: {name: float(values[row]) for name, values in accuracies.items()} for row, number in enumerate(numbers)
    }
