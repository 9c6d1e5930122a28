"""Which machine, device and versions numbers were made with: sides beside each other."""

from collections.abc import Mapping, Sequence

from valgap.document.parts import Table
from valgap.document.text import Strong, named

Environments = Sequence[Mapping[str, str]]


def is_one(sides: Mapping[str, Environments]) -> bool:
    """Whether everything was made in one and the same environment, or in none that is known."""
    every = [environment for side in sides.values() for environment in side]
    return all(environment == every[0] for environment in every)


def table(caption: str, sides: Mapping[str, Environments]) -> Table:
    """A row a fact, a column a side by its name; what differs between sides is bold, several of a side share a cell."""
    facts = dict.fromkeys(name for side in sides.values() for environment in side for name in environment)
    rows = []
    for name in facts:
        cells = [
            named(", ".join(dict.fromkeys(str(each.get(name, "none")) for each in side))) for side in sides.values()
        ]
        differs = len(set(cells)) > 1
        rows.append((name, *(Strong(cell) if differs else cell for cell in cells)))
    return Table(caption, ("environment", *sides), tuple(rows), texts=1 + len(sides), folded=False)
