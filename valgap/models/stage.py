"""Models stage: is every network of the experiment one that can be trained, on images that there are?

Reads params.yaml (split, model, train, variants, exploratory, extra), model.files, data/prepared/manifest.json, labels
and index lists; builds the network of every variant that trains, in a process of its own, trains none; writes
data/models.txt, which never changes, so that one more variant retrains no other.
"""

from valgap.compute import pool
from valgap.compute.placement import place
from valgap.data.prepared import load_labels, load_suite, read_manifest
from valgap.ground import host, paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_whole
from valgap.ground.host import device_kind
from valgap.ground.params.experiment import Model, Train
from valgap.ground.params.suite import Suite
from valgap.training.subset import BlockSplits, Index, learned_from, load_splits, training_subset, validation

CONTENT = "Every network keeps the contract of valgap/training/network/contract.py, and every knob bites.\n"


def check(
    image_shape: tuple[int, int, int], classes: int, architecture: Model, baseline: Train, variants: dict[str, Train]
) -> None:
    """Check all recipes and networks in this worker process, a line each. Raises SuiteError naming the refused ones."""
    from valgap.models.bites import check_variants
    from valgap.models.recipes import check_recipes

    check_recipes(image_shape, variants)
    check_variants(image_shape, classes, architecture, baseline, variants, lambda line: print(line, flush=True))


def check_lists(params: Suite) -> None:
    """Raise SuiteError naming every variant whose images cannot be had from the lists that `prepare` drew.

    A variant that leaves out suspects where there are none is trained all the same, like one that keeps them; a line
    says so.
    """
    labels, refused = load_labels(), {}
    for name, blocks in params.cells.items():
        settings, out = params.variants[name], []
        for splits in map(load_splits, blocks):
            try:
                validation(splits, settings)
                out += [_left_out(splits, row, settings, labels) for row in range(len(splits.replicates))]
            except SuiteError as error:
                refused[name] = str(error)
        if settings.suspects == "leave_out" and name not in refused:
            print(f"{name}: {min(out):,} to {max(out):,} suspected images of a training list are left out", flush=True)
    if refused:
        raise SuiteError("; ".join(f"variant {name}: {why}" for name, why in refused.items()))


def _left_out(splits: BlockSplits, row: int, settings: Train, labels: Index) -> int:
    training = training_subset(splits, row, settings, labels)
    return len(training) - len(learned_from(splits, training, settings, labels))


def is_emulated(precision: str, device: str) -> bool:
    """Whether a precision is a half one that no processor here computes in. What a GPU does without is quick anyway."""
    return device == "cpu" and (
        precision == "mixed_float16" or (precision == "mixed_bfloat16" and not host.has_bfloat16())
    )


def main() -> None:
    """Check the networks of all variants that train, then write that they are."""
    params = load_suite()
    manifest = read_manifest()
    variants = {name: params.variants[name] for name in params.cells}
    check_lists(params)
    device = device_kind(params.compute)
    if emulated := [name for name, settings in variants.items() if is_emulated(settings.precision, device)]:
        print(
            f"variants {', '.join(emulated)}: this processor does not compute in half precision; TensorFlow emulates "
            "it, slower than float32",
            flush=True,
        )
    job = (manifest.image_shape, len(manifest.class_names), params.model, params.train, variants)
    for _ in pool.run_jobs(check, [job], place(params.compute).first):
        pass
    try:
        write_whole(paths.MODELS_CHECKED, CONTENT)
    except OSError as error:
        raise SuiteError(f"cannot write {paths.MODELS_CHECKED}: {error}; check its owner and free space") from None
