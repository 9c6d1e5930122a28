"""From trials to rates: who was named rightly, wrongly, first, or not at all. Pure functions.

Limits are Wilson's, at 95%. Trials that the suite refused to train count nowhere and are listed.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np
from scipy import stats

from valgap.calibrate.faults import FAULTS
from valgap.calibrate.records import COUNTS, SMALL, Named, Planted, Trial
from valgap.calibrate.scenarios import DOSES
from valgap.results.calibration import Calibration, CauseRates, DoseRates, Mistake, Rate, Rates
from valgap.stats.intervals import wilson

QUANTILE = float(stats.norm.ppf(0.975))


def rate(hits: Iterable[bool | np.bool_]) -> Rate:
    """How many of the given are true, with Wilson's limits; NaN of none."""
    outcomes = [bool(hit) for hit in hits]  # a trial that was just run has NumPy's, whose sums JSON does not take
    return rate_of(sum(outcomes), len(outcomes))


def rate_of(count: int, total: int) -> Rate:
    """`count` of `total`, with Wilson's limits; NaN of none."""
    if not total:
        return Rate(0, 0, math.nan, math.nan, math.nan)
    return Rate(count, total, count / total, *wilson(count / total, total, QUANTILE))


def required(trial: Trial) -> list[Planted]:
    """The planted faults whose removal is worth so much that they must be named."""
    return [planted for planted in trial.planted if planted.size >= COUNTS]


def is_true(named: Named, trial: Trial) -> bool:
    """Whether a named cause was planted, with an effect, or its best arm helps on fresh replicates, surely."""
    planted = any(named.cause in fault.causes and fault.size >= SMALL for fault in trial.planted)
    return planted or is_confirmed(named)


def is_confirmed(named: Named) -> bool:
    """Whether fresh replicates gain by the cause's best arm: a whole interval above 0, and no less than SMALL."""
    return named.confirmed is not None and named.confirmed.low > 0 and named.confirmed.mean >= SMALL


def is_named(planted: Planted, trial: Trial) -> bool:
    """Whether any cause that the fault plants is named."""
    return any(named.cause in planted.causes for named in trial.named)


def is_first(trial: Trial) -> bool:
    """Whether the cause named first is one that a fault which counts has planted."""
    return bool(trial.named) and any(trial.named[0].cause in planted.causes for planted in required(trial))


def is_exact(trial: Trial) -> bool:
    """Whether every fault that counts is named, and nothing that is not true."""
    whole = all(is_named(planted, trial) for planted in required(trial))
    return whole and all(is_true(named, trial) for named in trial.named)


def of_cause(cause: str, trials: Sequence[Trial]) -> CauseRates:
    """Recall and precision of one cause."""
    having = [(planted, trial) for trial in trials for planted in required(trial) if planted.causes[0] == cause]
    naming = [(named, trial) for trial in trials for named in trial.named if named.cause == cause]
    return CauseRates(
        cause=cause,
        recall=rate(is_named(planted, trial) for planted, trial in having),
        precision=rate(is_true(named, trial) for named, trial in naming),
        planted=rate(any(cause in planted.causes for planted in trial.planted) for _, trial in naming),
    )


def of_trials(name: str, trials: Sequence[Trial]) -> Rates:
    """All rates of some trials."""
    faulty = [trial for trial in trials if required(trial)]
    idle = [trial for trial in trials if trial.planted and all(planted.size < SMALL for planted in trial.planted)]
    healthy = [trial for trial in trials if trial.kind == "healthy"]
    silent = [trial for trial in faulty if not trial.named]
    causes = [of_cause(cause, trials) for cause in every_cause(trials)]
    smallest = [found for trial in silent if not math.isnan(found := detectable(trial))]
    return Rates(
        name=name,
        trials=len(trials),
        causes=tuple(causes),
        recall=_mean(each.recall.share for each in causes),
        precision=_mean(each.precision.share for each in causes),
        first=rate(is_first(trial) for trial in faulty),
        exact=rate(is_exact(trial) for trial in faulty),
        silent=rate(not trial.named for trial in faulty),
        detectable=median(smallest) if smallest else math.nan,
        alarms=rate(bool(trial.named) for trial in healthy),
        unearned=rate(any(not is_confirmed(named) for named in trial.named) for trial in healthy),
        idle_alarms=rate(any(not is_true(named, trial) for named in trial.named) for trial in idle),
    )


def every_cause(trials: Iterable[Trial]) -> list[str]:
    """Causes that faults plant, in the order of FAULTS, then others that are named."""
    planted = [cause for fault in FAULTS.values() for cause in fault.plants]
    return list(dict.fromkeys([*planted, *sorted({named.cause for trial in trials for named in trial.named})]))


def detectable(trial: Trial) -> float:
    """The largest smallest detectable effect of the causes that the trial's faults plant; NaN where none is known."""
    known = [
        trial.detectable[cause] for planted in required(trial) for cause in planted.causes if cause in trial.detectable
    ]
    return max((value for value in known if not math.isnan(value)), default=math.nan)


def of_dose(fault: str, dose: int, trials: Sequence[Trial]) -> DoseRates | None:
    """Rates of the trials that have this fault alone, at this dose; None where there are none."""
    alone = [(trial, trial.planted[0]) for trial in trials if len(trial.planted) == 1]
    of = [(trial, planted) for trial, planted in alone if (planted.fault, planted.dose) == (fault, dose)]
    if not of:
        return None
    effects = [planted.effect.mean for _, planted in of]
    counted = [(trial, planted) for trial, planted in of if planted.size >= COUNTS]
    return DoseRates(
        fault=fault,
        title=FAULTS[fault].title,
        dose=DOSES[dose],
        effect=sum(effects) / len(effects),
        least=min(effects),
        most=max(effects),
        counted=len(counted),
        named=rate(is_named(planted, trial) for trial, planted in of),
        first=rate(is_first(trial) for trial, _ in counted),
    )


def mistake(trial: Trial) -> Mistake:
    """What to read of a trial that is not exact."""
    confirmed = {named.cause: named.confirmed.mean for named in trial.named if named.confirmed is not None}
    planted = {f"{each.fault} ({DOSES[each.dose]})": each.effect.mean for each in trial.planted}
    return Mistake(trial.name, trial.half, planted, tuple(named.cause for named in trial.named), confirmed)


def calibration(trials: Sequence[Trial], code: str) -> Calibration:
    """The whole record of the trials that were run."""
    sound = [trial for trial in trials if not trial.failed]
    settings = sorted({trial.setting for trial in sound})
    doses = [of_dose(fault, dose, sound) for fault in FAULTS for dose in range(len(DOSES))]
    return Calibration(
        code=code,
        replicates=max((trial.replicates for trial in sound), default=0),
        counts=COUNTS,
        small=SMALL,
        trainings=sum(trial.trained for trial in sound),
        halves={half: of_trials(half, [t for t in sound if t.half == half]) for half in ("rules", "judged")},
        settings=tuple(of_trials(setting, [t for t in sound if t.setting == setting]) for setting in settings),
        doses=tuple(found for found in doses if found is not None),
        mistakes=tuple(mistake(trial) for trial in sound if not is_exact(trial)),
        failed={trial.name: trial.failed for trial in trials if trial.failed},
    )


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
