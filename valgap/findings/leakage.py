"""Which held-out images have a duplicate in training, exact or near, as the audit finds them."""

import numpy as np
from numpy.typing import NDArray

from valgap.data.sources.images import Images
from valgap.findings import neighbours, pixels
from valgap.findings.finding import use


def leaked(images: Images, splits: NDArray[np.str_], seed: int) -> NDArray[np.bool_]:
    """(n,) held-out images that are equal, or nearly so, to a training image; `splits` (n,) as `audit` takes them.

    Of more than about 70,000 images near duplicates are found for a sample only, drawn by `seed`.
    """
    used = use(images, splits)
    original = pixels.measure(images.images, used.index).original
    pairs = neighbours.search(images.images, used.index, original, used.split, seed).pairs
    known = np.zeros(len(original), np.bool_)  # originals with an equal image in training
    known[original[used.split == "train"]] = True
    near = np.zeros(len(original), np.bool_)
    for one, other in (pairs.T, pairs.T[::-1]):
        near[one] |= known[other]
    found = np.zeros(len(splits), np.bool_)
    found[used.index] = (known | near)[original] & ~used.learned
    return found
