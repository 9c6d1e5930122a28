"""Whether a run broke down, and whether it learnt anything at all."""

import math

import numpy as np

from valgap.diagnostics.history.curves import Curve, Curves
from valgap.diagnostics.history.trend import noise, slope
from valgap.diagnostics.seen import Seen

DOUBLE, BACK, NATS = 2.0, 0.9, 0.3  # the last loss over the lowest, over the first, and nats between
FAR, HUGE = (
    (3.0, 2.0),
    20.0,
)  # of -ln(accuracy), plus nats: above that no guess is as bad; nats that no penalty explains
UNSTEADY = 0.1  # noise of the log loss
CONSTANT = (0.6, 1.38)  # accuracy times exp(loss): 1 where every image is given the classes' shares
UNSURE = 0.6  # accuracy above which that can be said of a network that has learnt
HARDLY, BURST = 0.05, 1.3  # share by which a loss falls that stands still; of a first epoch that burst
MAJORITY, SAME = 0.03, 0.003  # how near the entropy of one class against the others; accuracies that do not move
NEAR = 0.02  # nats from ln K, to name K
STEEP = 4.0  # standard errors of a slope


def diverged(curves: Curves) -> Seen | None:
    """VG407: a loss is not finite, or training ends where it started or above, far from the best that it had."""
    for split, curve in (("training", curves.loss), ("validation", curves.val_loss)):
        if curve is not None and not np.isfinite(curve).all():
            place = int(np.argmin(np.isfinite(curve)))
            return Seen("VG407", "problem", _broken(curves, curve, place) | {"way": "not finite", "split": split})
    loss = curves.loss
    if loss is None or len(loss) < 3 or loss.min() < 0:
        return None
    if _far_above_guessing(loss, curves.accuracy):
        return Seen("VG407", "problem", _broken(curves, loss, 0) | {"way": "far", "split": "training"})
    end, best = float(np.min(loss[-max(2, len(loss) // 5) :])), int(np.argmin(loss))  # it stays there
    grown = end > DOUBLE * loss[best] and end >= BACK * loss[0] and end - loss[best] >= NATS
    if not grown or best == len(loss) - 1:
        return None
    return Seen("VG407", "problem", _broken(curves, loss, best + 1) | {"way": "grows", "split": "training"})


def _far_above_guessing(loss: Curve, accuracy: Curve | None) -> bool:
    """Whether the late loss is far above what the same answer for every image gives, and unsteady or huge.

    Penalties on weights lift a loss as well, but steadily, and not as far.
    """
    if accuracy is None or not np.isfinite(accuracy).all():
        return False
    late, right = loss[len(loss) // 2 :], float(np.median(accuracy[len(accuracy) // 2 :]))
    if right >= UNSURE or float(np.median(late)) < FAR[0] * -math.log(max(right, 1e-3)) + FAR[1]:
        return False
    return float(np.median(late)) >= HUGE or noise(np.log(np.maximum(loss, 1e-9))) >= UNSTEADY


def _broken(curves: Curves, curve: Curve, place: int) -> dict[str, object]:
    before = curve[:place]
    return {
        "epoch": curves.epoch(place),
        "epochs": curves.epoch(curves.epochs - 1),
        "best": float(before.min()) if len(before) else None,
        "first": float(curve[0]),
        "end": float(curve[-1]),
    }


def never(curves: Curves, classes: int | None = None) -> Seen | None:
    """VG405: loss and accuracy of training end at what naming the classes' shares gives. `classes` where known."""
    loss, accuracy = curves.loss, curves.accuracy
    if loss is None or accuracy is None or len(loss) < 2 or not np.isfinite(loss).all() or loss.min() <= 0:
        return None
    if not np.isfinite(accuracy).all():
        return None
    half = len(loss) // 2
    end, right = float(np.median(loss[half:])), float(np.median(accuracy[half:]))
    blind = _is_blind(loss[half:], accuracy[half:]) and _stands(loss, accuracy)
    if curves.val_loss is not None and curves.val_accuracy is not None:
        blind = blind and _is_blind(curves.val_loss[half:], curves.val_accuracy[half:])
    if classes:
        blind = blind and end >= 0.9 * math.log(classes)
    majority = right >= UNSURE and _stands(loss, accuracy) and _names_one_class(accuracy[half:], loss[half:])
    if curves.val_accuracy is not None and curves.val_loss is not None:
        majority = majority and _names_one_class(curves.val_accuracy[half:], curves.val_loss[half:], exactly=True)
    if not blind and not majority:
        return None
    still = slope(np.log(loss), 1) if len(loss) >= 5 else None
    return Seen(
        "VG405",
        "problem" if blind and len(loss) >= 3 else "worth a look",
        {
            "epochs": curves.epoch(len(loss) - 1),
            "loss": end,
            "first": float(loss[0]),
            "accuracy": right,
            "falls": still is not None and still.z < -STEEP,
            "classes": classes or _classes(end),
            "majority": majority,
            "noise": noise(np.log(loss)) if still else None,
        },
    )


def _is_blind(loss: Curve, accuracy: Curve) -> bool:
    """Whether loss and accuracy belong together as where every image is given the classes' shares."""
    low, high = CONSTANT
    right = float(np.median(accuracy))
    if accuracy[-1] >= UNSURE:  # it may have begun to learn
        return False
    return low <= right * math.exp(min(float(np.median(loss)), 50.0)) <= high and right < UNSURE


def _stands(loss: Curve, accuracy: Curve) -> bool:
    """Whether a loss hardly falls from the first epoch on.

    Over its last half, where it began far above its end and accuracy gained nothing from that.
    """
    end = float(np.median(loss[-max(1, len(loss) // 4) :]))
    slack = HARDLY + (2 * noise(np.log(loss)) if len(loss) >= 3 else 0.0)
    burst = loss[0] >= BURST * end and np.median(accuracy[len(accuracy) // 2 :]) - accuracy[0] < HARDLY
    start = float(np.median(loss[len(loss) // 2 :][:2])) if burst else float(loss[0])
    return start - end < slack * end


def _names_one_class(accuracy: Curve, loss: Curve, exactly: bool = False) -> bool:
    """Whether accuracies (n,) that do not move and the losses are those of always naming a class with this share."""
    right = float(np.median(accuracy))
    if len(accuracy) < 3 or not 0 < right < 1 or float(np.ptp(accuracy)) > (0.0 if exactly else SAME):
        return False
    entropy = -right * math.log(right) - (1 - right) * math.log(1 - right)
    return abs(float(np.median(loss)) / entropy - 1) < MAJORITY


def _classes(loss: float) -> int | None:
    """How many classes have this loss when all are named alike; None where no number of them has."""
    count = round(math.exp(min(loss, 10.0)))
    return count if count > 1 and abs(loss - math.log(count)) < NEAR else None
