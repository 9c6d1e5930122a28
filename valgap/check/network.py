"""A loaded model as the check asks it: what it takes, and its outputs in inference and in training mode."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.check.forward import BATCH, Outputs, Takes, batch_function, input_of
from valgap.check.outputs import Probabilities, to_probabilities
from valgap.diagnostics.model.modes import normalises, training_mode

Pixels = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Network:
    """A loaded model. `name` is what the user calls it, `output` the one of several that says the class."""

    model: Any
    name: Path
    output: str | None = None

    @cached_property
    def takes(self) -> Takes:
        """What its input takes. Raises SuiteError where that is no image."""
        return input_of(self.model, self.name)

    @cached_property
    def _of_batch(self) -> Callable[[Outputs], Outputs]:
        return batch_function(self.model, self.takes, self.name, self.output)

    @cached_property
    def normalises(self) -> bool:
        """Whether it holds batch normalisation, so that training mode answers otherwise."""
        return normalises(self.model)

    def outputs(self, images: Pixels) -> Outputs:
        """Outputs (n, k) float32 in inference mode of what the input takes, (n, h, w, c)."""
        size = self.takes.batch or BATCH
        found = [self._batch(images[start : start + size]) for start in range(0, len(images), size)]
        return np.concatenate(found)

    def _batch(self, images: Pixels) -> Outputs:
        missing = self.takes.batch - len(images) if self.takes.batch else 0
        return self._of_batch(np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]))[: len(images)]

    def outputs_in_training(self, images: Pixels) -> Outputs:
        """The same by batch statistics; the images are one batch. It leaves no trace in the model."""
        return training_mode(self.model, images, self.takes.flat, self.output)

    def probabilities(self, images: Pixels, class_names: tuple[str, ...]) -> Probabilities:
        """Class probabilities (n, classes) of what the input takes."""
        return to_probabilities(self.outputs(images), class_names, self.name)[0]
