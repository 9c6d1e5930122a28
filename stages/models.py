"""Models stage: is every network of the experiment one that can be trained, on images that there are?

Reads params.yaml (split, model, train, variants, exploratory, extra), model.files, data/prepared/manifest.json, labels
and index lists; builds the network of every variant that trains, in a process of its own, trains none; writes
data/models.txt, which never changes, so that one more variant retrains no other.
"""

from stages.compute import pool
from stages.compute.placement import place
from stages.data.arrays import load_labels, load_splits
from stages.data.manifest import read_manifest
from stages.data.subset import training_subset, validation
from stages.errors import SuiteError, run_stage
from stages.params import suite
from stages.params.experiment import Model, Train
from stages.paths import runs
from stages.paths.writing import write_whole

CONTENT = "Every network keeps the contract of stages/model/contract.py, and every knob bites.\n"


def check(
    image_shape: tuple[int, int, int], classes: int, architecture: Model, baseline: Train, variants: dict[str, Train]
) -> None:
    """Check all networks in this worker process and print a line each. Raises SuiteError naming all refused ones."""
    from stages.model.bites import check_variants

    check_variants(image_shape, classes, architecture, baseline, variants, lambda line: print(line, flush=True))


def check_lists(params: suite.Suite) -> None:
    """Raise SuiteError naming every variant whose images cannot be had from the lists that `prepare` drew."""
    labels, refused = load_labels(), {}
    for name, blocks in params.cells.items():
        for splits in map(load_splits, blocks):
            try:
                validation(splits, params.variants[name])
                for row in range(len(splits.replicates)):
                    training_subset(splits, row, params.variants[name], labels, params.split.seed)
            except SuiteError as error:
                refused[name] = str(error)
    if refused:
        raise SuiteError("; ".join(f"variant {name}: {why}" for name, why in refused.items()))


def main() -> None:
    """Check the networks of all variants that train, then write that they are."""
    params = suite.load()
    manifest = read_manifest()
    height, width, channels = manifest["image_shape"]
    variants = {name: params.variants[name] for name in params.cells}
    check_lists(params)
    job = ((height, width, channels), len(manifest["class_names"]), params.model, params.train, variants)
    for _ in pool.run_jobs(check, [job], place(params.compute).first):
        pass
    try:
        write_whole(runs.MODELS_CHECKED, CONTENT)
    except OSError as error:
        raise SuiteError(f"cannot write {runs.MODELS_CHECKED}: {error}; check its owner and free space") from None


if __name__ == "__main__":
    run_stage(main)
