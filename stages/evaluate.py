"""Evaluate stage: scores from predictions alone. Imports no TensorFlow.

Reads params.yaml (split, train, variants), data/prepared/ and runs/; writes reports/: results.csv
(every score of every replicate), summary.csv (intervals and paired differences), curves.csv,
classes.csv, confusion.csv, metrics.json, provenance.json.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from stages.data.arrays import load_splits
from stages.data.predictions import load_runs
from stages.errors import SuiteError, run_stage
from stages.params import suite
from stages.params.experiment import settings_as_dict
from stages.params.suite import Suite
from stages.paths import reports, runs
from stages.stats import tables


def provenance(params: Suite) -> dict[str, Any]:
    """provenance.json: the data, and for each variant its diff, parameter count, checkpoints and environments."""
    content: dict[str, Any] = {
        "data": json.loads(runs.MANIFEST.read_text(encoding="utf-8")),
        "seed": params.split.seed,
        "replicates": len(params.split.blocks) * params.split.block_size,
        "train": settings_as_dict(params.train),
        "variants": {},
    }
    for variant, diff in params.diffs.items():
        found = [
            json.loads((runs.run_folder(variant, block) / runs.RUN).read_text(encoding="utf-8"))
            for block in params.split.blocks
        ]
        replicates = [replicate for run in found for replicate in run["replicates"]]
        content["variants"][variant] = {
            "diff": diff,
            "parameters": replicates[0]["parameters"],
            "selected_steps": [replicate["selected_step"] for replicate in replicates],
            "environments": _distinct(environment for run in found for environment in run["environments"]),
        }
    return content


def _distinct(items: Iterator[dict[str, str]]) -> list[dict[str, str]]:
    distinct: list[dict[str, str]] = []
    for item in items:
        if item not in distinct:
            distinct.append(item)
    return distinct


def _write(path: Path, content: pd.DataFrame | dict[str, Any]) -> None:
    """Write a table or JSON to a temporary name, then rename, so that a kill leaves the old file or the new."""
    partial = path.with_name(path.name + ".partial")
    if isinstance(content, pd.DataFrame):
        content.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")
    else:
        partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(partial, path)


def main() -> None:
    """Score every declared run and write the tables."""
    params = suite.load()
    loaded = load_runs(params)
    results = tables.score(loaded, [load_splits(block) for block in params.split.blocks])
    summary = tables.summarise(results, loaded)
    recalls, confusion = tables.classes(loaded, json.loads(runs.MANIFEST.read_text(encoding="utf-8"))["class_names"])
    headline = tables.headline(summary)
    contents: dict[Path, pd.DataFrame | dict[str, Any]] = {
        reports.RESULTS: results,
        reports.SUMMARY: summary,
        reports.CURVES: tables.curves({variant: history(params, variant) for variant in params.variants}),
        reports.CLASSES: recalls,
        reports.CONFUSION: confusion,
        reports.PROVENANCE: provenance(params),
        reports.METRICS: headline,
    }
    try:
        reports.REPORTS.mkdir(exist_ok=True)
        for path, content in contents.items():
            _write(path, content)
    except OSError as error:
        raise SuiteError(f"cannot write {reports.REPORTS}: {error}; check its owner and free space") from None
    print("test accuracy: " + ", ".join(f"{name} {values['test_accuracy']:.1%}" for name, values in headline.items()))


def history(params: Suite, variant: str) -> pd.DataFrame:
    """Learning curves of all replicates of a variant, as train wrote them."""
    folders = [runs.run_folder(variant, block) for block in params.split.blocks]
    return pd.concat([pd.read_csv(folder / runs.HISTORY) for folder in folders])


if __name__ == "__main__":
    run_stage(main)
