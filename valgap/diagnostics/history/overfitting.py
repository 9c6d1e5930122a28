"""Whether validation gets worse, or stands still, while training goes on, and since when."""

import math
from typing import Any

import numpy as np

from valgap.diagnostics.history.curves import Curves
from valgap.diagnostics.history.levels import SPREAD, Levels, last, value
from valgap.diagnostics.history.trend import Turn, images, trend, turn
from valgap.diagnostics.seen import Seen

REACH = 3.0  # standard errors within which epochs are not told from the best one
SURE, LIKELY = 6.0, 3.5  # standard errors of the rise: of a problem, of what is worth a look
LARGE, LEAST = 0.1, 0.05  # log of the rise, likewise: 10% and 5%
NATS = 0.02  # a rise of the loss below this matters to nobody
FALLS = 0.05  # log by which the training loss has fallen meanwhile
PATIENCE = 3  # epochs, at least: noise must not stop a run
LONG, FEW = 0.5, 5  # of all epochs after the best one, and epochs: trained long past it
HARDLY, GAINED = 0.1, 0.05  # log of the validation loss, and accuracy, that validation never gained more than
FAR = 0.3  # of accuracy, by which training is ahead then
LUCK = 2.0  # standard errors over images
APART, WIDE = 0.2, 0.1  # log by which training fell on while validation stood still; the gap in accuracy then


def overfits(curves: Curves, found: Levels, shaky: bool = False) -> Seen | None:
    """VG401: validation rises beyond its noise while training falls; or stands still, or never learnt, far behind.

    Of a run that is `shaky` only a rise that is sure is told.
    """
    at = turn(found.held, REACH)
    if not shaky and (unlearnt := _unlearnt(found)):
        told = {"form": "unlearnt", "images": None, **unlearnt}
        return Seen("VG401", "worth a look", evidence(curves, found, at) | told)
    if not rises(found, at):
        return None if shaky else _apart(curves, found, at)
    if (shaky and at.z < SURE) or _fell(found, at.best) < FALLS:
        return None
    count = None if found.val_accuracy is None else images(found.val_accuracy)
    few = count is not None and at.rise < LUCK * SPREAD / math.sqrt(count)  # a rise of the loss of one or two of them
    sure = at.z >= SURE and at.rise >= LARGE and not few
    return Seen(
        "VG401",
        "problem" if sure else "worth a look",
        evidence(curves, found, at) | {"form": "rises", "images": count if few else None},
    )


def past(curves: Curves, found: Levels) -> Seen | None:
    """VG403: more than half of the run came after the best epoch, and its end is worse."""
    at = turn(found.held, REACH)
    after = found.epochs - 1 - at.high
    if not rises(found, at) or _unlearnt(found) or after < max(LONG * found.epochs, FEW):
        return None
    return Seen("VG403", "worth a look", evidence(curves, found, at) | {"after": after * curves.every})


def rises(found: Levels, at: Turn) -> bool:
    """Whether validation ends worse than it was at its best, beyond noise and by what matters."""
    worse = value(found.held[at.best] + at.rise, found.held_by) - value(found.held[at.best], found.held_by)
    return at.z >= LIKELY and at.rise >= LEAST and (found.held_by != "loss" or worse >= NATS)


def evidence(curves: Curves, found: Levels, at: Turn) -> dict[str, Any]:
    """The best epoch with its limits, and both curves there and at the end."""
    held, fit = trend(found.held), trend(found.fit)
    accuracy: dict[str, float | None] = {}
    for name, curve in (("accuracy", found.accuracy), ("val_accuracy", found.val_accuracy)):
        smooth = None if curve is None else trend(curve)
        accuracy |= {f"{name}_then": None if smooth is None else float(smooth[at.best]), f"{name}_end": last(curve)}
    return {
        "epoch": curves.epoch(at.best),
        "low": curves.epoch(at.low),
        "high": curves.epoch(at.high),
        "epochs": curves.epoch(found.epochs - 1),
        "by": found.held_by,
        "fit_by": found.fit_by,
        "best": value(float(held[at.best]), found.held_by),
        "end": value(float(held[at.best]) + at.rise, found.held_by),
        "rise": math.expm1(at.rise),
        "errors": at.z,
        "patience": max(PATIENCE, (at.high - at.low + 1) * curves.every),
        "fit_then": value(float(fit[at.best]), found.fit_by),
        "fit_end": value(float(np.median(found.fit[-2:])), found.fit_by),
        **accuracy,
    }


def _fell(found: Levels, since: int) -> float:
    """Log by which the training curve has fallen since an epoch."""
    return float(trend(found.fit)[since] - np.median(found.fit[-2:]))


def _unlearnt(found: Levels) -> dict[str, float] | None:
    """Accuracies where validation is, at its best, hardly better than after the first epoch, and training far better.

    That is no network that learnt something and then too much: what it learns does not reach validation at all.
    """
    fit = last(found.accuracy)
    if fit is None or found.val_accuracy is None or float(found.held[0] - trend(found.held).min()) > HARDLY:
        return None
    best = float(trend(found.val_accuracy).max())
    if best - float(found.val_accuracy[0]) > GAINED or fit - best < FAR:
        return None
    return {"val_accuracy_best": best, "gap": fit - best}


def _apart(curves: Curves, found: Levels, at: Turn) -> Seen | None:
    """Validation has long stood still, while training went on to a far higher accuracy."""
    fit, held = last(found.accuracy), last(found.val_accuracy)
    if fit is None or held is None or found.val_accuracy is None:
        return None
    count = images(found.val_accuracy)
    luck = 2 * math.sqrt(held * (1 - held) / count) if count else 0.0
    if fit - held < max(WIDE, luck) or _fell(found, at.low) < APART:
        return None
    told = {"form": "apart", "images": None, "gap": fit - held, "since": curves.epoch(at.low)}
    return Seen("VG401", "worth a look", evidence(curves, found, at) | told)
