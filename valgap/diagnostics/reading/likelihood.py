"""Tells scales apart where all of them are right: training lifts the probabilities of its own pixels highest.

Without batch normalisation a network trained on standardised pixels is often right on plain ones as well. The
log-likelihood of training images, compared image by image, still tells them: thresholds are from even seeds of small
networks on seven readings; docs/findings/VG002.md has what odd seeds gave.
"""

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.reading.answers import Answers
from valgap.diagnostics.reading.decision import Named
from valgap.diagnostics.reading.orders import Order
from valgap.diagnostics.reading.readings import PLAIN, Reading, Space

SURE = 4.0  # standard errors of the paired mean difference, against every plain scale
RIVAL = 3.0  # likewise, below which another scale does as well
LESS = 0.8  # times the plain scale's NLL that the better one's may be
EXPLAINS = 0.6  # accuracy


def scale_of(answers: Answers, top: Reading, places: Order, space: Space) -> tuple[Reading, Named] | None:
    """The reading whose scale fits training images better than plain ones: chosen on one half, tested on the other."""
    others = [top.but(scale=scale) for scale in space.scales if scale not in PLAIN and scale != "caffe"]
    if "caffe" in space.scales:
        others.append(top.but(scale="caffe", channels="bgr"))
    if not others:
        return None
    best = min(others, key=lambda each: float(answers.nll(each, "choose", places).mean()))
    found, right = answers.nll(best, "confirm", places), answers.right(best, places, "confirm")
    plain = {scale: top.but(scale=scale) for scale in PLAIN}
    for reading in plain.values():
        theirs = answers.nll(reading, "confirm", places)
        if _errors(theirs - found) < SURE or found.mean() > LESS * theirs.mean():
            return None
    accuracy = max(float(answers.right(each, places, "confirm").mean()) for each in plain.values())
    if right.mean() < max(accuracy, EXPLAINS):
        return None
    rivals = tuple(
        each.scale for each in others if each != best and _errors(answers.nll(each, "confirm", places) - found) < RIVAL
    )
    return best, Named("scale", best.scale, rivals, accuracy)


def _errors(difference: NDArray[np.float64]) -> float:
    """A mean in standard errors."""
    spread = float(difference.std(ddof=1)) / len(difference) ** 0.5 if len(difference) > 1 else 0.0
    return float(difference.mean()) / spread if spread else 0.0
