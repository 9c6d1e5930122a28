"""What differs between two sides, before any statistics: parameters, variants, causes, classes, costs."""

import dataclasses
from typing import Generic, TypeVar

import pandas as pd

from valgap.ground.params.suite import BASELINE
from valgap.results.sides import Side
from valgap.stats.operations import training_operations
from valgap.stats.verdict import CauseEntry

ABSENT = "–"


T_co = TypeVar("T_co", covariant=True)


@dataclasses.dataclass(frozen=True)
class Change(Generic[T_co]):
    """What differs: its name, and what it is on either side."""

    name: str
    base: T_co
    head: T_co


@dataclasses.dataclass(frozen=True)
class Variants:
    """Names of variants by what became of them; `identical` and `redefined` are on both sides."""

    added: list[str]
    removed: list[str]
    redefined: list[str]
    identical: set[str]


@dataclasses.dataclass(frozen=True)
class RecallChange:
    """A variant's mean test recall of one class on both sides, fractions."""

    variant: str
    class_name: str
    base: float
    head: float

    @property
    def change(self) -> float:
        """Head minus base."""
        return self.head - self.base


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a variant's training takes; `compute` is over that of the base's baseline."""

    parameters: int
    steps: int
    compute: float


def parameters(head: dict[str, object], base: dict[str, object]) -> tuple[Change[object], ...]:
    """Each parameter that differs, by its dotted key, of all blocks of params.yaml; ABSENT for no value."""
    new, old = flatten(head), flatten(base)
    keys = [key for key in {**old, **new} if old.get(key, ...) != new.get(key, ...)]
    return tuple(Change(key, old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys)


def flatten(content: object, prefix: str = "") -> dict[str, object]:
    """Nested mappings as one with dotted keys; an empty mapping is a value."""
    if not isinstance(content, dict) or (prefix and not content):
        return {prefix: content}
    found: dict[str, object] = {}
    for key, value in content.items():
        found |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return found


def variants(head: Side, base: Side) -> Variants:
    """What became of each variant."""
    both = [name for name in head.variants if name in base.variants]
    rows = [dict(list(side.results.groupby("variant", sort=False))) for side in (head, base)]
    same = {name for name in both if _same_settings(head, base, name)}
    return Variants(
        added=[name for name in head.variants if name not in base.variants],
        removed=[name for name in base.variants if name not in head.variants],
        redefined=[name for name in both if name not in same],
        identical={name for name in same if _same_results(head, base, name, [side.get(name) for side in rows])},
    )


def is_paired(head: Side, base: Side) -> bool:
    """Whether replicate r is the same draw on both sides: same images, same sizes, same seed."""
    return head.provenance.data == base.provenance.data and head.provenance.seed == base.provenance.seed


def causes(head: Side, base: Side) -> tuple[Change[CauseEntry | None], ...]:
    """Each cause whose verdict word differs, by its title, and what verdict.json has of it."""
    return tuple(each for each in every_cause(head, base) if _word(each.base) != _word(each.head))


def every_cause(head: Side, base: Side) -> tuple[Change[CauseEntry | None], ...]:
    """Each cause of either side, by its title, and what verdict.json has of it; None where it has nothing."""
    new, old = ({entry.title: entry for entry in side.verdict.causes} for side in (head, base))
    return tuple(Change(title, old.get(title), new.get(title)) for title in {**new, **old})


def _word(entry: CauseEntry | None) -> str | None:
    return entry.verdict if entry else None


def recalls(head: Side, base: Side, changed: list[str]) -> tuple[RecallChange, ...]:
    """The recalls of the changed variants that differ, the largest change first."""
    means = [
        side.classes[side.classes.split == "test"].groupby(["variant", "class"])["recall"].mean()
        for side in (base, head)
    ]
    rows = pd.concat(means, axis=1, keys=["base", "head"], join="inner").reset_index().itertuples(index=False)
    every = (RecallChange(*row) for row in rows)
    found = [each for each in every if each.variant in changed and abs(each.change) > 0]  # NaN is no change
    return tuple(sorted(found, key=lambda each: -abs(each.change)))


def costs(head: Side, base: Side) -> tuple[Change[Cost], ...]:
    """The costs of the variants of both sides that differ."""
    return tuple(each for each in every_cost(head, base) if each.base != each.head)


def every_cost(head: Side, base: Side) -> tuple[Change[Cost], ...]:
    """The costs of the variants of both sides."""
    unit = _operations(base, BASELINE)
    both = [name for name in head.variants if name in base.variants]
    return tuple(Change(name, _cost(base, name, unit), _cost(head, name, unit)) for name in both)


def _cost(side: Side, name: str, unit: float) -> Cost:
    entry = side.variants[name]
    return Cost(entry.parameters, entry.steps, round(_operations(side, name) / unit, 3))


def _operations(side: Side, name: str) -> float:
    """Operations of a variant's training."""
    entry = side.variants[name]
    batch_size = (side.provenance.train | entry.diff)["batch_size"]
    return float(training_operations(entry.steps, batch_size, entry.forward_flops))


def _same_settings(head: Side, base: Side, name: str) -> bool:
    """Whether settings agree. A knob that only one side knows redefines the variants that turn it."""
    sides = [side.provenance.train | side.variants[name].diff for side in (head, base)]
    turned = {key for side in (head, base) for key in side.variants[name].diff}
    return all(
        sides[0][key] == sides[1][key] if key in sides[0] and key in sides[1] else key not in turned
        for key in {**sides[0], **sides[1]}
    )


def _same_results(head: Side, base: Side, name: str, rows: list[pd.DataFrame | None]) -> bool:
    """Whether every score of every replicate and the predictions themselves are the same bytes."""
    new, old = (None if side is None else side.reset_index(drop=True) for side in rows)
    predictions = [side.variants[name].predictions_md5 for side in (head, base)]
    return new is not None and old is not None and new.equals(old) and predictions[0] == predictions[1]
