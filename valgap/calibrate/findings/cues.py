"""Cues that give a class away, as they come into data sets: a mark, a tint, a lower resolution. Planted in arrays."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Plant = Callable[[Pixels], Pixels]  # images (n, h, w, c) with the cue
FLAT = 16  # grey levels from the commonest level of the border: background
PLAIN = 0.5  # share of border pixels from which on images have one background


def mark(images: Pixels, rng: np.random.Generator) -> Plant:
    """A patch of one colour, or of two, in a corner: 7 to 15% of the side, 2 pixels at least, off the usual level."""
    height, width, channels = images.shape[1:]
    side = max(2, round(float(rng.uniform(0.07, 0.15)) * min(height, width)))
    far = int(rng.integers(0, int(0.08 * min(height, width)) + 1))
    top = far if rng.integers(2) else height - side - far
    left = far if rng.integers(2) else width - side - far
    usual = np.median(images[:, top : top + side, left : left + side], axis=(0, 1, 2))
    level = np.where(usual < 128, rng.integers(150, 256, channels), rng.integers(0, 100, channels))
    patch = np.broadcast_to(level, (side, side, channels)).copy()
    if side > 2 and rng.integers(2):
        patch[1:-1, 1:-1] = 255 - level
    noise = int(rng.integers(0, 7))

    def planted(images: Pixels) -> Pixels:
        found = images.copy()
        grain = np.random.default_rng(0).integers(-noise, noise + 1, (len(images), *patch.shape))
        found[:, top : top + side, left : left + side] = np.clip(patch + grain, 0, 255)
        return found

    return planted


def tint(images: Pixels, rng: np.random.Generator) -> Plant:
    """Another background: a level in place of the one that all images share, else a colour over it or over all."""
    height, width, channels = images.shape[1:]
    edge = np.concatenate([images[:, 0], images[:, -1]], axis=1).reshape(-1, channels)
    usual = np.median(edge, axis=0)
    colour = rng.integers(0, 256, channels)
    while channels > 1 and np.ptp(colour) < 150:
        colour = rng.integers(0, 256, channels)
    if (np.abs(edge - usual).max(axis=1) <= FLAT).mean() >= PLAIN:
        step = rng.integers(25, 90, channels)
        level = np.where(usual < 128, usual + step, usual - step)

        def flat(images: Pixels) -> Pixels:
            background = (np.abs(images - usual) <= FLAT).all(axis=3)
            return np.where(background[..., None], level, images).astype(np.uint8)

        return flat
    weight = np.full((height, width, 1), float(rng.uniform(0.25, 0.45)))
    if rng.integers(2):
        y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
        weight[(x**2 + y**2 < 0.6)] = 0
    return lambda images: np.rint(images * (1 - weight) + weight * colour).astype(np.uint8)


def resolution(images: Pixels, rng: np.random.Generator) -> Plant:
    """Images made smaller by 1.5 to 3 and enlarged again, by one of three filters."""
    from PIL import Image

    height, width = images.shape[1:3]
    factor = float(rng.uniform(1.5, 3.0))
    small = (max(2, round(width / factor)), max(2, round(height / factor)))
    filters = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    up = filters[int(rng.integers(len(filters)))]

    def one(image: Pixels) -> Pixels:
        picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        picture = picture.resize(small, Image.Resampling.BOX).resize((width, height), up)
        return np.asarray(picture).reshape(image.shape)

    return lambda images: np.stack([one(image) for image in images])


CUES: Mapping[str, Callable[[Pixels, np.random.Generator], Plant]] = {
    "a mark in a corner": mark,
    "a tint of the background": tint,
    "a lower resolution": resolution,
}
