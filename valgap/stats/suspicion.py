"""Wrong labels by what simple models say of them: more among training images than among held-out ones.

Every model doubts hard images too, so a share by itself says little; images that nobody trains on tell how many are
merely hard. A model of held-out images disputes wrong training labels whatever rule they follow; where it says nothing
the labels count that a model of training images suspects. Measured figures stand in docs/findings/VG108.md.
"""

import math
from collections.abc import Mapping

from valgap.data.prepared import Suspected
from valgap.stats.intervals import wilson
from valgap.stats.verdict import Estimate, Labels

LEARNED, HELD_OUT = ("train", "pool"), ("val", "test")  # parts of the images that replicates learn from, or never
CLEAR = 0.03  # of labels: what the lower limit of the difference must exceed for wrong labels to be named
NORMAL = 1.959964  # quantile of the standard normal for 95% limits


def labels_of(suspected: Mapping[str, Suspected], disputed: Mapping[str, Suspected]) -> Labels:
    """Suspected labels by part, and by how much more labels are disputed among learned images than held-out ones."""
    shares = {name: _share(each) for name, each in suspected.items() if each.judged}
    learned, held_out = (_total(disputed or suspected, parts) for parts in (LEARNED, HELD_OUT))
    excess = _difference(learned, held_out) if learned.judged and held_out.judged else None
    return Labels(shares, excess)


def are_wrong(labels: Labels) -> bool:
    """Whether clearly more training labels are suspected than held-out images would have."""
    return labels.excess is not None and labels.excess.low > CLEAR


def any_suspected(suspected: Mapping[str, Suspected]) -> bool:
    """Whether any label that is learned from is suspected."""
    return _total(suspected, LEARNED).suspected > 0


def _total(suspected: Mapping[str, Suspected], parts: tuple[str, ...]) -> Suspected:
    found = [each for name, each in suspected.items() if name in parts]
    return Suspected(sum(each.suspected for each in found), sum(each.judged for each in found))


def _share(found: Suspected) -> Estimate:
    mean = found.suspected / found.judged
    return Estimate(mean, *wilson(mean, found.judged, NORMAL))


def _difference(first: Suspected, second: Suspected) -> Estimate:
    """Difference of two independent shares: Newcombe 1998, method 10, of Wilson's limits."""
    one, other = _share(first), _share(second)
    mean = one.mean - other.mean
    low = mean - math.hypot(one.mean - one.low, other.high - other.mean)
    high = mean + math.hypot(one.high - one.mean, other.mean - other.low)
    return Estimate(mean, low, high)
