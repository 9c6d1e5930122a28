"""From what a model gives to class probabilities, told by the values themselves. Pure functions."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from valgap.ground.errors import SuiteError
from valgap.stats import metrics
from valgap.stats.shares import matching_order

CLOSE = 0.01  # how far from 1 rows of probabilities may sum, and from [0, 1] they may lie: half precision
TIE = 0.1  # nats
POINT = 0.01  # of accuracy
LARGE = "0-255"  # the range of pixels over a hundred times as large as the others

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Trial:
    """How a model does in one value range; NaN where its outputs are not finite, or no image is held out."""

    accuracy: float  # on training images
    nll: float
    held_out_nll: float
    errors: float = 0.0  # share of training images that are wrong, with the classes in the order that fits best
    mistakes: int = 0  # on both, likewise


def to_probabilities(
    outputs: NDArray[np.floating[Any]], class_names: tuple[str, ...], path: Path
) -> tuple[Probabilities, str]:
    """Class probabilities float64 (n, classes) of outputs (n, k), and in words what they were taken for.

    Rows in [0, 1] that sum to 1 are probabilities, in [0, 1] otherwise one sigmoid a class, divided by their sum;
    anything else is logits. One number an image is the second of two classes. NaN where any output is not finite.
    Raises SuiteError where k does not fit the classes.
    """
    values, classes = np.asarray(outputs, np.float64), len(class_names)
    count = values.shape[1]
    if count != classes and (count, classes) != (1, 2):
        shown = ", ".join(class_names[:10]) + (", …" if classes > 10 else "")
        raise SuiteError(
            f"MODEL = {path} gives {count} scores an image, but DATA has {classes} class folders: {shown}; "
            "give the folder of the classes it was trained on"
        )
    if not np.isfinite(values).all():
        return np.full((len(values), classes), math.nan), "not finite"
    is_share = bool((values >= -CLOSE).all() and (values <= 1 + CLOSE).all())
    if count == 1:
        second = np.clip(values, 0, 1) if is_share else special.expit(values)
        kind = f"one {'probability' if is_share else 'logit'}, of the second class"
        return np.hstack([1 - second, second]), kind
    sums = values.sum(axis=1, keepdims=True)
    if is_share and (np.abs(sums - 1) <= CLOSE).all():
        return np.clip(values, 0, None) / sums, "probabilities"
    if is_share and (sums > 0).all():
        return np.clip(values, 0, None) / sums, "one sigmoid a class, each row divided by its sum"
    return special.softmax(values, axis=1), "logits"


def trial(fitted: Probabilities, labels: Labels, held_out: Probabilities, held_out_labels: Labels) -> Trial:
    """Scores on training images, `fitted`, and on held-out ones, of which there may be none.

    NLL takes the classes in the order that matches the predictions of training images best: a range must not lose
    because they stand in another order than the folders.
    """
    if not np.isfinite(fitted).all() or not np.isfinite(held_out).all():
        return Trial(math.nan, math.nan, math.nan)
    order = matching_order(metrics.confusion(fitted.argmax(axis=1), labels, fitted.shape[1]))
    nll = metrics.METRICS["nll"].score
    held_out_nll = nll(held_out, order[held_out_labels]) if len(held_out_labels) else math.nan
    wrong = [np.sum(order[of] != found.argmax(axis=1)) for found, of in ((fitted, labels), (held_out, held_out_labels))]
    accuracy = metrics.METRICS["accuracy"].score(fitted, labels)
    return Trial(accuracy, nll(fitted, order[labels]), held_out_nll, float(wrong[0] / len(labels)), int(sum(wrong)))


def best_range(trials: dict[str, Trial], classes: int, path: Path) -> str:
    """The value range that the model was most likely trained with. Raises SuiteError where none gives finite values.

    Training NLL alone would be wrong for a network that is right on every training image: pixels 255 times as large
    make its logits, and so its confidence, larger still. So of the ranges whose training NLL is within half of what
    chance gives (ln classes) of the lowest, and whose training accuracy is within a point of the highest, that with
    the lowest held-out NLL is taken (without held-out images the lowest training NLL); and large pixels only where
    they do better by TIE, and small ones make a mistake. It found 36 of 36: small networks with and without batch
    normalisation, biases and label smoothing, trained on 400 images of Fashion-MNIST in each range; the lowest
    training NLL found 34.
    """
    finite = {name: found for name, found in trials.items() if math.isfinite(found.nll)}
    if not finite:
        raise SuiteError(f"MODEL = {path} gives values that are not finite, whatever the range of the pixels")
    limit = min(found.nll for found in finite.values()) + math.log(classes) / 2
    errors = min(found.errors for found in finite.values()) + POINT
    decides = {
        name: found.nll if math.isnan(found.held_out_nll) else found.held_out_nll
        for name, found in finite.items()
        if found.nll <= limit and found.errors <= errors
    }
    if not decides:  # the surest is not the one that is right most often
        return min(finite, key=lambda name: finite[name].nll)
    best, *others = sorted(decides, key=lambda name: decides[name])
    if best == LARGE and others:
        small = others[0]
        if trials[small].mistakes == 0 or decides[small] <= decides[best] + TIE:
            return small
    return best
