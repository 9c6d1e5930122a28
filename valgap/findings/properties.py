"""What images are like apart from what they show: light, colour, sharpness, their borders. One number an image each."""

import dataclasses
import itertools

import numpy as np
from numpy.typing import NDArray

from valgap.findings import pixels

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]  # (n,)
BAND = 1 / 16  # of the shorter side: how wide the border is, one pixel at least
COARSE = 32  # pixels a side, about, that levels are taken of
DARK, LIGHT = 2, 98  # percentiles
PERIODS = (2, 3, 4)  # pixels: factors of enlargement that leave a grid
NOISE = 0.25  # squared grey levels, what rounding leaves: below it there is no detail


@dataclasses.dataclass(frozen=True)
class Property:
    """A property by its name in words, and its value for each of n images. `kind` says what could neutralise it."""

    name: str
    kind: str  # light, colour, border, detail
    values: Values


def properties(images: Pixels, index: NDArray[np.int64]) -> tuple[Property, ...]:
    """All properties of the images at (m,) `index` of (n, h, w, c) uint8 images, in grey levels or logarithms.

    Grey images have no colours, and images below 4 pixels a side no detail.
    """
    found: dict[tuple[str, str], list[Values]] = {}
    for _, part in pixels.parts(images, index):
        for key, values in _of(part.astype(np.float32)).items():
            found.setdefault(key, []).append(values.astype(np.float32))
    return tuple(Property(name, kind, np.concatenate(values)) for (name, kind), values in found.items())


def border(height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels (height, width) are in the border."""
    band = max(1, round(BAND * min(height, width)))
    inside: NDArray[np.bool_] = np.ones((height, width), np.bool_)
    inside[band : height - band, band : width - band] = False
    return inside


def _of(images: Values) -> dict[tuple[str, str], Values]:
    """The properties of float32 images (b, h, w, c)."""
    step = max(1, min(images.shape[1:3]) // COARSE)
    whole = images[:, step // 2 :: step, step // 2 :: step].reshape(len(images), -1, images.shape[3])
    edge = images[:, border(*images.shape[1:3])]  # (b, pixels, c)
    grey = whole.mean(axis=2)
    dark, light = np.percentile(grey, (DARK, LIGHT), axis=1)
    found = {
        ("brightness", "light"): grey.mean(axis=1),
        ("contrast", "light"): grey.std(axis=1),
        ("the darkest level", "light"): dark,
        ("the lightest level", "light"): light,
        ("brightness of the border", "border"): np.median(edge, axis=1).mean(axis=1),
    }
    if images.shape[3] == 3:
        for where, kind, values in (("whole", "colour", whole), ("border", "border", edge)):
            levels = {"pixels": np.median(values, axis=1)}
            levels["dark pixels"], levels["light pixels"] = np.percentile(values, (DARK, LIGHT), axis=1)
            for (what, level), (place, colour) in itertools.product(levels.items(), ((0, "red"), (2, "blue"))):
                others = [each for each in range(3) if each != place]
                found[f"{colour} in {what} of the {where}", kind] = level[:, place] - level[:, others].mean(axis=1)
    if min(images.shape[1:3]) >= 4:
        found |= _detail(images.mean(axis=3))
    return found


def _detail(grey: Values) -> dict[tuple[str, str], Values]:
    """Logarithms of energies of differences: the finest against the next, that against all, and a grid in it."""
    first = [np.diff(grey, axis=axis) for axis in (1, 2)]
    second = [np.diff(each, axis=axis) for each, axis in zip(first, (1, 2), strict=True)]
    one, two = (sum((each**2).mean(axis=(1, 2)) for each in those) / 2 for those in (first, second))
    grids = []
    for period in PERIODS:
        energies = []
        for phase in range(period):
            energies.append(sum((np.take(each, range(phase, each.shape[axis], period), axis=axis) ** 2).mean(axis=(1, 2))
                                for each, axis in zip(first, (1, 2), strict=True)) / 2)
        grids.append(np.log((np.max(energies, axis=0) + NOISE) / (np.min(energies, axis=0) + NOISE)))
    return {
        ("sharpness", "detail"): np.log((two + NOISE) / (one + NOISE)),
        ("fineness", "detail"): np.log((one + NOISE) / (grey.var(axis=(1, 2)) + NOISE)),
        ("a grid of pixels", "detail"): np.max(grids, axis=0),
    }
