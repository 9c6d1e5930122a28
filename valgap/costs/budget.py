"""How much training is started unasked, and what a BUDGET allows."""

import math

from valgap.costs import timings
from valgap.costs.estimate import parse_budget, total
from valgap.data.prepared import load_suite
from valgap.ground.calls import call
from valgap.ground.errors import SuiteError
from valgap.ground.params.suite import Suite

UNASKED = 3600.0  # seconds of training that need no BUDGET
LEAST = 120.0  # seconds of a BUDGET in which something can be told: all but training takes one of the two minutes


def refusal(runs: int, seconds: float, budget: float | None) -> str | None:
    """Why so much training is not started unasked, or None; `seconds` of training and of BUDGET, where given."""
    if seconds <= (UNASKED if budget is None else budget):
        return None
    over = f"the {UNASKED / 60:.0f} minutes that need no BUDGET" if budget is None else f"BUDGET, {budget / 3600:.3g} h"
    enough = math.ceil(2 * seconds / 3600) / 2  # to the next half hour
    return (
        f"{runs} runs are left to train, about {seconds / 3600:.1f} hours on this machine, more than {over}: "
        f"{call('repro', budget=f'{enough:g}h')} trains them, {call('plan')} shows what they cost, "
        f"{call('plan', budget='1h')} what an hour could show"
    )


def check_budget(params: Suite, budget: str) -> None:
    """Raise SuiteError when what is left to train takes over an hour, or over `budget` unless that is empty.

    Finished replicates in the store are not known here, and neither are stages that only changed code makes stale.
    """
    if why := _refusal(params, parse_budget(budget) if budget else None):
        raise SuiteError(why)


def seconds_of_first_answer(params: Suite, budget: str) -> float | None:
    """Seconds that `budget` leaves for a part of what is left to train, which takes longer; None where it does not.

    Raises SuiteError as check_budget does where there is no budget, or less than LEAST.
    """
    allowed = parse_budget(budget) if budget else None
    why = _refusal(params, allowed)
    if why and (allowed is None or allowed < LEAST):
        raise SuiteError(why)
    return allowed if why else None


def _refusal(params: Suite, allowed: float | None) -> str | None:
    if params.in_epochs:
        timings.prepare()
        params = load_suite()
    done = timings.done_cells(params, params.cells)
    if all((name, block) in done for name, blocks in params.cells.items() for block in blocks):
        return None
    costs = timings.costs(params)
    left = total(params.cells, done, params.split.block_size, costs.of_cell, costs.megabytes)
    return refusal(left.left, left.seconds_left, allowed)
