"""What the diagnosis says, as verdict.json holds it. Fractions and nats; NaN is what is unknown.

Every field stands in the file under its own name, in this order.
"""

import dataclasses
from typing import Literal

from valgap.ground.records import Number, Plain
from valgap.stats.intervals import Interval
from valgap.stats.words import Effect, OfCause, OfLoss, OfSplit, Reach, Untestable


@dataclasses.dataclass(frozen=True)
class Covers:
    """What the replicates vary, for the words about intervals.

    `training` is `drawn`, or `whole` where every replicate trains on all that one test set and validation leave; `test`
    is `fixed` or `folds`; `groups` counts the groups of the test images, None where each image is its own.
    """

    training: Literal["drawn", "whole"]
    test: Literal["fixed", "folds"]
    groups: int | None


@dataclasses.dataclass(frozen=True)
class Divergence:
    """Whether the baseline's validation loss rises late: its slope in nats an epoch, and where it was lowest."""

    verdict: OfLoss
    slope: Interval
    from_epoch: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Untested:
    """A cause of which nothing was measured, and why."""

    cause: str
    title: str
    primary: str | None = None
    verdict: Untestable
    why: str


@dataclasses.dataclass(frozen=True)
class SplitEffect:
    """The given split against `n` re-splits by `variant`: difference of validation accuracy and its limits by chance.

    `groups` counts the groups of the images, None where they are unknown.
    """

    cause: str
    title: str
    variant: str
    n: int
    groups: int | None
    mean: float
    low: Number
    high: Number
    verdict: OfSplit


@dataclasses.dataclass(frozen=True)
class CauseEffect:
    """What removing a cause by its primary `variant` did to the metric, over `n` replicates.

    `mde` is the effect that would have been found with 80% probability; `max_t_p` the joint sign-flip p;
    `more_replicates` what it takes to settle an inconclusive verdict, None where more replicates cannot.
    """

    cause: str
    title: str
    primary: str
    verdict: OfCause
    variant: str
    n: int
    mean: float
    low: Number
    high: Number
    confidence: float
    wins: str
    material: bool
    mde: Number
    max_t_p: Number
    more_replicates: int | None


CauseEntry = Untested | SplitEffect | CauseEffect


@dataclasses.dataclass(frozen=True)
class ImagesNeeded:
    """Training images for the target gain, if the trend goes on; NaN unless within reach, `high` where unbounded."""

    reach: Reach
    images: Number
    low: Number
    high: Number


@dataclasses.dataclass(frozen=True)
class Price:
    """Gain per doubling of the training images at equal steps; `sizes` are the images of each variant.

    `extrapolated` says that the baseline has all images there are. `headroom` is what is left to gain.
    """

    sizes: dict[str, int]
    extrapolated: bool
    per_doubling: Interval
    target_gain: float
    headroom: float
    images_needed: ImagesNeeded


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean with its limits."""

    mean: Number
    low: Number
    high: Number


@dataclasses.dataclass(frozen=True)
class Remedy:
    """The arm chosen on the first block by validation, judged on other blocks by test, and what it costs.

    `nll` is the change of test NLL in nats, `diff` the variant's, `relative_compute` over the baseline's.
    """

    variant: str
    verdict: Effect
    material: bool
    n: int
    mean: float
    low: Number
    high: Number
    confidence: float
    wins: str
    mde: Number
    nll: Estimate
    diff: Plain
    chosen_on_block: int
    parameters: int
    steps: int
    relative_compute: float


@dataclasses.dataclass(frozen=True)
class Injected:
    """What an arm that injects its cause did to the metric."""

    variant: str
    against: str
    cause: str
    n: int
    mean: float
    low: Number
    high: Number
    confidence: float
    wins: str


@dataclasses.dataclass(frozen=True)
class Dose:
    """A variant along a dose, and its place: training images, parameters, or rank of a strength from 0."""

    variant: str
    x: int


@dataclasses.dataclass(frozen=True)
class Verdict:
    """All that the report says of gap, causes and remedies.

    `underfit` names variants whose gap is small for the wrong reason; `doses` and `policies` go by name.
    """

    metric: str
    margin: float
    replicates: int
    covers: Covers
    block_size: int
    gap: Interval
    divergence: Divergence
    causes: tuple[CauseEntry, ...]
    data: Price | None
    remedy: Remedy | None
    injected: tuple[Injected, ...]
    underfit: tuple[str, ...]
    doses: dict[str, tuple[Dose, ...]]
    policies: dict[str, dict[str, float | bool]]
