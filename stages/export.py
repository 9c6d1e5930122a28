"""`make export VARIANT=name [OUT=export]`: one model of a variant, trained on training plus validation, to keep.

Reads params.yaml, data/prepared/, reports/ and, for freshness, dvc.yaml, dvc.lock and the code; writes
<OUT>/<variant>/model.keras, which takes images with values in [0, 255] and returns class probabilities, and
model_card.md. Both appear by one rename. TensorFlow lives in a worker process.
"""

import argparse
import dataclasses
import json
import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.checking import card, saving
from stages.compute import pool, provenance
from stages.compute.lifetime import die_with_parent
from stages.compute.placement import place
from stages.data.arrays import load_groups, load_images, load_labels, load_splits
from stages.data.subset import training_subset, validation
from stages.errors import SuiteError, run_stage
from stages.params import suite
from stages.params.experiment import Model, Train
from stages.params.suite import Suite
from stages.paths import reports, runs
from stages.reviewing import freshness

MODEL, CARD = "model.keras", "model_card.md"
COMPARED = 1000  # test images on which the saved model is compared with the trained one, at most


@dataclasses.dataclass(frozen=True)
class Exported:
    """What a worker leaves beside the model's file: its test probabilities, size, and classes that are not Keras's."""

    probabilities: NDArray[np.float32]
    parameters: int
    own_classes: tuple[str, ...]


def work(
    file: Path, architecture: Model, settings: Train, baseline: Train, seed: int, replicate: int,
    index: dict[str, NDArray[np.int64]],
) -> Exported:  # fmt: skip
    """Train in a worker process on the images of `index["train"]`, save to `file`, and prove what was saved.

    Raises SuiteError as training does, and on a model that Keras cannot save and load back in safe mode.
    """
    from stages.model.replicate import Examples, train_replicate

    images, labels = load_images(), load_labels()
    splits = {name: Examples(images[rows], labels[rows]) for name, rows in index.items()}
    trained = train_replicate(architecture, settings, baseline, seed, replicate, splits, int(labels.max()) + 1)
    probabilities = trained.probabilities["test"]
    saving.save(trained.model, images.shape[1:], file)
    saving.prove(file, splits["test"].images[:COMPARED], probabilities[:COMPARED])
    return Exported(probabilities, int(trained.facts["parameters"]), saving.own_classes(file))


def chosen(settings: Train, selected_steps: list[int]) -> Train:
    """Settings of the one run that is exported: no early stopping, at its place the median selected step.

    Nothing is curved or warped, which would change no weight.
    """
    steps = round(statistics.median(selected_steps)) if settings.early_stopping else settings.steps
    return dataclasses.replace(settings, steps=steps, early_stopping=False, curve_points=1, evaluation_policies={})


def reported(params: Suite, variant: str) -> dict[str, Any]:
    """provenance.json, of reports that belong to params.yaml, the code and the data. Raises SuiteError otherwise."""
    if variant not in params.diffs:
        raise SuiteError(f"VARIANT = {variant!r} is not in params.yaml (declared: {', '.join(params.cells)})")
    if variant not in params.cells:
        raise SuiteError(f"VARIANT = {variant} is exploratory and not trained: split.exploratory_blocks trains it")
    cells = {params.stage(variant, block) for block in params.cells[variant]}
    for finding in freshness.check():
        if not finding.stages or {"prepare", "models", "evaluate", *cells} & set(finding.stages):
            raise SuiteError(f"the results are stale: {finding.what}; run `make repro` first")
    try:
        content: dict[str, Any] = json.loads(reports.PROVENANCE.read_text(encoding="utf-8"))
        manifest = json.loads(runs.MANIFEST.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SuiteError(f"reports/ or data/prepared/ cannot be read ({error}); run `make repro` first") from None
    if variant not in content["variants"]:
        raise SuiteError(f"VARIANT = {variant} has no finished runs in {reports.PROVENANCE}; run `make repro` first")
    if content["data"] != manifest:
        raise SuiteError(f"{reports.REPORTS} was made from other data than {runs.PREPARED}; run `make repro` first")
    return content


def export(params: Suite, variant: str, out: Path) -> Path:
    """Train and save a variant's model with its card below `out`; return their folder. Raises SuiteError."""
    known = reported(params, variant)
    settings = chosen(params.variants[variant], known["variants"][variant]["selected_steps"])
    splits, labels, seed = load_splits(params.cells[variant][0]), load_labels(), params.split.seed
    lists = [training_subset(splits, 0, settings, labels, seed), validation(splits, settings)[0]]
    joined = np.concatenate(lists)
    index = {"train": joined, "val": joined[:1], "test": splits.test[0]}  # nothing is chosen on validation here
    print(f"export {variant}: {settings.steps:,} steps on {len(joined):,} images", flush=True)
    placement = place(params.compute).first
    target, partial = out / variant, out / f".{variant}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)  # what a killed run left
        partial.mkdir(parents=True)
        job = (partial / MODEL, params.model, settings, params.train, seed, splits.replicates[0], index)
        (made,) = pool.run_jobs(work, [job], placement)
        content = card.Content(
            variant=variant, params=params, settings=settings, provenance=known, sizes=(len(lists[0]), len(lists[1])),
            probabilities=made.probabilities, labels=labels[index["test"]], parameters=made.parameters,
            groups=load_groups()[index["test"]] if known["data"]["groups"] is not None else None,
            own_classes=made.own_classes, environment=provenance.environment(placement.device), **tables(),
        )  # fmt: skip
        (partial / CARD).write_text(card.text(content), encoding="utf-8")
        replace(partial, target)
    except OSError as error:
        raise SuiteError(f"OUT = {out} cannot be written: {error}; name a folder of yours") from None
    except SuiteError as error:
        raise SuiteError(f"variant {variant}: {error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def tables() -> dict[str, pd.DataFrame]:
    """summary.csv and classes.csv. Raises SuiteError when they cannot be read."""
    try:
        paths = {"summary": reports.SUMMARY, "classes": reports.CLASSES}
        return {name: pd.read_csv(path, keep_default_na=False, na_values=[""]) for name, path in paths.items()}
    except (OSError, ValueError) as error:
        raise SuiteError(f"reports/ cannot be read ({error}); run `make repro` first") from None


def replace(partial: Path, target: Path) -> None:
    """Put a whole folder in the place of another, which is gone only when the new one is there."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def main(given: list[str]) -> None:
    """Export the variant named on the command line."""
    die_with_parent(os.getppid())
    parser = argparse.ArgumentParser(prog="python -m stages.export", allow_abbrev=False, description=__doc__)
    parser.add_argument("variant", help="a trained variant of params.yaml")
    parser.add_argument("--out", type=Path, default=Path("export"), help="folder; the default is export")
    options = parser.parse_args(given)
    provenance.check_installed()
    target = export(suite.load(), options.variant, options.out)
    print(f"wrote {target / MODEL} and {target / CARD}")


if __name__ == "__main__":
    run_stage(lambda: main(sys.argv[1:]))
