"""Which duplicates to show: pairs of images, one for each set of equal ones and for each cluster of near ones."""

import numpy as np
from numpy.typing import NDArray

from valgap.findings.finding import BIT, EARLIER, EXAMPLES, HELD_OUT, Example, Used
from valgap.findings.neighbours import Similar

Index = NDArray[np.int64]


def of_equals(used: Used, original: Index, affected: NDArray[np.bool_], across: bool) -> tuple[Example[int], ...]:
    """A pair of equal images for each of the first originals of (m,) `affected` images."""
    images = np.flatnonzero(affected)
    firsts = images[np.unique(original[images], return_index=True)[1]]
    pairs = [
        _pair(used, int(image), np.flatnonzero(original == original[image]), across) for image in firsts[:EXAMPLES]
    ]
    return tuple(Example("the same pixels", pair) for pair in pairs if pair)


def of_clusters(
    used: Used, original: Index, similar: Similar, affected: NDArray[np.bool_], across: bool
) -> tuple[Example[int], ...]:
    """The most alike pair of each of the clusters with the most alike (m,) `affected` images."""
    known = _possible(used, original, similar, across)
    order = known[np.lexsort((known, -similar.correlation[known]))]
    _, first = np.unique(similar.cluster[similar.pairs[order, 0]], return_index=True)
    found: list[Example[int]] = []
    for place in order[np.sort(first)][: 4 * EXAMPLES]:  # in a sample, not every pair has an affected image
        sides = [np.flatnonzero(original == side) for side in similar.pairs[place]]
        for own, others in (sides, sides[::-1]):
            pairs = [_pair(used, int(image), others, across) for image in own[affected[own]][:EXAMPLES]]
            if pair := next(filter(None, pairs), None):
                found.append(Example(_words(float(similar.correlation[place])), pair))
                break
    return tuple(found[:EXAMPLES])


def _words(correlation: float) -> str:
    """To four digits, and never as 1: only equal images have that."""
    return f"correlation {correlation:.4f}" if correlation < 0.99995 else "correlation over 0.9999"


def _possible(used: Used, original: Index, similar: Similar, across: bool) -> Index:
    """Places of the pairs that may concern splits as wanted; equal images count for every split they are in."""
    mask = np.zeros(len(original), np.int64)
    np.bitwise_or.at(mask, original, used.bits)
    one, other = similar.pairs.T
    if not across:
        return np.flatnonzero(((mask[one] & mask[other]) != 0) & (used.families[one] != used.families[other]))
    fits = np.zeros(len(similar.pairs), np.bool_)
    for name in HELD_OUT:
        for held, earlier in ((one, other), (other, one)):
            fits |= ((mask[held] & BIT[name]) != 0) & ((mask[earlier] & EARLIER[name]) != 0)
    return np.flatnonzero(fits)


def _pair(used: Used, image: int, candidates: Index, across: bool) -> tuple[int, int] | None:
    """`image` after the first of `candidates` in an earlier split, or in its own if not `across`; None without one."""
    if across:
        right = (used.bits[candidates] & EARLIER.get(str(used.split[image]), 0)) != 0
    else:
        right = (used.split[candidates] == used.split[image]) & (used.families[candidates] != used.families[image])
    return (int(candidates[right][0]), image) if right.any() else None
