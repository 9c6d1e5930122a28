"""Wrong labels by what simple models say of them: more among training images than among held-out ones.

Every model doubts hard images too, so a share by itself says little; images that nobody trains on tell how many are
merely hard. A model of held-out images disputes wrong training labels whatever rule they follow; where it says nothing
the labels count that a model of training images suspects. Measured figures stand in docs/findings/VG108.md.
"""

from collections.abc import Mapping

import numpy as np

from valgap.data.prepared import Suspected
from valgap.stats.shares import Share, difference, share
from valgap.stats.verdict import Estimate, Labels

LEARNED, HELD_OUT = ("train", "pool"), ("val", "test")  # parts of the images that replicates learn from, or never
CLEAR = 0.03  # of labels: what the lower limit of the difference must exceed for wrong labels to be named


def labels_of(suspected: Mapping[str, Suspected], disputed: Mapping[str, Suspected]) -> Labels:
    """Suspected labels by part, and by how much more labels are disputed among learned images than held-out ones."""
    shares = {name: Estimate.of(_share(each)) for name, each in suspected.items() if each.judged}
    learned, held_out = (_total(disputed or suspected, parts) for parts in (LEARNED, HELD_OUT))
    if not (learned.judged and held_out.judged):
        return Labels(shares, None)
    return Labels(shares, Estimate.of(difference([_share(learned)], [_share(held_out)])))


def are_wrong(labels: Labels) -> bool:
    """Whether clearly more training labels are suspected than held-out images would have."""
    return labels.excess is not None and labels.excess.low > CLEAR


def any_suspected(suspected: Mapping[str, Suspected]) -> bool:
    """Whether any label that is learned from is suspected."""
    return _total(suspected, LEARNED).suspected > 0


def _total(suspected: Mapping[str, Suspected], parts: tuple[str, ...]) -> Suspected:
    found = [each for name, each in suspected.items() if name in parts]
    return Suspected(sum(each.suspected for each in found), sum(each.judged for each in found))


def _share(found: Suspected) -> Share:
    return share(np.arange(found.judged) < found.suspected, None)
