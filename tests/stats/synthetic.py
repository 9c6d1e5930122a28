"""Made-up runs of known truth, and the diagnosis of them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.samples import MANIFEST
from tests.scratch import ROOT
from valgap.data.prepared import Manifest
from valgap.ground import records
from valgap.ground.params.suite import Suite, load
from valgap.stats.diagnosis import Evidence, diagnose
from valgap.stats.operations import Cost
from valgap.stats.run import Run
from valgap.stats.verdict import CauseEffect, Verdict

SHIPPED = load(ROOT / "params.yaml")
ARMS = ("baseline", "longer", "ema", "pooling_head", "narrow", "dropout", "l2")
EPOCHS = np.linspace(3, 30, 10)
REPLICATES = 12
Right = NDArray[np.bool_]


def suite(arms: Sequence[str] = ARMS, together: Mapping[str, Sequence[str]] | None = None, **changes: Any) -> Suite:
    """The shipped parameters with some arms only, on blocks of six; `together` are new arms, each of several."""
    diffs, variants = {name: SHIPPED.diffs.get(name, {}) for name in arms}, dict(SHIPPED.variants)
    for name, parts in (together or {}).items():
        diffs[name] = {key: value for part in parts for key, value in SHIPPED.diffs[part].items()}
        variants[name] = SHIPPED.variants["baseline"]
    split = dataclasses.replace(SHIPPED.split, block_size=6, blocks=(0, 1))
    cells: dict[str, tuple[int, ...]] = dict.fromkeys((*arms, *(together or {})), (0, 1))
    made = dataclasses.replace(SHIPPED, cells=cells, diffs=diffs, variants=variants, split=split)
    return dataclasses.replace(made, **changes)


def run(right: Mapping[str, Right], labels: NDArray[np.int64] | None = None, replicates: int = REPLICATES) -> Run:
    """A run of two classes from which images of each split are right, (replicates, images); all where not said."""
    found: Run = {"replicates": np.arange(replicates), "train_images": np.full(replicates, 40)}
    for split in ("train", "val", "test"):
        correct = right.get(split, np.ones((replicates, 40), bool))
        of_split = np.arange(correct.shape[1]) % 2 if labels is None else labels
        predicted = np.where(correct, of_split, 1 - of_split)
        found[f"{split}_labels"] = np.tile(of_split, (replicates, 1))
        found[f"{split}_index"] = found[f"{split}_groups"] = np.tile(np.arange(len(of_split)), (replicates, 1))
        found[f"{split}_probabilities"] = np.eye(2, dtype=np.float32)[predicted] * 0.8 + 0.1
    return found


def draw(rng: np.random.Generator, accuracy: float, difficulty: NDArray[np.float64], luck: float = 0.01) -> Right:
    """Which images are right: shared difficulty, luck of the replicate, luck of the image."""
    level = accuracy + rng.normal(0, luck, (REPLICATES, 1)) + difficulty
    return rng.random((REPLICATES, len(difficulty))) < level


def runs(rng: np.random.Generator, accuracies: Mapping[str, float], images: int = 1500) -> dict[str, Run]:
    """Runs of so many test and validation images each, by variant, of these expected accuracies."""
    difficulty, of_val = rng.normal(0, 0.1, images), rng.normal(0, 0.1, images)
    found = {}
    for name, value in accuracies.items():
        found[name] = run({"test": draw(rng, value, difficulty), "val": draw(rng, value, of_val)})
        found[name]["val_index"] = np.arange(REPLICATES * images).reshape(REPLICATES, images)  # each its own draw
    return found


def curve(end: float = 1.0, half: float | None = None, replicates: int = REPLICATES) -> pd.DataFrame:
    """A learning curve whose training accuracy is `half` at half of the steps and `end` at the end."""
    rows = [
        (replicate, round(32 * epoch), epoch, end if half is None or epoch > 15 else half, 0.5 + 0.01 * epoch)
        for replicate in range(replicates)
        for epoch in EPOCHS
    ]
    return pd.DataFrame(rows, columns=["replicate", "step", "epoch", "train_accuracy", "val_nll"])


def evidence(loaded: dict[str, Run], **changes: Any) -> Evidence:
    """The runs with flat learning curves, equal costs, a baseline over its reference and nothing wrong in the data."""
    replicates = len(loaded["baseline"]["replicates"])
    plain = Evidence(
        loaded=loaded,
        curves={name: curve(replicates=replicates) for name in loaded},
        manifest=MANIFEST,
        costs={name: Cost(parameters=10, forward_flops=100) for name in loaded},
        references={"accuracy": dict.fromkeys(range(replicates), 0.1)},
        problems=(),
    )
    return dataclasses.replace(plain, **changes)


def judged(params: Suite, loaded: dict[str, Run], **changes: Any) -> Verdict:
    """The verdict, which survives being written and read."""
    _, verdict = diagnose(params, evidence(loaded, **changes))
    text = records.text(verdict, indent=2)
    assert records.text(records.parse(Verdict, text), indent=2) == text
    return verdict


def manifest(**changes: Any) -> Manifest:
    """The manifest with some fields changed."""
    return dataclasses.replace(MANIFEST, **changes)


def entry(verdict: Verdict, name: str) -> Any:
    """The verdict's entry of a cause."""
    return next(found for found in verdict.causes if found.cause == name)


def effect(verdict: Verdict, name: str) -> CauseEffect:
    """The entry of a cause that was tested."""
    found = entry(verdict, name)
    assert isinstance(found, CauseEffect)
    return found
