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
from valgap.ground.params.fields import neutral, proofs
from valgap.models.examination import examine
from valgap.training.network.builders import build_model, build_network, knobs_of
from valgap.training.network.contract import Shape, sample
from valgap.training.network.knobs import head_variables
from valgap.training.network.structure import all_layers

PROOF_OF = proofs(Train)  # by knob, in the order of the fields


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
        key = tuple(getattr(settings, knob) for knob in (*PROOF_OF, "head_rate_factor", "normalize"))
        if key not in self._described:
            asked = knobs_of(self.architecture, settings), settings.normalize
            if asked not in self._examined:
                examine(self.input_shape, self.classes, self.architecture, *asked)
                self._examined.add(asked)
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
            changed = [knob for knob in PROOF_OF if getattr(settings, knob) != getattr(baseline, knob)]
            found = []
            for knob in changed:
                other = dataclasses.replace(settings, **{knob: getattr(baseline, knob)})
                change = Change(self, knob, settings, other, network, self.describe(other))
                if left := PROOFS[PROOF_OF[knob]](change):
                    found.append(f"{knob} = {_said(change.value)} instead of {_said(change.former)} {left}")
        except SuiteError as error:
            return [str(error)]
        return found

    def differ_in_training(self, settings: Train, other: Train) -> bool:
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


@dataclasses.dataclass(frozen=True)
class Change:
    """One knob of `settings`, which `other` lacks, and the networks under both."""

    networks: Networks
    knob: str
    settings: Train
    other: Train
    ours: Network
    theirs: Network

    @property
    def value(self) -> Any:
        """The knob's value."""
        return getattr(self.settings, self.knob)

    @property
    def former(self) -> Any:
        """What it was put back to."""
        return getattr(self.other, self.knob)


def _parameters(change: Change) -> str | None:
    """More of the knob makes more parameters."""
    ours, theirs = change.ours.parameters, change.theirs.parameters
    if ours == theirs or (ours > theirs) != (change.value > change.former):
        return f"makes {ours:,} parameters of {theirs:,}"
    return None


def _layers(change: Change) -> str | None:
    """Other layers, or weights of other shapes."""
    ours, theirs = change.ours, change.theirs
    if (ours.layers, ours.weights) == (theirs.layers, theirs.weights):
        return f"leaves all layers and {ours.parameters:,} parameters as they are"
    return None


def _rates(change: Change) -> str | None:
    """Other rates of the dropout layers, or else other outputs in training."""
    rates = change.ours.rates
    if rates == change.theirs.rates and not change.networks.differ_in_training(change.settings, change.other):
        return f"leaves dropout rates {_said(rates)} and outputs in training as they are"
    return None


def _trained(change: Change) -> str | None:
    """Another number of parameters is trained."""
    if change.ours.trained == change.theirs.trained:
        return f"leaves {change.ours.trained:,} parameters trained"
    return None


def _penalty(change: Change) -> str | None:
    """Another penalty of the same initial weights."""
    if change.ours.penalty == change.theirs.penalty:
        return f"leaves the penalty of the initial weights at {change.ours.penalty:g}"
    return None


# By the name that a knob shows itself by: what the knob fails to do, in words; None where it bites.
PROOFS: dict[str, Callable[[Change], str | None]] = {
    "parameters": _parameters,
    "layers": _layers,
    "rates": _rates,
    "trained": _trained,
    "penalty": _penalty,
}


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
    input_shape: Shape,
    classes: int,
    architecture: Model,
    baseline: Train,
    variants: dict[str, Train],
    say: Callable[[str], None],
) -> None:
    """Build and examine the network of every variant; `say` gets a line each.

    Raises SuiteError at once when the baseline's breaks the contract, and else listing all variants whose knobs the
    builder does not answer to, and settings of the baseline that do nothing.
    """
    networks = Networks(input_shape, classes, architecture)
    networks.describe(baseline)
    plain = dataclasses.replace(baseline, **neutral(Train))
    refused: list[str] = [f"train: {text}" for text in networks.refused(baseline, plain)]
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
