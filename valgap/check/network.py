"""A loaded model as the check asks it: what it takes, and its outputs in inference and in training mode."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.check.forward import (
    BATCH,
    Answers,
    Outputs,
    Takes,
    answer_function,
    chosen,
    input_of,
    joined,
    named_outputs,
)
from valgap.check.outputs import Probabilities, guesses, to_probabilities
from valgap.diagnostics.model import modes
from valgap.diagnostics.model.inside import Inside, inside

Pixels = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Network:
    """A loaded model. `name` is what the user calls it, `output` the one of several that says the class.

    Images go through `preprocess`, where there is one, on their way to the model.
    """

    model: Any
    name: Path
    output: str | None = None
    preprocess: Callable[[Pixels], Pixels] | None = None  # the user's own, of pixels in 0 to 255

    @cached_property
    def takes(self) -> Takes:
        """What its input takes. Raises SuiteError where that is no image."""
        return input_of(self.model, self.name)

    @cached_property
    def _of_batch(self) -> Callable[[Outputs], Answers]:
        return answer_function(self.model, self.takes, self.name, self.output)

    @cached_property
    def normalises(self) -> bool:
        """Whether it holds batch normalisation, so that training mode answers otherwise."""
        return modes.has_batch_statistics(self.model)

    @cached_property
    def inside(self) -> Inside | None:
        """What it does to pixels before its first kernel, None where that is nothing or cannot be told."""
        return inside(self.model)

    def outputs(self, images: Pixels) -> Outputs:
        """Outputs (n, k) float32 in inference mode of what the input takes, (n, h, w, c)."""
        return self.answers(images).outputs

    def answers(self, images: Pixels) -> Answers:
        """Outputs, and features of the same pass.

        More than 64 features are projected to so many, always in the same way: those of several calls can be compared.
        """
        images = self._preprocessed(images)
        size = self.takes.batch or BATCH
        return joined([self._batch(images[start : start + size]) for start in range(0, len(images), size)])

    def _batch(self, images: Pixels) -> Answers:
        missing = self.takes.batch - len(images) if self.takes.batch else 0
        return self._of_batch(np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]))[: len(images)]

    def outputs_in_training(self, images: Pixels) -> Outputs:
        """The same by the statistics of the images, which are one batch. It leaves no trace in the model."""
        return modes.training_mode(self.model, [self.as_input(images)], self.pick)

    def statistics(self, images: Pixels) -> modes.Statistics:
        """What reaches the first layer that normalises by the batch, and what it holds."""
        return modes.statistics(self.model, [self.as_input(images)])[0]

    def as_input(self, images: Pixels) -> Pixels:
        """Images as the model takes them: grey ones perhaps without their channel."""
        images = self._preprocessed(images)
        return images[..., 0] if self.takes.flat else images

    def _preprocessed(self, images: Pixels) -> Pixels:
        return images if self.preprocess is None else self.preprocess(images)

    def pick(self, found: Any) -> Any:
        """The output that says the class, of what a call of the model gave."""
        return chosen(named_outputs(self.model, found), self.output, self.name)

    def guesses(self, outputs: Outputs, class_names: tuple[str, ...]) -> NDArray[np.int64]:
        """The output that outputs (n, k) name for each image, the first where they are not finite."""
        return guesses(to_probabilities(outputs, class_names, self.name)[0])

    def probabilities(self, images: Pixels, class_names: tuple[str, ...]) -> Probabilities:
        """Class probabilities (n, classes) of what the input takes."""
        return to_probabilities(self.outputs(images), class_names, self.name)[0]
