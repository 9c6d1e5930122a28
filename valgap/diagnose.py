"""Diagnose stage: which suspected cause explains the gap, and what fixes it. Imports no TensorFlow.

Reads params.yaml (split, train, variants, exploratory, extra, causes, diagnosis), data/prepared/, runs/,
reports/results.csv and audit.json; writes reports/: contrasts.csv (every paired contrast), verdict.json (all that the
report says of causes and remedies), diagnosis.json (its headline), effects/ (the headline's numbers, DVC metrics).
"""

import pandas as pd

from valgap.data.prepared import load_suite, read_manifest
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.suite import Suite
from valgap.results.audit import read_audit
from valgap.results.runs import history, load_runs, run_records
from valgap.results.tables import read_table, write_all, write_metrics
from valgap.stats.diagnosis import Evidence, diagnose, effects, headline
from valgap.stats.operations import Cost

REFERENCE = "nearest_neighbour"


def curve(params: Suite, variant: str) -> pd.DataFrame:
    """The variant's learning curves. Raises SuiteError where a point is missing."""
    found = history(params, variant)
    if found.pivot(index="replicate", columns="epoch", values="val_nll").isna().any(axis=None):
        raise SuiteError(f"{paths.RUNS}/{variant}: history.csv lacks points; run `dvc repro -f`")
    return found


def costs(params: Suite) -> dict[str, Cost]:
    """Parameters and forward operations of every trained variant, from run.json."""
    first = {variant: run_records(params, variant)[0].replicates[0] for variant in params.cells}
    return {variant: Cost(facts.parameters, facts.forward_flops) for variant, facts in first.items()}


def references(results: pd.DataFrame) -> dict[str, dict[int, float]]:
    """Scores of the 1-nearest neighbour on test images, by metric and replicate, from results.csv."""
    rows = results[(results.variant == REFERENCE) & (results.split == "test")]
    return {
        str(metric): dict(zip(group.replicate.astype(int), group.value.astype(float), strict=True))
        for metric, group in rows.groupby("metric")
    }


def evidence(params: Suite) -> Evidence:
    """All that the diagnosis is made from, as the stages before left it."""
    return Evidence(
        loaded=load_runs(params),
        curves={variant: curve(params, variant) for variant in params.cells},
        manifest=read_manifest(),
        costs=costs(params),
        references=references(read_table(paths.RESULTS)),
        problems={each.code for each in read_audit().findings if each.severity == "problem"},
    )


def main() -> None:
    """Contrast, judge, write; print the verdict's words."""
    contrasts, verdict = diagnose(params := load_suite(), evidence(params))
    write_all({paths.CONTRASTS: contrasts, paths.VERDICT: verdict, paths.DIAGNOSIS: headline(verdict)})
    write_metrics(paths.EFFECTS, effects(verdict))
    print("; ".join(f"{entry.title}: {entry.verdict}" for entry in verdict.causes))
