"""VG201 and VG212: does accuracy hang on the statistics that BatchNormalization takes? Pure functions."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.diagnostics.model.modes import Statistics
from valgap.diagnostics.seen import Seen

Right = NDArray[np.bool_]
FAR, CLEAR = 0.10, 1e-4  # of accuracy, and of the paired test: a problem
SOME, LIKELY = 0.05, 1e-2  # worth a look
AWAY = 0.25  # how far moving statistics lie from the batches': `distance`, where they lag
TIE = 0.03  # of accuracy between readings in training mode
EPSILON = 1e-3  # that BatchNormalization adds to a variance, by default


@dataclasses.dataclass(frozen=True)
class Paired:
    """Training mode against inference mode on the same images: shares that are right, and McNemar's exact p-value."""

    training: float
    inference: float
    images: int
    p: float

    @property
    def difference(self) -> float:
        """Training mode less inference mode."""
        return self.training - self.inference


def paired(training: Right, inference: Right) -> Paired:
    """Compare two modes by the images (n,) on which exactly one is right. Raises ValueError on other lengths.

    The p-value is one-sided, that training mode is no better: exact binomial of McNemar 1947.
    """
    if len(training) != len(inference) or not len(training):
        raise ValueError(f"{len(training)} images in training mode and {len(inference)} in inference mode")
    gained, lost = int(np.sum(training & ~inference)), int(np.sum(inference & ~training))
    p = float(stats.binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue) if gained + lost else 1.0
    return Paired(float(training.mean()), float(inference.mean()), len(training), p)


def distance(found: Statistics) -> float:
    """How far a layer's moving statistics lie from the batches': 0 where they agree.

    The median over channels of the larger of two: the difference of means in standard deviations of the batches, and
    the absolute logarithm of the ratio of standard deviations.
    """
    spread = np.sqrt(found.variance + EPSILON)
    means = np.abs(found.mean - found.moving_mean) / spread
    ratios = np.abs(np.log(spread / np.sqrt(np.maximum(found.moving_variance, 0) + EPSILON)))
    return float(np.median(np.maximum(means, ratios)))


def lags(found: Sequence[Statistics]) -> bool | None:
    """Whether the moving statistics themselves lag; None where one layer alone cannot tell.

    Pixels of another range than in training throw the moving statistics of the first layer off, and of no later one:
    in training mode the first layer puts the range right for those after it. Statistics that lag are off everywhere.
    """
    later = [each for each in found[1:] if not each.frozen]
    if not later:
        return None
    return bool(np.median([distance(each) for each in later]) >= AWAY)


def reading_to_judge(training: Mapping[str, float], inference: Mapping[str, float]) -> str:
    """The reading of the pixels under which modes are compared, of the accuracies in both modes by reading.

    Statistics that lag make inference mode a bad judge of readings; training mode is a good one but for scale, which
    the first normalisation takes out. So of the readings within TIE of the best in training mode that with the best
    accuracy in inference mode is taken.
    """
    best = max(training.values())
    return max((name for name in training if training[name] >= best - TIE), key=lambda name: inference[name])


def lagging(
    training: Right,
    inference: Right,
    found: Sequence[Statistics],
    re_estimated: float | None = None,
    frozen_layers: Sequence[str] = (),
) -> Seen | None:
    """VG201, or VG212 where layers with kernels are frozen, of training images (n,) that are right in either mode.

    To be asked under `reading_to_judge`. `found` are the statistics by layer,
    `re_estimated` the accuracy in inference mode with statistics of these images, `frozen_layers` those layers with
    kernels that are not trained.
    """
    test = paired(training, inference)
    judged = lags(found)
    if judged is False or test.difference < SOME or test.p > LIKELY:
        return None
    sure = judged is True and test.difference >= FAR and test.p <= CLEAR
    free = [each for each in found if not each.frozen]
    evidence = {
        "training": test.training,
        "inference": test.inference,
        "difference": test.difference,
        "images": test.images,
        "p": test.p,
        "layers": len(free),
        "layer": free[0].layer if free else "",
        "re_estimated": re_estimated,
        "frozen": len(frozen_layers),
    }
    return Seen("VG212" if frozen_layers else "VG201", "problem" if sure else "worth a look", evidence)


def batch_decides(share_changed: float, images: int, layers: Sequence[str]) -> Seen | None:
    """VG212: in inference mode outputs hang on the other images of the batch, as `modes.depends_on_others` tells.

    `share_changed` is the share of `images` whose class changes with the company; `layers` those that normalise.
    """
    if not images or not layers:
        return None
    return Seen("VG212", "problem", {"changed": share_changed, "images": images, "layers": len(layers), "baked": True})
