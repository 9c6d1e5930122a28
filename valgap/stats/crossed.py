"""A cause by its best arm: chosen by validation on each half of the replicates, judged by test on the other.

All replicates judge, and none judges a choice that it took part in. Simulated with 3 causes of 5 arms, 12 replicates
and differences of sd 1.27 pp: a cause of which any arm helps by 2 pp is named in 88% of suites, an idle one in under
1%.
"""

import itertools
from collections.abc import Sequence

from valgap.stats.contrasts import Part
from valgap.stats.fairness import Trial
from valgap.stats.measured import Measured


def crossed(measured: Measured, arms: Sequence[Trial], metric: str) -> tuple[Part, ...]:
    """What each half of the replicates judges: the arm, of at least one, that is best on the other half.

    Replicates are halved in their order, so that whole blocks stay together. An arm counts where it has a replicate.
    One that is alone is judged on all of its replicates; so is the first, where there are too few to choose on.
    """
    shared = {arm: measured.shared([arm.variant, arm.against]) for arm in arms}
    whole = (Part(arms[0].variant, arms[0].against, tuple(shared[arms[0]])),)
    if len(arms) == 1:
        return whole
    everything = sorted(set().union(*shared.values()))
    halves = everything[: len(everything) // 2], everything[len(everything) // 2 :]
    parts = []
    for chooses, judges in itertools.permutations(halves):
        best = best_of(measured, arms, metric, chooses)
        on = tuple(each for each in judges if best and each in shared[best])
        if best and on:
            parts.append(Part(best.variant, best.against, on))
    return tuple(sorted(parts, key=lambda part: part.replicates)) or whole


def best_of(measured: Measured, arms: Sequence[Trial], metric: str, replicates: Sequence[int]) -> Trial | None:
    """The arm that gains most on validation images over these replicates, the first of equals; None without any."""
    gains = {}
    for arm in arms:
        on = [each for each in measured.shared([arm.variant, arm.against]) if each in replicates]
        if on:
            gain = measured.chosen_by(arm.variant, metric, on) - measured.chosen_by(arm.against, metric, on)
            gains[arm] = float(gain.mean())
    return max(gains, key=gains.__getitem__) if gains else None
