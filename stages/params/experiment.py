"""The blocks of params.yaml that decide a training run: data, split, train and one variant's diff."""

import dataclasses
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stages.params.schema import STRICT, ParamsError, parse

Natural = Annotated[int, Field(ge=0, le=10**9)]
Positive = Annotated[int, Field(ge=1, le=10**9)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
MAX_SEED = 2**63 - 1


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
    train_size: Positive
    max_train_factor: Annotated[float, Field(ge=1)]
    val_size: Positive
    test_size: Positive

    def __post_init__(self) -> None:
        if len(set(self.blocks)) != len(self.blocks):
            raise ParamsError(f"params.yaml: split.blocks = {list(self.blocks)} repeats a block")

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
    `zoom` draws two factors in [1 - zoom, 1 + zoom]; `horizontal_flip` flips half of the images.
    """

    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    width_shift: Fraction = 0.0
    height_shift: Fraction = 0.0
    shear_degrees: Annotated[float, Field(ge=0, lt=90)] = 0.0
    zoom: Rate = 0.0
    horizontal_flip: bool = False


@dataclass(frozen=True, config=STRICT)
class Train:
    """Block `train`, the baseline's settings; a variant is a diff from it."""

    steps: Positive
    batch_size: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    train_size_factor: Annotated[float, Field(gt=0)]
    dropout: tuple[Rate, Rate, Rate]
    l2_penalty: Annotated[float, Field(ge=0)]
    augmentation: Augmentation
    early_stopping: bool
    curve_points: Positive
    curve_train_images: Positive

    def __post_init__(self) -> None:
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


def variant_settings(train: dict[str, Any], variants: dict[str, Any], name: str) -> Train:
    """Settings of one variant: the raw `train` block with the raw diff applied, checked.

    Raises ParamsError naming the variant's key on anything unknown or out of range.
    """
    if name not in variants:
        raise ParamsError(f"params.yaml: no variant {name!r} (declared: {', '.join(variants)})")
    diff = variants[name]
    if not isinstance(diff, dict):
        raise ParamsError(f"params.yaml: variants.{name} must be a mapping, {{}} for none, received {diff!r}")
    return parse(Train, {**train, **diff}, f"variants.{name}")


def settings_as_dict(settings: Train) -> dict[str, Any]:
    """Plain nested dict of the settings, as run.json and the store's keys hold it."""
    return dataclasses.asdict(settings)
