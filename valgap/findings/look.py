"""The one look at the pixels that all findings share: images measured, and near duplicates searched for once."""

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from valgap.data.sources.images import Images
from valgap.findings import coincidence, copies, neighbours, pixels
from valgap.findings.copies import Copies
from valgap.findings.doubts import Doubts, Index, Judged, judge_labels
from valgap.findings.finding import Used, use
from valgap.findings.neighbours import Similar
from valgap.findings.pixels import Measured


@dataclasses.dataclass(frozen=True)
class Look:
    """What was seen in the images that are used; `seed` decides every sample of them.

    `outside` is what a model in hand says of images that it did not learn from, where there is one.
    """

    used: Used
    measured: Measured
    similar: Similar
    copies: Copies
    alike: float | None  # share of training images that look like changed copies of one another, where it was asked
    seed: int
    outside: Judged | None = None

    @property
    def cluster(self) -> Index:
        """(m,) number of each image's group, or of its cluster of near duplicates where no groups are known."""
        groups = self.used.groups
        return self.similar.cluster if groups is None else np.unique(groups, return_inverse=True)[1]

    @functools.cached_property
    def doubts(self) -> Doubts:
        """What a simple model says of the labels; asked once."""
        return judge_labels(self.used, self.cluster, self.seed)


def look(images: Images, split_of: NDArray[np.str_], seed: int, features: NDArray[np.float32] | None = None) -> Look:
    """Measure the images that are used, and search near duplicates and changed copies among them.

    `split_of` (n,) is the split of each image: "train", "val", "test", or "pool", of which training and validation
    are drawn; "" for images that are not used. `features` (n, d) are what a trained network's last layer but one says
    of each image, where there is one: copies are then also searched for among images that are alike to it. Raises
    ValueError on another split.
    """
    used = use(images, split_of)
    measured = pixels.measure(images.images, used.index)
    similar = neighbours.search(images.images, used.index, measured.original, used.split, seed)
    similar = coincidence.without(images.images, used.index, measured.original, similar, seed)
    of_used = None if features is None else features[used.index]
    found = copies.search(used, measured.original, similar, seed, of_used)
    alike = copies.share_among(used, measured.original, similar, seed) if len(found.pairs) else None
    return Look(used, measured, similar, found, alike, seed)
