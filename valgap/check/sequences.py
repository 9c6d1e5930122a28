"""Keeps the small state of a user's sequence: its counters and its order of images, which passes move."""

import contextlib
from typing import Any

import numpy as np


class Kept:
    """Counters, flags and orders of images of an object, as they are now; `restore` puts them back.

    An order is an array or a list of the numbers 0 to n - 1. Images and labels that a sequence shuffles in place are
    not kept: put back in part, they would no longer belong together.
    """

    def __init__(self, thing: Any) -> None:
        self._thing = thing
        self._values: dict[str, tuple[Any, Any]] = {}
        for name, value in list(getattr(thing, "__dict__", {}).items()):
            if value is None or isinstance(value, bool | int | float | str):
                self._values[name] = (value, None)
            elif _is_order(value):
                self._values[name] = (value, value.copy())

    def restore(self) -> None:
        """Put every kept value back: orders in place, since others may hold them too."""
        for name, (value, copy) in self._values.items():
            if copy is not None:
                value[:] = copy
            if getattr(self._thing, "__dict__", {}).get(name) is not value:
                with contextlib.suppress(AttributeError):
                    setattr(self._thing, name, value)


def _is_order(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        whole = value.ndim == 1 and value.dtype.kind in "iu" and value.flags.writeable
        return bool(whole and np.array_equal(np.sort(value), np.arange(len(value))))
    return (
        isinstance(value, list) and all(type(each) is int for each in value) and sorted(value) == [*range(len(value))]
    )
