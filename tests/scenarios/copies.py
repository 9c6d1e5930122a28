"""Small changes that a copied image goes through on its way into another split: (h, w) uint8 to the same."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from valgap.calibrate.material import Pixels

QUALITY = 60  # of JPEG


def shifted(image: Pixels) -> Pixels:
    """Moved to the right by one pixel; black comes in from the left."""
    moved = np.roll(image, 1, axis=1)
    moved[:, 0] = 0
    return moved


def darker(image: Pixels) -> Pixels:
    """0.8 times as bright."""
    return np.rint(image * 0.8).astype(np.uint8)


def recompressed(image: Pixels) -> Pixels:
    """Saved as a JPEG of QUALITY and read again."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file), np.uint8)


def flipped(image: Pixels) -> Pixels:
    """Left and right exchanged."""
    return image[:, ::-1].copy()


COPIES: dict[str, Callable[[Pixels], Pixels]] = {
    "copy": np.copy,
    "shift": shifted,
    "darker": darker,
    "jpeg": recompressed,
    "flip": flipped,
}
