"""The operators that plant a fault, each one object; what takes the fault away again is the same trial without it.

Where an operator is from: DeepCrime is Humbatova, Jahangirova and Tonella 2021, "DeepCrime: mutation testing of deep
learning systems based on real faults" (its operators by their letters); DeepMutation is Ma et al. 2018, "DeepMutation:
mutation testing of deep learning systems"; MuNN is Shen et al. 2018, "MuNN: mutation analysis of neural networks";
noise of labels by pairs is of Han et al. 2018, "Co-teaching", section 4. What faults there are in real programs is from
Humbatova et al. 2020, "Taxonomy of real faults in deep learning systems", and Islam et al. 2019, "A comprehensive study
on deep learning bug characteristics".
"""

import dataclasses
from collections.abc import Callable
from typing import Literal

from valgap.calibrate import altering
from valgap.calibrate.altering import Operator
from valgap.ground.records import Plain

Change = Callable[[Plain, float], Plain]  # (the `train` block, dose) to its diff
Form = Literal["drawn", "given", "any"]  # of validation: which the suite draws, which the file brings
SOURCE_POLICY = {"rotation_degrees": 20.0, "width_shift": 0.2, "height_shift": 0.2, "shear_degrees": 0.2, "zoom": 0.2}
DROPOUT = (0.25, 0.25, 0.5)  # the source's remedy, which the overdone ones exceed


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault that can be planted.

    `plants` are the causes of which naming any is right; `doses` go from weak to strong, `dose` says what they are.
    `alter` changes the images or labels, `change` the `train` block, `scale` marks a dose that is the share of the
    training images that are left. `form` says which validation it needs; `settings` are the settings' names where it is
    planted, all usual ones where empty. `shows_in` says which accuracy its removal changes: on test images, or, for
    faults of the split, on validation images alone. `declares` marks a fault that is removed by telling the suite the
    groups. `share` of a setting's training images is what its trials have, the clean twin too; `pool` of all its images
    stand by for an operator that takes some away.
    """

    name: str
    title: str
    plants: tuple[str, ...]
    dose: str
    doses: tuple[float, float, float]
    alter: Operator | None = None
    change: Change | None = None
    form: Form = "any"
    settings: tuple[str, ...] = ()
    shows_in: Literal["test", "val"] = "test"
    declares: bool = False
    scale: bool = False
    share: float = 1.0
    pool: float = 1.0


def fewer_steps(train: Plain, share: float) -> Plain:
    """A share of the steps (DeepCrime HNE, change number of epochs)."""
    return {"steps": max(round(train["steps"] * share), train["curve_points"])}


def other_rate(train: Plain, factor: float) -> Plain:
    """A multiple of the learning rate (DeepCrime HLR, decrease learning rate, and its opposite)."""
    return {"learning_rate": train["learning_rate"] * factor}


def lower_rate(train: Plain, factor: float) -> Plain:
    """A part of the learning rate (DeepCrime HLR)."""
    return other_rate(train, 1 / factor)


def overdone_dropout(train: Plain, scale: float) -> Plain:
    """Dropout of so many times the source's rates, at most 0.9 (DeepCrime RCD, change dropout rate)."""
    return {"dropout": [min(scale * rate, 0.9) for rate in DROPOUT]}


def overdone_l2(train: Plain, penalty: float) -> Plain:
    """An L2 penalty (DeepCrime RAW, add weights regularisation)."""
    return {"l2_penalty": penalty}


def other_width(train: Plain, factor: float) -> Plain:
    """So many times the filters and hidden units (MuNN, delete neurons)."""
    return {"width": train["width"] * factor}


def wrong_augmentation(train: Plain, kind: float) -> Plain:
    """Flips upside down (1), right angles (2), both (3): a shoe lies on its side in no real image.

    "Wrong data augmentation" in the taxonomy of Humbatova et al. 2020.
    """
    return {"augmentation": {"vertical_flip": kind in (1, 3), "right_angles": kind in (2, 3)}}


def excessive_augmentation(train: Plain, scale: float) -> Plain:
    """The source's policy with so many times its ranges, zoom at most 0.9 ("suboptimal", likewise)."""
    scaled = {name: value * scale for name, value in SOURCE_POLICY.items()}
    return {"augmentation": scaled | {"zoom": min(scaled["zoom"], 0.9)}}


def less_dropout(train: Plain, share: float) -> Plain:
    """A share of the healthy trial's dropout is left (DeepCrime RCD, RRD, remove dropout)."""
    return {"dropout": [share * rate for rate in train["dropout"]]}


def dense_head(train: Plain, width: float) -> Plain:
    """A dense head over places instead of an average over them, of so many times the width (MuNN, add neurons)."""
    return {"head": "flatten", "width": train["width"] * width}


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(  # DeepCrime TRD, remove portion of training data
            "few_images", "few training images", ("data",), "share of the images left", (1 / 8, 1 / 16, 1 / 32),
            scale=True,
        ),
        Fault(  # DeepCrime TUD, unbalance training data
            "long_tail", "unequal classes", ("imbalance",), "largest class over smallest", (10, 30, 60),
            alter=altering.long_tail, settings=("garments-cnn", "garments-norm"), share=1 / 3, pool=1.45,
        ),
        Fault(  # DeepCrime TCL, change labels of training data; DeepMutation LE, label error
            "labels_uniform", "labels that are wrong at random", ("labels",), "share of the labels", (0.15, 0.3, 0.45),
            alter=altering.uniform_labels,
        ),
        Fault(  # Han et al. 2018, pair flipping
            "labels_pairwise", "labels that are the next class", ("labels",), "share of the labels", (0.15, 0.3, 0.4),
            alter=altering.pairwise_labels,
        ),
        Fault(  # DeepCrime TCO, make output classes overlap
            "labels_overlap", "classes that overlap", ("labels",), "share of every second class", (0.2, 0.35, 0.5),
            alter=altering.overlapping_classes,
        ),
        Fault(
            "dropout_overdone", "too much dropout", ("regularization_excess",), "times the source's rates",
            (1, 1.4, 1.7), change=overdone_dropout,
        ),
        Fault(
            "l2_overdone", "too large an L2 penalty", ("regularization_excess",), "penalty", (0.003, 0.01, 0.03),
            change=overdone_l2,
        ),
        Fault(
            "less_dropout", "too little dropout", ("regularization",), "share of the dropout left",
            (0.4, 0.2, 0.0), change=less_dropout, settings=("stripes-dropout",),
        ),
        Fault(
            "wrong_augmentation", "augmentation that no image shows", ("augmentation",), "kind", (1, 2, 3),
            change=wrong_augmentation,
        ),
        Fault(
            "excessive_augmentation", "too strong augmentation", ("augmentation",), "times the source's ranges",
            (1, 1.5, 2.5), change=excessive_augmentation,
        ),
        Fault(
            "few_steps", "too few steps", ("training",), "share of the steps", (1 / 4, 1 / 10, 1 / 25),
            change=fewer_steps,
        ),
        Fault(
            "rate_high", "too high a learning rate", ("training",), "times the rate", (3, 10, 30), change=other_rate,
        ),
        Fault(
            "rate_low", "too low a learning rate", ("training",), "parts of the rate", (3, 10, 30), change=lower_rate,
        ),
        Fault(
            "starved", "too small a network", ("capacity_lack",), "times the width", (1 / 4, 1 / 8, 1 / 16),
            change=other_width,
        ),
        Fault(
            "dense_head", "a head that learns places by heart", ("capacity",), "times the width", (1, 2, 4),
            change=dense_head, settings=("stripes-pooling",),
        ),
        Fault(
            "camera", "validation images of another camera", ("split",), "strength", (0.4, 0.7, 1),
            alter=altering.other_camera, form="given", shows_in="val",
        ),
        Fault(
            "leak", "validation images copied from training", ("split",), "share of them", (0.3, 0.6, 0.9),
            alter=altering.copied, form="given", shows_in="val", settings=("few-garments", "stripes-dense"),
        ),
        Fault(
            "groups", "views of one object on both sides", ("split",), "views", (3, 6, 10),
            alter=altering.views, form="drawn", shows_in="val", declares=True,
            settings=("garments-cnn", "garments-norm"),
        ),
    )
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Placebo:
    """A change that costs nothing: a diff of the `train` block, or of all splits' images alike."""

    name: str
    title: str
    change: Plain = dataclasses.field(default_factory=dict)
    rate: float = 1.0  # times the learning rate
    steps: float = 1.0  # times the steps
    alter: Operator | None = None
    dose: float = 0.0


PLACEBOS = {
    placebo.name: placebo
    for placebo in (
        Placebo("nothing", "nothing: another seed"),
        Placebo("rate_1.2", "the learning rate a fifth higher", rate=1.2),
        Placebo("rate_0.85", "the learning rate a little lower", rate=0.85),
        Placebo("tiny_dropout", "dropout of 2% before the output layer", {"dropout": [0, 0, 0.02]}),
        Placebo("tiny_l2", "an L2 penalty of 0.00001", {"l2_penalty": 0.00001}),
        Placebo("smoothing", "labels smoothed by 1%", {"label_smoothing": 0.01}),
        Placebo(
            "gentle_turns", "training images turned by up to 2 degrees", {"augmentation": {"rotation_degrees": 2.0}}
        ),
        Placebo("brighter", "all images of all splits brighter", alter=altering.brighter, dose=altering.BRIGHTER),
        Placebo("turned", "all images of all splits turned upside down", alter=altering.turned, dose=2),
        Placebo("steps_1.1", "a tenth more steps", steps=1.1),
    )
}
