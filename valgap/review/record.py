"""A review for programs: the form of its one JSON record, docs/review.schema.json.

Effects and limits are head minus base in fractions or nats; null is what is unknown. Names stand as users wrote them,
with everything beyond ASCII escaped: who shows them makes them safe for where they are shown.
"""

import dataclasses
from typing import Literal

from valgap.ground.records import Plain
from valgap.pipeline.freshness import Finding
from valgap.review.changes import Cost
from valgap.stats.words import OfChange

SCHEMA = 1  # raise it, here and in docs/review.schema.json, when a field comes, goes or changes its meaning
Gate = Literal["off", "passed", "failed", "nothing to compare"]


@dataclasses.dataclass(frozen=True)
class Base:
    """The revision that was compared with: as it was named, its commit, whether it has commits that HEAD lacks."""

    name: str
    commit: str
    ahead: bool


@dataclasses.dataclass(frozen=True)
class Measured:
    """The score that words rest on. `unit` is that of effects and margin: a fraction, or nats."""

    name: str
    title: str
    unit: Literal["fraction", "nats"]
    higher_is_better: bool
    margin: float


@dataclasses.dataclass(frozen=True)
class Effect:
    """A mean change with its adjusted limits over `n` replicates; `wins` are those in which it is above 0."""

    mean: float
    low: float
    high: float
    confidence: float
    n: int
    wins: str


@dataclasses.dataclass(frozen=True)
class Confirmed:
    """The same on replicates that no choice has seen, and whether the improvement stands there."""

    stands: bool
    effect: Effect


@dataclasses.dataclass(frozen=True)
class Costs:
    """What a variant's training takes on either side; `compute` is over that of the base's baseline."""

    base: Cost
    head: Cost


@dataclasses.dataclass(frozen=True)
class Variant:
    """A variant of both sides: its word, its effect (None where bit-identical), and what it costs on both.

    `detectable` is the change that would have been found with 80% probability; `beside` are changes of other means.
    """

    name: str
    word: OfChange
    effect: Effect | None
    detectable: float | None
    paired: bool
    confirmation: Confirmed | None
    beside: dict[str, float]
    gap: Effect | None
    cost: Costs


@dataclasses.dataclass(frozen=True)
class Believed:
    """What a side says of a cause: the word, and the effect where it was measured."""

    verdict: str
    mean: float | None
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class Names:
    """Names of variants by what became of them."""

    added: list[str]
    removed: list[str]
    redefined: list[str]


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why the gate fails: the trouble, its variant (None of `stale`), by how much at least, and the same in words."""

    trouble: str
    variant: str | None
    amount: float | None
    text: str


@dataclasses.dataclass(frozen=True)
class Gated:
    """The gate: what it fails on, its outcome, and why."""

    fail_on: tuple[str, ...]
    outcome: Gate
    reasons: tuple[Failure, ...]


@dataclasses.dataclass(frozen=True)
class Freshness:
    """Whether dvc.lock and reports/ belong to the code, and what does not."""

    fresh: bool
    stale: tuple[Finding, ...]


@dataclasses.dataclass(frozen=True)
class Record:
    """The whole review. `why` says why nothing could be compared; then `variants` and `causes` are empty."""

    schema: int
    status: int
    verdict: str
    base: Base
    why: str
    measure: Measured
    variants: tuple[Variant, ...]
    names: Names
    causes: tuple[Plain, ...]
    parameters: tuple[Plain, ...]
    freshness: Freshness
    gate: Gated
