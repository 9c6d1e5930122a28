"""What a search among readings found: what was tried, what is named, and what to score by."""

import dataclasses
from typing import Any

from valgap.diagnostics.reading.orders import Order
from valgap.diagnostics.reading.readings import Reading, Scale


@dataclasses.dataclass(frozen=True)
class Tried:
    """How one reading does: accuracy on the half it was chosen on, on the other, and on held-out images.

    NaN where it was not tried there. `order` is the order of classes that it is judged by.
    """

    reading: Reading
    order: str
    chosen: float
    confirmed: float
    held: float


@dataclasses.dataclass(frozen=True)
class Named:
    """A factor that is certainly other than the plain reading has it: its value, and the values that do as well.

    `without` is the accuracy on the confirming half with the factor as usual.
    """

    factor: str
    value: Any
    rivals: tuple[Any, ...]
    without: float


@dataclasses.dataclass(frozen=True)
class Lag:
    """Batch statistics explain what no reading does: accuracies in training and in inference mode, confirming half."""

    training: float
    inference: float


@dataclasses.dataclass(frozen=True)
class Decision:
    """What the sample says. `reading` and `order` are those to score by.

    `plain` and `best` are accuracies of the plain reading and of the best on the confirming half of `images` images.
    `better`: the best is better than the plain one though it does not explain enough, or not alone, to be named.
    """

    reading: Reading
    order: Order
    order_name: str
    named: tuple[Named, ...]
    lag: Lag | None
    plain: float
    best: float
    better: bool
    at_chance: bool
    ranges: tuple[Scale, ...]  # plain scales that do as well as the chosen one
    tried: tuple[Tried, ...]
    images: int
