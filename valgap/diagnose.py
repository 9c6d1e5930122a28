"""Diagnose stage: which suspected cause explains the gap, and what fixes it. Imports no TensorFlow.

Reads params.yaml (split, train, variants, exploratory, extra, causes, diagnosis), data/prepared/ and
runs/; writes reports/: contrasts.csv (every paired contrast), verdict.json (all that the report says of
causes and remedies), diagnosis.json (its headline, a DVC metric).
"""

import json

import numpy as np
import pandas as pd

from valgap.data.prepared import read_manifest
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.suite import BASELINE, Suite
from valgap.results.runs import load_runs
from valgap.results.tables import write_all
from valgap.stats.diagnosis import diagnose, headline


def baseline_curves(params: Suite) -> dict[str, np.ndarray]:
    """Epochs (P,) and validation NLL (replicates, P) of the baseline's learning curves."""
    folders = [paths.run_folder(BASELINE, block) for block in params.cells[BASELINE]]
    history = pd.concat([pd.read_csv(folder / paths.HISTORY) for folder in folders])
    wide = history.pivot(index="replicate", columns="epoch", values="val_nll")
    if wide.isna().any(axis=None):
        raise SuiteError(f"{paths.RUNS}/{BASELINE}: history.csv lacks points; run `dvc repro -f`")
    return {"epochs": wide.columns.to_numpy(float), "val_nll": wide.to_numpy(float)}


def costs(params: Suite) -> dict[str, dict[str, int]]:
    """Parameters and forward operations of every trained variant, from run.json."""
    found = {}
    for variant, blocks in params.cells.items():
        run = json.loads((paths.run_folder(variant, blocks[0]) / paths.RUN).read_text(encoding="utf-8"))
        found[variant] = {name: run["replicates"][0][name] for name in ("parameters", "forward_flops")}
    return found


def main() -> None:
    """Contrast, judge, write; print the verdict's words."""
    params = suite.load()
    loaded = load_runs(params)
    manifest = read_manifest()
    contrasts, verdict = diagnose(params, loaded, baseline_curves(params), manifest, costs(params))
    write_all(
        {paths.CONTRASTS: contrasts, paths.VERDICT: verdict, paths.DIAGNOSIS: headline(verdict)},
    )
    print("; ".join(f"{entry['title']}: {entry['verdict']}" for entry in verdict["causes"]))
