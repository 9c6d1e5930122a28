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
class Opposite:
    """The other direction of a cause: too little where the cause is too much, or the other way round."""

    name: str
    title: str
    present: Callable[[Train, Sequence[int]], bool] = lambda train, class_sizes: True
    absent: str = ""


@dataclasses.dataclass(frozen=True)
class Cause:
    """One suspected cause.

    `subject` is what it blames, for sentences that acquit it. `present` says of the baseline's settings and the images
    of each class to learn from whether it is there at all; `absent` is said where it is not. `is_price` marks the
    cause that is judged by its gain per doubling. `by_class` marks that its arms are read on balanced accuracy and
    recall by class. `is_root` marks a fault that others only treat the symptoms of: where it contributes it comes
    first.
    """

    name: str
    title: str
    subject: str
    present: Callable[[Train, Sequence[int]], bool] = lambda train, class_sizes: True
    absent: str = ""
    opposite: Opposite | None = None
    axis: Axis | None = None
    is_price: bool = False
    by_class: bool = False
    is_root: bool = False


def images_of(settings: Train, images: int) -> int:
    """Training images of an arm's replicate, the baseline having so many."""
    return round(images * settings.train_size_factor)


def _is_augmented(train: Train, class_sizes: Sequence[int]) -> bool:
    return bool(train.transforms)


def _is_regularized(train: Train, class_sizes: Sequence[int]) -> bool:
    penalties = (train.l1_penalty, train.l2_penalty, train.weight_decay, train.label_smoothing)
    return any((*train.dropout, *penalties, *_mixed(train), train.early_stopping))


def _mixed(train: Train) -> tuple[float, ...]:
    return train.mixup, train.cutmix, train.rand_augment, train.random_erasing


def _is_imbalanced(train: Train, class_sizes: Sequence[int]) -> bool:
    return train.long_tail > IMBALANCED or max(class_sizes) > IMBALANCED * min(class_sizes)


CAUSES = {  # in the order of the report; what is a matter of degree is always present
    cause.name: cause
    for cause in (
        Cause(
            "data",
            "too few images",
            "the number of images",
            axis=Axis("training images", lambda arm, images, parameters: images_of(arm, images), base=2, form=",d"),
            is_price=True,
        ),
        Cause("labels", "wrong training labels", "the labels", is_root=True),
        Cause("training", "unfinished training or its rate", "its training"),
        Cause(
            "capacity",
            "excess capacity",
            "the size of the network",
            opposite=Opposite("capacity_lack", "too little capacity"),
            axis=Axis("parameters", lambda arm, images, parameters: parameters, base=10, form=".3~s"),
        ),
        Cause(
            "augmentation",
            "improper augmentation",
            "the augmentation",
            _is_augmented,
            "the baseline has no augmentation",
            opposite=Opposite("augmentation_lack", "too little augmentation"),
        ),
        Cause(
            "regularization",
            "insufficient regularization",
            "its regularization",
            opposite=Opposite(
                "regularization_excess",
                "too much regularization",
                _is_regularized,
                "the baseline has no dropout, penalty, smoothing, mixing or early stopping",
            ),
        ),
        Cause(
            "imbalance",
            "class imbalance",
            "the balance of classes",
            _is_imbalanced,
            "the classes are balanced",
            by_class=True,
        ),
    )
}
