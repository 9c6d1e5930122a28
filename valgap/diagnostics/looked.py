"""What covering each place of one image took from the model's answer."""

import dataclasses

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Looked:
    """One image (h, w, c) uint8, its name, class, split, and the class that the model names, with its probability.

    `falls` (places,) are by how much that probability falls when a patch covers each place of occlusion's grid.
    """

    image: NDArray[np.uint8]
    name: str
    label: str
    guess: str
    split: str
    probability: float
    falls: NDArray[np.float64]
