"""What to train on a budget that does not cover the default set: screening beats spreading.

By simulation with Gaussian noise, 48 trainings find a +4 pp arm 7% of the time when spread over all arms, and 99%
when two replicates screen and fresh ones confirm the best two.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Literal

from valgap.costs.estimate import cell_seconds
from valgap.ground.calls import call
from valgap.ground.errors import SuiteError

SUSPECT, SCREEN, SCREEN_TWICE, CONFIRM_TWO, SPREAD = 8, 20, 24, 32, 56  # fewest trainings of each rung
FIRST, MOST = 8, 16  # replicates of an arm at its first look, and after topping up


@dataclasses.dataclass(frozen=True)
class Step:
    """`arms` arms, the baseline among them, on `blocks` new blocks of `block_size` replicates."""

    what: str
    arms: int
    blocks: int
    block_size: int

    @property
    def trainings(self) -> int:
        """Replicates trained over all arms."""
        return self.arms * self.blocks * self.block_size


@dataclasses.dataclass(frozen=True)
class Plan:
    """A rung of the ladder for `affordable` trainings: its steps, and the paired replicates behind each look.

    `confirmed` arms are compared with the baseline, as a family of `family` contrasts.
    """

    affordable: int
    rung: Literal["audit", "suspect", "screen", "spread"]
    steps: tuple[Step, ...]
    looks: tuple[int, ...]
    confirmed: int
    family: int

    @property
    def trainings(self) -> int:
        """Replicates trained in all steps."""
        return sum(step.trainings for step in self.steps)


def ladder(affordable: int, suspects: int) -> Plan:
    """The rung for so many trainings at the baseline's cost, with `suspects` arms that remove a cause each.

    Raises SuiteError for no suspect where the rung needs one, ValueError for no training.
    """
    if affordable < 1:
        raise ValueError(f"a plan needs at least one training, received {affordable}")
    if affordable < SUSPECT:
        return Plan(affordable, "audit", (Step("train your own model", 1, 1, affordable),), (), 0, 0)
    if suspects < 1:
        raise SuiteError(
            "params.yaml: no cause has a variant that removes it, so there is no suspect to test: "
            "declare one, such as `causes.regularization.removes: [dropout]`"
        )
    if affordable < SCREEN or suspects == 1:
        replicates = min(affordable // 2, MOST)
        step = Step("train the baseline and one suspect", 2, 1, replicates)
        return Plan(affordable, "suspect", (step,), (replicates,), 1, 1)
    if affordable >= max(SPREAD, FIRST * (suspects + 1)):
        return _spread(affordable, suspects)
    return _screen(affordable, suspects)


def _screen(affordable: int, suspects: int) -> Plan:
    """Screen all suspects on validation, confirm the best on fresh replicates."""
    size = 1 if affordable < SCREEN_TWICE else 2
    confirmed = 1 if affordable < CONFIRM_TWO else 2
    screen = Step("screen the suspects on validation", suspects + 1, 1, size)
    blocks = (affordable - screen.trainings) // ((confirmed + 1) * size)
    best = "the best one" if confirmed == 1 else "the best two"
    confirm = Step(f"confirm {best} and the baseline on fresh replicates", confirmed + 1, blocks, size)
    return Plan(affordable, "screen", (screen, confirm), (blocks * size,), confirmed, confirmed)


def _spread(affordable: int, suspects: int) -> Plan:
    """All suspects over 8 replicates, then as many of the inconclusive as fit over 8 more."""
    first = Step("train the suspects and the baseline", suspects + 1, 1, FIRST)
    more = min(suspects, (affordable - first.trainings) // (MOST - FIRST) - 1)
    if more < 1:
        return Plan(affordable, "spread", (first,), (FIRST,), suspects, suspects)
    what = f"top up the inconclusive, at most {more}, and the baseline to {MOST} replicates"
    return Plan(affordable, "spread", (first, Step(what, more + 1, 1, MOST - FIRST)), (FIRST, MOST), suspects, suspects)


def plan_seconds(plan: Plan, run: float, workers: int, fixed: float) -> float:
    """Seconds of the plan's cells at `run` seconds a training and `fixed` seconds a cell, `workers` at once.

    A step takes no less than one training, however many workers there are.
    """
    steps = (step.arms * step.blocks * cell_seconds(run, step.block_size, workers, fixed) for step in plan.steps)
    return sum(max(seconds, fixed + run) for seconds in steps)


def largest_plan(budget: float, suspects: int, run: float, workers: int, fixed: float) -> Plan | None:
    """The plan for most trainings at the baseline's cost that ends within `budget` seconds; None where one is too many.

    Small blocks leave workers idle, so what is affordable depends on the plan itself.
    """

    def fits(affordable: int) -> bool:
        return plan_seconds(ladder(affordable, suspects), run, workers, fixed) <= budget

    return next((ladder(k, suspects) for k in range(math.floor(budget * workers / run), 0, -1) if fits(k)), None)


def instructions(plan: Plan, suspects: list[str], repro: str) -> list[list[str]]:
    """What to do for every step: edits of params.yaml, then a command; `repro` is the one that trains.

    `suspects` are the arms' names.
    """
    named = ", ".join(suspects)
    edits = [f"split: block_size: {plan.steps[0].block_size}, blocks: [0], exploratory_blocks: []", "extra: {}"]
    match plan.rung:
        case "audit":
            return [[*edits, _keep("baseline"), repro]]
        case "suspect":
            one = named if len(suspects) == 1 else f"your strongest suspect, chosen now: one of {named}"
            return [[*edits, _keep(f"baseline and {one}"), repro]]
        case "screen":
            kept = "best" if plan.confirmed == 1 else "two best"
            return [
                [*edits, _keep(f"baseline, {named}"), repro],
                [
                    _keep(f"baseline and the {kept} of the screened by val accuracy in reports/summary.csv"),
                    f"split: blocks: {[*range(plan.steps[1].blocks + 1)]}",
                    f"{repro}, and judge by the fresh replicates: by all blocks but 0",
                ],
            ]
        case "spread":
            topping = [f"{call('more', variant='<arm>')} for every arm that the report calls inconclusive"]
            return [[*edits, _keep(f"baseline, {named}"), repro], topping][: len(plan.steps)]


def _keep(names: str) -> str:
    return f"variants: keep {names} (move the others to exploratory, where they cost nothing)"


def findings(plan: Plan, smallest: Callable[[int, int, int], float]) -> list[str]:
    """What the plan can and cannot show; `smallest` gives the detectable effect of (replicates, family, look)."""
    if plan.rung == "audit":
        return [
            "can be seen: the gap of your own model and its learning curve",
            "cannot be detected: any cause, any remedy; nothing is compared",
        ]
    effects = [100 * smallest(n, plan.family, look) for look, n in enumerate(plan.looks)]
    arms = "1 arm" if plan.confirmed == 1 else f"{plan.confirmed} arms"
    where = " and ".join(f"{effect:.1f} pp over {n} replicates" for effect, n in zip(effects, plan.looks, strict=True))
    others = {
        "suspect": "every other cause",
        "screen": "what screening dropped (not confirmed is not refuted)",
        "spread": "strengths and combinations of remedies",
    }[plan.rung]
    return [
        f"can be detected: {where} ({arms}, 80% power, a family of {plan.family})",
        f"cannot be detected: effects under {min(effects):.1f} pp, which will mostly read as inconclusive; {others}; "
        "injected causes and the price of data",
    ]
