"""How many labels are wrong, told from probabilities of models that were not trained on the images.

Two things make a model disagree with a label: the image is hard, or the label is wrong. Hard images are confused as the
model's own probabilities say, once they are sharpened to fit; wrong labels stand on images that it is sure of, too. A
mixture of both is fitted: P(label | image) = sum over classes c of softmax(b log p)_c T[c, label], with T the chances
that an image of class c bears a label (the noise transition of Northcutt et al. 2021; expectation and maximisation, as
in Dawid and Skene 1979). Some pairs of classes are confused beyond what a sharpened model says, without any wrong
label: of that the fit claims a share of the ambiguity that is left. It is subtracted, and is most of the interval.
The constants were set on one half of planted draws and judged on the other: docs/findings/VG108.md.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax

Index = NDArray[np.int64]
Floats = NDArray[np.float64]
FLOOR = 1e-3  # of probability, spread over the classes: no model knows what can never be
START = 0.02  # share of wrong labels that the fit starts from
STEPS, SHARPENED = 40, 8  # steps of the fit; every so many of them b is fitted again
SHARPNESS = (math.exp(-1), math.exp(2.5))  # the range of b
SOFTEST, ENOUGH = 1e-2, 0.98  # the least power of `tempered`; from which on nothing is softened
FAINTEST = 1e-30  # the least probability of which a logarithm is taken
STRENGTH = 5.0  # images' worth of belief that wrong labels of a class are spread over the others alike
CELLS = 2_000_000  # images times classes that the fit looks at, at most; others are judged by it
FEWEST = 200  # images from which on a share is estimated
CLAIMED, LEAST, MOST = 0.16, -0.04, 0.36  # of the ambiguity: what the fit takes for wrong labels where none is
HIDDEN = 0.6  # of the fit's share: so many more may be wrong by a rule that the models learned, and so do not show
SCALE = 1.1  # what is left of the fit's share, times this
TAUGHT = 0.5  # of the wrong labels that a model learned: so many right ones elsewhere it may dispute beyond that
CLEARLY = 2  # times as probable as the label must another class be, for the label to be suspected
DIFFERENT = 0.03  # by which held-out labels may be guessed worse than learned ones, where both are of one kind
NORMAL = 1.96
STEEP = 2.0  # wrong labels are ranked before hard images by this power of the fit's posterior


@dataclasses.dataclass(frozen=True)
class Limits:
    """An estimate with its 95% limits."""

    mean: float
    low: float
    high: float

    def __add__(self, other: "Limits") -> "Limits":
        return Limits(self.mean + other.mean, self.low + other.low, self.high + other.high)

    def times(self, factor: float) -> "Limits":
        """All three, so many times."""
        return Limits(self.mean * factor, self.low * factor, self.high * factor)


NOTHING = Limits(0.0, 0.0, 0.0)


@dataclasses.dataclass(frozen=True)
class Fitted:
    """The mixture that fits n labels: (n,) `posterior` probability of being wrong, before ambiguity is subtracted.

    `share` is its mean; `ambiguity` the chance that two draws from the sharpened probabilities of an image differ.
    """

    posterior: Floats
    share: float
    ambiguity: float


@dataclasses.dataclass(frozen=True)
class Wrong:
    """Of n images: `share` of wrong labels, the fit's (n,) `posterior`, and how likely each is wrong.

    `likely` (3, n) sums to the mean, the lower and the upper limit of the number of wrong labels.
    """

    share: Limits
    posterior: Floats
    likely: Floats

    def among(self, places: Index) -> Limits:
        """How many of the labels at some places are wrong."""
        return Limits(*(float(each) for each in self.likely[:, places].sum(axis=1)))

    def rank(self, place: int) -> tuple[float, float]:
        """What labels of several splits are ranked by, the largest first: how likely wrong, even by the lower limit."""
        return float(self.likely[0, place] + self.likely[1, place]), float(self.posterior[place])


def tempered(probabilities: Floats, own: Index) -> Floats:
    """What a network gives n images it did not learn from, (n, k), made no surer than it is right.

    A network that knows its training images by heart is sure of its mistakes, too, and then every hard image passes
    for a wrong label. softmax(b log p) with the b in [SOFTEST, 1] that fits the labels (n,) best, the temperature
    scaling of Guo et al. 2017, "On Calibration of Modern Neural Networks". Ranks within an image stay as they are.
    """
    logs = np.log(np.maximum(probabilities, FAINTEST))
    power = _sharpest(logs, np.eye(probabilities.shape[1])[own], (SOFTEST, 1.0))
    return np.asarray(softmax(power * logs, axis=1)) if power < ENOUGH else probabilities


def wrong(probabilities: Floats, own: Index, *, taught: float = 0.0, alike: bool = True) -> Wrong | None:
    """How many of n labels are wrong by (n, k) probabilities from outside and (n,) columns of the labels.

    Of images that are held out: `taught` is the share of wrong labels among those that the model learned from. Where
    they may be of another kind than those, not `alike`, errors may all be of the images: then the lower limit is 0.
    None for fewer than FEWEST images, or fewer than two classes.
    """
    if len(own) < FEWEST or probabilities.shape[1] < 2:
        return None
    fit = fitted(probabilities, own)
    share = share_of(fit)
    low = max(0.0, share.low - TAUGHT * taught) if alike else 0.0
    share = dataclasses.replace(share, low=low)
    likely = np.stack([spread(fit.posterior, each) for each in (share.mean, share.low, share.high)])
    return Wrong(share, fit.posterior, likely)


def share_of(fit: Fitted) -> Limits:
    """The share of labels that are wrong: the fit's, less what it claims of the ambiguity."""
    chance = NORMAL * math.sqrt(max(fit.share * (1 - fit.share), 1e-9) / len(fit.posterior))
    low, high = ((each - CLAIMED) * fit.ambiguity for each in (MOST, LEAST))
    mean = fit.share - CLAIMED * fit.ambiguity
    found = (mean, mean - math.hypot(low, chance), mean + math.hypot(high, chance, HIDDEN * fit.share))
    return Limits(*(float(np.clip(SCALE * each, 0, 1)) for each in found))


def spread(posterior: Floats, share: float) -> Floats:
    """Chances in [0, 1] in the order of the posterior, their mean the share: as its power STEEP, as far as 1 allows."""
    target, weight = share * len(posterior), np.maximum(posterior, 1e-9) ** STEEP
    ascending = np.sort(weight)
    sums = np.cumsum(ascending)
    # With the largest j clipped to 1 the others sum to the rest: the first j at which none of them is above 1.
    for clipped in range(int(target) + 1):
        left = len(ascending) - clipped
        if left <= 0:
            return np.ones(len(posterior))
        factor = (target - clipped) / sums[left - 1]
        if factor * ascending[left - 1] <= 1:
            return np.asarray(np.minimum(1, factor * weight))
    return np.asarray(np.minimum(1, weight / ascending[-max(int(target), 1)]))


def fitted(probabilities: Floats, own: Index) -> Fitted:
    """Fit the mixture to (n, k) probabilities and (n,) columns of the labels."""
    count, classes = probabilities.shape
    logs = np.log((probabilities + FLOOR / classes) / (1 + FLOOR))
    step = max(1, math.ceil(count * classes / CELLS))
    sharp, moved = _fit(logs[::step], own[::step])
    posterior, ambiguity = np.empty(count), 0.0
    for start in range(0, count, size := max(1, CELLS // classes)):
        part = slice(start, start + size)
        clean = softmax(sharp * logs[part], axis=1)
        joint = clean * moved[:, own[part]].T
        posterior[part] = 1 - joint[np.arange(len(joint)), own[part]] / joint.sum(axis=1)
        ambiguity += float(np.sum(1 - np.sum(clean**2, axis=1)))
    return Fitted(posterior, float(posterior.mean()), ambiguity / count)


def _fit(logs: Floats, own: Index) -> tuple[float, Floats]:
    """(b, T (k, k)) of the mixture that fits log probabilities (n, k) and labels (n,)."""
    classes = logs.shape[1]
    one, others = np.eye(classes), (1 - np.eye(classes)) / (classes - 1)
    given, moved, sharp = one[own], (1 - START) * one + START * others, 1.0
    for step in range(STEPS):
        if step % SHARPENED == 0:
            sharp = _sharpest(logs, moved[:, own].T)
            clean = softmax(sharp * logs, axis=1)
        joint = clean * moved[:, own].T
        counted = (joint / joint.sum(axis=1, keepdims=True)).T @ given
        share = 1 - np.trace(counted) / len(own)
        believed = counted + STRENGTH * ((1 - share) * one + share * others)
        moved = believed / believed.sum(axis=1, keepdims=True)
    return sharp, moved


def _sharpest(logs: Floats, bears: Floats, between: tuple[float, float] = SHARPNESS) -> float:
    """The b in a range that fits best; (n, k) `bears` are the chances that an image of a class bears its label."""

    def loss(exponent: float) -> float:
        fits = np.sum(softmax(math.exp(exponent) * logs, axis=1) * bears, axis=1)
        return float(-np.log(np.maximum(fits, FAINTEST)).sum())

    low, high = map(math.log, between)
    return math.exp(minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 0.01}).x)
