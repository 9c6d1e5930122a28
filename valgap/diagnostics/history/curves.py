"""The curves of one training run, by what they are and not by what their maker called them."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Curves:
    """One training run, a value an epoch: each curve float64 (epochs,), None where the history has none.

    Losses as they were logged, accuracies as shares from 0 to 1. `metric` is the name that the accuracy had. Values
    may be NaN or infinite where the run's were. Where validation ran every few epochs only, all curves hold these
    epochs alone and `every` is their distance. `runs` counts the runs that were found: a run that was resumed is one
    with what it continues, and of runs that each began anew only the last is here.
    """

    loss: Curve | None
    val_loss: Curve | None
    accuracy: Curve | None
    val_accuracy: Curve | None
    metric: str | None = None
    learning_rate: Curve | None = None
    every: int = 1
    runs: int = 1

    @property
    def epochs(self) -> int:
        """How many values each curve has."""
        return next(
            len(curve) for curve in (self.loss, self.accuracy, self.val_loss, self.val_accuracy) if curve is not None
        )

    def epoch(self, place: int) -> int:
        """The epoch of a value, counted from 1 as `fit` prints it."""
        return (place + 1) * self.every
