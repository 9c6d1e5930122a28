"""Arithmetic of the benchmark: rates, spreads, ratios by round, the roofline, targets. Pure functions.

Everything is compared within a round, where all had the same machine, and summed up over rounds by the median.
"""

import dataclasses
import statistics
from collections.abc import Sequence

from benchmarks.arena import Round
from benchmarks.contestants import PYTORCH, STOCK
from benchmarks.networks import HALF, Network

# Multiplications and additions of the source's CNN in one image's forward pass: two convolutions, two dense layers.
FORWARD = 2 * (28 * 28 * 9 * 32 + 14 * 14 * 9 * 32 * 64 + 7 * 7 * 64 * 128 + 128 * 10)
TRAINING = 3 * FORWARD  # the backward pass makes two products for each of the forward pass: 25.4 million


@dataclasses.dataclass(frozen=True)
class Spread:
    """Median, lowest and highest of `n` rounds."""

    median: float
    lowest: float
    highest: float
    n: int


@dataclasses.dataclass(frozen=True)
class Target:
    """What is owed: a ratio of at least `owed`, better `aimed`; `found` is None where it could not be measured.

    `name` is what this suite is measured against, as words.yaml titles it.
    """

    name: str
    owed: float
    aimed: float | None
    found: Spread | None


def spread(values: Sequence[float]) -> Spread:
    """Of one value a round. Raises ValueError for none."""
    if not values:
        raise ValueError("no round was measured")
    return Spread(statistics.median(values), min(values), max(values), len(values))


def of(rounds: Sequence[Round], name: str) -> list[float]:
    """Images a second of a contestant in each round."""
    return [one.images[name] for one in rounds]


def ratios(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Spread of the quotients, each of one round."""
    return spread([a / b for a, b in zip(over, under, strict=True)])


def core_rate(one: Round) -> float:
    """Operations a second of one core: by the library whose product is the fastest."""
    return max(one.products.values())


def roofline(rounds: Sequence[Round], cores: int) -> list[float]:
    """Images a second in each round if all cores did nothing but matrix products, each as fast as one alone."""
    return [core_rate(one) * cores / TRAINING for one in rounds]


def best_torch(rounds: Sequence[Round]) -> str | None:
    """PyTorch's contestant of the higher median; None where PyTorch did not take part."""
    return best(rounds, PYTORCH)


def best(rounds: Sequence[Round], names: Sequence[str]) -> str | None:
    """The contestant of the highest median; None where none of them took part."""
    known = [name for name in names if name in rounds[0].images]
    return max(known, key=lambda name: spread(of(rounds, name)).median, default=None)


@dataclasses.dataclass(frozen=True)
class Raced:
    """How a network was trained: images a second of this suite, of stock `fit` and of PyTorch in their better setting.

    `over_stock` and `over_torch` are ratios; what PyTorch has no part in is None. `half` is this suite in bfloat16 over
    itself in float32, None where the processor has none. `share` is that of the roofline, None where it does not bound
    the network.
    """

    name: str
    suite: Spread
    stock: Spread
    torch: Spread | None
    over_stock: Spread
    over_torch: Spread | None
    half: Spread | None
    share: Spread | None


def raced(rounds: Sequence[Round], name: str, network: Network, flops: int, cores: int) -> Raced:
    """Of one network, whose forward pass takes `flops` operations an image; training takes three times as many."""
    suite = of(rounds, f"{name}/suite")
    stock = best(rounds, [f"{name}/{each}" for each in STOCK])
    torch = best(rounds, [f"{name}/{each}" for each in PYTORCH])
    assert stock is not None
    of_stock, of_torch = of(rounds, stock), of(rounds, torch) if torch else None
    ceiling = [core_rate(one) * cores / (3 * flops) for one in rounds]
    return Raced(
        name=name,
        suite=spread(suite),
        stock=spread(of_stock),
        torch=spread(of_torch) if of_torch else None,
        over_stock=ratios(suite, of_stock),
        over_torch=ratios(suite, of_torch) if of_torch else None,
        half=ratios(of(rounds, half), suite) if (half := f"{name}/{HALF}") in rounds[0].images else None,
        share=ratios(suite, ceiling) if network.plain else None,
    )


def targets(rounds: Sequence[Round], cores: int) -> list[Target]:
    """What this suite owes, and what was found."""
    suite, torch = of(rounds, "suite"), best_torch(rounds)
    together = [one.together / TRAINING for one in rounds]
    augmented = ratios(of(rounds, "suite_augmented"), of(rounds, "generator"))
    return [
        Target("arrays", 1.8, 2.2, ratios(suite, of(rounds, "arrays"))),
        Target("generator", 3.0, None, augmented),
        Target("torch", 1.0, None, ratios(suite, of(rounds, torch)) if torch else None),
        Target("roofline", 0.55, 0.60, ratios(suite, roofline(rounds, cores))),
        Target("together", 0.55, 0.60, ratios(suite, together)),
    ]


def orchestration_share(seconds: float, training_seconds: float, slots: int) -> float:
    """Share of a run's process-seconds that is not training: 1 - training / (seconds x slots).

    `training_seconds` is the sum over replicates. Raises ValueError when they do not fit into the run.
    """
    share = 1 - training_seconds / (seconds * slots)
    if not 0 <= share <= 1:
        raise ValueError(f"{training_seconds:g} s of training do not fit into {slots} slots of {seconds:g} s")
    return share
