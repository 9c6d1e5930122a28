"""Evaluate stage: scores from predictions alone. Imports no TensorFlow.

Reads params.yaml (split, train, variants, exploratory, extra), data/prepared/ and runs/; writes reports/: results.csv
(every score of every replicate), summary.csv (means and intervals), curves.csv, classes.csv, confusion.csv,
reliability.csv, segments.csv, shift.csv, hardest.csv, wrong_labels.csv, suspects.csv, metrics.json, and the same in
metrics/, the DVC metrics; provenance.json.
"""

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

from valgap.data.prepared import Manifest, load_images, load_labels, load_suite, read_manifest
from valgap.data.sizes import sizes_of
from valgap.ground import paths
from valgap.ground.params.experiment import settings_as_dict
from valgap.ground.params.suite import BASELINE, Suite
from valgap.results import scores, segments, shift, suspects
from valgap.results.provenance import Provenance, VariantRecord
from valgap.results.runs import history, load_runs, run_records
from valgap.results.tables import SCHEMA, Content, write_all, write_metrics
from valgap.stats.run import Run
from valgap.training.subset import load_splits


def provenance(params: Suite, loaded: dict[str, Run]) -> Provenance:
    """provenance.json: the data; each variant's diff, replicates, cost, checkpoints, predictions, environments."""
    manifest = read_manifest()
    return Provenance(
        schema=SCHEMA,
        data=manifest,
        model=dataclasses.asdict(params.model),
        seed=params.split.seed,
        train=settings_as_dict(params.train),
        variants={variant: _variant(params, variant, manifest, loaded[variant]) for variant in params.cells},
        not_trained={name: diff for name, diff in params.diffs.items() if name not in params.cells},
    )


def _variant(params: Suite, variant: str, manifest: Manifest, predicted: Run) -> VariantRecord:
    found = run_records(params, variant)
    replicates = [replicate for run in found for replicate in run.replicates]
    settings = params.variants[variant]
    listed, learned = sizes_of(manifest).trained(settings), predicted["train_images"]
    predictions = {block: paths.run_folder(variant, block) / paths.PREDICTIONS for block in params.cells[variant]}
    return VariantRecord(
        diff=params.diffs[variant],
        replicates=len(replicates),
        train_images=listed if settings.suspects == "keep" else round(float(learned.mean())),
        steps=settings.steps,
        parameters=replicates[0].parameters,
        forward_flops=replicates[0].forward_flops,
        selected_steps=tuple(replicate.selected_step for replicate in replicates),
        predictions_md5={str(block): _md5(path) for block, path in predictions.items()},
        environments=_distinct(environment for run in found for environment in run.environments),
    )


def _md5(path: Path) -> str:
    """As dvc.lock gives it, so that the tables can be tied to the runs they were made from."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _distinct(items: Iterator[dict[str, str]]) -> tuple[dict[str, str], ...]:
    distinct: list[dict[str, str]] = []
    for item in items:
        if item not in distinct:
            distinct.append(item)
    return tuple(distinct)


def main() -> None:
    """Score every declared run and write the tables."""
    params = load_suite()
    loaded = load_runs(params)
    images, labels = load_images(), load_labels()
    splits = [load_splits(block) for block in params.cells[BASELINE]]
    results = scores.score(loaded, [row for block in splits for row in scores.reference_rows(block, images, labels)])
    summary = scores.summarise(results, loaded)
    names = read_manifest().class_names
    recalls, confusion = scores.classes(loaded, names)
    headline = scores.headline(summary)
    wrong, suspected = suspects.tables(loaded[BASELINE], images, names)
    contents: dict[Path, Content] = {
        paths.RESULTS: results,
        paths.SUMMARY: summary,
        paths.CURVES: scores.curves({variant: history(params, variant) for variant in params.cells}),
        paths.CLASSES: recalls,
        paths.CONFUSION: confusion,
        paths.RELIABILITY: scores.reliability(loaded),
        paths.SEGMENTS: segments.table(loaded[BASELINE], images, params.split.seed),
        paths.SHIFT: shift.table(loaded[BASELINE], names, params.split.seed),
        paths.HARDEST: scores.hardest(loaded[BASELINE], images, names),
        paths.WRONG_LABELS: wrong,
        paths.SUSPECTS: suspected,
        paths.PROVENANCE: provenance(params, loaded),
        paths.METRICS: headline,
    }
    write_all(contents)
    write_metrics(paths.OF_VARIANTS, headline)
    print("test accuracy: " + ", ".join(f"{name} {values['test_accuracy']:.1%}" for name, values in headline.items()))
