"""The variants that may speak for or against a cause, and which of them fit these images, in the order of their use.

The first arm of a cause tells most for its cost; those after it add to it, or are of the other direction. An arm that
the network does not answer to, or that the budget does not cover, is left out (networks, fitting).
"""

import dataclasses
from collections.abc import Iterator, Sequence

from valgap.ground.params.arms import KINDS
from valgap.ground.params.causes import CAUSES, IMBALANCED
from valgap.ground.records import Plain

LONGER = 3  # times the steps, as the diagnosis asks of an arm that had too few (valgap/stats/hypotheses.py)
FEWEST_TO_HALVE = 8  # images of the smallest class, below which half of them are too few to speak of


@dataclasses.dataclass(frozen=True)
class Arm:
    """A variant: its difference from the baseline, the cause that it speaks to and how, and what it asks in words.

    `cause` is "" for the re-split, which the diagnosis knows by itself. `times` multiplies the baseline's steps.
    """

    name: str
    diff: Plain
    cause: str
    kind: str
    asks: str
    times: float = 1

    def variant(self, steps: int) -> Plain:
        """Its difference from a baseline of so many steps."""
        return self.diff | ({"steps": round(self.times * steps)} if self.times != 1 else {})


@dataclasses.dataclass(frozen=True)
class Facts:
    """What decides which arms fit: of the images, their split and the network.

    `suspects` counts doubted training labels; `imbalance` is the largest class over the smallest, `smallest` the
    images of the latter in training; `resplit` says whether a given validation set can be drawn again.
    """

    transforms: tuple[str, ...]
    suspects: int
    imbalance: float
    smallest: int
    resplit: bool
    kfold: bool
    pretrained: bool
    learning_rate: float


def menu(facts: Facts) -> tuple[Arm, ...]:
    """All arms that fit, in the order of their use."""
    return (*_of_regularization_and_data(facts), *_of_images(facts), *_of_training(facts), *_more(facts))


def _of_regularization_and_data(facts: Facts) -> Iterator[Arm]:
    yield Arm("dropout", {"dropout": [0.25, 0.25, 0.5]}, "regularization", "removes", "does dropout help?")
    # Early, whatever it costs: of a baseline that is not trained to the end nothing else can be told.
    yield Arm("longer", {}, "training", "removes", "did training end too early?", LONGER)
    asks = "what does a doubling of the images gain?"
    yield Arm("double_data", {"train_size_factor": 2}, "data", "removes", asks)
    if facts.smallest >= FEWEST_TO_HALVE:
        yield Arm("half_data", {"train_size_factor": 0.5}, "data", "injects", "what does half of the images cost?")


def _of_images(facts: Facts) -> Iterator[Arm]:
    if facts.suspects and not facts.kfold:  # in k-fold no image is left out
        asks = f"are labels wrong? without the {facts.suspects:,} that a simple model doubts"
        yield Arm("without_suspects", {"suspects": "leave_out"}, "labels", "removes", asks)
    if facts.imbalance > IMBALANCED:
        yield Arm("class_weights", {"class_remedy": "class_weights"}, "imbalance", "removes", "do rare classes suffer?")
    if mild := _moves(facts.transforms, 1):
        yield Arm("mild_augmentation", {"augmentation": mild}, "augmentation", "opposes", "do changed copies help?")
    if facts.resplit:
        yield Arm("resplit", {"resplit": True}, "", "", "is your validation set harder than a random one?")


def _of_training(facts: Facts) -> Iterator[Arm]:
    if facts.pretrained:
        yield Arm("frozen", {"frozen": 0.8}, "capacity", "removes", "is too much of the network trained?")
    yield Arm("narrow", {"width": 0.5}, "capacity", "removes", "is the network too wide?")
    slower = round(facts.learning_rate / 3, 6)
    yield Arm("rate_down", {"learning_rate": slower}, "training", "removes", "is the rate too high?")


def _more(facts: Facts) -> Iterator[Arm]:
    yield Arm("l2", {"l2_penalty": 0.001}, "regularization", "removes", "does a penalty on the weights help?")
    faster = round(3 * facts.learning_rate, 6)
    yield Arm("rate_up", {"learning_rate": faster}, "training", "removes", "is the rate too low?")
    if facts.pretrained:
        asks = "should the head learn faster than the rest?"
        yield Arm("head_rate", {"head_rate_factor": 10}, "capacity", "removes", asks)
    yield Arm("pooling_head", {"head": "pooling"}, "capacity", "removes", "is the dense head too large?")
    if facts.imbalance > IMBALANCED:
        remedy = {"class_remedy": "logit_adjustment"}
        yield Arm("logit_adjustment", remedy, "imbalance", "removes", "the same, by another remedy")
    asks = "is the best epoch an earlier one?"
    yield Arm("early_stopping", {"early_stopping": True}, "regularization", "removes", asks)
    if strong := _moves(facts.transforms, 3):
        yield Arm("augmentation", {"augmentation": strong}, "augmentation", "opposes", "do larger changes help more?")
    yield Arm("wide", {"width": 2}, "capacity", "opposes", "is the network too narrow?")
    yield Arm("ema", {"ema_momentum": 0.99}, "training", "removes", "does an average of the weights score better?")
    yield Arm("weight_decay", {"weight_decay": 0.3}, "regularization", "removes", "does decay of the weights help?")
    yield Arm("label_smoothing", {"label_smoothing": 0.1}, "regularization", "removes", "do softer targets help?")


def _moves(transforms: Sequence[str], strength: int) -> Plain:
    """Augmentation by those of the allowed transforms that have a strength."""
    settings: dict[str, Plain] = {
        "shift": {"width_shift": 0.05 * strength, "height_shift": 0.05 * strength},
        "zoom": {"zoom": 0.05 * strength},
        "rotation": {"rotation_degrees": 5.0 * strength},
        "horizontal_flip": {"horizontal_flip": True},
    }
    return {
        key: round(value, 3) if isinstance(value, float) else value
        for name, keys in settings.items() if name in transforms
        for key, value in keys.items()
    }  # fmt: skip


def first_of_each(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The first arm of each cause, and those that speak to none; of two on the number of images the first alone."""
    found: dict[str, Arm] = {}
    for arm in arms:
        found.setdefault(arm.cause or arm.name, arm)
    return tuple(found.values())


def causes(arms: Sequence[Arm]) -> dict[str, dict[str, list[str]]]:
    """Block `causes`: by cause, in the order of the report, and by kind the names of the arms that speak to it."""
    found: dict[str, dict[str, list[str]]] = {}
    for arm in arms:
        if arm.cause:
            found.setdefault(arm.cause, {}).setdefault(arm.kind, []).append(arm.name)
    listed = ((cause, found[cause]) for cause in CAUSES if cause in found)
    return {cause: {kind: kinds[kind] for kind in KINDS if kind in kinds} for cause, kinds in listed}
