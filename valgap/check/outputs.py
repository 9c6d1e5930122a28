"""From what a model gives to class probabilities, told by the values themselves. Pure functions."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

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

SURE = 0.7  # an output above it says that the class is there
MORE = 1.5  # sum of a row, on average
SEVERAL = 0.2  # share of images
MOSTLY = 0.7  # share of outputs
ONE_SET = 0.7  # share of images
Fit = Literal["fits", "one", "more", "fewer"]

Range = TypeVar("Range", bound=str)
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
    check_counts(count, class_names, path)
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


def guesses(probabilities: Probabilities) -> Labels:
    """The most probable output of each row (n, k), the first where a row is not finite."""
    return np.asarray(np.nan_to_num(probabilities).argmax(axis=1), np.int64)


def fit_of(outputs: int, classes: int) -> Fit:
    """How so many outputs an image stand to so many class folders.

    `fits` is one each, or one for the second of two classes; `one` is one number for several classes, or for a single
    one: perhaps a regression; `more` and `fewer` compare outputs with folders.
    """
    if outputs == classes or (outputs, classes) == (1, 2):
        return "fits"
    if outputs == 1:
        return "one"
    return "more" if outputs > classes else "fewer"


def check_counts(outputs: int, class_names: tuple[str, ...], path: Path) -> None:
    """Raise SuiteError where outputs do not fit the class folders, saying which case it is."""
    classes = len(class_names)
    shown = ", ".join(class_names[:10]) + (", …" if classes > 10 else "")
    ending = {
        "one": (
            "a regression? This check scores classes: give a model with one output for each, or, of two classes, one "
            "for the second"
        ),
        "more": (
            f"{outputs - classes} more than folders, and which output belongs to which folder is not known: give the "
            "folder of all classes it was trained on"
        ),
        "fewer": f"{classes - outputs} of them it cannot name: give the folder of the classes it was trained on",
    }
    fit = fit_of(outputs, classes)
    if fit != "fits":
        scores = f"{outputs} score{'' if outputs == 1 else 's'} an image"
        raise SuiteError(
            f"MODEL = {path} gives {scores}, but DATA has {classes} class folders ({shown}): {ending[fit]}"
        )


def is_multi_label(outputs: NDArray[np.floating[Any]]) -> bool:
    """Whether outputs (n, k) say that several classes at once are in many images, in one way or another.

    They lie in [0, 1]; in SEVERAL of the images two or more are above SURE; nearly all are sure, above SURE or below
    1 - SURE, as those of an untrained network are not; and no set of classes is named for more than ONE_SET of
    the images, as by a network that pixels of a wrong range have saturated.
    """
    values = np.asarray(outputs, np.float64)
    if values.ndim != 2 or values.shape[1] < 3 or len(values) < 20 or not np.isfinite(values).all():
        return False
    if values.min() < -CLOSE or values.max() > 1 + CLOSE:
        return False
    named = values > 0.5
    several = (values > SURE).sum(axis=1) >= 2
    sure = (values > SURE) | (values < 1 - SURE)
    _, sizes = np.unique(named, axis=0, return_counts=True)
    return bool(several.mean() >= SEVERAL and sure.mean() >= MOSTLY and sizes.max() <= ONE_SET * len(values))


def names_more(outputs: NDArray[np.floating[Any]]) -> bool:
    """Whether sigmoids (n, k) that were trained by a binary loss name more than one class an image.

    One label an image makes the sum of a row 1 on average. Initial weights make it k / 2, without a class that is sure.
    """
    values = np.asarray(outputs, np.float64)
    if values.ndim != 2 or values.shape[1] < 3 or not len(values) or values.min() < 0 or values.max() > 1:
        return False
    return bool(values.sum(axis=1).mean() >= MORE and values.max(axis=1).mean() >= SURE)


def check_single_label(outputs: NDArray[np.floating[Any]], path: Path, binary: bool = False) -> None:
    """Raise SuiteError on outputs of a multi-label model: to be asked of the range of pixels that fits best.

    `binary` says that it was compiled with a binary loss.
    """
    if is_multi_label(outputs) or (binary and names_more(outputs)):
        several = float(((np.asarray(outputs) > 0.5).sum(axis=1) >= 2).mean())
        raise SuiteError(
            f"MODEL = {path} names two or more classes at once in {several:.0%} of the images: a multi-label model, "
            "and class folders say one class an image. Score each output by itself, against folders with and without "
            "what it names, or give a model whose last layer is a softmax"
        )


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


def best_range(trials: Mapping[Range, Trial], classes: int, path: Path) -> Range:
    """The value range that the model was most likely trained with. Raises SuiteError where none gives finite values.

    Training NLL alone would be wrong for a network that is right on every training image: pixels 255 times as large
    make its logits, and so its confidence, larger still. So of the ranges whose training NLL is within half of what
    chance gives (ln classes) of the lowest, and whose training accuracy is within a point of the highest, that with
    the lowest held-out NLL is taken (without held-out images the lowest training NLL); and large pixels only where
    they do better by TIE, and small ones make a mistake. So it found 36 of 36: small networks with and without batch
    normalisation, biases and label smoothing, trained on 400 images of Fashion-MNIST in each range; the lowest training
    NLL found 34. Between the two small ranges the lowest training NLL decides since then, which was the right one of 24
    networks on twelve draws of garments 24 times, and which held-out images that are read otherwise cannot spoil.
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
            best = small
    if best != LARGE:  # of the small ranges training images tell better than held-out ones, which may be spoiled
        best = min((name for name in decides if name != LARGE), key=lambda name: trials[name].nll)
    return best
