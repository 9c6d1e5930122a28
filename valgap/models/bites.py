"""Does every knob bite? Each variant's network is compared with itself, one knob put back to the baseline's.

A builder that ignores a knob would give an arm that is the baseline under another name, and a verdict on nothing.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Model, Train
from valgap.models.examination import examine
from valgap.training.network.builders import build_model, build_network, knobs_of
from valgap.training.network.contract import Shape, sample
from valgap.training.network.knobs import head_variables
from valgap.training.network.structure import all_layers

NEUTRAL: dict[str, Any] = {  # what the baseline is compared with, where its own value asks for something
    "dropout": (0.0, 0.0, 0.0), "width": 1.0, "batch_norm": False, "l1_penalty": 0.0, "l2_penalty": 0.0, "frozen": 0.0,
}  # fmt: skip
KNOBS = ("dropout", "width", "head", "batch_norm", "l1_penalty", "l2_penalty", "frozen")


@dataclasses.dataclass(frozen=True)
class Network:
    """What a knob can change in a network. `rates` are those of its dropout layers."""

    parameters: int
    trained: int
    weights: tuple[tuple[int, ...], ...]
    layers: tuple[str, ...]
    rates: tuple[float, ...]
    penalty: float  # of the initial weights, in nats


class Networks:
    """The networks of an experiment, each built, examined and described once."""

    def __init__(self, input_shape: Shape, classes: int, architecture: Model) -> None:
        self.input_shape, self.classes, self.architecture = input_shape, classes, architecture
        self._described: dict[tuple[object, ...], Network] = {}
        self._examined: set[object] = set()

    def describe(self, settings: Train) -> Network:
        """Description of the network under `settings`. Raises SuiteError where it breaks the contract."""
        key = tuple(getattr(settings, knob) for knob in (*KNOBS, "head_rate_factor"))
        if key not in self._described:
            knobs = knobs_of(self.architecture, settings)
            if knobs not in self._examined:
                examine(self.input_shape, self.classes, self.architecture, knobs)
                self._examined.add(knobs)
            keras.utils.set_random_seed(0)  # a penalty is compared under the same weights
            model = build_model(self.input_shape, self.classes, self.architecture, settings)
            if settings.head_rate_factor != 1:
                head_variables(model, sample(self.input_shape)[:1], self.architecture)
            self._described[key] = describe(model)
        return self._described[key]

    def refused(self, settings: Train, baseline: Train) -> list[str]:
        """What is wrong with a variant's knobs, one text each; `baseline` gives what each is put back to."""
        try:
            network = self.describe(settings)
            changed = [knob for knob in KNOBS if getattr(settings, knob) != getattr(baseline, knob)]
            found = []
            for knob in changed:
                other = dataclasses.replace(settings, **{knob: getattr(baseline, knob)})
                if text := self._toothless(knob, settings, other, network, self.describe(other)):
                    found.append(text)
        except SuiteError as error:
            return [str(error)]
        return found

    def _toothless(self, knob: str, settings: Train, other: Train, ours: Network, theirs: Network) -> str | None:
        """What the knob fails to do; None where it bites."""
        value, former = getattr(settings, knob), getattr(other, knob)
        asked = f"{knob} = {_said(value)} instead of {_said(former)}"
        if knob == "width":
            grows = ours.parameters > theirs.parameters
            if ours.parameters == theirs.parameters or grows != (value > former):
                return f"{asked} makes {ours.parameters:,} parameters of {theirs.parameters:,}"
        elif knob == "dropout":
            if ours.rates == theirs.rates and not self._differs_in_training(settings, other):
                return f"{asked} leaves dropout rates {_said(ours.rates)} and outputs in training as they are"
        elif knob in ("head", "batch_norm"):
            if (ours.layers, ours.weights) == (theirs.layers, theirs.weights):
                return f"{asked} leaves all layers and {ours.parameters:,} parameters as they are"
        elif knob == "frozen":
            if ours.trained == theirs.trained:
                return f"{asked} leaves {ours.trained:,} parameters trained"
        elif ours.penalty == theirs.penalty:  # l1_penalty, l2_penalty
            return f"{asked} leaves the penalty of the initial weights at {ours.penalty:g}"
        return None

    def _differs_in_training(self, settings: Train, other: Train) -> bool:
        """Whether outputs in training mode differ under the same weights and seeds: dropout that is no layer."""
        keras.utils.set_random_seed(0)
        first, second = (
            build_network(self.input_shape, self.classes, self.architecture, knobs_of(self.architecture, each))
            for each in (settings, other)
        )
        if [v.shape for v in first.variables] != [v.shape for v in second.variables]:
            return True
        for variable, value in zip(first.variables, second.variables, strict=True):
            variable.assign(value)
        images = sample(self.input_shape)
        ours, theirs = (np.asarray(model(images, training=True)) for model in (first, second))
        return not np.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def describe(model: keras.Model) -> Network:
    """Description of a network that was called."""
    layers = all_layers(model)
    return Network(
        parameters=int(model.count_params()),
        trained=sum(int(np.prod(variable.shape)) for variable in model.trainable_variables),
        weights=tuple(tuple(weight.shape) for weight in model.weights),
        layers=tuple(type(layer).__name__ for layer in layers),
        rates=tuple(float(layer.rate) for layer in layers if isinstance(getattr(layer, "rate", None), (int, float))),
        penalty=sum(float(loss) for loss in model.losses),
    )


def check_variants(
    input_shape: Shape, classes: int, architecture: Model, baseline: Train, variants: dict[str, Train],
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """Build and examine the network of every variant; `say` gets a line each.

    Raises SuiteError at once when the baseline's breaks the contract, and else listing all variants whose knobs the
    builder does not answer to, and settings of the baseline that do nothing.
    """
    networks = Networks(input_shape, classes, architecture)
    networks.describe(baseline)
    neutral = dataclasses.replace(baseline, **NEUTRAL)
    refused: list[str] = [f"train: {text}" for text in networks.refused(baseline, neutral)]
    for name, settings in variants.items():
        found: Sequence[str] = networks.refused(settings, baseline)
        refused += [f"variant {name}: {text}" for text in found]
        if not found:
            network = networks.describe(settings)
            trained = "" if network.trained == network.parameters else f", {network.trained:,} of them trained"
            say(f"{name}: {network.parameters:,} parameters{trained}")
    if refused:
        raise SuiteError(
            f"model.builder = {architecture.builder} does not answer to what is asked of it:\n  "
            + "\n  ".join(refused)
            + "\nuse these knobs in the builder, or remove the variants or settings"
        )


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_said, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
