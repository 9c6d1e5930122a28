"""The blocks of params.yaml that decide a training run: data, split, model, train and one variant's diff."""

import dataclasses
import keyword
import re
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valgap.ground.params.schema import STRICT, ParamsError, parse

Natural = Annotated[int, Field(ge=0, le=10**9)]
Positive = Annotated[int, Field(ge=1, le=10**9)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Size = Positive | Annotated[float, Field(gt=0, lt=1)] | Literal["all"]
NonNegative = Annotated[float, Field(ge=0)]
MAX_SEED = 2**63 - 1


def check_name(where: str, name: object) -> None:
    """Raise ParamsError when `name` is no identifier: DVC splits keys on dots, and names become file names."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ParamsError(
            f"params.yaml: {where} is not a valid name: letters, digits and underscores, not starting with a digit"
        )


TRANSFORMS = {  # by name in data.allowed_transforms, the settings that apply it
    "rotation": ("rotation_degrees",),
    "shift": ("width_shift", "height_shift"),
    "shear": ("shear_degrees",),
    "zoom": ("zoom",),
    "horizontal_flip": ("horizontal_flip",),
    "vertical_flip": ("vertical_flip",),
    "right_angles": ("right_angles",),
    "rand_augment": ("rand_augment",),
    "random_erasing": ("random_erasing",),
    "mixup": ("mixup",),
    "cutmix": ("cutmix",),
}


@dataclass(frozen=True, config=STRICT)
class Data:
    """Block `data`: where images come from, and what is known of them.

    Which sources there are, and what each needs, is known to them (valgap/data/sources/registry.py). `image_size` is
    (height, width) in pixels, None where all images have one size already. `allowed_transforms` names those of
    TRANSFORMS that keep a label; None, which own images may not leave it at, is not asked.
    """

    source: Annotated[str, Field(min_length=1)]
    path: Annotated[str, Field(min_length=1)]
    name: str | None
    table: str | None
    image_size: tuple[Positive, Positive] | None
    resize: Literal["stretch", "pad", "crop"]
    color: Literal["auto", "grey", "rgb"]
    on_unreadable: Literal["error", "skip"]
    group_column: str | None
    group_pattern: str | None
    allowed_transforms: tuple[str, ...] | None

    def __post_init__(self) -> None:
        if self.group_pattern is not None:
            _check_group_pattern(self.group_pattern)
            if self.group_column is not None:
                raise ParamsError("params.yaml: data.group_column and data.group_pattern are two answers: keep one")
        for name in self.allowed_transforms or ():
            if name not in TRANSFORMS:
                raise ParamsError(
                    f"params.yaml: data.allowed_transforms names {name!r}, which is none (allowed: "
                    f"{', '.join(TRANSFORMS)})"
                )


def _check_group_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ParamsError(f"params.yaml: data.group_pattern = {pattern!r} is no regular expression: {error}") from None
    if groups != 1:
        raise ParamsError(
            f"params.yaml: data.group_pattern = {pattern!r} has {groups} capturing groups; it needs one, around what "
            "names the group: (patient[0-9]+)_"
        )


@dataclass(frozen=True, config=STRICT)
class Split:
    """Block `split`: replicates, and the sizes of what each of them draws.

    A size is a number of images, a fraction of those it is drawn from, or `all` of them.
    """

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)]
    block_size: Positive
    blocks: Annotated[tuple[Natural, ...], Field(min_length=1)]
    exploratory_blocks: tuple[Natural, ...]
    scheme: Literal["holdout", "kfold"]
    folds: Annotated[int, Field(ge=2, le=1000)]
    train_size: Positive | Literal["all"]
    max_train_factor: Annotated[float, Field(ge=1)]
    val_size: Size
    test_size: Size

    def __post_init__(self) -> None:
        for name, blocks in (("blocks", self.blocks), ("exploratory_blocks", self.exploratory_blocks)):
            if len(set(blocks)) != len(blocks):
                raise ParamsError(f"params.yaml: split.{name} = {list(blocks)} repeats a block")
        if alone := sorted(set(self.exploratory_blocks) - set(self.blocks)):
            raise ParamsError(
                f"params.yaml: split.exploratory_blocks = {list(self.exploratory_blocks)} has {alone}, which "
                f"split.blocks = {list(self.blocks)} lacks: exploratory variants are compared on shared replicates"
            )

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
class Model:
    """Block `model`: what builds the network under study.

    `builder` is `cnn`, `resnet`, `applications:<name>` of keras.applications, or `package.module:function`.
    `files` is the folder or file that holds a user's builder and its weights: DVC retrains when it changes.
    `weights` is a file below it, or `random`; None where the builder does not ask.
    """

    builder: Annotated[str, Field(pattern=r"^(cnn|resnet|applications:\w+|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$")]
    files: Annotated[str, Field(min_length=1)]
    weights: str | None


@dataclass(frozen=True, config=STRICT)
class Train:
    """Block `train`, the baseline's settings; a variant is a diff from it."""

    steps: Positive
    batch_size: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    train_size_factor: Annotated[float, Field(gt=0)]
    resplit: bool
    schedule: Literal["constant", "cosine"]
    long_tail: Annotated[float, Field(ge=1)]
    class_remedy: Literal["none", "class_weights", "oversampling", "focal", "logit_adjustment"]
    width: Annotated[float, Field(gt=0, le=64)]
    head: Literal["flatten", "pooling"]
    frozen: Annotated[float, Field(ge=0, lt=1)]
    head_rate_factor: Annotated[float, Field(gt=0)]
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
    precision: Literal["float32", "tensor_float32", "mixed_bfloat16", "mixed_float16"]
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
        if self.head_rate_factor != 1 and self.ema_momentum:
            raise ParamsError(
                f"params.yaml: head_rate_factor = {self.head_rate_factor:g} with ema_momentum = {self.ema_momentum:g}: "
                "the moving average would be of other weights; set one of them to its default, 1 or 0"
            )

    @property
    def transforms(self) -> list[str]:
        """Names in TRANSFORMS of what is done to training images."""
        values = dataclasses.asdict(self) | dataclasses.asdict(self.augmentation)
        return [name for name, settings in TRANSFORMS.items() if any(values[setting] for setting in settings)]


@dataclass(frozen=True, config=STRICT)
class Compute:
    """Block `compute`: where replicates run. Nothing here may change a number.

    `workers` and `per_gpu` are numbers of training processes, 0 leaves the choice to the suite; `address` is that
    of a Ray cluster, as host:port or `auto`, None for this machine.
    """

    workers: Natural = 0
    device: Literal["auto", "cpu", "gpu"] = "auto"
    per_gpu: Natural = 0
    address: Annotated[str, Field(min_length=1)] | None = None


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
