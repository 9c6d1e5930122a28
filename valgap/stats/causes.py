"""The suspected causes: each one object with all that the suite must know of it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from valgap.data.prepared import Manifest
from valgap.ground.params.experiment import Train
from valgap.ground.params.suite import Suite

IMBALANCED = 1.5  # largest class over smallest, from which on balanced accuracy is the primary metric


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a variant's network costs: parameters, and floating-point operations of a forward pass."""

    parameters: int
    forward_flops: int


Costs = Mapping[str, Cost]  # by variant


@dataclasses.dataclass(frozen=True)
class Axis:
    """The scale along which all arms of a cause stand: its title, an arm's place on it, how it is drawn.

    It is logarithmic to `base`; `form` is the format of its numbers in d3.
    """

    title: str
    place: Callable[[Suite, str, Manifest, Costs], int]
    base: int
    form: str


@dataclasses.dataclass(frozen=True)
class Cause:
    """One suspected cause.

    `present` says of the baseline's settings and the images of each class to learn from whether it is there at all;
    `absent` is said where it is not. `is_price` marks the cause that is judged by its gain per doubling, not by a
    primary. `by_class` marks that its arms are read on balanced accuracy and recall by class.
    """

    name: str
    title: str
    present: Callable[[Train, Sequence[int]], bool] = lambda train, class_sizes: True
    absent: str = ""
    axis: Axis | None = None
    is_price: bool = False
    by_class: bool = False


def images_of(params: Suite, variant: str, manifest: Manifest, costs: Costs) -> int:
    """Training images of a variant's replicate."""
    return round(manifest.train_size * params.variants[variant].train_size_factor)


def _is_augmented(train: Train, class_sizes: Sequence[int]) -> bool:
    return bool(train.transforms)


def _is_imbalanced(train: Train, class_sizes: Sequence[int]) -> bool:
    return train.long_tail > IMBALANCED or max(class_sizes) > IMBALANCED * min(class_sizes)


CAUSES = {  # capacity and regularization are a matter of degree: always present
    cause.name: cause
    for cause in (
        Cause(
            "data",
            "insufficient data",
            axis=Axis("training images", images_of, base=2, form=",d"),
            is_price=True,
        ),
        Cause(
            "capacity",
            "excess capacity",
            axis=Axis("parameters", lambda params, arm, manifest, costs: costs[arm].parameters, base=10, form=".3~s"),
        ),
        Cause("augmentation", "improper augmentation", _is_augmented, "the baseline has no augmentation"),
        Cause("regularization", "insufficient regularization"),
        Cause("imbalance", "class imbalance", _is_imbalanced, "the classes are balanced", by_class=True),
    )
}


def judged(params: Suite) -> list[Cause]:
    """The declared causes of which a primary is judged, in the order of the report."""
    return [CAUSES[name] for name in params.causes if not CAUSES[name].is_price]


def priced(params: Suite) -> list[Cause]:
    """The declared causes that have a price."""
    return [CAUSES[name] for name in params.causes if CAUSES[name].is_price]
