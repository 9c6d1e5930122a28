"""What a user may say beside the model and the data."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.check.preprocess import preprocessing
from valgap.diagnostics.reading.readings import PLAIN, Scale
from valgap.ground.errors import SuiteError


@dataclasses.dataclass(frozen=True)
class Options:
    """All that is optional; `valgap.check` and `valgap check --help` say what each means.

    `saw` are accuracies in [0, 1] that the user saw, by split, `digits` how many decimals they were given with.
    """

    module: str | None = None
    groups: str | None = None
    value_range: Scale | None = None
    output: str | None = None
    preprocess: str | None = None
    saw: tuple[tuple[str, float, int], ...] = ()  # split, accuracy, decimals
    history: Any = None
    steps: int | None = None
    mute: tuple[str, ...] = ()

    @property
    def fixed(self) -> Scale | None:
        """The scale that is not to be searched for: the range asked for, or what the user's own function takes."""
        return "0-255" if self.preprocess else self.value_range

    def preprocessing(self) -> Callable[[NDArray[np.float32]], NDArray[np.float32]] | None:
        """The user's own function. Raises SuiteError where there is none of that name."""
        return preprocessing(self.preprocess) if self.preprocess else None


def range_of(value: str | None) -> Scale | None:
    """The value range of that name. Raises SuiteError listing those that are known."""
    if value not in (None, *PLAIN):
        raise SuiteError(f"value_range = {value!r} is not known (allowed: {', '.join(PLAIN)})")
    return value


def saw_of(saw: Any) -> tuple[tuple[str, float, int], ...]:
    """Accuracies as (split, accuracy, decimals), of `0.99,0.32`, of two or three numbers, or of a mapping by split.

    The first is that of training, the second of validation, the third of the test images. Percents are taken as such
    where they are above 1 and say %, or are above 2. Raises SuiteError on anything else.
    """
    if saw is None:
        return ()
    names = ("train", "val", "test")
    if hasattr(saw, "items"):
        given = {str(name): value for name, value in saw.items()}
    elif isinstance(saw, str):
        given = dict(zip(names, saw.split(","), strict=False)) if saw.count(",") < 3 else {"saw": saw}
    else:
        values = list(saw) if hasattr(saw, "__iter__") else [saw]
        given = dict(zip(names, values, strict=False)) if len(values) <= 3 else {"saw": values}
    given = {name: value for name, value in given.items() if str(value).strip()}
    if not given or set(given) - set(names):
        raise SuiteError(f"saw = {saw!r} is not known: give the accuracy in training and in validation, as 0.99,0.32")
    return tuple((name, *_share(value, saw)) for name, value in given.items())


def _share(value: Any, saw: Any) -> tuple[float, int]:
    """(share, decimals of the share) of what stands for an accuracy."""
    text = str(value).strip()
    percent = text.endswith("%")
    text = text.rstrip("%").strip()
    try:
        number = float(text)
    except ValueError:
        raise SuiteError(f"saw = {saw!r}: {value!r} is no accuracy; write 0.99,0.32 or 99%,32%") from None
    decimals = len(text.partition(".")[2])
    if percent or number > 2:
        number, decimals = number / 100, decimals + 2
    if not 0 <= number <= 1:
        raise SuiteError(f"saw = {saw!r}: {value!r} is no accuracy; it must lie between 0 and 1, or 0% and 100%")
    return number, decimals
