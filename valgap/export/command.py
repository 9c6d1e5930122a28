"""`valgap export --variant name --out export`: one model of a variant, trained on training plus validation, to keep.

Reads params.yaml, data/prepared/, reports/ and, for freshness, dvc.yaml, dvc.lock and the code; writes
<out>/<variant>/model.keras, which takes images with values in [0, 255] and returns class probabilities, and
model_card.md. Both appear by one rename. TensorFlow lives in a worker process.
"""

import dataclasses
import os
import shutil
import statistics
from pathlib import Path

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valgap.cli import options
from valgap.cli.workspace import InPipeline
from valgap.compute import environment, pool
from valgap.compute.placement import place
from valgap.data.prepared import load_groups, load_images, load_labels, load_suite, read_manifest
from valgap.export import card, saving
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.lifetime import die_with_parent
from valgap.ground.params.experiment import Train
from valgap.ground.params.suite import Suite
from valgap.ground.terminal import safe
from valgap.pipeline import freshness
from valgap.results.provenance import Provenance, read_provenance
from valgap.results.tables import read_table
from valgap.training.recipe import Recipe
from valgap.training.subset import learned_from, load_splits, training_subset, validation

MODEL, CARD = "model.keras", "model_card.md"
COMPARED = 1000  # test images on which the saved model is compared with the trained one, at most


@dataclasses.dataclass(frozen=True)
class Exported:
    """What a worker leaves beside the model's file: its test probabilities, size, and classes that are not Keras's."""

    probabilities: NDArray[np.float32]
    parameters: int
    own_classes: tuple[str, ...]


def work(file: Path, recipe: Recipe, stop: int, replicate: int, index: dict[str, NDArray[np.int64]]) -> Exported:
    """Train in a worker process on the images of `index["train"]` for `stop` steps, save, and prove what was saved.

    Raises SuiteError as training does, and on a model that Keras cannot save and load back in safe mode.
    """
    from valgap.export.training import train_until
    from valgap.training.examples import Examples

    images, labels = load_images(), load_labels()
    train, test = (Examples(images, labels[index[name]], index[name]) for name in ("train", "test"))
    model, pixels, probabilities = train_until(recipe, stop, replicate, train, test, int(labels.max()) + 1)
    saving.save(model, images.shape[1:], pixels, file)
    saving.prove(file, test.first(COMPARED), probabilities[:COMPARED])
    return Exported(probabilities, int(model.count_params()), saving.own_classes(file))


def chosen(settings: Train, selected_steps: list[int]) -> tuple[Train, int]:
    """Settings of the one run that is exported, and the step after which it stops.

    No early stopping: at its place it stops at the median selected step. A schedule still spans the variant's own
    steps, for so did that of the runs; a run at a constant rate is as long as it trains. Nothing is curved or warped,
    which would change no weight. Raises SuiteError where the rate waits for validation losses: the exported model
    learns from the validation images too.
    """
    if settings.schedule.name == "plateau":
        why = "its rate falls where validation loss stalls, and an exported model learns from the validation images"
        cure = "export a variant whose schedule is step, cosine, exponential or constant"
        raise SuiteError(key="train.schedule", value="plateau", why=why, cure=cure)
    stop = round(statistics.median(selected_steps)) if settings.early_stopping else settings.steps
    steps = settings.steps if settings.schedule.name != "constant" else stop
    settings = dataclasses.replace(settings, steps=steps, early_stopping=False, curve_points=1, evaluation_policies={})
    return settings, stop


def reported(params: Suite, variant: str) -> Provenance:
    """provenance.json, of reports that belong to params.yaml, the code and the data. Raises SuiteError otherwise."""
    if variant not in params.diffs:
        raise SuiteError(f"--variant = {variant!r} is not in params.yaml (declared: {', '.join(params.cells)})")
    if variant not in params.cells:
        raise SuiteError(f"--variant = {variant} is exploratory and not trained: split.exploratory_blocks trains it")
    cells = {params.stage(variant, block) for block in params.cells[variant]}
    for finding in freshness.check():
        if not finding.stages or {"prepare", "models", "evaluate", *cells} & set(finding.stages):
            raise SuiteError(f"the results are stale: {finding.what}; run `valgap repro` first")
    try:
        content, manifest = read_provenance(), read_manifest()
    except SuiteError as error:
        raise SuiteError(f"reports/ or data/prepared/ cannot be read ({error}); run `valgap repro` first") from None
    if variant not in content.variants:
        raise SuiteError(f"--variant = {variant} has no finished runs in {paths.PROVENANCE}; run `valgap repro` first")
    if content.data != manifest:
        raise SuiteError(f"{paths.REPORTS} was made from other data than {paths.PREPARED}; run `valgap repro` first")
    return content


def export(params: Suite, variant: str, out: Path) -> Path:
    """Train and save a variant's model with its card below `out`; return their folder. Raises SuiteError."""
    known = reported(params, variant)
    settings, stop = chosen(params.variants[variant], list(known.variants[variant].selected_steps))
    splits, labels = load_splits(params.cells[variant][0]), load_labels()
    training = training_subset(splits, 0, settings, labels)
    joined = np.concatenate([training, validation(splits, settings)[0]])
    learned = learned_from(splits, joined, settings, labels)
    of_training, joined = int(np.sum(learned < len(training))), joined[learned]
    index = {"train": joined, "test": splits.test[0]}
    print(f"export {variant}: {stop:,} steps on {len(joined):,} images", flush=True)
    placement = place(params.compute).first
    target, partial = out / variant, out / f".{variant}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)  # what a killed run left
        partial.mkdir(parents=True)
        recipe = Recipe(params.model, settings, params.train, splits.streams)
        job = (partial / MODEL, recipe, stop, splits.replicates[0], index)
        (made,) = pool.run_jobs(work, [job], placement)
        content = card.Content(
            variant=variant,
            params=params,
            settings=settings,
            stop=stop,
            provenance=known,
            sizes=(of_training, len(joined) - of_training),
            probabilities=made.probabilities,
            labels=labels[index["test"]],
            parameters=made.parameters,
            groups=load_groups()[index["test"]] if known.data.groups is not None else None,
            own_classes=made.own_classes,
            environment=environment.environment(placement.device),
            **tables(),
        )
        (partial / CARD).write_text(card.text(content), encoding="utf-8")
        replace(partial, target)
    except OSError as error:
        raise SuiteError(f"--out = {out} cannot be written: {error}; name a folder of yours") from None
    except SuiteError as error:
        raise SuiteError(f"variant {variant}: {error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def tables() -> dict[str, pd.DataFrame]:
    """summary.csv and classes.csv. Raises SuiteError when they cannot be read."""
    return {path.stem: read_table(path) for path in (paths.SUMMARY, paths.CLASSES)}


def replace(partial: Path, target: Path) -> None:
    """Put a whole folder in the place of another, which is gone only when the new one is there."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)


@click.command(cls=InPipeline, epilog="Example: valgap export --variant dropout --out export")
@options.variant
@options.out
def command(variant: str, out: Path | None) -> None:
    """Train a variant once on training and validation images; leave model.keras and its card in OUT/<variant>."""
    die_with_parent(os.getppid())
    environment.check_installed()
    target = export(load_suite(), variant, out or paths.EXPORT)
    print(safe(f"wrote {target / MODEL} and {target / CARD}"))
