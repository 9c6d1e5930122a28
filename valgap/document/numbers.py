"""Numbers in words: the one place that rounds, signs and scales what people read."""

import dataclasses
import math
from typing import Protocol

UNKNOWN = "n/a"


class Bounded(Protocol):
    """An estimate with limits."""

    @property
    def mean(self) -> float | None:
        """The estimate, None or NaN where it is unknown."""

    @property
    def low(self) -> float | None:
        """Its lower limit, None or NaN where it is unknown."""

    @property
    def high(self) -> float | None:
        """Its upper limit, likewise."""


class Counted(Protocol):
    """A share of trials, with limits and its counts."""

    @property
    def hits(self) -> int:
        """How many of `n`."""

    @property
    def n(self) -> int:
        """Of how many."""

    @property
    def share(self) -> float:
        """The share, NaN where n is 0."""

    @property
    def low(self) -> float:
        """Its lower limit, likewise."""

    @property
    def high(self) -> float:
        """Its upper limit, likewise."""


@dataclasses.dataclass(frozen=True)
class Form:
    """How a quantity is written: `scale` times the value, with so many decimals, a sign where `signed`, and a unit."""

    decimals: int = 1
    scale: float = 1.0
    signed: bool = False
    unit: str = ""  # with the space before it that it needs

    def __call__(self, value: float | None) -> str:
        """The value with a proper minus sign and its unit; `n/a` for what is unknown."""
        return UNKNOWN if is_unknown(value) else self.bare(value) + self.unit

    def bare(self, value: float | None) -> str:
        """The value without its unit."""
        if value is None or is_unknown(value):
            return UNKNOWN
        sign = "+" if self.signed else ""
        rounded = round(self.scale * value, self.decimals) + 0.0  # no minus sign before a zero
        return f"{rounded:{sign},.{self.decimals}f}".replace("-", "−")

    def limits(self, low: float | None, high: float | None) -> str:
        """`81.3 to 82.9`, without the unit; `n/a` where either is unknown."""
        return UNKNOWN if is_unknown(low) or is_unknown(high) else f"{self.bare(low)} to {self.bare(high)}"

    def estimate(self, found: Bounded) -> str:
        """`82.1 (81.3 to 82.9)`, the unit behind the first number; without the brackets where limits are unknown."""
        between = self.limits(found.low, found.high)
        return self(found.mean) if between == UNKNOWN else f"{self(found.mean)} ({between})"


PERCENT = Form(scale=100, unit="%")  # 0.8254 as 82.5%
SHARE = Form(scale=100)  # the same under a heading that says %
PP = Form(scale=100, unit=" pp")  # a difference of shares without its sign
CHANGE = Form(scale=100, signed=True, unit=" pp")  # 0.0123 as +1.2 pp
NATS = Form(decimals=3)
NATS_CHANGE = Form(decimals=3, signed=True, unit=" nats")
CHANGES = {"pp": CHANGE, "nats": NATS_CHANGE}  # by the unit of a measure
SIZES = {"pp": PP, "nats": Form(decimals=3, unit=" nats")}  # the same without the sign
COUNT = Form(decimals=0)  # 1234 as 1,234
PLAIN = Form()


def is_unknown(value: float | None) -> bool:
    """Whether a number is missing, NaN or infinite."""
    return value is None or not math.isfinite(value)


def text_of(value: object) -> str:
    """A text cell; `n/a` for what is missing or empty."""
    missing = value is None or (isinstance(value, float) and math.isnan(value)) or value == ""
    return UNKNOWN if missing else str(value)


def many(count: int, noun: str) -> str:
    """`1 variant`, `1,200 variants`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def of_rate(found: Counted) -> str:
    """`85% (73 to 93; 29/34)`; `n/a (0/0)` of none."""
    if not found.n:
        return f"{UNKNOWN} (0/0)"
    return f"{found.share:.0%} ({100 * found.low:.0f} to {100 * found.high:.0f}; {found.hits}/{found.n})"
