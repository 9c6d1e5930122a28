"""`make plan [BUDGET=2h]`: what a run would cost on this machine and what it could show, before any training.

Prepares the data, probes the machine's speed (once: .dvc/tmp/probe.json keeps it), reads finished runs
and reports/contrasts.csv, and prints. With a budget it prints what to train on it, and how.
"""

import click

from valgap.cli import options
from valgap.cli.workspace import InPipeline
from valgap.costs import estimate, timings
from valgap.costs.estimate import Total, detectable
from valgap.costs.overview import DEFAULT, EVERYTHING, measured_sd, minutes, overview
from valgap.data.prepared import load_images, load_suite
from valgap.ground.calls import call
from valgap.ground.params import suite
from valgap.ground.params.suite import BASELINE, Suite
from valgap.pipeline import workspace
from valgap.plan import ladder
from valgap.stats.verdicts import adjusted_confidence

SHORTER = 0.9  # of a step in float32: what half precision must take at most to be worth a line


def advice(params: Suite, costs: timings.Costs, totals: dict[str, Total], text: str) -> list[str]:
    """What to train within the budget that `text` names. Raises SuiteError when it is none."""
    budget, repro = estimate.parse_budget(text), call("repro", budget=text.replace(" ", ""))
    if params.exploratory and totals[EVERYTHING].seconds_left <= budget:
        return [f"{text} covers everything: split.exploratory_blocks: {[*params.split.blocks]}, then {repro}"]
    if totals[DEFAULT].seconds_left <= budget:
        return [f"{text} covers the {DEFAULT}: just {repro}"]
    suspects = estimate.suspects(params.causes)
    run, fixed = costs.of_run[BASELINE], costs.timings.cell
    plan = ladder.largest_plan(budget, len(suspects), run, costs.workers, fixed)
    if plan is None:
        return [f"{text} does not cover one training, which takes {minutes(fixed + run)} minutes"]
    sd, _ = measured_sd()
    took = ladder.plan_seconds(plan, run, costs.workers, fixed)
    lines = [
        f"{text} does not cover the {DEFAULT}. It affords {plan.affordable} trainings at the baseline's cost; "
        f"this plan takes {plan.trainings}, about {minutes(took)} minutes:",
        *ladder.findings(plan, lambda n, family, look: detectable(sd, n, adjusted_confidence(family, look))),
    ]
    steps = zip(plan.steps, ladder.instructions(plan, suspects, repro), strict=True)
    for number, (step, todo) in enumerate(steps, start=1):
        each = f"{step.arms} x {step.blocks * step.block_size} = {step.trainings} trainings"
        lines += [f"{number}. {step.what}: {each}", *(f"     {line}" for line in todo)]
    if plan.affordable - plan.trainings >= ladder.FIRST:
        lines.append(f"left over: {plan.affordable - plan.trainings} trainings, for more variants or more blocks")
    return lines


def half(costs: timings.Costs, total: Total) -> list[str]:
    """What half precision would save here, where the processor has it and a step is shorter in it."""
    step = costs.timings.step
    if costs.half is None or costs.half > SHORTER * step:
        return []
    ratio = costs.half / step
    return [
        "",
        f"mixed_bfloat16, which this processor has: {1000 * costs.half:.1f} ms a step instead of {1000 * step:.1f}, so "
        f"about {minutes(total.seconds * ratio)} minutes instead of {minutes(total.seconds)} for the {DEFAULT};",
        "  a variant `bfloat16: {precision: mixed_bfloat16}` shows whether it costs accuracy, then set train.precision",
    ]


@click.command(cls=InPipeline, epilog="Example: valgap plan --budget 2h")
@options.budget
def command(budget: str | None) -> None:
    """Say what a run costs here and what it could show, before any training; with a budget, what to train in it."""
    if budget:
        estimate.parse_budget(budget)  # before any work
    suite.load()  # before any work
    with workspace.locked():
        timings.prepare()
        params = load_suite()
        costs = timings.costs(params, prepared=True)
    totals = {
        name: estimate.total(
            cells, timings.done_cells(params, cells), params.split.block_size, costs.of_cell, costs.megabytes
        )
        for name, cells in (
            (DEFAULT, estimate.default_set(params)),
            (EVERYTHING, estimate.everything(params)),
        )
    }
    lines = overview(params, costs, totals, load_images().nbytes)
    lines += half(costs, totals[DEFAULT])
    if budget:
        lines += ["", *advice(params, costs, totals, budget.strip())]
    print("\n".join(lines))
