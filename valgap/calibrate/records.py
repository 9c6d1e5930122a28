"""What a trial found, as its trial.json holds it. Fractions of accuracy; NaN is what is unknown."""

import dataclasses

from valgap.calibrate.scenarios import Half, Kind
from valgap.ground.records import Number

COUNTS, SMALL = 0.03, 0.01  # of accuracy: a removal worth so much is a fault that must be named, may be named


@dataclasses.dataclass(frozen=True)
class Effect:
    """A mean difference of accuracy with its 95% limits, over `n` replicates."""

    mean: Number
    low: Number
    high: Number
    n: int


@dataclasses.dataclass(frozen=True)
class Planted:
    """A planted fault, any of whose `causes` is right to name, and what its removal is worth.

    `effect` is the clean twin minus the faulty trial, on the images of `shows_in`.
    """

    fault: str
    dose: int
    causes: tuple[str, ...]
    shows_in: str
    effect: Effect

    @property
    def size(self) -> float:
        """The effect without its sign: a fault of the split may raise or lower validation accuracy."""
        return abs(self.effect.mean)


@dataclasses.dataclass(frozen=True)
class Named:
    """A cause that the headline names, with the size it gives.

    `confirmed` is what its best arm gains on fresh replicates, for a cause that was not planted; None where that cannot
    be asked.
    """

    cause: str
    mean: Number
    low: Number
    high: Number
    confirmed: Effect | None = None


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial: what was planted, what the diagnosis named, its words by cause and the smallest detectable effects.

    `score` is the baseline's accuracy on test images; `rounds` counts how often arms were added, `left_out` are arms
    that the suite refused to train; `failed` is its own message where it refused the baseline. `code` is a digest of
    all that decides the record.
    """

    name: str
    kind: Kind
    half: Half
    setting: str
    given: bool
    placebo: str
    planted: tuple[Planted, ...]
    named: tuple[Named, ...]
    words: dict[str, str]
    detectable: dict[str, Number]
    score: Number
    replicates: int
    rounds: int
    left_out: tuple[str, ...]
    trained: int
    seconds: Number
    failed: str
    code: str
