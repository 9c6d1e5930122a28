"""Why training metrics lie below those of validation."""

import math
from typing import Any

import numpy as np

from valgap.diagnostics.history.curves import Curve, Curves
from valgap.diagnostics.history.levels import SPREAD, Levels, last
from valgap.diagnostics.history.trend import images, noise
from valgap.diagnostics.seen import Seen

FIRST = 0.1  # log of the training loss over the validation loss in the first epoch, which is noticed
END, SHARE = 0.05, 0.005  # the same at the end; and of accuracy
SURE = 3.0  # standard errors
LUCK = 2.0  # standard errors of an accuracy on the images of validation


def below(curves: Curves, found: Levels) -> Seen | None:
    """VG406: training looks worse than validation, in the first epochs or throughout."""
    if found.fit_by != found.held_by:
        return None
    ahead = found.fit - found.held
    n, size = len(ahead), max(2, len(ahead) // 4)
    end = float(np.median(ahead[-size:]))
    error = noise(ahead[n // 3 :] if n >= 9 else ahead) / math.sqrt(size)
    right = _difference(found.accuracy, found.val_accuracy)
    stays = end > max(END, SURE * error) and (right is None or right > SHARE)
    if not stays and not _first(found, ahead):
        return None
    lasted = n if stays else int(np.argmax(np.append(ahead <= 0, True)))
    told: dict[str, Any] = {
        "epochs": curves.epoch(n - 1),
        "by": found.held_by,
        "lasted": lasted * curves.every,
        "ahead": -math.expm1(-end) if stays else -math.expm1(-float(ahead[0])),
        "right": right,
        "images": None,
        "reason": "training only" if stays else "mean",
    }
    if stays and right is not None and found.val_accuracy is not None:
        count, share = images(found.val_accuracy), last(found.val_accuracy, 4) or 0.0
        # at least one error is taken to be possible, or a perfect score would have no luck in it
        if (
            count
            and right < LUCK * math.sqrt(max(share * (1 - share), 1 / count) / count)
            and (math.expm1(end) < LUCK * SPREAD / math.sqrt(count))
        ):
            told |= {"reason": "few", "images": count}
    return Seen("VG406", "fine" if told["reason"] == "mean" else "worth a look", told)


def _first(found: Levels, ahead: Curve) -> bool:
    """Whether training lies behind in the first epoch and half an epoch of learning explains it.

    A mean over an epoch belongs to its middle: what it lies behind by is at most what it gains to the next.
    """
    gained = float(found.fit[0] - found.fit[1])
    return FIRST < float(ahead[0]) <= 1.5 * gained


def _difference(fit: Curve | None, held: Curve | None) -> float | None:
    a, b = last(fit, 4), last(held, 4)
    return None if a is None or b is None else b - a
