"""Reads the predictions in runs/, and refuses those that params.yaml does not declare or did not decide."""

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valgap.data.prepared import load_labels
from valgap.ground import paths, records
from valgap.ground.errors import SuiteError
from valgap.ground.files import read_npz
from valgap.ground.params.experiment import settings_as_dict
from valgap.ground.params.suite import Suite
from valgap.results.record import RunRecord, parse_run, read_run
from valgap.stats.run import Run
from valgap.training.subset import (
    BlockSplits,
    learned_from,
    load_splits,
    scored_training,
    training_subset,
    validation,
)


def load_runs(params: Suite) -> dict[str, Run]:
    """Predictions of every declared variant over all blocks. Raises SuiteError on a missing, stray or alien run."""
    refuse_stray_runs(params)
    splits = {block: load_splits(block) for block in params.blocks}
    labels = load_labels()
    loaded = {}
    for variant, blocks in params.cells.items():
        cells = [load_cell(params, variant, block, splits[block], labels) for block in blocks]
        loaded[variant] = {name: np.concatenate([cell[name] for cell in cells]) for name in cells[0]}
    return loaded


def refuse_stray_runs(params: Suite) -> None:
    """Raise SuiteError when runs/ holds what params.yaml does not declare."""
    expected = {paths.run_folder(variant, block) for variant, blocks in params.cells.items() for block in blocks}
    variants = {folder.parent for folder in expected}
    found = [*paths.RUNS.glob("*"), *(path for folder in variants for path in folder.glob("*"))]
    seen = {paths.SEEN} if params.symptom and params.symptom.file else set()
    stray = sorted(str(path) for path in found if path not in expected | variants | seen)
    if stray:
        raise SuiteError(
            f"runs/ holds what params.yaml does not declare: {', '.join(stray)}; "
            "remove it (`rm -r`), or `dvc checkout` where a branch switch left it"
        )


def load_cell(params: Suite, variant: str, block: int, splits: BlockSplits, labels: NDArray[np.int64]) -> Run:
    """Predictions of one cell, checked against its settings and index lists. Raises SuiteError otherwise.

    `labels` are those of all images.
    """
    folder, settings = paths.run_folder(variant, block), params.variants[variant]
    retrain = f"run `dvc repro -f -s {params.stage(variant, block)}`"
    try:
        run = parse_run((folder / paths.RUN).read_bytes())
        predictions = read_npz(folder / paths.PREDICTIONS)
    except FileNotFoundError as error:
        raise SuiteError(f"missing run: {error.filename}; run `dvc repro`") from None
    except Exception as error:  # a truncated archive fails in many ways
        raise SuiteError(f"{folder} cannot be read ({error}); {retrain}") from None
    if run.model != dataclasses.asdict(params.model):
        raise SuiteError(f"{folder} is of another model than params.yaml names; {retrain}")
    if run.settings != records.plain(settings_as_dict(settings)):
        raise SuiteError(f"{folder} was trained with other settings than params.yaml gives {variant}; {retrain}")
    training = [training_subset(splits, row, settings, labels) for row in range(len(splits.replicates))]
    learned = [len(learned_from(splits, each, settings, labels)) for each in training]
    same = (
        predictions["replicates"].tolist() == splits.replicates
        and np.array_equal(predictions["val_index"], validation(splits, settings))
        and np.array_equal(predictions["test_index"], splits.test)
        and np.array_equal(predictions["train_index"], scored_training(np.stack(training)))
        and predictions["train_images"].tolist() == learned
    )
    if not same:
        raise SuiteError(f"{folder} was trained on other images than {paths.split_file(block)} lists; {retrain}")
    for name, values in predictions.items():
        if name.endswith("_probabilities") and not np.isfinite(values).all():
            raise SuiteError(f"{folder}: {name} holds values that are not finite; {retrain}")
    return predictions


def run_records(params: Suite, variant: str) -> list[RunRecord]:
    """run.json of every cell of a variant. Raises SuiteError on a missing or malformed one."""
    return [read_run(paths.run_folder(variant, block)) for block in params.cells[variant]]


def history(params: Suite, variant: str) -> pd.DataFrame:
    """Learning curves of all replicates of a variant, as train wrote them."""
    folders = [paths.run_folder(variant, block) for block in params.cells[variant]]
    return pd.concat([pd.read_csv(folder / paths.HISTORY) for folder in folders])
