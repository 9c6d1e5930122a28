"""Puts a cue into images that lack it, and takes it out of those that have it: what a network is then asked about."""

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from valgap.findings.giveaways import Giveaway
from valgap.findings.marks import Mark
from valgap.findings.properties import DARK, LIGHT, border, properties

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels], Pixels]  # of images (n, h, w, c)
DETAIL = ("detail", "stroke")  # kinds
FACTORS = (1.5, 2.0, 2.5, 3.0, 4.0)  # of enlarging
STEADY = 0.05  # of a property, a logarithm: spreads below are as good as none
FILTERS = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.NEAREST)
TRIED = 60  # images on which they are compared
NARROW = 16.0  # grey levels between dark and light: below it only the level is moved


@dataclasses.dataclass(frozen=True)
class Transplant:
    """`put` gives images the cue, `take` takes it away; None where that cannot be done, as of detail that is lost."""

    put: Change
    take: Change | None


def transplant(cue: Giveaway, having: Pixels, lacking: Pixels) -> Transplant:
    """How to move a cue between images of its class that have it and others that lack it, uint8 (n, h, w, c)."""
    if cue.mark is not None:
        mask, look = _full(cue.mark, lacking.shape[1:])
        usual = np.median(lacking[:, mask], axis=0).astype(np.uint8)
        return Transplant(lambda images: _filled(images, mask, look[mask]), lambda images: _filled(images, mask, usual))
    if cue.kind in DETAIL:
        return Transplant(_enlarged_like(having[:TRIED], lacking[:TRIED]), None)
    return Transplant(_levels(lacking, having), _levels(having, lacking))


def _full(mark: Mark, shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], Pixels]:
    """Mask (h, w) and look (h, w, c) of a mark in pixels instead of blocks."""
    rows, columns = (
        np.minimum(np.arange(side) * blocks // side, blocks - 1)
        for side, blocks in zip(shape[:2], mark.mask.shape, strict=True)
    )
    return mark.mask[np.ix_(rows, columns)], mark.look[np.ix_(rows, columns)]


def _filled(images: Pixels, mask: NDArray[np.bool_], values: Pixels) -> Pixels:
    found = images.copy()
    found[:, mask] = values
    return found


def _levels(source: Pixels, target: Pixels) -> Change:
    """Moves dark and light of each channel from where images of `source` have them to where those of `target` do.

    Means over images of percentiles of the border or of the whole, whichever differs more.
    """
    found = []
    for where in (np.ones(source.shape[1:3], np.bool_), border(*source.shape[1:3])):
        levels = [np.percentile(images[:, where], (DARK, LIGHT), axis=1).mean(axis=1) for images in (source, target)]
        found.append(levels)
    before, after = max(found, key=lambda levels: float(np.abs(levels[0] - levels[1]).sum()))
    spread = before[1] - before[0]
    gain = np.where(spread < NARROW, 1.0, (after[1] - after[0]) / np.maximum(spread, 1.0))

    def moved(images: Pixels) -> Pixels:
        return np.clip(np.rint((images - before[0]) * gain + after[0]), 0, 255).astype(np.uint8)

    return moved


def _enlarged_like(having: Pixels, lacking: Pixels) -> Change:
    """Of ways to make images smaller and larger again the one after which they are most like those with the cue.

    Likeness is by the means of all properties of detail, in standard deviations of the images with the cue.
    """
    target = _details(having)
    middle, spread = target.mean(axis=1), target.std(axis=1) + STEADY

    def off(way: Change) -> float:
        return float(np.abs((_details(way(lacking)).mean(axis=1) - middle) / spread).sum())

    return min((_enlarged(factor, by) for factor, by in itertools.product(FACTORS, FILTERS)), key=off)


def _details(images: Pixels) -> NDArray[np.float64]:
    """The properties of detail of some images (properties, n)."""
    found = properties(images, np.arange(len(images)))
    return np.array([each.values for each in found if each.kind in DETAIL], np.float64)


def _enlarged(factor: float, by: Image.Resampling) -> Change:
    def one(image: Pixels) -> Pixels:
        height, width = image.shape[:2]
        small = (max(2, round(width / factor)), max(2, round(height / factor)))
        picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        picture = picture.resize(small, Image.Resampling.BOX).resize((width, height), by)
        return np.asarray(picture).reshape(image.shape)

    return lambda images: np.stack([one(image) for image in images])
