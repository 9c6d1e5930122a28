"""How likely a likeness is among images that have nothing to do with each other: a set of images says so itself.

Of unrelated images as many lie within a misfit t of one as the volume of their space says: t to some power. Logarithms
of the misfits then have an exponential tail, and by how much the best exceeds the next ones follows a known law, whose
scale the next ones show (Renyi 1953, "On the theory of order statistics": spacings of exponential order statistics,
times their ranks, are independent and of one scale). An image that stands out of its own runners-up by more is no
chance. How many of many are believed follows from Benjamini and Hochberg 1995: of those, at most SHARE are expected to
be wrong.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
SHARE = 0.1  # of the likenesses that are believed, those that may be chance, at most
ALIKE = (1, 2, 4)  # runners-up that may be copies too: siblings of a copy must not hide each other
ROUNDS = 3  # of leaving out what is believed, and asking the rest for the scale again


def fitness(likeness: NDArray[np.floating]) -> Values:
    """Minus the logarithm of the misfit 1 - likeness, of likenesses (any shape) of at most 1."""
    found: Values = -np.log(1 - np.clip(likeness.astype(np.float64), -0.5, 0.9999))
    return found


def scale(fits: Values) -> float:
    """The scale of spacings, by the second and third of (q, k) fits, best first; the best may be a copy's. 0 of none.

    The mean of two estimates, by the median and by the ninth tenth: neither sees a few copies with siblings.
    """
    if not len(fits) or fits.shape[1] < 3:
        return 0.0
    spacing = 2 * (fits[:, 1] - fits[:, 2])
    return float(np.median(spacing) / np.log(2) + np.quantile(spacing, 0.9) / np.log(10)) / 2


def chances(fits: Values, of: float, alike: tuple[int, ...] = ALIKE) -> Values:
    """The chance (q,) that the best of unrelated images stands out so; `of` is the scale. 1 where it has no runner-up.

    With k siblings the best exceeds the one after them by the largest of k spacings: 1 - (1 - exp(-x / scale)) ** k.
    """
    ranks = [rank for rank in alike if rank < fits.shape[1]]
    if not ranks or of <= 0:
        return np.ones(len(fits))
    margins = (np.maximum(fits[:, 0] - fits[:, rank], 1e-12) for rank in ranks)
    each = [-np.expm1(rank * np.log1p(-np.exp(-margin / of))) for rank, margin in zip(ranks, margins, strict=True)]
    return np.minimum(1.0, len(ranks) * np.min(each, axis=0))


def believed(chance: Values, asked: int, share: float = SHARE) -> NDArray[np.bool_]:
    """Which of (q,) chances are believed, where `asked` images were searched for; a `share` of them may be wrong."""
    ordered = np.sort(chance)
    right = np.flatnonzero(ordered <= share * np.arange(1, len(chance) + 1) / max(asked, 1))
    found: NDArray[np.bool_] = chance <= (ordered[right[-1]] if len(right) else -1)
    return found


def stand_out(fits: Values) -> tuple[NDArray[np.bool_], Values]:
    """Which of (q, k) fits, best first, are no chance, and their chances; the others say what chance does."""
    told, found = np.zeros(len(fits), np.bool_), np.ones(len(fits))
    for _ in range(ROUNDS):
        found = chances(fits, scale(fits[~told]))
        told = believed(found, len(fits))
    return told, found
