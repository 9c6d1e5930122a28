"""All rules on a run's curves, in the order in which they are told."""

import numpy as np

from valgap.diagnostics.history.below import below
from valgap.diagnostics.history.curves import Curves
from valgap.diagnostics.history.ending import HALFWAY, early, oscillates
from valgap.diagnostics.history.failing import diverged, never
from valgap.diagnostics.history.levels import LEAST, last, levels, value
from valgap.diagnostics.history.overfitting import REACH, overfits, past
from valgap.diagnostics.history.trend import trend, turn
from valgap.diagnostics.seen import Seen

MOVED = 0.05  # log by which training must have fallen to be called healthy, below an accuracy of HALFWAY


def read_rules(curves: Curves, classes: int | None = None) -> list[Seen]:
    """What the curves of a run give away, VG401 to VG408, the gravest first; `classes` where their number is known.

    A run that broke down or never learnt is told that alone. VG408 is "fine" where nothing else is to be told, and
    "unknown" where the run is too short or has no validation curve.
    """
    if broken := diverged(curves) or never(curves, classes):
        return [broken]
    found = levels(curves)
    if found is None:
        held = curves.val_loss is not None or curves.val_accuracy is not None
        return [Seen("VG408", "unknown", {"epochs": curves.epochs * curves.every, "held": held, "least": LEAST})]
    shaky = oscillates(curves, found)
    looks = [shaky, overfits(curves, found, shaky is not None), None if shaky else past(curves, found)]
    if not any(looks):
        looks.append(early(curves, found))
    looks.append(below(curves, found))
    seen = [look for look in looks if look is not None]
    if any(look.severity != "fine" for look in seen):
        return sorted(seen, key=lambda look: ("problem", "worth a look", "fine").index(look.severity))
    at, right = turn(found.held, REACH), last(found.accuracy)
    healthy = {
        "epochs": curves.epoch(found.epochs - 1),
        "held": True,
        "least": LEAST,
        "by": found.held_by,
        "best": value(float(np.min(trend(found.held))), found.held_by),
        "epoch": curves.epoch(at.best),
        "low": curves.epoch(at.low),
        "high": curves.epoch(at.high),
        "accuracy": right,
        "val_accuracy": last(found.val_accuracy),
    }
    flat = right is not None and right < HALFWAY and float(found.fit[0] - np.median(found.fit[-2:])) < MOVED
    return [Seen("VG408", "unknown" if flat else "fine", healthy | {"flat": flat}), *seen]
