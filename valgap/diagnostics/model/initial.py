"""VG202: weights that are as they were drawn. Told from the weights alone.

A bias that starts at 0 is exactly 0 until the first step of training, and a moving mean until the first batch; a
kernel lies within the bounds of its initializer and has the form of that distribution until it is trained.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.diagnostics.model.layers import all_layers, is_a, is_kernel, own_weights, value, weight_name
from valgap.diagnostics.seen import Seen

START = {"bias": 0.0, "beta": 0.0, "gamma": 1.0, "moving_mean": 0.0, "moving_variance": 1.0}  # Keras's defaults
CONSTANT = {"Zeros": 0.0, "Ones": 1.0}
TRUNCATED = 0.87962566103423978  # standard deviation of N(0, 1) cut off at 2, by which Keras divides
DRAWN = 1e-4  # p-value of the Kolmogorov-Smirnov test below which a kernel is not of a distribution
ENOUGH = 100  # values of a kernel that can be told from another distribution
LARGE = 20_000  # values of it that are looked at


@dataclasses.dataclass(frozen=True)
class Layer:
    """What a layer's weights say: are its biases and the like as they start, and its kernels as they are drawn?

    Each is None where the layer has none, or nothing can be said of them. `trainable` says that it is to be trained.
    """

    name: str
    start: bool | None
    drawn: bool | None
    kernels: int
    trainable: bool

    @property
    def initial(self) -> bool:
        """Whether nothing speaks against initial weights, and something for them."""
        return self.start is not False and self.drawn is not False and (self.start is True or self.drawn is True)


def look(model: Any) -> tuple[Layer, ...]:
    """Every layer of the model that has weights of its own, in the model's order."""
    found = []
    for layer in all_layers(model):
        weights = own_weights(layer)
        if is_a(layer, "Normalization") or not weights:
            continue
        starts = [at_start(layer, weight) for weight in weights if not is_kernel(weight)]
        draws = [is_drawn(layer, weight) for weight in weights if is_kernel(weight)]
        kernels = sum(math.prod(weight.shape) for weight in weights if is_kernel(weight))
        found.append(Layer(str(layer.name), _all(starts), _all(draws), int(kernels), bool(layer.trainable)))
    return tuple(each for each in found if each.start is not None or each.drawn is not None or each.kernels)


def initial_weights(layers: Sequence[Layer]) -> Seen | None:
    """VG202 of the layers: `part` is "all", "head" for the last layers alone, "base" for all but the last ones.

    A problem where biases, or the statistics of a batch normalisation, and kernels agree on it; worth a look where a
    network has neither and its kernels alone speak.
    """
    judged = [each for each in layers if each.start is not None or each.drawn is not None]
    kernels = [each for each in judged if each.kernels]
    if not kernels:
        return None
    initial = [each for each in judged if each.initial]
    evidence = {
        "layers": len(judged),
        "initial": len(initial),
        "names": tuple(each.name for each in initial if each.kernels)[:5],
        "weights": sum(each.kernels for each in initial),
        "of": sum(each.kernels for each in kernels),
    }
    part = _part(judged)
    if part is None:
        return None
    agree = any(each.start for each in initial) and any(each.drawn for each in initial)
    if part != "all" and not agree:
        return None  # the kernels of a few layers alone say too little
    sure = agree and (part != "base" or not any(each.trainable for each in initial))
    return Seen("VG202", "problem" if sure else "worth a look", evidence | {"part": part})


def at_start(layer: Any, weight: Any) -> bool | None:
    """Whether a weight that is no kernel has exactly the value that it starts with; None where that is not known."""
    name = weight_name(weight)
    name = "moving_variance" if name == "moving_var" else name
    if name not in START:
        return None
    start: float | None = START[name]
    initializer = getattr(layer, f"{name}_initializer", None)
    if initializer is not None:
        kind = type(initializer).__name__
        start = CONSTANT.get(kind, getattr(initializer, "value", None) if kind == "Constant" else None)
    if not isinstance(start, (int, float)):
        return None
    return bool((value(weight) == start).all())


def is_drawn(layer: Any, weight: Any) -> bool | None:
    """Whether a kernel can be a draw from its initializer; None where it has none that is known, or few values."""
    values = value(weight).ravel()
    if len(values) < ENOUGH or not np.isfinite(values).all():
        return None if np.isfinite(values).all() else False
    name = weight_name(weight)
    initializer = getattr(layer, f"{name}_initializer", None)
    if initializer is None and name == "kernel":
        initializer = getattr(layer, "depthwise_initializer", None)
    known = None if initializer is None else _distribution(initializer, tuple(int(side) for side in weight.shape))
    return None if known is None else known.fits(values)


@dataclasses.dataclass(frozen=True)
class Draws:
    """A distribution of initial weights: uniform on +-bound, or normal, `bound` standard deviations cut off or inf."""

    kind: Literal["uniform", "normal"]
    centre: float
    scale: float  # half the width of a uniform, the standard deviation of a normal before it is cut off
    bound: float

    def fits(self, values: NDArray[np.float64]) -> bool:
        """Whether the values lie within the bounds and pass a Kolmogorov-Smirnov test at DRAWN."""
        if not self.scale:
            return bool((values == self.centre).all())
        scaled = (values - self.centre) / self.scale
        if np.abs(scaled).max() > self.bound * (1 + 1e-5):
            return False
        few = scaled[:: max(1, len(scaled) // LARGE)]
        if self.kind == "uniform":
            return bool(stats.kstest(few, stats.uniform(-1, 2).cdf).pvalue >= DRAWN)
        known = stats.norm if math.isinf(self.bound) else stats.truncnorm(-self.bound, self.bound)
        return bool(stats.kstest(few, known.cdf).pvalue >= DRAWN)


def _distribution(initializer: Any, shape: tuple[int, ...]) -> Draws | None:
    """What Keras draws from, by the initializer's own settings (keras/src/initializers/random_initializers.py)."""
    kind = type(initializer).__name__
    config = initializer.get_config() if hasattr(initializer, "get_config") else {}
    scale, mode, form = VARIANCE.get(kind, (None, None, None))
    if kind == "VarianceScaling":
        scale, mode, form = config.get("scale"), config.get("mode"), config.get("distribution")
    if isinstance(scale, (int, float)) and mode and form:
        ins, outs = _fans(shape)
        variance = scale / max(1.0, {"fan_in": ins, "fan_out": outs, "fan_avg": (ins + outs) / 2}[mode])
        if form == "uniform":
            return Draws("uniform", 0.0, math.sqrt(3 * variance), 1.0)
        if form == "untruncated_normal":
            return Draws("normal", 0.0, math.sqrt(variance), math.inf)
        return Draws("normal", 0.0, math.sqrt(variance) / TRUNCATED, 2.0)
    if kind == "RandomUniform":
        low, high = float(config["minval"]), float(config["maxval"])
        return Draws("uniform", (low + high) / 2, (high - low) / 2, 1.0)
    if kind in ("RandomNormal", "TruncatedNormal"):
        bound = math.inf if kind == "RandomNormal" else 2.0
        return Draws("normal", float(config["mean"]), float(config["stddev"]), bound)
    return None


VARIANCE: dict[str, tuple[float | None, str | None, str | None]] = {  # scale, mode, distribution
    "GlorotUniform": (1.0, "fan_avg", "uniform"), "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"), "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"), "LecunNormal": (1.0, "fan_in", "truncated_normal"),
}  # fmt: skip


def _fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """Numbers of inputs and outputs of a kernel, as Keras's compute_fans has them."""
    if len(shape) < 2:
        return float(shape[0]), float(shape[0])
    field = math.prod(shape[:-2])
    return float(field * shape[-2]), float(field * shape[-1])


def _all(answers: list[bool | None]) -> bool | None:
    known = [each for each in answers if each is not None]
    return all(known) if known else None


def _part(judged: Sequence[Layer]) -> Literal["all", "head", "base"] | None:
    """Which part is initial, of layers in order: all; the last ones; all but the last ones."""
    flags = [each.initial for each in judged]
    if all(flags):
        return "all"
    first = next(number for number, flag in enumerate(flags[::-1]) if not flag)  # trained, counted from the end
    if first and not any(flags[: len(flags) - first]):
        return "head" if any(each.kernels for each in judged[len(flags) - first :]) else None
    last = next(number for number, flag in enumerate(flags) if not flag)
    kernels = sum(each.kernels for each in judged)
    base = sum(each.kernels for each in judged[:last])
    return "base" if not any(flags[last:]) and base >= kernels / 2 else None
