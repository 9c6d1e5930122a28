"""The suspected causes that params.yaml may name: each one object with all that the suite must know of it."""

import dataclasses
from collections.abc import Callable, Sequence

from valgap.ground.params.experiment import Train

IMBALANCED = 1.5  # largest class over smallest, from which on balanced accuracy is the primary metric


@dataclasses.dataclass(frozen=True)
class Axis:
    """The scale along which all arms of a cause stand: its title, an arm's place on it, how it is drawn.

    `place` is of an arm's settings, the baseline's training images and the parameters of the arm's network. The scale
    is logarithmic to `base`; `form` is the format of its numbers in d3.
    """

    title: str
    place: Callable[[Train, int, int], int]
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


def images_of(settings: Train, images: int) -> int:
    """Training images of an arm's replicate, the baseline having so many."""
    return round(images * settings.train_size_factor)


def _is_augmented(train: Train, class_sizes: Sequence[int]) -> bool:
    return bool(train.transforms)


def _is_imbalanced(train: Train, class_sizes: Sequence[int]) -> bool:
    return train.long_tail > IMBALANCED or max(class_sizes) > IMBALANCED * min(class_sizes)


CAUSES = {  # in the order of the report; capacity and regularization are a matter of degree: always present
    cause.name: cause
    for cause in (
        Cause(
            "data",
            "insufficient data",
            axis=Axis("training images", lambda arm, images, parameters: images_of(arm, images), base=2, form=",d"),
            is_price=True,
        ),
        Cause(
            "capacity",
            "excess capacity",
            axis=Axis("parameters", lambda arm, images, parameters: parameters, base=10, form=".3~s"),
        ),
        Cause("augmentation", "improper augmentation", _is_augmented, "the baseline has no augmentation"),
        Cause("regularization", "insufficient regularization"),
        Cause("imbalance", "class imbalance", _is_imbalanced, "the classes are balanced", by_class=True),
    )
}
