"""The blocks of params.yaml that decide a training run: data, model, train and one variant's diff."""

import dataclasses
import re
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valgap.ground.params.fields import (
    Fraction,
    Natural,
    NonNegative,
    Positive,
    Rate,
    check_name,
    knob,
    refuse_alike,
    transforms,
)
from valgap.ground.params.recipe import OfOptimizer, OfSchedule, Optimizer, Schedule
from valgap.ground.params.schema import STRICT, ParamsError, parse
from valgap.ground.records import Plain


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Data:
    """Block `data`: where images come from, and what is known of them.

    Which sources there are, and what each needs, is known to them (valgap/data/sources/registry.py). `image_size` is
    (height, width) in pixels, None where all images have one size already. `allowed_transforms` names those of
    TRANSFORMS that keep a label; None, which own images may not leave it at, is not asked.
    """

    source: Annotated[str, Field(min_length=1)] = "folder"
    path: Annotated[str, Field(min_length=1)]
    name: str | None = None
    table: str | None = None
    image_size: tuple[Positive, Positive] | None = None
    resize: Literal["stretch", "pad", "crop"] = "stretch"
    color: Literal["auto", "grey", "rgb"] = "auto"
    on_unreadable: Literal["error", "skip"] = "error"
    group_column: str | None = None
    group_pattern: str | None = None
    allowed_transforms: tuple[str, ...] | None = None

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
        why = f"it is no regular expression: {error}"
        raise ParamsError(key="data.group_pattern", value=repr(pattern), why=why) from None
    if groups != 1:
        raise ParamsError(
            key="data.group_pattern",
            value=repr(pattern),
            why=f"it has {groups} capturing groups",
            cure="it needs one, around what names the group: (patient[0-9]+)_",
        )


@dataclass(frozen=True, config=STRICT)
class Augmentation:
    """Ranges of the random affine warp, with the meaning that Keras's ImageDataGenerator gives them.

    Each draw is uniform in plus-minus its range: degrees, or fractions of the image's width or height;
    `zoom` draws two factors in [1 - zoom, 1 + zoom]; the flips each flip half of the images. Beyond the
    generator, `right_angles` turns by 0, 90, 180 or 270 degrees, of square images only.
    """

    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = knob(0.0, transform="rotation")
    width_shift: Fraction = knob(0.0, transform="shift")
    height_shift: Fraction = knob(0.0, transform="shift")
    shear_degrees: Annotated[float, Field(ge=0, lt=90)] = knob(0.0, transform="shear")
    zoom: Rate = knob(0.0, transform="zoom")
    horizontal_flip: bool = knob(False, transform="horizontal_flip")
    vertical_flip: bool = knob(False, transform="vertical_flip")
    right_angles: bool = knob(False, transform="right_angles")


@dataclass(frozen=True, config=STRICT)
class Model:
    """Block `model`: what builds the network under study.

    `builder` is `cnn`, `resnet`, `applications:<name>` of keras.applications, or `package.module:function`.
    `files` is the folder or file that holds a user's builder and its weights: DVC retrains when it changes.
    `weights` is a file below it, or `random`; None where the builder does not ask.
    """

    builder: Annotated[str, Field(pattern=r"^(cnn|resnet|applications:\w+|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$")] = "cnn"
    files: Annotated[str, Field(min_length=1)] = "valgap/training"
    weights: str | None = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Train:
    """Block `train`, the baseline's settings; a variant is a diff from it. A knob that is not said does nothing.

    A run is `steps` optimizer steps long, or `epochs` passes over the training images of the baseline: one of the two
    is 0. `in_steps` turns epochs into steps, once the number of images is known.
    """

    steps: Natural = 0
    epochs: NonNegative = 0.0
    batch_size: Positive = 32
    optimizer: OfOptimizer = Optimizer("adam")
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    normalize: Literal["unit", "symmetric", "pixels", "tf", "torch", "caffe", "statistics"] = "unit"
    train_size_factor: Annotated[float, Field(gt=0)] = knob(1.0)
    resplit: bool = knob(False)
    suspects: Literal["keep", "leave_out"] = knob("keep")
    schedule: OfSchedule = knob(Schedule("constant"))
    long_tail: Annotated[float, Field(ge=1)] = knob(1.0)
    class_remedy: Literal["none", "class_weights", "oversampling", "focal", "logit_adjustment"] = knob("none")
    width: Annotated[float, Field(gt=0, le=64)] = knob(1.0, shows="parameters")
    head: Literal["flatten", "pooling"] = knob("flatten", shows="layers", choice=True)
    frozen: Annotated[float, Field(ge=0, lt=1)] = knob(0.0, shows="trained")
    head_rate_factor: Annotated[float, Field(gt=0)] = knob(1.0)
    batch_norm: bool = knob(False, shows="layers")
    dropout: tuple[Rate, Rate, Rate] = knob((0.0, 0.0, 0.0), shows="rates")
    l1_penalty: NonNegative = knob(0.0, shows="penalty")
    l2_penalty: NonNegative = knob(0.0, shows="penalty")
    weight_decay: NonNegative = knob(0.0)
    label_smoothing: Rate = knob(0.0)
    ema_momentum: Rate = knob(0.0)
    augmentation: Augmentation = knob(Augmentation())
    rand_augment: Fraction = knob(0.0, transform="rand_augment")
    random_erasing: Fraction = knob(0.0, transform="random_erasing")
    mixup: NonNegative = knob(0.0, transform="mixup")
    cutmix: NonNegative = knob(0.0, transform="cutmix")
    early_stopping: bool = knob(False)
    precision: Literal["float32", "tensor_float32", "mixed_bfloat16", "mixed_float16"] = knob("float32")
    curve_points: Positive = 10
    curve_train_images: Positive = 500
    # Hashing is for the cache of traced models, which no policy of evaluation enters.
    evaluation_policies: dict[str, Augmentation] = dataclasses.field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name in self.evaluation_policies:
            check_name(f"evaluation_policies.{name}", name)
        refuse_alike("evaluation_policies", self.evaluation_policies)
        if self.steps and self.curve_points > self.steps:
            raise ParamsError(
                key="curve_points",
                value=self.curve_points,
                why=f"it exceeds steps = {self.steps}: a run cannot be evaluated more often than it steps",
            )
        if self.head_rate_factor != 1 and self.ema_momentum:
            raise ParamsError(
                key="head_rate_factor",
                value=f"{self.head_rate_factor:g} with ema_momentum = {self.ema_momentum:g}",
                why="the moving average would be of other weights",
                cure="set one of them to its default, 1 or 0",
            )

    def in_steps(self, images: int) -> "Train":
        """The same where `images`, those of a training list of the baseline, are passed over `epochs` times.

        Equal steps for all variants, whatever their images: more data would otherwise be longer training too.
        """
        if self.steps:
            return self
        return dataclasses.replace(self, steps=max(round(self.epochs * images / self.batch_size), 1), epochs=0.0)

    @property
    def transforms(self) -> list[str]:
        """Names in TRANSFORMS of what is done to training images."""
        values = dataclasses.asdict(self) | dataclasses.asdict(self.augmentation)
        return [name for name, settings in TRANSFORMS.items() if any(values[setting] for setting in settings)]


LENGTH = {"steps", "epochs"}
EPOCHS = 30.0  # of a run whose length params.yaml does not say
TRANSFORMS = transforms(Augmentation, Train)  # by name in data.allowed_transforms, the settings that apply it


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


def baseline_settings(train: object) -> Train:
    """Settings of the baseline: the raw `train` block, checked. Raises ParamsError as `parse` does."""
    return parse(Train, _length(train, "train"), "train")


def variant_settings(train: Plain, variants: Plain, name: str, where: str = "variants") -> Train:
    """Settings of one variant: the raw `train` block with the raw diff applied, checked.

    Raises ParamsError naming the variant's key on anything unknown or out of range.
    """
    if name not in variants:
        raise ParamsError(f"params.yaml: no variant {name!r} (declared: {', '.join(variants)})")
    diff = variants[name]
    if not isinstance(diff, dict):
        raise ParamsError(f"params.yaml: {where}.{name} must be a mapping, {{}} for none, received {diff!r}")
    own = _length(diff, f"{where}.{name}") if LENGTH & set(diff) else diff
    return parse(Train, _length(train, "train") | own, f"{where}.{name}")


def _length(raw: object, where: str) -> Plain:
    """The block with its length said once: `steps` or `epochs`, the other 0; EPOCHS of them where neither is said."""
    if not isinstance(raw, dict):
        raise ParamsError(f"params.yaml: {where} must be a mapping, received {raw!r}")
    said = {key: raw[key] for key in ("steps", "epochs") if raw.get(key) is not None}
    for key, value in said.items():
        if value == 0:
            raise ParamsError(key=f"{where}.{key}", value=value, why="input should be greater than 0")
    if len(said) == 2:
        value = " and ".join(f"{key} = {number}" for key, number in said.items())
        raise ParamsError(key=where, value=value, why="a run has one length", cure="keep one of the two")
    return {**raw, "steps": 0, "epochs": 0.0, **(said or {"epochs": EPOCHS})}


def settings_as_dict(settings: Train) -> Plain:
    """Plain nested dict of the settings, as run.json and the store's keys hold it."""
    plain = {name: value for name, value in dataclasses.asdict(settings).items() if name != "epochs"}
    return plain | {"optimizer": settings.optimizer.said, "schedule": settings.schedule.said}
