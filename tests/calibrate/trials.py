"""Trials made by hand."""

import math
from typing import Any

from valgap.calibrate.faults import FAULTS
from valgap.calibrate.records import Effect, Named, Planted, Trial


def planted(fault: str, effect: float, dose: int = 1) -> Planted:
    """A fault whose removal is worth so much."""
    return Planted(fault, dose, FAULTS[fault].plants, FAULTS[fault].shows_in, Effect(effect, math.nan, math.nan, 12))


def named(cause: str, confirmed: float | None = None) -> Named:
    """A cause that is named; fresh replicates confirm it with limits of 1 pp around `confirmed`."""
    fresh = None if confirmed is None else Effect(confirmed, confirmed - 0.01, confirmed + 0.01, 6)
    return Named(cause, 0.05, 0.03, 0.07, fresh)


def trial(name: str = "one", *faults: Planted, names: tuple[Named, ...] = (), **others: Any) -> Trial:
    """A trial of these faults, in which these causes were named; healthy where there are no faults."""
    content: dict[str, Any] = {
        "name": name, "kind": "fault" if faults else "healthy", "half": "judged", "setting": "digits-cnn",
        "given": False, "placebo": "", "planted": faults, "named": names, "words": {}, "detectable": {}, "score": 0.9,
        "replicates": 6, "rounds": 0, "left_out": (), "trained": 90, "seconds": 1.0, "failed": "", "code": "c",
    }  # fmt: skip
    return Trial(**(content | others))
