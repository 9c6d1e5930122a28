"""Marks: pixels that are the same in many images of one class, and hardly ever so in other classes."""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from valgap.findings import pixels

Pixels = NDArray[np.uint8]
Index = NDArray[np.int64]
CELLS = 64  # blocks a side that images are looked at in, at most
NEAR = 20  # grey levels: as far as compression moves the pixels of a mark
OFTEN, SELDOM = 0.4, 0.3  # shares of a class's images, and of the others', whose pixel is near
FULL = 0.85  # share of its pixels by which an image has the mark
LEAST = 3  # pixels
OUTER = 0.25  # of height and width: a mark begins no farther inside
PLACES = 4  # marks a class that are looked at


@dataclasses.dataclass(frozen=True)
class Mark:
    """A mark of class `label`: bool (h, w) blocks that it takes, and uint8 (h, w, c) what they look like."""

    label: int
    mask: NDArray[np.bool_]
    look: Pixels

    def on(self, images: Pixels) -> NDArray[np.bool_]:
        """Which of the images (n, h, w, c), in blocks, have it: (n,)."""
        off = np.abs(images[:, self.mask].astype(np.int16) - self.look[self.mask]).max(axis=2)
        found: NDArray[np.bool_] = (off <= NEAR).mean(axis=1) >= FULL
        return found


def blocks(images: Pixels, index: Index) -> Pixels:
    """The images at (m,) `index` as means over at most CELLS x CELLS blocks, uint8."""
    found = [np.rint(pixels.block_means(part, CELLS)).astype(np.uint8) for _, part in pixels.parts(images, index)]
    return np.concatenate(found)


def marks(images: Pixels, labels: Index, classes: int) -> list[Mark]:
    """Candidates among images (n, h, w, c) in blocks; how well they tell their class is for others to test."""
    present = [label for label in range(classes) if np.any(labels == label)]
    if len(present) < 2:
        return []
    means = np.stack([np.median(images[labels == label], axis=0) for label in present]).astype(np.int16)
    found = []
    for place, label in enumerate(present):
        look = means[place]
        near = (np.abs(images.astype(np.int16) - look) <= NEAR).all(axis=3)
        shares = np.stack([near[labels == each].mean(axis=0) for each in present])
        others = np.delete(shares, place, axis=0).mean(axis=0)
        special = (shares[place] >= OFTEN) & (others <= SELDOM) & (shares[place] - others >= OFTEN)
        found += [Mark(label, mask, look.astype(np.uint8)) for mask in _regions(special)]
    return found


def _regions(special: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Connected parts that reach the outer part of the image, the largest first."""
    named, count = ndimage.label(special, np.ones((3, 3)))
    height, width = special.shape
    rows, columns = (max(1, round(OUTER * side)) for side in (height, width))
    outer: NDArray[np.bool_] = np.ones((height, width), np.bool_)
    outer[rows : height - rows, columns : width - columns] = False
    sizes = np.bincount(named.ravel(), minlength=count + 1)
    order = [each for each in np.argsort(-sizes, kind="stable") if each and sizes[each] >= LEAST]
    return [named == each for each in order if np.any(outer & (named == each))][:PLACES]
