"""`make plan [BUDGET=2h]`: what a run would cost on this machine and what it could show, before any training.

Prepares the data, probes the machine's speed (once: .dvc/tmp/probe.json keeps it), reads finished runs
and reports/contrasts.csv, and prints. With a budget it prints what to train on it, and how.
"""

import math

import click

from valgap.cli import options
from valgap.cli.workspace import InWorkspace
from valgap.costs import estimate, timings
from valgap.costs.estimate import Total, detectable
from valgap.data.prepared import load_suite
from valgap.ground import paths
from valgap.ground.params import suite
from valgap.ground.params.suite import BASELINE, Suite
from valgap.pipeline import workspace
from valgap.plan import ladder
from valgap.results.tables import read_table
from valgap.stats.verdicts import adjusted_confidence

DEFAULT, EVERYTHING = "default set", "everything"
HEADER = ("", "arms", "runs", "to train", "minutes", "left", "disk MB", "detects")


def minutes(seconds: float) -> str:
    """Minutes, with a decimal under ten."""
    return f"{seconds / 60:.1f}" if seconds < 600 else f"{seconds / 60:,.0f}"


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Lines of a plain table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def row(name: str, found: Total, effect: float) -> tuple[str, ...]:
    """One set's line of the table; `effect` is a fraction, NaN where nothing can be detected."""
    return (
        name,
        str(found.arms),
        str(found.runs),
        str(found.left),
        minutes(found.seconds),
        minutes(found.seconds_left),
        f"{found.megabytes:,.0f}",
        _pp(effect),
    )


def _pp(effect: float) -> str:
    return "none" if math.isnan(effect) else f"{100 * effect:.1f} pp"


def measured_sd() -> tuple[float, str]:
    """Paired standard deviation of a cause's contrast as a fraction of accuracy, and where it comes from."""
    if not paths.CONTRASTS.exists():
        return estimate.paired_sd([])
    return estimate.paired_sd(read_table(paths.CONTRASTS).to_dict("records"))


def overview(params: Suite, costs: timings.Costs, totals: dict[str, Total]) -> list[str]:
    """The table over all sets and what its columns mean."""
    sd, source = measured_sd()
    suspects, family = estimate.suspects(params.causes), estimate.directions(params.causes)
    replicates = estimate.shared_replicates(params, suspects)
    confidence = adjusted_confidence(max(1, family))
    effect = detectable(sd, replicates, confidence)
    seconds = costs.timings
    return [
        f"{costs.workers} processes on {costs.device}: {1000 * seconds.step:.1f} ms a step of the baseline, "
        f"{1000 * seconds.image:.2f} ms a scored image, {seconds.cell:.0f} s to start a cell "
        f"of {params.split.block_size} runs",
        f"{len(costs.measured)} of {len(costs.of_run)} variants are timed by their own finished runs, the others by "
        "steps, images and operations",
        "",
        *columns([HEADER, *(row(name, found, effect) for name, found in totals.items())]),
        "",
        "disk MB: in runs/; the store and DVC's cache take as much again each",
        f"detects: the smallest effect on accuracy that one of {family} judged causes finds with 80% power,",
        f"  over {replicates} replicates at {100 * confidence:.1f}% confidence; paired sd {100 * sd:.1f} pp, {source}",
    ]


def advice(params: Suite, costs: timings.Costs, totals: dict[str, Total], text: str) -> list[str]:
    """What to train within the budget that `text` names. Raises SuiteError when it is none."""
    budget, repro = estimate.parse_budget(text), f"make repro BUDGET={text.replace(' ', '')}"
    if params.exploratory and totals[EVERYTHING].seconds_left <= budget:
        return [f"{text} covers everything: split.exploratory_blocks: {[*params.split.blocks]}, then `{repro}`"]
    if totals[DEFAULT].seconds_left <= budget:
        return [f"{text} covers the {DEFAULT}: just `{repro}`"]
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


@click.command(cls=InWorkspace, epilog="Example: valgap plan --budget 2h")
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
    lines = overview(params, costs, totals)
    if budget:
        lines += ["", *advice(params, costs, totals, budget.strip())]
    print("\n".join(lines))
