"""What of a run's curves the rules look at: a loss where there is one, else the share of errors, as logs."""

import dataclasses
import math

import numpy as np

from valgap.diagnostics.history.curves import Curve, Curves
from valgap.diagnostics.history.trend import logs

LEAST = 5  # epochs that rules on noise and trend need
SPREAD = 1.5  # standard deviation of the loss over images, over its mean: it is skew
PERFECT = 0.01  # added to a share of errors, which may be 0


@dataclasses.dataclass(frozen=True)
class Levels:
    """Logs of the training and the validation curve (n,), `fit` and `held`, of loss, or of errors where `by` says so.

    `accuracy` and `val_accuracy` are shares, None where unknown.
    """

    fit: Curve
    held: Curve
    fit_by: str
    held_by: str
    accuracy: Curve | None
    val_accuracy: Curve | None

    @property
    def epochs(self) -> int:
        """Values of each curve."""
        return len(self.held)


def levels(curves: Curves) -> Levels | None:
    """The two curves as logs; None where one is missing, too short, not finite, or a loss that can be negative."""
    fit, held = _level(curves.loss, curves.accuracy), _level(curves.val_loss, curves.val_accuracy)
    if fit is None or held is None or len(held[0]) < LEAST:
        return None
    return Levels(fit[0], held[0], fit[1], held[1], _finite(curves.accuracy), _finite(curves.val_accuracy))


def _level(loss: Curve | None, accuracy: Curve | None) -> tuple[Curve, str] | None:
    if loss is not None and np.isfinite(loss).all() and loss.min() >= 0 and loss.max() > 0:
        return logs(loss), "loss"
    if loss is None and _finite(accuracy) is not None and accuracy is not None:
        return np.log(1 - accuracy + PERFECT), "accuracy"
    return None


def _finite(curve: Curve | None) -> Curve | None:
    return curve if curve is not None and np.isfinite(curve).all() else None


def value(log: float, by: str) -> float:
    """The loss in its unit, or the accuracy as a share, of a log."""
    return math.exp(log) if by == "loss" else 1 + PERFECT - math.exp(log)


def last(curve: Curve | None, share: int = 10) -> float | None:
    """The median of the last values of a curve, one in `share` and at least two."""
    return None if curve is None else float(np.median(curve[-max(2, len(curve) // share) :]))
