"""Who has what part of the shortfall, where causes were removed one by one and together."""

import itertools
import math

from valgap.ground.params.suite import BASELINE, Suite
from valgap.stats.hypotheses import Proposal, joint
from valgap.stats.intervals import over_replicates, over_replicates_and_examples
from valgap.stats.measured import Measured, Values
from valgap.stats.verdict import CauseEffect, Estimate, Shares


def shares(
    params: Suite, measured: Measured, causes: list[CauseEffect], metric: str, score: float
) -> tuple[Shares | None, list[Proposal]]:
    """Shapley shares of two or more causes; or the arms of their subsets that are missing for it.

    Shapley 1953, "A value for n-person games": the worth of a set of causes is what removing them together gains over
    the baseline, here for each replicate and test image, so that intervals follow as for any difference. `score` is
    the baseline's.
    """
    if len(causes) < 2:
        return None, []
    arms: dict[frozenset[str], str] = {frozenset(): BASELINE}
    missing = []
    for size in range(1, len(causes) + 1):
        for subset in itertools.combinations(causes, size):
            found = joint(params, measured.loaded, tuple(effect.arm for effect in subset))
            if found is None:
                return None, []
            if isinstance(found, Proposal):
                missing.append(found)
            else:
                arms[frozenset(effect.cause for effect in subset)] = found
    if missing:
        return None, missing
    replicates = measured.shared(arms.values())
    worth = {subset: measured.values(arm, metric, replicates) for subset, arm in arms.items()}
    everyone = frozenset(effect.cause for effect in causes)
    total = _estimate(worth[everyone] - worth[frozenset()], measured.redrawn(arms.values()))
    found_shares = {
        effect.cause: _estimate(_share(effect.cause, everyone, worth), measured.redrawn(arms.values()))
        for effect in causes
    }
    rest = 1 - score - total.mean
    return Shares({effect.cause: effect.arm for effect in causes}, found_shares, total, rest), []


def _share(cause: str, everyone: frozenset[str], worth: dict[frozenset[str], Values]) -> Values:
    """A cause's mean gain over all orders of removal, for each replicate and image."""
    others, count = sorted(everyone - {cause}), len(everyone)
    total = worth[frozenset()] * 0
    for size in range(count):
        weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
        for subset in map(frozenset, itertools.combinations(others, size)):
            total = total + weight * (worth[subset | {cause}] - worth[subset])
    return total


def _estimate(values: Values, redrawn: float) -> Estimate:
    by_replicate = values.ndim == 1
    interval = over_replicates(values, redrawn=redrawn) if by_replicate else over_replicates_and_examples(values)
    return Estimate.of(interval)
