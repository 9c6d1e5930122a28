"""The eight right-angle symmetries of an image: as it is, mirrored, and turned by quarter turns."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Symmetry:
    """Mirrors an image left to right where `mirrored`, then turns it to the left by so many `quarters`."""

    name: str
    mirrored: bool
    quarters: int

    def of(self, images: NDArray[Any]) -> NDArray[Any]:
        """A view of (n, h, w, ...) `images` so changed: (n, w, h, ...) where `quarters` is odd."""
        flipped = images[:, :, ::-1] if self.mirrored else images
        return np.rot90(flipped, self.quarters, (1, 2))

    @property
    def inverse(self) -> "Symmetry":
        """The one of SYMMETRIES that undoes it: a mirroring itself, a turn the other turn."""
        quarters = self.quarters if self.mirrored else -self.quarters % 4
        return next(each for each in SYMMETRIES if (each.mirrored, each.quarters) == (self.mirrored, quarters))


SYMMETRIES = (
    Symmetry("as it is", False, 0),
    Symmetry("mirrored left to right", True, 0),
    Symmetry("mirrored top to bottom", True, 2),
    Symmetry("turned by 180°", False, 2),
    Symmetry("turned by 90° to the left", False, 1),
    Symmetry("turned by 90° to the right", False, 3),
    Symmetry("mirrored and turned by 90° to the left", True, 1),
    Symmetry("mirrored and turned by 90° to the right", True, 3),
)


def fitting(height: int, width: int) -> tuple[Symmetry, ...]:
    """Those of SYMMETRIES that keep the shape of images of this size."""
    return tuple(each for each in SYMMETRIES if height == width or not each.quarters % 2)
