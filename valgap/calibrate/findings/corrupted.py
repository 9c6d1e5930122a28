"""Plants a shift: images that are noisier, blurred, flatter or brighter, or of another class mix, as strong as asked.

How strong is found by bisection on what it costs a network in accuracy, which is what a shift is worth.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.uint8]
Index = NDArray[np.int64]

STEPS = 7  # of a bisection: strengths to about a hundredth of the strongest
STEEPEST = 8.0  # of a tilt of class shares: e to this power between the class known best and the one known worst


def noisy(images: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Normal noise on every value, up to 100 grey levels."""
    return _levels(images.astype(np.float32) + rng.normal(0, 100 * strength, images.shape).astype(np.float32))


def blurred(images: Pixels, strength: float, _: np.random.Generator) -> Pixels:
    """A Gaussian blur, up to a sixth of the shorter side."""
    sigma = strength * min(images.shape[1:3]) / 6
    return _levels(ndimage.gaussian_filter(images.astype(np.float32), (0, sigma, sigma, 0)))


def flatter(images: Pixels, strength: float, _: np.random.Generator) -> Pixels:
    """Contrast about each image's mean, down to nothing."""
    means = images.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float32)
    return _levels(means + (images - means) * (1 - strength))


def brighter(images: Pixels, strength: float, _: np.random.Generator) -> Pixels:
    """So many levels brighter, up to 200; what passes 255 is cut off."""
    return _levels(images + np.float32(200 * strength))


CORRUPTIONS: Mapping[str, Callable[[Pixels, float, np.random.Generator], Pixels]] = {
    "noise": noisy,
    "blur": blurred,
    "contrast": flatter,
    "brightness": brighter,
}


def strength_of(cost: Callable[[float], float], wanted: float) -> float | None:
    """The strength from 0 to 1 that costs `wanted`; None where the strongest costs less. `cost` should grow."""
    low, high = 0.0, 1.0
    if cost(high) < wanted:
        return None
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if cost(middle) >= wanted else (middle, high)
    return high


def tilted(counts: NDArray[np.float64], recalls: NDArray[np.float64], wanted: float) -> NDArray[np.float64] | None:
    """Shares (k,) of classes under which accuracy is `wanted` lower: hard classes are met more often.

    `counts` (k,) are those of the images, `recalls` (k,) how often each class is recognised.
    """
    shares = counts / counts.sum()

    def mix(strength: float) -> NDArray[np.float64]:
        tilt = shares * np.exp(-STEEPEST * strength * (recalls - recalls.min()) / max(np.ptp(recalls), 1e-9))
        return np.asarray(tilt / tilt.sum())

    strength = strength_of(lambda each: float((shares - mix(each)) @ recalls), wanted)
    return None if strength is None else mix(strength)


def drawn(labels: Index, shares: NDArray[np.float64], count: int, rng: np.random.Generator) -> Index:
    """`count` places of `labels` (n,), classes in these shares (k,); as many as there are where a class has too few."""
    wanted = rng.multinomial(count, shares)
    return np.concatenate([rng.permutation(np.flatnonzero(labels == each))[:take] for each, take in enumerate(wanted)])


def _levels(values: NDArray[np.float32]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
