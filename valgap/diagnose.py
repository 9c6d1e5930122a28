"""Diagnose stage: which suspected cause explains the gap, and what fixes it. Imports no TensorFlow.

Reads params.yaml (split, train, variants, exploratory, extra, causes, diagnosis), data/prepared/ and
runs/; writes reports/: contrasts.csv (every paired contrast), verdict.json (all that the report says of
causes and remedies), diagnosis.json (its headline), effects/ (the headline's numbers, DVC
metrics).
"""

import numpy as np

from valgap.data.prepared import read_manifest
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.suite import BASELINE, Suite
from valgap.results.runs import history, load_runs, run_records
from valgap.results.tables import write_all, write_metrics
from valgap.stats.causes import Cost
from valgap.stats.diagnosis import diagnose, effects, headline


def baseline_curves(params: Suite) -> dict[str, np.ndarray]:
    """Epochs (P,) and validation NLL (replicates, P) of the baseline's learning curves."""
    wide = history(params, BASELINE).pivot(index="replicate", columns="epoch", values="val_nll")
    if wide.isna().any(axis=None):
        raise SuiteError(f"{paths.RUNS}/{BASELINE}: history.csv lacks points; run `dvc repro -f`")
    return {"epochs": wide.columns.to_numpy(float), "val_nll": wide.to_numpy(float)}


def costs(params: Suite) -> dict[str, Cost]:
    """Parameters and forward operations of every trained variant, from run.json."""
    first = {variant: run_records(params, variant)[0].replicates[0] for variant in params.cells}
    return {variant: Cost(facts.parameters, facts.forward_flops) for variant, facts in first.items()}


def main() -> None:
    """Contrast, judge, write; print the verdict's words."""
    params = suite.load()
    loaded = load_runs(params)
    manifest = read_manifest()
    contrasts, verdict = diagnose(params, loaded, baseline_curves(params), manifest, costs(params))
    write_all({paths.CONTRASTS: contrasts, paths.VERDICT: verdict, paths.DIAGNOSIS: headline(verdict)})
    write_metrics(paths.EFFECTS, effects(verdict))
    print("; ".join(f"{entry.title}: {entry.verdict}" for entry in verdict.causes))
