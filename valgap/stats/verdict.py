"""What the diagnosis says, as verdict.json holds it. Fractions and nats; NaN is what is unknown.

Every field stands in the file under its own name, in this order.
"""

import dataclasses
from typing import Literal

from valgap.ground.records import Number, Plain
from valgap.stats.intervals import Interval
from valgap.stats.seen import Reproduction
from valgap.stats.shares import Share
from valgap.stats.words import OfCause, OfLoss, OfSplit, Reach, Reason, Untestable


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
class Estimate:
    """A mean with its limits."""

    mean: Number
    low: Number
    high: Number

    @classmethod
    def of(cls, found: "Interval | CauseEffect | Share") -> "Estimate":
        """The mean and the limits alone of what has them."""
        return cls(found.mean, found.low, found.high)


@dataclasses.dataclass(frozen=True)
class Gap:
    """Accuracy on training minus validation images, and its two parts over test images, which no choice has touched.

    `train_val` = `train_test` + `test_val`. All speak for new replicates; the parts also for other test images and,
    where all replicates have the same, for other validation images.
    """

    train_val: Interval
    train_test: Interval
    test_val: Interval


@dataclasses.dataclass(frozen=True)
class Baseline:
    """Whether the baseline is trained at all.

    `above_reference` counts the replicates that beat their own 1-nearest neighbour on test images, None where that is
    not known; `reference` is its mean. `collapsed` are the replicates that give nearly every test image one class.
    """

    replicates: int
    above_reference: int | None
    reference: Number
    collapsed: tuple[int, ...]

    @property
    def below_reference(self) -> int | None:
        """The replicates that do not beat it, None where that is not known."""
        return None if self.above_reference is None else self.replicates - self.above_reference


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
    verdict: Untestable
    why: str


@dataclasses.dataclass(frozen=True)
class SplitEffect:
    """The given validation images against `n` re-splits by `variant`, paired by replicate, and against test images.

    `mean` is the difference of validation accuracy to re-splits, at the same shares of classes, which chance leaves
    between `low` and `high`; NaN without re-splits. `cost` is what the split does to the gap: accuracy on test minus
    validation images; `alike` is that at the same shares of classes, with limits of 99%, and `mix` what other shares
    make of it, None where that is not shown; `copies` is what copies of images to learn from add to validation
    accuracy, None where there are none. Replicates that collapsed to one class count in `cost` alone. `groups`
    counts the groups of the images, None where they are unknown. `audit` are the findings of the audit, by name, that
    are problems of the split.
    """

    cause: str
    title: str
    verdict: OfSplit
    variant: str | None
    n: int
    groups: int | None
    mean: Number
    low: Number
    high: Number
    cost: Estimate
    alike: Estimate
    mix: Estimate | None
    copies: Estimate | None
    audit: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class CauseEffect:
    """What removing a cause did to the metric, over `n` replicates: by its best arm, chosen and judged crosswise.

    On each half of the replicates the arm that is best by validation is chosen, and judged by test on the other half:
    `arms` are those chosen. `arm` is the one that is best on all replicates, `against` what it is compared with: the
    baseline, or the baseline at as many steps. `mde` is the effect that would have been found with 80% probability,
    `more_replicates` what it takes to settle an inconclusive verdict, None where more replicates cannot. `unfair` are
    arms that had too few steps to be judged. `given` are the arms of the causes before it, `after` the effect of
    `arm` once these are removed, both empty where it was not measured. `sound` is the effect without the replicates
    whose baseline collapsed, None where none did.
    """

    cause: str
    title: str
    verdict: OfCause
    arms: tuple[str, ...]
    arm: str
    against: str
    n: int
    mean: float
    low: Number
    high: Number
    confidence: float
    wins: str
    mde: Number
    more_replicates: int | None
    unfair: tuple[str, ...]
    given: tuple[str, ...]
    after: Estimate | None
    sound: Estimate | None


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
class Labels:
    """Suspected labels by part of the images, with Wilson limits; empty where none could be judged.

    `excess` is the share among images that are learned from minus that among held-out ones, None where one is unknown.
    """

    shares: dict[str, Estimate]
    excess: Estimate | None


@dataclasses.dataclass(frozen=True)
class Answer:
    """A cause that the headline names, and how much of the metric, or of the gap for the split, it costs.

    `kind` says of what the size is: `removal` of the cause, its `share` where causes were also removed together, the
    gain per `doubling` of the images, the part of the `gap`, or the share of `labels` that are wrong.
    """

    cause: str
    title: str
    kind: Literal["removal", "share", "doubling", "gap", "labels"]
    verdict: OfCause | OfSplit
    mean: Number
    low: Number
    high: Number


@dataclasses.dataclass(frozen=True)
class Shares:
    """Shapley shares of the causes in what removing all of them gains, `total`; `rest` is the error that remains.

    Shapley 1953: a cause's mean gain over all orders of removal. `arms` are the arms by cause.
    """

    arms: dict[str, str]
    shares: dict[str, Estimate]
    total: Estimate
    rest: float


@dataclasses.dataclass(frozen=True)
class Remedy:
    """An arm that helps, with its simultaneous interval, and what it costs.

    `nll` is the change of test NLL in nats, `diff` the variant's, `relative_compute` over the baseline's.
    """

    variant: str
    n: int
    mean: float
    low: Number
    high: Number
    wins: str
    nll: Estimate
    diff: Plain
    parameters: int
    steps: int
    relative_compute: float


@dataclasses.dataclass(frozen=True)
class Remedies:
    """The arms that help and of which none is shown to be worse than another, the cheapest first.

    Chosen among `tried` arms. `confidence` is that of all intervals at once, `width` the half width of one over its
    standard error.
    """

    best: tuple[Remedy, ...]
    tried: int
    confidence: float
    width: Number


@dataclasses.dataclass(frozen=True)
class FollowUp:
    """An arm to train next, as a diff from the baseline.

    Causes removed `together`, an arm with `more steps`, or one that is `wider` still.
    """

    variant: str
    diff: Plain
    why: Reason
    of: tuple[str, ...]


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

    `answer` are the causes that the headline names, the first first. `underfit` names variants whose gap is small for
    the wrong reason; `doses` and `policies` go by name. `symptom` is None where params.yaml says of none.
    """

    metric: str
    margin: float
    replicates: int
    covers: Covers
    block_size: int
    score: float
    gap: Gap
    baseline: Baseline
    divergence: Divergence
    answer: tuple[Answer, ...]
    causes: tuple[CauseEntry, ...]
    labels: Labels
    shares: Shares | None
    data: Price | None
    remedies: Remedies
    injected: tuple[Injected, ...]
    underfit: tuple[str, ...]
    follow_up: tuple[FollowUp, ...]
    doses: dict[str, tuple[Dose, ...]]
    policies: dict[str, dict[str, float | bool]]
    symptom: Reproduction | None = None
