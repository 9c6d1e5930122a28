"""Reads the predictions in runs/, and refuses those that params.yaml does not declare or did not decide."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.data.arrays import BlockSplits, load_splits, read_npz
from stages.errors import SuiteError
from stages.params.experiment import settings_as_dict
from stages.params.suite import Suite
from stages.paths import runs

Run = dict[str, NDArray[Any]]  # predictions of one variant, all replicates stacked on axis 0


def load_runs(params: Suite) -> dict[str, Run]:
    """Predictions of every declared variant over all blocks. Raises SuiteError on a missing, stray or alien run."""
    refuse_stray_runs(params)
    splits = {block: load_splits(block) for block in params.split.blocks}
    loaded = {}
    for variant in params.variants:
        cells = [load_cell(params, variant, block, splits[block]) for block in params.split.blocks]
        loaded[variant] = {name: np.concatenate([cell[name] for cell in cells]) for name in cells[0]}
    return loaded


def refuse_stray_runs(params: Suite) -> None:
    """Raise SuiteError when runs/ holds what params.yaml does not declare."""
    expected = {runs.run_folder(variant, block) for variant in params.variants for block in params.split.blocks}
    variants = {folder.parent for folder in expected}
    found = [*runs.RUNS.glob("*"), *(path for folder in variants for path in folder.glob("*"))]
    stray = sorted(str(path) for path in found if path not in expected | variants)
    if stray:
        raise SuiteError(
            f"runs/ holds what params.yaml does not declare: {', '.join(stray)}; "
            "remove it (`rm -r`), or `dvc checkout` where a branch switch left it"
        )


def load_cell(params: Suite, variant: str, block: int, splits: BlockSplits) -> Run:
    """Predictions of one cell, checked against its settings and index lists. Raises SuiteError otherwise."""
    folder, retrain = runs.run_folder(variant, block), f"run `dvc repro -f -s train@{variant}-{block}`"
    try:
        run = json.loads((folder / runs.RUN).read_text(encoding="utf-8"))
        predictions = read_npz(folder / runs.PREDICTIONS)
    except FileNotFoundError as error:
        raise SuiteError(f"missing run: {error.filename}; run `dvc repro`") from None
    except Exception as error:  # a truncated archive fails in many ways
        raise SuiteError(f"{folder} cannot be read ({error}); {retrain}") from None
    if run["settings"] != json.loads(json.dumps(settings_as_dict(params.variants[variant]))):
        raise SuiteError(f"{folder} was trained with other settings than params.yaml gives {variant}; {retrain}")
    size = predictions["train_index"].shape[1]
    same = (
        predictions["replicates"].tolist() == splits.replicates
        and np.array_equal(predictions["val_index"], splits.val)
        and np.array_equal(predictions["train_index"], splits.train[:, :size])
    )
    if not same:
        raise SuiteError(f"{folder} was trained on other images than {runs.split_file(block)} lists; {retrain}")
    return predictions
