"""The whole of params.yaml, and the checks that need more than one of its blocks."""

import dataclasses
import keyword
from pathlib import Path
from typing import Any

from stages.params.experiment import Compute, Data, Split, Train, variant_settings
from stages.params.schema import ParamsError, parse, read_yaml
from stages.paths import runs

BASELINE = "baseline"
REFERENCE_NAMES = ("majority_class", "nearest_neighbour")  # rows of results.csv that no variant may take


@dataclasses.dataclass(frozen=True)
class Suite:
    """params.yaml, checked. `diffs` are the variants as written, `variants` as they will train."""

    data: Data
    split: Split
    train: Train
    variants: dict[str, Train]
    diffs: dict[str, dict[str, Any]]
    compute: Compute


def load(path: Path = runs.PARAMS) -> Suite:
    """Read and check params.yaml. Raises ParamsError naming every offending key of a block."""
    raw = read_yaml(path)
    blocks = ("data", "split", "train", "variants", "compute")
    for name in raw:
        if name not in blocks:
            raise ParamsError(f"params.yaml: {name} is not a known block (allowed: {', '.join(blocks)})")
    for name in blocks:
        if not isinstance(raw.get(name), dict):
            raise ParamsError(f"params.yaml: block {name} must be a mapping, received {raw.get(name)!r}")
    split = parse(Split, raw["split"], "split")
    suite = Suite(
        data=parse(Data, raw["data"], "data"),
        split=split,
        train=parse(Train, raw["train"], "train"),
        variants=_variants(raw["train"], raw["variants"], split),
        diffs=raw["variants"],
        compute=parse(Compute, raw["compute"], "compute"),
    )
    return suite


def _variants(train: dict[str, Any], diffs: dict[str, Any], split: Split) -> dict[str, Train]:
    for name in diffs:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise ParamsError(
                f"params.yaml: variants.{name} is not a valid name: letters, digits and underscores, "
                "not starting with a digit (DVC splits keys on dots)"
            )
        if name in REFERENCE_NAMES:
            raise ParamsError(f"params.yaml: variants.{name} is the name of a reference: choose another")
    if diffs.get(BASELINE) != {}:
        raise ParamsError(
            f"params.yaml: variants.{BASELINE} must be {{}}, received {diffs.get(BASELINE)!r}: "
            "the baseline is the `train` block, and every variant is compared with it"
        )
    variants = {name: variant_settings(train, diffs, name) for name in diffs}
    for name, settings in variants.items():
        if settings.train_size_factor > split.max_train_factor:
            raise ParamsError(
                f"params.yaml: variants.{name}.train_size_factor = {settings.train_size_factor:g} exceeds "
                f"split.max_train_factor = {split.max_train_factor:g}: raise that to draw longer training lists"
            )
    return variants
