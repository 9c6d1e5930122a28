"""`make repro`: one `dvc repro` a workspace, or with JOBS several cells of it at once. Arguments are passed on to DVC.

Without explicit targets it first refuses what would train for over an hour, or for more than BUDGET. BUDGET, such as
4h, and JOBS are environment variables. Holds .dvc/tmp/workspace.lock for DVC's whole life, drops DVC's own rwlock
file, which a reused pid, a zombie or a truncated write can leave blocking for ever, and puts back a dvc.lock that a
kill cut short. Writes .dvc/tmp/last_run.json.
"""

import time

import click

from valgap.cli import options
from valgap.cli.workspace import InPipeline
from valgap.compute import placement
from valgap.costs import timings
from valgap.costs.budget import check_budget
from valgap.data.prepared import load_suite
from valgap.ground.calls import call
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.experiment import Compute
from valgap.ground.params.symptom import check_file
from valgap.pipeline import dvc, lockfile, workspace
from valgap.pipeline.foreground import Received, note_signals, run_dvc
from valgap.repro import account, side_by_side
from valgap.results.known import known


def trains_everything(arguments: list[str]) -> bool:
    """Whether `dvc repro` with these arguments would run all that is out of date: no target, and no rehearsal."""
    return not any(word in ("--dry", "-h", "--help") or not word.startswith("-") for word in arguments)


def slots_of(compute: Compute) -> list[int] | None:
    """Numbers of the slots that this machine leaves to the run; None where a Ray cluster decides."""
    if placement.address(compute):
        return None
    return list(placement.place(compute).numbers)


def jobs_allowed(asked: int, slots: list[int] | None) -> int:
    """JOBS, at most one a slot; says so where that is fewer."""
    if slots is None or asked <= len(slots):
        return asked
    print(
        f"JOBS={asked}: slots for training here (cores or GPUs, at most compute.workers): {len(slots)}, so many at once"
    )
    return len(slots)


def so_far() -> str:
    """What the cells that are trained by now tell."""
    params = load_suite()
    return known(timings.done_cells(params, params.cells), sum(map(len, params.cells.values())))


def run_cells(size: int, jobs: int, slots: list[int] | None, received: Received) -> int:
    """Bring all cells of `size` replicates up to date, `jobs` at once; exit status of what comes before them.

    Raises SuiteError as side_by_side.run does.
    """
    seen = [name for name in dvc.stage_names() if name.startswith("symptom@")]
    if status := run_dvc(["repro", "prepare", "models", *seen], received):
        return status
    if cells := dvc.stale_cells():
        side_by_side.run(cells, size, jobs, slots, received, so_far)
    return 0


def run(arguments: list[str], jobs: int) -> int:
    """Exit status of `dvc repro` with these arguments, after the cells where there are `jobs`; dvc.lock in order."""
    received = note_signals()
    start, params = time.time(), suite.load() if trains_everything(arguments) else None
    slots = slots_of(params.compute) if params else None
    jobs = jobs_allowed(jobs, slots)
    status = 0
    try:
        if params and jobs > 1:
            status = run_cells(params.split.block_size, jobs, slots, received)
        status = status or run_dvc(["repro", *arguments], received)
        if not status and lockfile.changed():
            lockfile.sort(dvc.stage_names())
    finally:
        if done := lockfile.mend():
            print(done, flush=True)
    if status < 0:
        raise SuiteError(f"DVC was killed by signal {-status}; finished replicates are kept, {call('repro')} resumes")
    if params and not status:
        took = account.take(start, jobs, None if slots is None else len(slots))
        if took.replicates:
            account.write(took)
            print(account.said(took), flush=True)
    return status


@click.command(
    cls=InPipeline,
    epilog="Example: valgap repro --jobs 2 --budget 4h",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True},
)
@options.budget
@options.jobs
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[DVC ARGUMENTS]")
def command(budget: str | None, jobs: int, arguments: tuple[str, ...]) -> int:
    """Run what is out of date of the pipeline; over an hour of training needs a --budget.

    Further arguments are passed to `dvc repro`.
    """
    if jobs > 1 and arguments:
        raise SuiteError(
            f"--jobs {jobs} brings everything up to date: give no arguments to DVC, received {' '.join(arguments)!r}"
        )
    with workspace.locked():
        if trains_everything([*arguments]):
            params = suite.load()
            check_file(params.symptom)  # before DVC misses it, in its own words
            check_budget(params, budget or "")
        return run([*arguments], jobs)
