"""Numbers in words: percent with one decimal, differences in percentage points, proper minus signs."""

import math
from collections.abc import Iterable
from typing import Any, Protocol

from valgap.stats.intervals import Interval
from valgap.stats.shares import Share

UNKNOWN = "n/a"


class Effect(Protocol):
    """A difference of fractions with its limits; NaN where they are unknown."""

    @property
    def mean(self) -> float:
        """The difference."""

    @property
    def low(self) -> float:
        """Its lower limit."""

    @property
    def high(self) -> float:
        """Its upper limit."""


def percent(value: float) -> str:
    """0.8254 as `82.5%`; `n/a` without a value."""
    return "n/a" if math.isnan(value) else f"{100 * value:.1f}%"


def pp(value: float) -> str:
    """0.1661 as `16.6`, percentage points; `n/a` without a value."""
    return "n/a" if math.isnan(value) else f"{100 * value:.1f}".replace("-", "−")


def signed(value: float) -> str:
    """0.0123 as `+1.2`, -0.0823 as `−8.2`, percentage points; `n/a` without a value."""
    return "n/a" if math.isnan(value) else f"{100 * value:+.1f}".replace("-", "−")


def number(value: Any, form: str = "{:.1f}") -> str:
    """A number in the form, with a proper minus sign; `n/a` for what is unknown."""
    if value is None or not isinstance(value, int | float) or not math.isfinite(value):
        return UNKNOWN
    return form.format(value).replace("-", "−")


def limits(low: Any, high: Any, form: str = "{:.1f}") -> str:
    """`81.3 to 82.9`; `n/a` where either limit is unknown."""
    texts = [number(value, form) for value in (low, high)]
    return UNKNOWN if UNKNOWN in texts else " to ".join(texts)


def estimate(mean: Any, low: Any, high: Any, form: str = "{:.1f}") -> str:
    """`82.1 (81.3 to 82.9)`; without the brackets where the limits are unknown."""
    between = limits(low, high, form)
    return number(mean, form) if between == UNKNOWN else f"{number(mean, form)} ({between})"


def text_of(value: Any) -> str:
    """A text cell; `n/a` for what is missing or empty."""
    missing = value is None or (isinstance(value, float) and math.isnan(value)) or value == ""
    return UNKNOWN if missing else str(value)


def joined(names: Iterable[str]) -> str:
    """`a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), *quoted[-1:])))


def effect(entry: Effect) -> str:
    """`+1.4 pp (+0.7 to +2.0)`; without an interval where it is unknown."""
    limits = "no interval" if math.isnan(entry.low) else f"{signed(entry.low)} to {signed(entry.high)}"
    return f"{signed(entry.mean)} pp ({limits})"


def shares(found: Share | Interval, unit: str = "") -> str:
    """`84.0 (81.6 to 86.1)`, of fractions in percent; with the unit behind the first number."""
    text, space, between = estimate(100 * found.mean, 100 * found.low, 100 * found.high).partition(" ")
    return f"{text}{unit}{space}{between}"
