"""What a change is truly worth: paired differences of accuracy over replicates, from predictions in runs/."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from valgap.calibrate.project import Project
from valgap.calibrate.records import Effect
from valgap.ground import paths
from valgap.ground.files import read_npz
from valgap.stats.intervals import Interval, over_replicates, over_replicates_and_examples
from valgap.stats.metrics import balanced_correct, correct

Values = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """What a variant's replicates got right: `test` (replicates, test images), `val` (replicates,) mean accuracy."""

    test: Values
    val: Values


def outcomes(variant: str, blocks: Sequence[int], metric: str) -> Outcomes:
    """Of a variant's cells in this folder's runs/, weighted so that the mean of `test` is the metric."""
    cells = [read_npz(paths.run_folder(variant, block) / paths.PREDICTIONS) for block in blocks]
    score = balanced_correct if metric == "balanced_accuracy" else correct
    test = [score(p, y) for cell in cells for p, y in zip(cell["test_probabilities"], cell["test_labels"], strict=True)]
    val = [
        float(correct(p, y).mean())
        for cell in cells
        for p, y in zip(cell["val_probabilities"], cell["val_labels"], strict=True)
    ]
    return Outcomes(np.stack(test), np.array(val))


def difference(first: Outcomes, second: Outcomes, shows_in: str) -> Effect:
    """First minus second, paired by replicate, on test images also by image: both have the same.

    Validation images differ where one of the two had some changed; there the interval speaks for replicates alone.
    """
    found: Interval
    if shows_in == "test":
        found = over_replicates_and_examples(first.test - second.test)
    else:
        found = over_replicates(first.val - second.val)
    return Effect(found.mean, found.low, found.high, found.n)


def digest(found: Project) -> str:
    """Twelve digits that name a project: its images and what of its parameters decides its baseline."""
    content = hashlib.sha256()
    decides = {name: found.params[name] for name in ("split", "model", "train")} | {
        "known": found.material.groups_known
    }
    content.update(json.dumps(decides, sort_keys=True).encode())
    for part in (found.material.train, found.material.val, found.material.test):
        if part is not None:
            content.update(part.images.tobytes() + part.labels.tobytes())
    return content.hexdigest()[:12]
