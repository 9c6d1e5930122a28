"""The whole of params.yaml, and the checks that need more than one of its blocks."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valgap.ground import paths
from valgap.ground.params.arms import Arms, read_causes
from valgap.ground.params.causes import CAUSES, Cause
from valgap.ground.params.experiment import (
    TRANSFORMS,
    Compute,
    Data,
    Model,
    Train,
    baseline_settings,
    variant_settings,
)
from valgap.ground.params.fields import Fraction, Natural, NonNegative, check_name, refuse_alike
from valgap.ground.params.questions import refuse_questions
from valgap.ground.params.schema import STRICT, ParamsError, parse, read_yaml
from valgap.ground.params.split import Split
from valgap.ground.params.symptom import Symptom, read_symptom
from valgap.ground.records import Plain

BASELINE = "baseline"
REFERENCE_NAMES = ("majority_class", "nearest_neighbour")  # rows of results.csv that no variant may take
BLOCKS = (
    "data", "split", "model", "train", "variants", "exploratory", "extra", "causes", "diagnosis", "symptom", "review",
    "compute",
)  # fmt: skip
OPTIONAL = ("symptom", "review", "compute")  # blocks that dvc.yaml does not read, or has a default for
READ_BY_DVC = {  # what else may not be missing, and an example of each
    "data.path": "photos", "split.blocks": "[0, 1]", "split.exploratory_blocks": "[]", "model.files": "valgap/training",
    "train": "{}", "variants": "{baseline: {}}", "exploratory": "{}", "extra": "{}", "causes": "{}", "diagnosis": "{}",
}  # fmt: skip


@dataclass(frozen=True, config=STRICT)
class Diagnosis:
    """What counts as an effect, in fractions of accuracy."""

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.01
    target_gain: Fraction = 0.05


@dataclass(frozen=True, config=STRICT)
class Review:
    """What `make review` judges by: one metric, in whose unit (a fraction, or nats) margin and tolerance are.

    `fail_on` says what ends it with status 1: an adjusted interval wholly below -tolerance, a gap that
    grows by more than gap_tolerance, a stale dvc.lock or reports/.
    """

    primary: str = "test_accuracy"  # one of the scores that `valgap.stats.measures` knows, which checks it
    margin: Annotated[float, Field(gt=0)] = 0.02
    fail_on: tuple[Literal["regression", "gap_growth", "stale"], ...] = ()
    tolerance: NonNegative = 0.0
    gap_tolerance: Fraction = 0.0


@dataclass(frozen=True, config=STRICT)
class Cell:
    """One block of one of `variants`, beyond split.blocks.

    `look` counts the times that blocks were added to the variant: 1 for the first time. Each look at the
    results costs some of the alpha.
    """

    variant: str
    block: Natural
    look: Annotated[int, Field(ge=1)] = 1


@dataclasses.dataclass(frozen=True)
class Suite:
    """params.yaml, checked.

    `diffs` are the variants as written, exploratory ones included, `variants` as they will train,
    `cells` the blocks of those that do, `looks` how many times blocks were added to a variant, by `extra`.
    """

    data: Data
    split: Split
    model: Model
    train: Train
    variants: dict[str, Train]
    exploratory: tuple[str, ...]
    diffs: dict[str, Plain]
    cells: dict[str, tuple[int, ...]]
    looks: dict[str, int]
    extra: tuple[Cell, ...]
    causes: dict[str, Arms]
    diagnosis: Diagnosis
    review: Review
    compute: Compute
    symptom: Symptom | None = None

    @property
    def in_epochs(self) -> bool:
        """Whether the length of a run waits for the number of training images."""
        return any(not settings.steps for settings in (self.train, *self.variants.values()))

    def in_steps(self, images: int) -> "Suite":
        """The same with every run's length in steps; `images` are in a training list of the baseline."""
        variants = {name: settings.in_steps(images) for name, settings in self.variants.items()}
        return dataclasses.replace(self, train=self.train.in_steps(images), variants=variants)

    @property
    def blocks(self) -> list[int]:
        """All blocks that any variant trains on."""
        return sorted({block for blocks in self.cells.values() for block in blocks})

    def stage(self, variant: str, block: int) -> str:
        """Name of the DVC stage that trains the cell."""
        if variant in self.exploratory:
            return f"explore@{variant}-{block}"
        return f"train@{variant}-{block}" if block in self.split.blocks else f"more@{variant}_{block}"

    def cause_of(self, variant: str) -> str | None:
        """Name of the cause that lists the variant."""
        return next((name for name, cause in self.causes.items() if cause.kind(variant)), None)

    @property
    def judged(self) -> list[Cause]:
        """The declared causes that are judged by their arms, in the order of the report."""
        return [CAUSES[name] for name in self.causes if not CAUSES[name].is_price]

    @property
    def priced(self) -> list[Cause]:
        """The declared causes that have a price."""
        return [CAUSES[name] for name in self.causes if CAUSES[name].is_price]


def load(path: Path = paths.PARAMS) -> Suite:
    """Read and check params.yaml. Raises ParamsError naming every question in it, or every offending key of a block."""
    raw = read_yaml(path)
    refuse_questions(path)
    for name in raw:
        if name not in BLOCKS:
            raise ParamsError(f"params.yaml: {name} is not a known block (allowed: {', '.join(BLOCKS)})")
    raw = {name: Plain() for name in OPTIONAL} | raw
    for name in BLOCKS:
        if not isinstance(raw.get(name, {}), dict):
            raise ParamsError(f"params.yaml: block {name} must be a mapping, received {raw[name]!r}")
    _refuse_unread(raw)
    split = parse(Split, raw["split"], "split")
    declared, exploratory = raw["variants"], raw["exploratory"]
    extra = _extra(raw["extra"], declared, exploratory)
    if both := sorted(set(declared) & set(exploratory)):
        raise ParamsError(f"params.yaml: {', '.join(both)} under both variants and exploratory: keep one")
    refuse_alike("variants", [*dict.fromkeys([*declared, *exploratory, *REFERENCE_NAMES])])
    data, train = parse(Data, raw["data"], "data"), baseline_settings(raw["train"])
    variants = {
        name: settings
        for where, diffs in (("variants", declared), ("exploratory", exploratory))
        for name, settings in _variants(raw["train"], diffs, where).items()
    }
    cells, causes = (
        _cells(declared, exploratory, extra, split),
        read_causes(raw["causes"], [name for name in variants if name != BASELINE]),
    )
    _refuse_impossible({name: variants[name] for name in cells}, data, split, causes)
    return Suite(
        data=data,
        split=split,
        model=parse(Model, raw["model"], "model"),
        train=train,
        variants=variants,
        exploratory=tuple(exploratory),
        diffs=declared | exploratory,
        cells=cells,
        looks={name: max((cell.look for cell in extra if cell.variant == name), default=0) for name in variants},
        extra=tuple(extra),
        causes=causes,
        diagnosis=parse(Diagnosis, raw["diagnosis"], "diagnosis"),
        review=parse(Review, raw["review"], "review"),
        compute=parse(Compute, raw["compute"], "compute"),
        symptom=read_symptom(raw["symptom"]),
    )


def _refuse_unread(raw: Plain) -> None:
    """Raise ParamsError where a key is missing that dvc.yaml reads: DVC knows no defaults, and says so obscurely."""
    missing = [f"{name}: {example}" for name, example in READ_BY_DVC.items() if not _has(raw, name.split("."))]
    if missing:
        raise ParamsError(f"params.yaml: dvc.yaml reads keys that are missing; add {'; '.join(missing)}")


def _has(raw: object, keys: list[str]) -> bool:
    return not keys or (isinstance(raw, dict) and keys[0] in raw and _has(raw[keys[0]], keys[1:]))


def _variants(train: Plain, diffs: Plain, where: str) -> dict[str, Train]:
    for name in diffs:
        check_name(f"{where}.{name}", name)
        if name in REFERENCE_NAMES:
            raise ParamsError(f"params.yaml: {where}.{name} is the name of a reference: choose another")
    if where == "variants" and diffs.get(BASELINE) != {}:
        raise ParamsError(
            f"params.yaml: variants.{BASELINE} must be {{}}, received {diffs.get(BASELINE)!r}: "
            "the baseline is the `train` block, and every variant is compared with it"
        )
    return {name: variant_settings(train, diffs, name, where) for name in diffs}


def _refuse_impossible(variants: dict[str, Train], data: Data, split: Split, causes: dict[str, Arms]) -> None:
    """Raise ParamsError listing every variant that asks for more images than are drawn, or changes what labels mean.

    A variant that injects improper augmentation may apply any transform: that is its purpose.
    """
    whole = split.train_size == "all"
    largest = 1 if whole else split.max_train_factor
    allowed = TRANSFORMS if data.allowed_transforms is None else data.allowed_transforms
    injects = causes["augmentation"].injects if "augmentation" in causes else ()
    refused = []
    for name, settings in variants.items():
        if settings.train_size_factor > largest:
            refused.append(
                f"{name}.train_size_factor = {settings.train_size_factor:g} exceeds "
                + ("1: split.train_size = all leaves no more images; remove the variant" if whole else
                   f"split.max_train_factor = {largest:g}: raise that to draw longer training lists")
            )  # fmt: skip
        forbidden = [transform for transform in settings.transforms if transform not in allowed]
        if forbidden and name not in injects:
            refused.append(
                f"{name} applies {', '.join(forbidden)}, which data.allowed_transforms = {[*allowed]} does not name: "
                "remove the variant, or the setting from it"
            )
    if refused:
        raise ParamsError("params.yaml: " + "; ".join(refused))


def _extra(raw: Plain, declared: Plain, exploratory: Plain) -> list[Cell]:
    """The single cells. Raises ParamsError on one that is misnamed or not of a declared variant."""
    cells = []
    for key, content in raw.items():
        cell = parse(Cell, content, f"extra.{key}")
        if cell.variant not in declared:
            hint = ": move it from exploratory to variants first" if cell.variant in exploratory else ""
            raise ParamsError(f"params.yaml: extra.{key}.variant = {cell.variant!r} is not under variants{hint}")
        if key != f"{cell.variant}_{cell.block}":
            raise ParamsError(f"params.yaml: extra.{key} must be named {cell.variant}_{cell.block}")
        cells.append(cell)
    return cells


def _cells(declared: Plain, exploratory: Plain, extra: list[Cell], split: Split) -> dict[str, tuple[int, ...]]:
    """Blocks of every variant that trains, the declared ones first. The baseline has all of them, for pairing."""
    cells = {name: split.blocks for name in declared}
    if split.exploratory_blocks:
        cells |= {name: split.exploratory_blocks for name in exploratory}
    for cell in extra:
        if cell.block in cells[cell.variant]:
            raise ParamsError(
                f"params.yaml: extra.{cell.variant}_{cell.block} is trained already: split lists block {cell.block}"
            )
        cells[cell.variant] = (*cells[cell.variant], cell.block)
    for name, blocks in cells.items():
        if unpaired := sorted(set(blocks) - set(cells[BASELINE])):
            raise ParamsError(
                f"params.yaml: {name} trains on block {unpaired[0]} without the {BASELINE}, so nothing can be paired: "
                f"add {BASELINE}_{unpaired[0]} to extra"
            )
    return cells
