"""Orders that a model's outputs may have, other than the sorted one of `Images.class_names`."""

import re
from collections.abc import Sequence


def orders(names: Sequence[str], as_found: Sequence[str] = ()) -> dict[str, tuple[int, ...]]:
    """For each order that differs from that of `names`, which is sorted: places in `names` of outputs 0, 1, ...

    `natural` sorts the numbers in names as numbers (1, 2, 10); `regardless of case` puts `b` before `C`; `as found`
    is the order of `as_found`, where it holds the same names. Of two that are alike the first is given.
    """
    place = {name: number for number, name in enumerate(names)}
    sortings = {
        "natural": sorted(names, key=_natural),
        "regardless of case": sorted(names, key=lambda name: (name.casefold(), name)),
        "as found": list(as_found) if sorted(as_found) == sorted(names) else list(names),
    }
    found: dict[str, tuple[int, ...]] = {}
    for title, ordered in sortings.items():
        order = tuple(place[name] for name in ordered)
        if order != tuple(range(len(names))) and order not in found.values():
            found[title] = order
    return found


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Parts of a name: numbers before text, by their value; what is left equal goes by the whole name."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts] + [(-1, 0, name)]
