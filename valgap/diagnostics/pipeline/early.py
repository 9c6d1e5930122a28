"""Rules on seconds of training before hours of it: the loss at the start, gradients, rates, one batch by heart."""

import dataclasses
import math

import numpy as np

from valgap.diagnostics.seen import Seen
from valgap.findings.finding import Severity

LEARNT = 0.9  # accuracy on a batch from which on it counts as learnt by heart
HALF = 0.5  # of the way from the largest class to all right, below which a batch was not learnt at all
HIGH, VERY_HIGH = 1.5, 5.0  # times the loss of one who knows nothing
TRAINED = 3.0  # standard errors above the largest class from which on weights know something
SMOOTH = 0.7  # weight of the past in the smoothed loss
FALLS = 0.05  # share of its start by which the loss must fall for a range of rates to work
BEGINS = 0.15  # of its whole fall at which the range begins
BLOWN = 4.0  # times its start at which the loss has blown up
SETTLED = 10  # steps at the start, at rates too low to do anything
SLOW = 100.0  # times under the suggested rate from which on a rate that fails is too low
BARELY = 0.2  # share of the loss that it must fall by, or the rate is too low


@dataclasses.dataclass(frozen=True)
class Start:
    """Before training: the loss without penalties, and that of one who knows nothing (None: unknown).

    The loss is that of inference or of training mode, whichever is lower: batch normalisation has no statistics yet.
    `largest` is the share of the largest class, `trained` whether the weights recognise more than that.
    """

    images: int
    loss: float
    expected: float | None
    accuracy: float
    largest: float
    outputs: int

    @property
    def trained(self) -> bool:
        """Whether accuracy is above the largest class beyond chance."""
        chance = max(self.largest, 1 / max(2, self.outputs))
        return self.accuracy > chance + TRAINED * math.sqrt(chance * (1 - chance) / self.images)


@dataclasses.dataclass(frozen=True)
class Curve:
    """Losses while the rate rises: they fall from `low` to `high`, None where they never do; `rate` is compiled."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    low: float | None
    high: float | None
    rate: float

    @property
    def suggested(self) -> float | None:
        """A tenth of the rate at which the loss is least, though one at which it falls."""
        if self.low is None or self.high is None:
            return None
        return float(max(self.low, self.high / 10))


@dataclasses.dataclass(frozen=True)
class Heart:
    """A batch of `images`, trained on `steps` times at `rate`; `whole` unless time ended it.

    `others` are further tries, where this one at the compiled rate failed: at the rate that the range test suggests,
    and last by Adam (`by` "adam"), whatever the optimizer is.
    """

    images: int
    accuracy: float
    first: float
    last: float
    steps: int
    rate: float
    largest: float = 1.0
    whole: bool = False
    by: str = "compiled"
    others: tuple["Heart", ...] = ()

    @property
    def best(self) -> "Heart":
        """The try with the highest accuracy."""
        return max((self, *self.others), key=lambda run: run.accuracy)


def blown(losses: list[float]) -> bool:
    """Whether the loss has risen to many times its start, for good."""
    if len(losses) < SETTLED + 5:
        return False
    start = float(np.median(losses[:SETTLED]))
    return min(losses[-3:]) > BLOWN * max(start, 0.05)


def curve_of(rates: list[float], losses: list[float], rate: float) -> Curve:
    """Which rates work: from where the smoothed loss has begun to fall up to where it is least."""
    if len(losses) < SETTLED + 5:
        return Curve(tuple(rates), tuple(losses), None, None, rate)
    smooth, value = [], losses[0]
    for loss in losses:
        value = SMOOTH * value + (1 - SMOOTH) * loss
        smooth.append(value)
    start, best = float(np.mean(losses[:SETTLED])), int(np.argmin(smooth))
    fall = start - smooth[best]
    if fall < FALLS * start or best < SETTLED:
        return Curve(tuple(rates), tuple(losses), None, None, rate)
    begun = next(place for place in range(len(smooth)) if place >= SETTLED and smooth[place] <= start - BEGINS * fall)
    return Curve(tuple(rates), tuple(losses), rates[begun], rates[best], rate)


def judged(start: Start, curve: Curve, heart: Heart) -> list[Seen]:
    """VG501 to VG503 of what a preflight measured."""
    found = [initial(start), memory(heart), rates(start, curve, heart)]
    return [each for each in found if each is not None]


def initial(start: Start) -> Seen | None:
    """VG501: the loss before training is far above that of one who knows nothing. Trained weights are not judged."""
    if start.expected is None or start.trained or not math.isfinite(start.loss) or start.loss <= HIGH * start.expected:
        return None
    severity: Severity = "problem" if start.loss > VERY_HIGH * start.expected else "worth a look"
    evidence = {"loss": start.loss, "expected": start.expected, "outputs": start.outputs, "images": start.images}
    return Seen("VG501", severity, evidence | {"accuracy": start.accuracy, "times": start.loss / start.expected})


def memory(heart: Heart) -> Seen | None:
    """VG502: one batch cannot be learnt by heart, at the compiled rate, at the suggested one, or by Adam."""
    runs, better = (heart, *heart.others), heart.best
    if (
        not heart.steps
        or better.accuracy >= LEARNT
        or not all(each.whole or not math.isfinite(each.last) for each in runs)
    ):
        return None
    way = heart.largest + HALF * (1 - heart.largest)
    evidence: dict[str, object] = {"images": heart.images, "steps": better.steps, "accuracy": better.accuracy}
    evidence |= {"largest": heart.largest, "first": better.first, "last": better.last}
    return Seen("VG502", "problem" if better.accuracy < way else "worth a look", evidence | {"tries": len(runs)})


def rates(start: Start, curve: Curve, heart: Heart) -> Seen | None:
    """VG503: the compiled rate fails on one batch that can be learnt by heart, or it is far above the range.

    Too high: its loss did not fall, or it lies above the range. Too low: its loss hardly fell, far below the rate that
    the range test suggests; how patient one is, is one's own choice, so that is only worth a look.
    """
    if curve.suggested is None or start.trained or not heart.steps:
        return None
    better = heart.best
    evidence = {"rate": curve.rate, "low": curve.low, "high": curve.high, "suggested": curve.suggested, "kind": "high"}
    evidence |= {"accuracy": heart.accuracy, "better": None, "by": better.by, "steps": heart.steps}
    evidence |= {"images": heart.images, "better_rate": better.rate}
    above = curve.rate > float(curve.high or 0)
    if heart.accuracy < LEARNT <= better.accuracy:
        evidence["better"] = better.accuracy
        worse = not math.isfinite(heart.last) or heart.last >= heart.first
        if curve.rate > curve.suggested and (above or worse):
            return Seen("VG503", "problem", evidence)
        barely = heart.last > heart.first * (1 - BARELY)
        if heart.whole and curve.rate < curve.suggested / SLOW and barely:
            return Seen("VG503", "worth a look", evidence | {"kind": "low"})
        return None
    return Seen("VG503", "worth a look", evidence) if curve.rate > 3 * float(curve.high or 0) else None


def gradient(names: list[str], missing: list[bool], broken: list[bool], zero: list[bool], loss: float) -> Seen | None:
    """VG504: gradients that are missing or not finite, or zero for weights; or no weight that can be trained.

    `names` (w,) are those of the trainable weights, beside whether their gradient is None, not finite, zero throughout.
    """
    evidence = {"weights": len(names), "loss": loss, "kind": "none", "names": []}
    if not names:
        return Seen("VG504", "problem", evidence)
    for kind, flags in (("broken", broken), ("missing", missing), ("zero", zero)):
        those = [name for name, flag in zip(names, flags, strict=True) if flag]
        if kind == "broken" and not math.isfinite(loss):
            return Seen("VG504", "problem", evidence | {"kind": "loss", "names": those[:5], "those": len(those)})
        if those:
            whole = kind != "zero" or len(those) == len(names)
            evidence |= {"kind": kind, "names": those[:5], "those": len(those)}
            return Seen("VG504", "problem" if whole and kind != "missing" else "worth a look", evidence)
    return None
