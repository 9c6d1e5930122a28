"""What images are like apart from what they show: light, colour, sharpness, their borders. One number an image each."""

import dataclasses
import itertools

import numpy as np
from numpy.typing import NDArray

from valgap.findings import pixels

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]  # (n,)
BAND = 1 / 16  # of the shorter side: how wide the border is, one pixel at least
SMALLEST, TINY = 8, 16  # pixels a side: below them there is no detail, and it is what is shown
COARSE = 32  # pixels a side, about, that levels are taken of
DARK, LIGHT = 2, 98  # percentiles
MIDDLE = 128  # pixels a side that detail is taken of, at most
ORDERS = 4  # of differences
ROUNDING = 0.25  # squared grey levels: what rounding leaves, about


@dataclasses.dataclass(frozen=True)
class Property:
    """A property by its name in words, and its value for each of n images. `kind` says what could neutralise it.

    Kinds are light, colour, border, detail, and stroke, which is detail of tiny images; a channel means little alone,
    and is for use with others.
    """

    name: str
    kind: str
    values: Values


def properties(images: Pixels, index: NDArray[np.int64]) -> tuple[Property, ...]:
    """All properties of the images at (m,) `index` of (n, h, w, c) uint8 images, in grey levels or logarithms.

    Grey images have no colours, and images below SMALLEST pixels a side no detail.
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
    edge = images[:, border(*images.shape[1:3])][:, ::step]  # (b, pixels, c)
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
            for (what, level), place in itertools.product(levels.items(), range(3)):
                found[f"channel {place} in {what} of the {where}", "channel"] = level[:, place]
            for (what, level), (place, colour) in itertools.product(levels.items(), ((0, "red"), (2, "blue"))):
                others = [each for each in range(3) if each != place]
                found[f"{colour} in {what} of the {where}", kind] = level[:, place] - level[:, others].mean(axis=1)
    if min(images.shape[1:3]) >= SMALLEST:
        found |= _detail(_middle(images).mean(axis=3))
    return found


def _middle(images: Values) -> Values:
    """At most MIDDLE x MIDDLE pixels in the middle of images (b, h, w, c)."""
    top, left = (max(0, (side - MIDDLE) // 2) for side in images.shape[1:3])
    return images[:, top : top + MIDDLE, left : left + MIDDLE]


def _detail(grey: Values) -> dict[tuple[str, str], Values]:
    """What enlarging takes away and leaves: energies of differences of several orders, and their unevenness.

    A difference of order k of a row of pixels weighs fine detail the more, the higher k is, so that their ratios fall
    where images come from a lower resolution. Enlarging also repeats itself every few pixels: energies of neighbouring
    columns and rows differ then.
    """
    rows, columns = grey, grey
    energy, profiles = {}, {}
    for order in range(1, ORDERS + 1):
        rows, columns = np.diff(rows, axis=1), np.diff(columns, axis=2)
        by = (rows**2).mean(axis=2), (columns**2).mean(axis=1)  # (b, height - order), (b, width - order)
        energy[order] = sum(each.mean(axis=1) for each in by) / 2 + ROUNDING
        profiles[order] = [each + ROUNDING / 8 for each in by]
    kind = "stroke" if min(grey.shape[1:]) < TINY else "detail"
    return {
        ("sharpness", kind): np.log(energy[2] / energy[1]),
        ("the finest detail", kind): np.log(energy[4] / energy[2]),
        ("a grid of pixels", "detail"): sum(_unevenness(np.log(each)) for each in profiles[1]),
        ("traces of resizing", "detail"): sum(_unevenness(np.log(each)) for each in profiles[3]),
        ("traces of enlarging", "detail"): sum(_unevenness(each / each.mean(1)[:, None]) for each in profiles[2]),
    }


def _unevenness(profile: Values) -> Values:
    """How far the values of (b, k) profiles lie from the mean of their two neighbours, on average: (b,)."""
    found: Values = np.abs(profile[:, 1:-1] - (profile[:, :-2] + profile[:, 2:]) / 2).mean(axis=1)
    return found
