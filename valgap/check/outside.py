"""What the checked model says of images that it did not learn from, as the audit of labels takes it."""

import numpy as np

from valgap.check.prediction import Predicted, roles
from valgap.findings.doubts import Judged
from valgap.findings.finding import HELD_OUT, Used
from valgap.findings.wrong_labels import tempered


def outside(predicted: Predicted, used: Used) -> Judged | None:
    """Its predictions of held-out images, no surer than right; None where none are told apart, or it is at chance."""
    if roles(predicted.splits)[1] is None or predicted.decision.at_chance:
        return None
    probabilities = predicted.probabilities[used.index].astype(np.float64)
    rows = np.flatnonzero(np.isin(used.split, HELD_OUT) & (used.labels >= 0))
    classes = np.arange(probabilities.shape[1])
    if not len(rows):
        return None
    softened = tempered(probabilities[rows], used.labels[rows])
    return Judged(rows, used.split[rows], classes, softened, used.labels[rows])
