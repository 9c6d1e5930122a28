"""valgap/report/calibration.json: how often the diagnosis was right on trials of known truth. Shares are fractions.

`valgap calibrate` writes it; a report may quote it.
"""

import dataclasses
from pathlib import Path

from valgap.ground import paths, records
from valgap.ground.files import write_whole
from valgap.ground.records import Number

CURE = f"run `valgap calibrate`, or `git checkout -- {paths.CALIBRATION}`"


@dataclasses.dataclass(frozen=True)
class Rate:
    """`hits` of `n` trials, with Wilson's 95% limits; NaN where n is 0."""

    hits: int
    n: int
    share: Number
    low: Number
    high: Number


@dataclasses.dataclass(frozen=True)
class CauseRates:
    """Of one cause.

    `recall`: of the trials that have it, those that name it. `precision`: of the trials that name it, those in which it
    was planted, or its best arm helped fresh replicates; `planted`: those in which it was planted.
    """

    cause: str
    recall: Rate
    precision: Rate
    planted: Rate


@dataclasses.dataclass(frozen=True)
class Rates:
    """Of the trials of one half, or of one setting.

    `recall` and `precision` are means over the causes with a trial. Of the trials with a fault that counts: `first`,
    the cause named first is one of theirs; `exact`, all theirs are named and no other; `silent`, none is named, with
    the median of the `detectable` effects of what was planted there. `alarms`: healthy trials in which any cause is
    named; `unearned`: those whose named cause fresh replicates did not confirm; `idle_alarms`: trials whose fault
    measured as none, in which a cause is named that is not confirmed.
    """

    name: str
    trials: int
    causes: tuple[CauseRates, ...]
    recall: Number
    precision: Number
    first: Rate
    exact: Rate
    silent: Rate
    detectable: Number
    alarms: Rate
    unearned: Rate
    idle_alarms: Rate


@dataclasses.dataclass(frozen=True)
class DoseRates:
    """Trials of one fault alone at one dose: what its removal is worth on average, and how often it is named."""

    fault: str
    title: str
    dose: str
    effect: Number
    least: Number
    most: Number
    counted: int
    named: Rate
    first: Rate


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A trial that is not exact: what it had, with sizes, what was named, and what fresh replicates say of that."""

    trial: str
    half: str
    planted: dict[str, Number]
    named: tuple[str, ...]
    confirmed: dict[str, Number]


@dataclasses.dataclass(frozen=True)
class Calibration:
    """All rates. `counts` and `small` are the sizes from which a fault must and may be named.

    `halves` are by `rules` and `judged`. `failed` are the trials that the suite refused to train, and why. `replicates`
    are those of each diagnosis, `code` a digest of what was calibrated.
    """

    code: str
    replicates: int
    counts: float
    small: float
    trainings: int
    halves: dict[str, Rates]
    settings: tuple[Rates, ...]
    doses: tuple[DoseRates, ...]
    mistakes: tuple[Mistake, ...]
    failed: dict[str, str]

    @property
    def of_rules(self) -> Rates:
        """The rates to quote: of the half on which rules are judged, or of the other where that has no trial."""
        judged = self.halves["judged"]
        return judged if judged.trials else self.halves["rules"]


def read_calibration(path: Path = paths.CALIBRATION) -> Calibration:
    """The record. Raises SuiteError when missing or damaged."""
    return records.read(Calibration, path, CURE)


def write_calibration(found: Calibration, path: Path = paths.CALIBRATION) -> None:
    """Write the record, whole."""
    write_whole(path, records.text(found, indent=1))
