"""What the first batch normalisation remembers of training tells how the pixels came. Pure functions.

Its moving statistics are those of training, on their way from 0 and 1: after n steps with momentum m a share
a = 1 - m^n of the way. Under the reading of training the statistics of today's images, brought the same share of the
way, are the moving ones; under any other they are not. Of 42 small networks on seven readings, trained for 50 to 1,000
steps, the lowest distance was that of training 42 times; the next was 1.9 times as large or more.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from valgap.diagnostics.model.modes import Statistics
from valgap.diagnostics.reading.readings import PLAIN, Reading

SHARES = np.linspace(0.05, 1, 96)
TINY = 1e-6  # of a variance
NEAR = 0.15  # distance up to which statistics are those of such images
APART = 1.5  # times as far the next reading must be
RARE = 3.0  # times as near inverted pixels must be


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """The readings whose statistics the layer holds, the nearest first: one, or several that cannot be told apart.

    `distance` is that of the nearest, `share` how much of the way its statistics have come.
    """

    readings: tuple[Reading, ...]
    distance: float
    share: float

    def simplest(self) -> Reading:
        """Of readings that cannot be told apart the one with the fewest peculiarities."""
        return min(self.readings, key=lambda each: each.channels != "rgb")


def distance(found: Statistics) -> tuple[float, float]:
    """(distance, share): mean squares of what means and logarithms of variances are off by, at the best share."""
    variance = np.maximum(found.variance, TINY)
    share = SHARES[:, np.newaxis]
    means = (found.moving_mean - share * found.mean) ** 2 / variance
    logs = np.log(np.maximum(found.moving_variance, TINY)) - np.log(1 - share + share * variance)
    total = np.mean(means, axis=1) + np.mean(logs**2, axis=1)
    best = int(np.argmin(total))
    return float(total[best]), float(SHARES[best])


def read(found: Mapping[Reading, Statistics]) -> Fingerprint | None:
    """The readings that fit; None where none does, or where a plain scale cannot be told from others.

    Inverted pixels count only where they fit far better: after few steps [-1, 1] inverted resembles [0, 1].
    """
    distances = {reading: distance(statistics) for reading, statistics in found.items()}
    ranked = sorted(distances, key=lambda reading: distances[reading][0] * (RARE if reading.inverted else 1))
    nearest, share = distances[ranked[0]]
    alike = [reading for reading in ranked if reading.inverted == ranked[0].inverted]
    near = [reading for reading in alike if distances[reading][0] <= APART * nearest]
    scales = {reading.scale for reading in near}
    if not nearest <= NEAR or (len(scales) > 1 and scales & set(PLAIN)):
        return None
    return Fingerprint(tuple(near), nearest, share)
