"""Evaluate stage: scores from predictions alone. Imports no TensorFlow.

Reads params.yaml (split, train, variants, exploratory, extra), data/prepared/ and runs/; writes reports/: results.csv
(every score of every replicate), summary.csv (means and intervals), curves.csv, classes.csv,
confusion.csv, reliability.csv, hardest.csv, metrics.json, provenance.json.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from valgap.data.prepared import load_images, read_manifest
from valgap.data.sizes import sizes_of
from valgap.ground import paths
from valgap.ground.params import suite
from valgap.ground.params.experiment import settings_as_dict
from valgap.ground.params.suite import BASELINE, Suite
from valgap.results import scores
from valgap.results.runs import load_runs
from valgap.results.tables import SCHEMA, write_all
from valgap.training.subset import load_splits


def provenance(params: Suite) -> dict[str, Any]:
    """provenance.json: the data; each variant's diff, replicates, cost, checkpoints, predictions, environments."""
    manifest = read_manifest()
    sizes = sizes_of(manifest)
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "data": manifest,
        "model": dataclasses.asdict(params.model),
        "seed": params.split.seed,
        "train": settings_as_dict(params.train),
        "variants": {},
        "not_trained": {name: diff for name, diff in params.diffs.items() if name not in params.cells},
    }
    for variant, blocks in params.cells.items():
        found = [
            json.loads((paths.run_folder(variant, block) / paths.RUN).read_text(encoding="utf-8")) for block in blocks
        ]
        replicates = [replicate for run in found for replicate in run["replicates"]]
        settings = params.variants[variant]
        content["variants"][variant] = {
            "diff": params.diffs[variant],
            "replicates": len(replicates),
            "train_images": sizes.trained(settings),
            "steps": settings.steps,
            "parameters": replicates[0]["parameters"],
            "forward_flops": replicates[0]["forward_flops"],
            "selected_steps": [replicate["selected_step"] for replicate in replicates],
            "predictions_md5": {
                str(block): _md5(paths.run_folder(variant, block) / paths.PREDICTIONS) for block in blocks
            },
            "environments": _distinct(environment for run in found for environment in run["environments"]),
        }
    return content


def _md5(path: Path) -> str:
    """As dvc.lock gives it, so that the tables can be tied to the runs they were made from."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _distinct(items: Iterator[dict[str, str]]) -> list[dict[str, str]]:
    distinct: list[dict[str, str]] = []
    for item in items:
        if item not in distinct:
            distinct.append(item)
    return distinct


def main() -> None:
    """Score every declared run and write the tables."""
    params = suite.load()
    loaded = load_runs(params)
    results = scores.score(loaded, [load_splits(block) for block in params.cells[BASELINE]])
    summary = scores.summarise(results, loaded)
    names = read_manifest()["class_names"]
    recalls, confusion = scores.classes(loaded, names)
    headline = scores.headline(summary)
    contents: dict[Path, pd.DataFrame | dict[str, Any]] = {
        paths.RESULTS: results,
        paths.SUMMARY: summary,
        paths.CURVES: scores.curves({variant: history(params, variant) for variant in params.cells}),
        paths.CLASSES: recalls,
        paths.CONFUSION: confusion,
        paths.RELIABILITY: scores.reliability(loaded),
        paths.HARDEST: scores.hardest(loaded[BASELINE], load_images(), names),
        paths.PROVENANCE: provenance(params),
        paths.METRICS: headline,
    }
    write_all(contents)
    print("test accuracy: " + ", ".join(f"{name} {values['test_accuracy']:.1%}" for name, values in headline.items()))


def history(params: Suite, variant: str) -> pd.DataFrame:
    """Learning curves of all replicates of a variant, as train wrote them."""
    folders = [paths.run_folder(variant, block) for block in params.cells[variant]]
    return pd.concat([pd.read_csv(folder / paths.HISTORY) for folder in folders])
