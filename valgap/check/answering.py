"""Asks a model about a sample under many readings, each only as far as it must. Needs a started TensorFlow."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.reading.answers import Labels, Part, Probabilities
from valgap.diagnostics.reading.readings import Decoded, Reading, Statistics, apply

SMALL, HALF, HELD = 100, 200, 300  # images on which all readings are tried, that decide, and that are held out
BATCH = 100

Probability = Callable[[NDArray[np.float32]], Probabilities]  # of the model's input (n, h, w, c)


@dataclasses.dataclass(frozen=True)
class Sample:
    """Training images, in two halves, and held-out ones.

    `pixels` gives, for a decoding, (choose, confirm, held) as uint8 (n, height, width, channels).
    """

    pixels: Callable[[Decoded], tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]]
    labels: Mapping[Part, Labels]

    def of(self, decoding: Decoded, part: Part) -> NDArray[np.uint8]:
        """The images of a part."""
        choose, confirm, held = self.pixels(decoding)
        return {"small": choose[:SMALL], "choose": choose, "confirm": confirm, "held": held}[part]


class Trials:
    """Probabilities of a sample by reading and part, each asked of the model once."""

    def __init__(self, probability: Probability, sample: Sample, known: Statistics, classes: int) -> None:
        self._probability, self._sample, self._known, self._classes = probability, sample, known, classes
        self._found: dict[tuple[Reading, Part], Probabilities] = {}

    def __call__(self, reading: Reading, part: Part) -> Probabilities:
        """(n, classes) float64 of the images of the part, NaN where they are not finite."""
        if (reading, part) not in self._found:
            if part == "small" and (reading, "choose") in self._found:
                return self._found[reading, "choose"][:SMALL]
            self._found[reading, part] = self._ask(reading, self._sample.of(reading.decoding, part))
        return self._found[reading, part]

    def _ask(self, reading: Reading, pixels: NDArray[np.uint8]) -> Probabilities:
        parts = [
            self._probability(apply(reading, pixels[start : start + BATCH], self._known))
            for start in range(0, len(pixels), BATCH)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self._classes))


def parts(train: NDArray[np.int64], held: NDArray[np.int64]) -> dict[Part, NDArray[np.int64]]:
    """Rows of each part, from rows in an order of which every prefix is stratified: alternately in two halves."""
    return {
        "small": train[0 : 2 * HALF : 2][:SMALL],
        "choose": train[0 : 2 * HALF : 2],
        "confirm": train[1 : 2 * HALF : 2],
        "held": held[:HELD],
    }
