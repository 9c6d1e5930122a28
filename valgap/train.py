"""Train stage, one matrix cell, by the name of its variant and the number of its block.

Reads params.yaml (model, train, the variant's diff), data/prepared/arrays/, the block's index
lists and model.files; writes runs/<variant>/<block>/: predictions.npz, history.csv, run.json, models/, and
telemetry.json, which DVC does not track. Finished replicates lie in the store: a killed or extended
run repeats none.
"""

import dataclasses
import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.compute import environment, progress, store
from valgap.compute.backend import Backend, open_backend
from valgap.data.prepared import arrays_digest, load_labels
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import read_npz, write_npz
from valgap.ground.params.experiment import Compute, Model, Train, baseline_settings, settings_as_dict, variant_settings
from valgap.ground.params.schema import parse, read_yaml
from valgap.results.record import ReplicateFacts, RunRecord, parse_telemetry, write_cell
from valgap.training.job import RESULT, WEIGHTS, Job
from valgap.training.recipe import Recipe
from valgap.training.subset import learned_from, load_splits, training_subset, validation


def train_cell(
    variant: str,
    block: int,
    model: Model,
    settings: Train,
    baseline: Train,
    compute: Compute,
    backend: Backend | None = None,
) -> None:
    """Bring every replicate of the cell into the store, then assemble the cell's outputs from there.

    `backend` is where they run, for who trains many cells; None for the one that `compute` names.
    Raises SuiteError on unreadable data, on a loss that is not finite, on a killed worker and on a
    folder that cannot be written; replicates finished before it stay in the store.
    """
    splits = load_splits(block)
    settings, baseline = (each.in_steps(splits.train_size) for each in (settings, baseline))
    recipe = Recipe(model, settings, baseline, splits.streams)
    backend = backend or open_backend(compute, Path(model.files))
    shared = {
        "model": dataclasses.asdict(model),
        "files": store.code_digest(Path(model.files), "*"),
        "settings": settings_as_dict(settings),
        "baseline": settings_as_dict(baseline),  # its initial weights are shared with the variant
        "streams": dataclasses.asdict(splits.streams),
        "arrays": arrays_digest(),
        "lock": hashlib.sha256(paths.TRAINING_LOCK.read_bytes()).hexdigest(),
        "code": store.code_digest(paths.TRAINING_CODE),
        "device": backend.device,
    }
    labels, val = load_labels(), validation(splits, settings)
    indices = [
        {"train": training_subset(splits, row, settings, labels), "val": val[row], "test": splits.test[row]}
        for row in range(len(splits.replicates))
    ]
    learned = [learned_from(splits, index["train"], settings, labels) for index in indices]
    keys = [
        store.key(shared | {"replicate": number, "index": _digest(index | {"learned": places}), "weights": row == 0})
        for row, (number, index, places) in enumerate(zip(splits.replicates, indices, learned, strict=True))
    ]
    with store.cell_scratch(variant, block) as scratch:
        jobs = [
            Job(variant, recipe, number, indices[row], learned[row], row == 0, backend.device)
            for row, number in enumerate(splits.replicates)
            if store.find(keys[row]) is None
        ]
        done = len(keys) - len(jobs)
        with progress.Progress(f"train {variant}-{block}", len(keys), done) as meter:
            for number, files in backend.run(jobs):
                store.publish(files, scratch / str(number), keys[splits.replicates.index(number)])
                meter.advance()
        finished = [folder for key in keys if (folder := store.find(key)) is not None]
        if len(finished) < len(keys):
            raise SuiteError(f"{paths.STORE} lost a replicate of {variant}-{block} meanwhile: run again")
        target = paths.run_folder(variant, block)
        try:
            assemble(finished, variant, block, recipe, scratch / "assembled")
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            (scratch / "assembled").rename(target)
        except OSError as error:
            raise SuiteError(f"cannot write {target}: {error}; check its owner and free space") from None


def assemble(folders: list[Path], variant: str, block: int, recipe: Recipe, target: Path) -> None:
    """Write the cell's outputs from its replicates' store folders. All but telemetry are byte-stable."""
    target.mkdir()
    predictions = [read_npz(folder / paths.PREDICTIONS) for folder in folders]
    results = [json.loads((folder / RESULT).read_text(encoding="utf-8")) for folder in folders]
    replicates = [record["facts"]["replicate"] for record in results]
    stacked: dict[str, NDArray[Any]] = {
        name: np.stack([content[name] for content in predictions]) for name in predictions[0]
    }
    write_npz(target / paths.PREDICTIONS, stacked | {"replicates": np.array(replicates)})
    rows = [row for record in results for row in record["history"]]
    environments: list[dict[str, str]] = []
    for record in results:
        if record["environment"] not in environments:
            environments.append(record["environment"])
    run = RunRecord(
        variant=variant,
        block=block,
        seed=recipe.streams.seed,
        model=dataclasses.asdict(recipe.model),
        settings=settings_as_dict(recipe.settings),
        replicates=tuple(ReplicateFacts(**record["facts"]) for record in results),
        environments=tuple(environments),
    )
    telemetry = [parse_telemetry((folder / paths.TELEMETRY).read_bytes()) for folder in folders]
    write_cell(target, run, rows, telemetry)
    models = target / paths.MODELS
    models.mkdir()
    shutil.copyfile(folders[0] / WEIGHTS, models / f"{replicates[0]}.weights.h5")


def _digest(index: dict[str, np.ndarray]) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(index[name]).tobytes() for name in sorted(index))).hexdigest()


def main() -> None:
    """Check the environment and the parameters, then train the cell named on the command line."""
    if len(sys.argv) != 3 or not sys.argv[2].isdecimal():
        raise SuiteError(f"usage: train <variant> <block>, received {sys.argv[1:]}")
    variant, block = sys.argv[1], int(sys.argv[2])
    raw = read_yaml(paths.PARAMS)
    diffs = (raw.get("variants") or {}) | (raw.get("exploratory") or {})
    baseline = baseline_settings(raw.get("train"))
    architecture = parse(Model, raw.get("model"), "model")
    compute = parse(Compute, raw.get("compute") or {}, "compute")
    settings = variant_settings(raw["train"], diffs, variant)
    environment.check_installed()
    train_cell(variant, block, architecture, settings, baseline, compute)
    if not progress.is_followed():  # who follows says it once for all cells
        from valgap.costs.so_far import so_far

        print(so_far(), flush=True)
