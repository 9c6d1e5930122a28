"""Curves of training runs simulated with planted truth: what the rules on histories are set on, and judged on.

Losses are functions of time in epochs; the training curve is their mean over each epoch, as Keras logs it, the
validation curve their value at its end. Noise multiplies losses, is heavy-tailed and hangs together from epoch to
epoch; accuracies are rounded to a validation set of `held` images.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.history.curves import Curves

FINE = 20  # values of the clean curves an epoch
RISE = (0.15, 3.0)  # of the validation loss that is planted as overfitting, as a share of its lowest value
AHEAD = 0.5  # of the run: how far on its clean curve is followed, to know whether it was stopped too early
Clean = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclasses.dataclass(frozen=True)
class Draw:
    """What is drawn for a run: its generator, epochs, classes, noise of the log loss, images in validation."""

    rng: np.random.Generator
    epochs: int
    classes: int
    noise: float
    held: int

    @property
    def start(self) -> float:
        """Loss of naming every class alike, nats."""
        return math.log(self.classes)


@dataclasses.dataclass(frozen=True)
class Shape:
    """A run without noise. `fit` and `held` are losses by time in epochs, `logged` adds to the training loss what is
    there in training only, `rise` is the part of the validation loss that costs little accuracy; `jumps` and `shakes`
    are noise of their own, of the log validation and training loss."""

    fit: Clean
    held: Clean
    rise: Clean = lambda t: np.zeros_like(t)
    logged: float = 0.0
    jumps: float = 0.0
    shakes: float = 0.0
    accuracy_of_held: float = 1.0


@dataclasses.dataclass(frozen=True)
class Planted:
    """Curves and what is true of them: `rise` of the clean validation loss since its lowest value, as a share of it;
    `best`, the epoch of that, from 1; `ahead`, by which share half as many epochs more would lower it."""

    kind: str
    seed: int
    curves: Curves
    noise: float
    rise: float
    best: int
    ahead: float


def falling(draw: Draw, tau: float, floor: float, start: float | None = None) -> Clean:
    """A loss that falls from that of chance to `floor`, a share of it, within `tau` epochs: exponential or a power."""
    top = start or draw.start
    if draw.rng.random() < 0.7:
        return lambda t: top * (floor + (1 - floor) * np.exp(-t / tau))
    return lambda t: top * (floor + (1 - floor) * (1 + t / (2 * tau)) ** -3.0)


def good(draw: Draw) -> Shape:
    tau, floor = draw.epochs / draw.rng.uniform(7, 20), draw.rng.uniform(0.02, 0.4)
    fit = falling(draw, tau, floor)
    more = draw.rng.uniform(0.0, 0.06)
    return Shape(fit, lambda t: fit(t) + more * draw.start * (1 - np.exp(-t / tau)))


def overfit(draw: Draw) -> Shape:
    e0 = draw.rng.uniform(0.1, 0.7) * draw.epochs
    tau = e0 / draw.rng.uniform(1.5, 4)
    fit = falling(draw, tau * draw.rng.uniform(1.0, 2.0), draw.rng.uniform(0.0, 0.05))
    floor, power = draw.rng.uniform(0.2, 0.6), draw.rng.uniform(0.7, 1.5)
    size = math.exp(draw.rng.uniform(math.log(RISE[0]), math.log(RISE[1]))) * floor * draw.start * 1.15
    base = falling(draw, tau, floor)
    return Shape(fit, base, rise=lambda t: size * (np.maximum(t - e0, 0) / (draw.epochs - e0)) ** power)


def early(draw: Draw) -> Shape:
    tau, floor = draw.epochs / draw.rng.uniform(0.5, 2.2), draw.rng.uniform(0.02, 0.3)
    fit = falling(draw, tau, floor)
    more = draw.rng.uniform(0.0, 0.05)
    return Shape(fit, lambda t: fit(t) + more * draw.start * (1 - np.exp(-t / tau)))


def oscillates(draw: Draw) -> Shape:
    shape = good(draw)
    jumps = draw.rng.uniform(0.3, 1.0)
    return dataclasses.replace(shape, jumps=jumps, shakes=draw.rng.choice([0.0, jumps / 2]), accuracy_of_held=1.0)


def never(draw: Draw) -> Shape:
    level, part = draw.start * draw.rng.uniform(0.99, 1.02), draw.rng.uniform(0.99, 1.02)
    return Shape(lambda t: np.full_like(t, level), lambda t: np.full_like(t, level * part))


def diverged(draw: Draw) -> Shape:
    fit = falling(draw, draw.epochs / draw.rng.uniform(3, 15), draw.rng.uniform(0.05, 0.4))
    when = draw.rng.uniform(0.2, 0.8) * draw.epochs
    way = draw.rng.choice(["nan", "chance", "grows"])

    def broken(t: NDArray[np.float64]) -> NDArray[np.float64]:
        after = {
            "nan": np.full_like(t, np.nan),
            "chance": np.full_like(t, draw.start * 1.01),
            "grows": fit(np.full_like(t, when)) * np.exp(np.minimum(3 * np.maximum(t - when, 0), 12)),
        }[str(way)]
        return np.where(t < when, fit(t), after)

    return Shape(broken, broken)


def drops(draw: Draw) -> Shape:
    """The learning rate falls twice: each time the loss falls, and stays."""
    places = np.array([draw.rng.uniform(0.3, 0.5), draw.rng.uniform(0.6, 0.75)]) * draw.epochs
    depths = draw.rng.uniform(0.5, 0.85, 2)
    first = falling(draw, draw.epochs / draw.rng.uniform(10, 25), draw.rng.uniform(0.2, 0.5))
    more = draw.rng.uniform(0.0, 0.1)

    def fit(t: NDArray[np.float64]) -> NDArray[np.float64]:
        found = first(t)
        for place, depth in zip(places, depths, strict=True):
            found = found * np.where(t < place, 1, depth + (1 - depth) * np.exp(-np.maximum(t - place, 0)))
        return found

    return Shape(fit, lambda t: fit(t) * (1 + more))


def warmup(draw: Draw) -> Shape:
    shape, wait = good(draw), draw.rng.uniform(0.05, 0.25) * draw.epochs
    return Shape(lambda t: shape.fit(np.maximum(t - wait, 0)), lambda t: shape.held(np.maximum(t - wait, 0)))


def easier(draw: Draw) -> Shape:
    shape, part = good(draw), draw.rng.uniform(0.5, 0.85)
    return Shape(shape.fit, lambda t: shape.fit(t) * part)


def dropout(draw: Draw) -> Shape:
    shape = good(draw)
    return Shape(shape.fit, lambda t: shape.fit(t) * 1.02, logged=draw.rng.uniform(0.06, 0.3) * draw.start)


def quick(draw: Draw) -> Shape:
    """Most is learnt within the first epoch or two: the mean over an epoch lies above its end."""
    fit = falling(draw, draw.rng.uniform(0.5, 1.2), draw.rng.uniform(0.05, 0.3))
    more = draw.rng.uniform(0.0, 0.03)
    return Shape(fit, lambda t: fit(t) * (1 + more))


def apart(draw: Draw) -> Shape:
    """Training goes on to perfection while validation stands still, without rising."""
    tau = draw.epochs / draw.rng.uniform(6, 15)
    fit, floor = falling(draw, tau * 1.5, draw.rng.uniform(0.0, 0.02)), draw.rng.uniform(0.3, 0.6)
    return Shape(fit, falling(draw, tau, floor))


def spikes(draw: Draw) -> Shape:
    """A healthy run of which single epochs of validation are far off, as with batch normalisation."""
    shape = good(draw)
    count = int(draw.rng.integers(1, 3))
    places = draw.rng.choice(np.arange(1, max(draw.epochs - 1, 2)), min(count, draw.epochs - 2), replace=False)
    heights = np.log(draw.rng.uniform(1.5, 4.0, len(places)))

    def held(t: NDArray[np.float64]) -> NDArray[np.float64]:
        found = shape.held(t)
        for place, height in zip(places, heights, strict=True):
            found = found * np.where(np.abs(t - place) < 0.5 / FINE, np.exp(height), 1)
        return found

    return Shape(shape.fit, held)


def small(draw: Draw) -> Shape:
    return good(draw)


KINDS: dict[str, Callable[[Draw], Shape]] = {
    made.__name__: made
    for made in (
        good,
        overfit,
        early,
        oscillates,
        never,
        diverged,
        drops,
        warmup,
        easier,
        dropout,
        quick,
        apart,
        spikes,
        small,
    )
}
HEALTHY = ("good", "drops", "warmup", "easier", "dropout", "quick", "spikes", "small")


def simulate(kind: str, seed: int) -> Planted:
    """One run of a kind; 5 to 200 epochs, 2 to 20 classes, noise of the validation loss from 0.5% to 12%."""
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    held = int(rng.integers(10, 60)) if kind == "small" else int(np.exp(rng.uniform(math.log(200), math.log(10_000))))
    draw = Draw(
        rng,
        epochs=round(math.exp(rng.uniform(math.log(5), math.log(200)))),
        classes=int(rng.choice([2, 3, 5, 10, 20])),
        noise=rng.uniform(0.04, 0.12) if kind == "small" else math.exp(rng.uniform(math.log(0.005), math.log(0.12))),
        held=held,
    )
    shape = KINDS[kind](draw)
    n = draw.epochs
    ends = np.arange(1, n + 1, dtype=np.float64)
    fine = (np.arange(n * FINE) + 0.5) / FINE
    fit = shape.fit(fine).reshape(n, FINE).mean(axis=1) + shape.logged
    base, clean = shape.held(ends), shape.held(ends) + shape.rise(ends)
    shared = _noise(draw, n)
    jumps = shape.jumps * np.abs(rng.normal(size=n)) * (rng.random(n) < 0.6)
    held_noise = draw.noise * shared + jumps
    loss = fit * np.exp(draw.noise / 3 * _noise(draw, n) + shape.shakes * np.abs(rng.normal(size=n)))
    val_loss = clean * np.exp(held_noise)
    gamma = rng.uniform(0.8, 1.2)
    flips = rng.normal(size=n) * 0.15  # of the images, whose answers change between epochs
    likely = _accuracy(base * np.exp(held_noise) + 0.2 * shape.rise(ends), draw, gamma)
    val_accuracy = np.clip(likely + flips * np.sqrt(likely * (1 - likely) / draw.held), 0, 1)
    later = np.linspace(n, n * (1 + AHEAD), 50)
    ahead = shape.held(later) + shape.rise(later)
    settled = np.isfinite(clean).all()
    rise = clean[-1] / clean.min() - 1 if settled else math.nan
    return Planted(
        kind=kind,
        seed=seed,
        curves=Curves(
            loss=loss,
            val_loss=val_loss,
            accuracy=_accuracy(loss, draw, gamma),
            val_accuracy=np.round(val_accuracy * draw.held) / draw.held,
            metric="accuracy",
        ),
        noise=draw.noise,
        rise=rise,
        best=int(np.argmin(clean)) + 1 if settled else 0,
        ahead=float(1 - ahead.min() / clean[-1]),
    )


def _noise(draw: Draw, n: int) -> NDArray[np.float64]:
    """Standard noise (n,), Student's t with 5 degrees of freedom, autocorrelated by 0 to 0.4."""
    rho, found = draw.rng.uniform(0, 0.4), draw.rng.standard_t(5, n) / math.sqrt(5 / 3)
    for place in range(1, n):
        found[place] = rho * found[place - 1] + math.sqrt(1 - rho**2) * found[place]
    return found


def _accuracy(loss: NDArray[np.float64], draw: Draw, gamma: float) -> NDArray[np.float64]:
    chance = 1 / draw.classes
    wrong = (1 - chance) * np.clip(np.nan_to_num(loss, nan=draw.start) / draw.start, 0, 1) ** gamma
    return 1 - wrong
