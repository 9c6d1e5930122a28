"""Diagnose stage: which suspected cause explains the gap, and what fixes it. Imports no TensorFlow.

Reads params.yaml (split, train, variants, exploratory, extra, causes, diagnosis), data/prepared/ and
runs/; writes reports/: contrasts.csv (every paired contrast), verdict.json (all that the report says of
causes and remedies), diagnosis.json (its headline, a DVC metric).
"""

import json

import numpy as np
import pandas as pd

from stages.data.manifest import read_manifest
from stages.data.predictions import load_runs
from stages.errors import SuiteError, run_stage
from stages.params import suite
from stages.params.suite import BASELINE, Suite
from stages.paths import reports, runs
from stages.stats.diagnosis import diagnose, headline
from stages.stats.files import write_all


def baseline_curves(params: Suite) -> dict[str, np.ndarray]:
    """Epochs (P,) and validation NLL (replicates, P) of the baseline's learning curves."""
    folders = [runs.run_folder(BASELINE, block) for block in params.cells[BASELINE]]
    history = pd.concat([pd.read_csv(folder / runs.HISTORY) for folder in folders])
    wide = history.pivot(index="replicate", columns="epoch", values="val_nll")
    if wide.isna().any(axis=None):
        raise SuiteError(f"{runs.RUNS}/{BASELINE}: history.csv lacks points; run `dvc repro -f`")
    return {"epochs": wide.columns.to_numpy(float), "val_nll": wide.to_numpy(float)}


def costs(params: Suite) -> dict[str, dict[str, int]]:
    """Parameters and forward operations of every trained variant, from run.json."""
    found = {}
    for variant, blocks in params.cells.items():
        run = json.loads((runs.run_folder(variant, blocks[0]) / runs.RUN).read_text(encoding="utf-8"))
        found[variant] = {name: run["replicates"][0][name] for name in ("parameters", "forward_flops")}
    return found


def main() -> None:
    """Contrast, judge, write; print the verdict's words."""
    params = suite.load()
    loaded = load_runs(params)
    manifest = read_manifest()
    contrasts, verdict = diagnose(params, loaded, baseline_curves(params), manifest, costs(params))
    write_all(
        {reports.CONTRASTS: contrasts, reports.VERDICT: verdict, reports.DIAGNOSIS: headline(verdict)},
    )
    print("; ".join(f"{entry['title']}: {entry['verdict']}" for entry in verdict["causes"]))


if __name__ == "__main__":
    run_stage(main)
