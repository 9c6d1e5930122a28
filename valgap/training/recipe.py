"""What decides a replicate beside its images: the network, the settings, the baseline, the streams of randomness."""

import dataclasses

import numpy as np

from valgap.ground.params.experiment import Model, Train


@dataclasses.dataclass(frozen=True)
class Streams:
    """The named streams of randomness of a block's replicates, as `prepare` wrote them beside its index lists.

    `numbers` pairs each purpose with the number that stands for it (uint64). They are data here, so that what derives
    them may be edited: only other numbers retrain anything.
    """

    seed: int
    numbers: tuple[tuple[str, int], ...]

    def generator(self, replicate: int, purpose: str) -> np.random.Generator:
        """NumPy generator of one purpose of one replicate. Raises KeyError on an unknown purpose."""
        return np.random.default_rng(self._sequence(replicate, purpose))

    def integer(self, replicate: int, purpose: str) -> int:
        """Integer in [0, 2**31) for interfaces that take a number, such as Keras's and TensorFlow's."""
        return int(self._sequence(replicate, purpose).generate_state(1)[0] >> 1)

    def _sequence(self, replicate: int, purpose: str) -> np.random.SeedSequence:
        return np.random.SeedSequence([self.seed, replicate + 1, dict(self.numbers)[purpose]])


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A variant's network and settings, and those of the baseline, from whose initial weights it starts."""

    model: Model
    settings: Train
    baseline: Train
    streams: Streams
