"""The blocks of params.yaml that decide a training run: data, split, train and one variant's diff."""

import dataclasses
import keyword
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stages.params.schema import STRICT, ParamsError, parse

Natural = Annotated[int, Field(ge=0, le=10**9)]
Positive = Annotated[int, Field(ge=1, le=10**9)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0)]
MAX_SEED = 2**63 - 1


def check_name(where: str, name: object) -> None:
    """Raise ParamsError when `name` is no identifier: DVC splits keys on dots, and names become file names."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ParamsError(
            f"params.yaml: {where} is not a valid name: letters, digits and underscores, not starting with a digit"
        )


@dataclass(frozen=True, config=STRICT)
class Data:
    """Block `data`: where images come from."""

    source: Literal["embedded", "fashion_mnist"]


@dataclass(frozen=True, config=STRICT)
class Split:
    """Block `split`: replicates, and the sizes (in images) of what each of them draws."""

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)]
    block_size: Positive
    blocks: Annotated[tuple[Natural, ...], Field(min_length=1)]
    exploratory_blocks: tuple[Natural, ...]
    train_size: Positive
    max_train_factor: Annotated[float, Field(ge=1)]
    val_size: Positive
    test_size: Positive

    def __post_init__(self) -> None:
        for name, blocks in (("blocks", self.blocks), ("exploratory_blocks", self.exploratory_blocks)):
            if len(set(blocks)) != len(blocks):
                raise ParamsError(f"params.yaml: split.{name} = {list(blocks)} repeats a block")
        if alone := sorted(set(self.exploratory_blocks) - set(self.blocks)):
            raise ParamsError(
                f"params.yaml: split.exploratory_blocks = {list(self.exploratory_blocks)} has {alone}, which "
                f"split.blocks = {list(self.blocks)} lacks: exploratory variants are compared on shared replicates"
            )

    @property
    def max_train_size(self) -> int:
        """Length of the training lists that `prepare` draws, in images."""
        return round(self.train_size * self.max_train_factor)

    def replicates(self, block: int) -> range:
        """Numbers of the replicates in `block`; they never depend on which other blocks exist."""
        return range(block * self.block_size, (block + 1) * self.block_size)


@dataclass(frozen=True, config=STRICT)
class Augmentation:
    """Ranges of the random affine warp, with the meaning that Keras's ImageDataGenerator gives them.

    Each draw is uniform in plus-minus its range: degrees, or fractions of the image's width or height;
    `zoom` draws two factors in [1 - zoom, 1 + zoom]; the flips each flip half of the images. Beyond the
    generator, `right_angles` turns by 0, 90, 180 or 270 degrees, of square images only.
    """

    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    width_shift: Fraction = 0.0
    height_shift: Fraction = 0.0
    shear_degrees: Annotated[float, Field(ge=0, lt=90)] = 0.0
    zoom: Rate = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    right_angles: bool = False


@dataclass(frozen=True, config=STRICT)
class Train:
    """Block `train`, the baseline's settings; a variant is a diff from it."""

    steps: Positive
    batch_size: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    train_size_factor: Annotated[float, Field(gt=0)]
    schedule: Literal["constant", "cosine"]
    long_tail: Annotated[float, Field(ge=1)]
    class_remedy: Literal["none", "class_weights", "oversampling", "focal", "logit_adjustment"]
    width: Annotated[float, Field(gt=0, le=64)]
    head: Literal["flatten", "pooling"]
    batch_norm: bool
    dropout: tuple[Rate, Rate, Rate]
    l1_penalty: NonNegative
    l2_penalty: NonNegative
    weight_decay: NonNegative
    label_smoothing: Rate
    ema_momentum: Rate
    augmentation: Augmentation
    rand_augment: Fraction
    random_erasing: Fraction
    mixup: NonNegative
    cutmix: NonNegative
    early_stopping: bool
    curve_points: Positive
    curve_train_images: Positive
    # Hashing is for the cache of traced models, which no policy of evaluation enters.
    evaluation_policies: dict[str, Augmentation] = dataclasses.field(hash=False)

    def __post_init__(self) -> None:
        for name in self.evaluation_policies:
            check_name(f"evaluation_policies.{name}", name)
        if self.curve_points > self.steps:
            raise ParamsError(
                f"params.yaml: curve_points = {self.curve_points} exceeds steps = {self.steps}: "
                "a run cannot be evaluated more often than it steps"
            )


@dataclass(frozen=True, config=STRICT)
class Compute:
    """Block `compute`: where replicates run. Nothing here may change a number."""

    workers: Natural
    device: Literal["auto", "cpu", "gpu"]


def variant_settings(train: dict[str, Any], variants: dict[str, Any], name: str, where: str = "variants") -> Train:
    """Settings of one variant: the raw `train` block with the raw diff applied, checked.

    Raises ParamsError naming the variant's key on anything unknown or out of range.
    """
    if name not in variants:
        raise ParamsError(f"params.yaml: no variant {name!r} (declared: {', '.join(variants)})")
    diff = variants[name]
    if not isinstance(diff, dict):
        raise ParamsError(f"params.yaml: {where}.{name} must be a mapping, {{}} for none, received {diff!r}")
    return parse(Train, {**train, **diff}, f"{where}.{name}")


def settings_as_dict(settings: Train) -> dict[str, Any]:
    """Plain nested dict of the settings, as run.json and the store's keys hold it."""
    return dataclasses.asdict(settings)
