"""Which arms had too few steps to be judged: at equal steps what learns slower is behind for want of steps."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from valgap.ground.params.suite import BASELINE, Suite
from valgap.stats.hypotheses import Hypothesis, Proposal, longer, wider, with_diff, with_more_steps
from valgap.stats.intervals import over_replicates
from valgap.stats.measured import Measured

BEHIND = 0.01  # of training accuracy below the baseline's, from which on an arm may have had too few steps
RISING = 0.01  # of training accuracy gained over the last half of training, from which on it is still learning
AT_ONCE = ("labels", "training", "imbalance")  # causes whose arms are meant as they are, at their steps


@dataclasses.dataclass(frozen=True)
class Trial:
    """An arm as it is judged: `variant` with its own steps or more, `against` the baseline at as many steps."""

    arm: str
    variant: str
    against: str
    fair: bool


def still_learns(curve: pd.DataFrame, baseline: pd.DataFrame) -> bool:
    """Whether an arm ends below the baseline's training accuracy and is still rising.

    Both are learning curves with the columns replicate, step and train_accuracy. Below: by BEHIND in the mean. Rising:
    it gained RISING in the mean over the last half of its steps, with a 95% interval above 0. The last half and not
    the last point, as a rate that decays to zero flattens the end of any curve.
    """
    rows, ours = _by_step(curve), _by_step(baseline)
    if rows.iloc[:, -1].mean() > ours.iloc[:, -1].mean() - BEHIND:
        return False
    half = rows.columns[np.searchsorted(rows.columns, rows.columns[-1] / 2, side="right") - 1]
    gain = over_replicates((rows.iloc[:, -1] - rows[half]).to_numpy())
    return bool(gain.mean >= RISING and not gain.low <= 0)  # of one replicate the mean alone decides


def _by_step(curve: pd.DataFrame) -> pd.DataFrame:
    return curve.pivot(index="replicate", columns="step", values="train_accuracy")


def trials(
    params: Suite, measured: Measured, curves: Mapping[str, pd.DataFrame], hypothesis: Hypothesis
) -> tuple[list[Trial], list[Proposal]]:
    """How each arm of a hypothesis is judged, and the arms with more steps that it would take to judge all fairly.

    An arm that widens the network is judged beside a wider one, where that was trained.
    """
    found, proposals = [], []
    same_steps = with_more_steps(params, measured.loaded, BASELINE)
    for arm in hypothesis.arms:
        slow = hypothesis.name not in AT_ONCE and still_learns(curves[arm], curves[BASELINE])
        more = with_more_steps(params, measured.loaded, arm) if slow else None
        if more and same_steps:
            found.append(Trial(arm, more, same_steps, True))
            continue
        found.append(Trial(arm, arm, BASELINE, not slow))
        if slow:
            proposals += [Proposal(longer(params, each), "more steps", (each,)) for each in (BASELINE, arm)]
        if (diff := wider(params, arm)) and (more := with_diff(params, measured.loaded, diff)):
            found.append(Trial(arm, more, BASELINE, True))
    return found, [each for each in proposals if with_diff(params, measured.loaded, each.diff) is None]
