"""Whether a run was stopped while it still improved, and whether its validation jumps about."""

import math

import numpy as np

from valgap.diagnostics.history.curves import Curves
from valgap.diagnostics.history.levels import Levels, last, value
from valgap.diagnostics.history.trend import images, noise, slope, trend, without_spike
from valgap.diagnostics.seen import Seen

STEEP = 4.0  # standard errors of the validation slope
AHEAD = 0.5  # of the run: how far the fall is followed
GAIN, NATS = 0.07, 0.02  # log of the loss, and nats, that this must promise
HARDLY, HALFWAY, SLOW_GAIN = 0.3, 0.6, 0.01  # log by which training fell, and its accuracy, of one that learns slowly
JUMPS = 0.15  # noise of the log loss
JUMPS_ACCURACY = 0.05  # noise of the accuracy beyond that of its images
UNSTEADY = 0.1  # noise of the log of the training loss
LEAST = 8  # epochs
FLIPS = 0.3  # of the binomial standard error: what an accuracy on fixed images moves by between epochs


def early(curves: Curves, found: Levels) -> Seen | None:
    """VG402: at the end both curves still fall, by more than noise, and enough to matter."""
    ahead = round(AHEAD * found.epochs)
    held, fit = slope(found.held, ahead), slope(found.fit, ahead)
    gain = held.further
    level = float(np.median(found.held[-2:]))
    promised = math.exp(level) * -math.expm1(-max(gain, 0.0))
    slow = _is_slow(found)
    if held.z > -STEEP or fit.z > -STEEP or gain < (SLOW_GAIN if slow else GAIN):
        return None
    if found.held_by == "loss" and promised < NATS and not slow:
        return None
    return Seen(
        "VG402",
        "worth a look",
        {
            "epochs": curves.epoch(found.epochs - 1),
            "over": held.over * curves.every,
            "by": found.held_by,
            "end": value(level, found.held_by),
            "fall": -math.expm1(held.mean),
            "ahead": ahead * curves.every,
            "gain": -math.expm1(-gain),
            "errors": -held.z,
            "val_accuracy": last(found.val_accuracy),
            "slow": slow,
        },
    )


def _is_slow(found: Levels) -> bool:
    """Whether training has hardly moved since its first epoch, and is far from done."""
    right = last(found.accuracy)
    return right is not None and right < HALFWAY and float(found.fit[0] - found.fit[-1]) < HARDLY


def oscillates(curves: Curves, found: Levels) -> Seen | None:
    """VG404: validation jumps from epoch to epoch far beyond what its trend explains."""
    if found.epochs < LEAST:
        return None
    late = without_spike(found.held[found.epochs // 4 :])
    jumps = noise(late)
    moves, count = None, None
    if found.val_accuracy is not None:
        later = without_spike(found.val_accuracy[found.epochs // 4 :])
        count = images(found.val_accuracy)
        level = float(np.median(later))
        own = FLIPS * math.sqrt(level * (1 - level) / count) if count else 0.0
        moves = math.sqrt(max(noise(later) ** 2 - own**2, 0.0))
    if found.held_by != "loss":
        steady = moves is None or moves < JUMPS_ACCURACY
    else:
        steady = jumps < JUMPS or math.expm1(jumps) * math.exp(float(np.median(late))) < NATS
    if steady:
        return None
    fit = noise(found.fit[found.epochs // 4 :])
    around = np.exp(late - trend(late))
    return Seen(
        "VG404",
        "worth a look",
        {
            "epochs": curves.epoch(found.epochs - 1),
            "by": found.held_by,
            "jumps": math.expm1(jumps),
            "largest": float(around.max() - 1),
            "fit": math.expm1(fit),
            "training_too": fit >= UNSTEADY,
            "moves": moves,
            "images": count,
        },
    )
