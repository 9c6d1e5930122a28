"""Rules on labels that do not belong to their images, and on classes that stand in another order in another split."""

import dataclasses

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom

from valgap.diagnostics.pipeline.classes import guesses, mean_recall
from valgap.diagnostics.pipeline.learner import Learnt
from valgap.diagnostics.pipeline.surveyed import Index, Survey
from valgap.diagnostics.seen import Seen

LEARNABLE = 0.25  # of the way from chance to perfect that a cheap classifier must get on training
KEPT = 0.25  # of its skill on training that is chance in the other split, at most
EXPLAINS = 0.7  # of what is reached on training that a new order of classes must reach
GAIN = 0.3  # of the way from chance to perfect by which it must beat the order as it is, on images that it moves
LEAST = 20  # images that a new order must move
SURE = 1e-4
PARTS = 5  # of the images: an order is chosen on all but one and confirmed on that one, each in turn


@dataclasses.dataclass(frozen=True)
class Order:
    """A new order of classes: `order[k]` is the label that prediction k has in the other split; what it explains."""

    order: Index
    moved: list[int]
    before: float
    after: float
    images: int


def mislabelled(train: Survey, other: Survey, learnt: Learnt | None) -> Seen | None:
    """VG304: what is learnable in one split is at chance in the other, whatever the order of classes.

    The other split's own images must not teach its own labels either, in folds: else its pictures differ, not its
    labels. `wrong` names the split whose labels do not belong.
    """
    if learnt is None or learnt.alone is None:
        return None
    chance, chance_held = 1 / len(np.unique(learnt.own)), 1 / len(np.unique(learnt.held))
    skill, alone = mean_recall(learnt.own, learnt.crossed), mean_recall(learnt.held, learnt.alone)
    transferred = mean_recall(learnt.held, learnt.transferred)
    mine, theirs = _way(skill, chance), _way(alone, chance_held)
    evidence = {
        "other": other.name, "how": "split", "train_skill": skill, "held_skill": alone, "transferred": transferred,
        "chance": chance_held, "images": len(learnt.held), "train_images": len(learnt.own), "recognised": None,
    }  # fmt: skip
    if (guess := guesses(train)) is not None:
        evidence["recognised"] = mean_recall(train.labels, guess)
    limit = _upper(len(learnt.held), chance_held)
    if mine >= LEARNABLE and alone <= max(limit, chance_held + KEPT * (skill - chance)) and transferred <= limit:
        if alone > limit or best_order(learnt.held, learnt.transferred, skill) is not None:
            return None
        certain = mine >= 2 * LEARNABLE and len(learnt.held) >= 100
        return Seen("VG304", "problem" if certain else "worth a look", evidence | {"wrong": other.name})
    limit = _upper(len(learnt.own), chance)
    if theirs >= LEARNABLE and skill <= limit and transferred <= _upper(len(learnt.held), chance_held):
        certain = theirs >= 2 * LEARNABLE and len(learnt.own) >= 100
        return Seen("VG304", "problem" if certain else "worth a look", evidence | {"wrong": train.name})
    return None


def inverted(train: Survey, other: Survey, learnt: Learnt | None) -> Seen | None:
    """VG301, as a negative: with black and white exchanged the other split is recognised as training is, else not."""
    if learnt is None:
        return None
    chance, skill = 1 / len(np.unique(learnt.own)), mean_recall(learnt.own, learnt.crossed)
    before, after = (mean_recall(learnt.held, each) for each in (learnt.transferred, learnt.inverted))
    one, two = learnt.transferred == learnt.held, learnt.inverted == learnt.held
    wins, losses = int((two & ~one).sum()), int((one & ~two).sum())
    sure = wins > losses and binom.sf(wins - 1, wins + losses, 0.5) < SURE
    reached = after >= chance + EXPLAINS * (skill - chance) and after - before >= GAIN * (1 - chance)
    if not (sure and reached and _way(skill, chance) >= LEARNABLE):
        return None
    evidence = {"other": other.name, "how": "inverted", "before": before, "after": after, "images": len(learnt.held)}
    return Seen("VG301", "problem", evidence | {"skill": skill})


def reordered(train: Survey, other: Survey, learnt: Learnt | None) -> Seen | None:
    """VG305: classes of the other split stand in another order.

    Known from the names of classes, where both splits have them; else from a clean permutation between labels and what
    the model, or a cheap classifier, predicts: chosen on some images, confirmed on others.
    """
    ours, theirs = train.class_names, other.class_names
    evidence: dict[str, object] = {"other": other.name, "images": other.count, "by": "names", "pairs": []}
    if ours and theirs and ours != theirs:
        pairs = [(k, a, b) for k, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b]
        if pairs:
            fewer = len(ours) != len(theirs)
            return Seen("VG305", "problem", evidence | {"pairs": pairs[:10], "differ": len(pairs), "fewer": fewer})
    found: Order | None = None
    by = "model"
    if (guess := guesses(other)) is not None and (mine := guesses(train)) is not None:
        found = best_order(other.labels, guess, mean_recall(train.labels, mine))
    if found is None and learnt is not None:
        found, by = best_order(learnt.held, learnt.transferred, mean_recall(learnt.own, learnt.crossed)), "classifier"
    if found is None:
        return None
    names = ours or theirs or ()
    pairs = [(k, _name(names, k), _name(names, int(found.order[k]))) for k in found.moved]
    evidence |= {"by": by, "pairs": pairs[:10], "differ": len(pairs), "fewer": False}
    return Seen(
        "VG305", "problem", evidence | {"before": found.before, "after": found.after, "confirmed": found.images}
    )


def best_order(labels: Index, predicted: Index, skill: float) -> Order | None:
    """An order of classes that turns predictions into labels, chosen on some of the images, confirmed on others.

    `skill` is the mean recall that is reached where the order is right. None where the order is right, or where no
    other one explains nearly as much as that, on the images that it moves and on all.
    """
    known = (labels >= 0) & (predicted >= 0)
    labels, predicted = labels[known], predicted[known]
    classes = int(max(labels.max(initial=0), predicted.max(initial=0))) + 1
    if classes < 2 or len(labels) < 2 * LEAST:
        return None
    part = np.random.default_rng(0).permutation(len(labels)) % PARTS
    before, after = predicted == labels, np.zeros(len(labels), np.bool_)
    every, touched = predicted.copy(), np.zeros(len(labels), np.bool_)
    for each in range(PARTS):
        order = _order(labels[part != each], predicted[part != each], classes)
        out = part == each
        every[out] = order[predicted[out]]
        touched[out] = np.isin(labels[out], np.flatnonzero(order != np.arange(classes)))
    after = every == labels
    if touched.sum() < LEAST:
        return None
    chance = 1 / len(np.unique(labels))
    wins, losses = int((after & ~before).sum()), int((before & ~after).sum())
    p = float(binom.sf(wins - 1, wins + losses, 0.5)) if wins + losses else 1.0
    gain = float(after[touched].mean() - before[touched].mean())
    reached = mean_recall(labels, every) >= chance + EXPLAINS * (skill - chance)
    if not reached or gain < GAIN * (1 - chance) or p >= SURE or _way(skill, chance) < LEARNABLE:
        return None
    order = _order(labels, predicted, classes)
    moved = np.flatnonzero(order != np.arange(classes)).tolist()
    means = float(before[touched].mean()), float(after[touched].mean())
    return Order(order, moved, *means, int(touched.sum())) if moved else None


def _order(labels: Index, predicted: Index, classes: int) -> Index:
    """The order that puts most predictions on their label; only cycles of classes that gain much by it are moved."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (predicted, labels), 1)
    order: Index = linear_sum_assignment(-(table + np.eye(classes) * 0.5))[1].astype(np.int64)
    left = set(np.flatnonzero(order != np.arange(classes)).tolist())
    while left:
        cycle = [left.pop()]
        while order[cycle[-1]] != cycle[0]:
            cycle.append(int(order[cycle[-1]]))
        left -= set(cycle)
        as_it_is, moved = table[cycle, cycle].sum(), table[cycle, order[cycle]].sum()
        if moved - as_it_is < GAIN / 2 * table[:, cycle].sum():
            order[cycle] = cycle
    return order


def _way(recall: float, chance: float) -> float:
    return (recall - chance) / (1 - chance) if chance < 1 else 0.0


def _upper(images: int, chance: float) -> float:
    """The recall that chance passes once in a thousand times."""
    return float(binom.ppf(0.999, images, chance)) / images


def _name(names: tuple[str, ...], label: int) -> str:
    return names[label] if label < len(names) else str(label)
