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
OFTEN = (0.85, 0.6, 0.4)  # share of a class's images whose pixel is near: where things shown join a mark, not in all
SELDOM = 0.3  # the same of other classes, at most
FULL = 0.85  # share of its pixels by which an image has the mark
LEAST = 3  # pixels
CORNER, OUTER = 0.375, 0.25  # of height and width: how far from two edges, or from one, marks lie
TINY = 16  # pixels a side: things that are shown reach the edges
COMMON = 0.2  # share of border pixels from which on a colour is that of the background
STEP = 16  # grey levels a bin of colours
PLACES = 4  # marks a class that are looked at


@dataclasses.dataclass(frozen=True)
class Mark:
    """A mark of class `label`: bool (h, w) blocks that it takes, and uint8 (h, w, c) what they look like."""

    label: int
    mask: NDArray[np.bool_]
    look: Pixels

    @property
    def place(self) -> str:
        """Where it lies, in words."""
        rows, columns = np.nonzero(self.mask)
        height, width = self.mask.shape
        high = "top" if 2 * rows.mean() < height - 1 else "bottom"
        side = "left" if 2 * columns.mean() < width - 1 else "right"
        return f"at the {high} {side}"

    def on(self, images: Pixels) -> NDArray[np.bool_]:
        """Which of the images (n, h, w, c), in blocks, have it: (n,)."""
        off = np.abs(images[:, self.mask].astype(np.int16) - self.look[self.mask]).max(axis=2)
        found: NDArray[np.bool_] = (off <= NEAR).mean(axis=1) >= FULL
        return found


def blocks(images: Pixels, index: Index) -> Pixels:
    """The images at (m,) `index` as means over at most CELLS x CELLS blocks, uint8."""
    if max(images.shape[1:3]) <= CELLS:
        return np.asarray(images[index])
    found = [np.rint(pixels.block_means(part, CELLS)).astype(np.uint8) for _, part in pixels.parts(images, index)]
    return np.concatenate(found)


def marks(images: Pixels, labels: Index, classes: int) -> list[Mark]:
    """Candidates among images (n, h, w, c) in blocks; how well they tell their class is for others to test."""
    present = [label for label in range(classes) if np.any(labels == label)]
    if len(present) < 2:
        return []
    plain = background(images)
    means = np.stack([np.median(images[labels == label], axis=0) for label in present]).astype(np.int16)
    found = []
    for place, label in enumerate(present):
        look = means[place]
        near = (np.abs(images.astype(np.int16) - look) <= NEAR).all(axis=3)
        shares = np.stack([near[labels == each].mean(axis=0) for each in present])
        others = np.delete(shares, place, axis=0).mean(axis=0)
        drawn = True if plain is None else (np.abs(look - plain) > NEAR).any(axis=2)
        excess = np.where(drawn & (others <= SELDOM), shares[place] - others, 0.0)
        regions = [mask for often in OFTEN for mask in _regions((shares[place] >= often) & (excess >= OFTEN[-1]))]
        found += [Mark(label, mask, look.astype(np.uint8)) for mask in _distinct(regions)]
    return found


def background(images: Pixels) -> NDArray[np.int16] | None:
    """The commonest colour (c,) of the border pixels of images (n, h, w, c), None where none is common."""
    edge = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    edge = edge.reshape(-1, edge.shape[-1])
    _, member, counts = np.unique(edge // STEP, axis=0, return_inverse=True, return_counts=True)
    most = int(counts.argmax())
    if counts[most] < COMMON * len(edge):
        return None
    return np.asarray(np.median(edge[member.ravel() == most], axis=0), np.int16)


def _regions(special: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Connected parts that lie where marks may, the largest first."""
    named, count = ndimage.label(special, np.ones((3, 3)))
    places = _places(*special.shape)
    sizes = np.bincount(named.ravel(), minlength=count + 1)
    order = [each for each in np.argsort(-sizes, kind="stable") if each and sizes[each] >= LEAST]
    return [named == each for each in order if np.all(places[named == each])][:PLACES]


def _distinct(masks: list[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
    """Masks in their order, each once."""
    return list({mask.tobytes(): mask for mask in reversed(masks)}.values())[::-1]


def _places(height: int, width: int) -> NDArray[np.bool_]:
    """Where marks may lie (height, width): in the corners and, unless images are TINY, along the edges."""
    rows, columns = (np.minimum(np.arange(side), np.arange(side)[::-1]) / side for side in (height, width))
    corners: NDArray[np.bool_] = (rows < CORNER)[:, np.newaxis] & (columns < CORNER)
    if min(height, width) < TINY:
        return corners
    return corners | (rows < OUTER)[:, np.newaxis] | (columns < OUTER)
