"""`make repro`: several cells at once, JOBS or as many as there are slots; with arguments, which are DVC's, one by one.

Without explicit targets it first refuses what would train for over an hour. BUDGET, such as 4h, allows more; where that
ends before the training does, a report is made of what was trained. BUDGET and JOBS are environment variables. Holds
.dvc/tmp/workspace.lock for DVC's whole life, drops DVC's own rwlock file, which a reused pid, a zombie or a truncated
write can leave blocking for ever, and puts back a dvc.lock that a kill cut short. Writes .dvc/tmp/last_run.json.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import click

from valgap.cli import options
from valgap.cli.workspace import InPipeline
from valgap.compute import placement
from valgap.compute.standing import Workers
from valgap.costs.budget import check_budget, seconds_of_first_answer
from valgap.costs.so_far import so_far
from valgap.data.prepared import load_suite
from valgap.ground.calls import call
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.experiment import Compute
from valgap.ground.params.suite import Suite
from valgap.ground.params.symptom import check_file
from valgap.pipeline import dvc, lockfile, workspace
from valgap.pipeline.foreground import Received, note_signals, run_dvc
from valgap.pipeline.processes import start as start_child
from valgap.repro import account, side_by_side
from valgap.repro.order import ranked

MOST_JOBS = 16
REPORT_SECONDS = 50.0  # of a budget, for the report on what was trained in it
WORKERS_LOG = Path(".dvc/tmp/workers.log")  # of what training processes say, a user's builder among it


def trains_everything(arguments: list[str]) -> bool:
    """Whether `dvc repro` with these arguments would run all that is out of date: no target, and no rehearsal."""
    return not any(word in ("--dry", "-h", "--help") or not word.startswith("-") for word in arguments)


def slots_of(compute: Compute) -> list[int] | None:
    """Numbers of the slots that this machine leaves to the run; None where a Ray cluster decides."""
    if placement.address(compute):
        return None
    return list(placement.place(compute).numbers)


def jobs_allowed(asked: int | None, slots: list[int] | None) -> int:
    """JOBS, at most one a slot, and says so where that is fewer; unless asked one a slot, and one where a cluster has.

    Each is a DVC of its own, of some 200 MB: MOST_JOBS at most unless asked.
    """
    if asked is None:
        return 1 if slots is None else min(len(slots), MOST_JOBS)
    if slots is None or asked <= len(slots):
        return asked
    print(
        f"JOBS={asked}: slots for training here (cores or GPUs, at most compute.workers): {len(slots)}, so many at once"
    )
    return len(slots)


def run_cells(
    params: Suite, jobs: int, slots: list[int] | None, received: Received, deadline: float | None
) -> tuple[int, bool]:
    """Bring all cells up to date, `jobs` at once: exit status of what comes before them, and whether all are.

    With a `deadline`, of the monotonic clock, those that tell most come first. Raises SuiteError as side_by_side.run.
    """
    seen = [name for name in dvc.stage_names() if name.startswith("symptom@")]
    if status := run_dvc(["repro", "prepare", "models", *seen], received):
        return status, False
    cells = dvc.stale_cells()
    if not cells:
        return 0, True
    if deadline is not None:
        cells = ranked(cells, load_suite())
    with workers_for(params, slots) as variables:
        terms = side_by_side.Terms(jobs, slots, variables, deadline)
        return 0, side_by_side.run(cells, params.split.block_size, terms, received, so_far)


def first_answer(seconds: float) -> int:
    """Report on the cells that were trained in so many seconds; exit status."""
    print(f"{seconds / 60:.3g} minutes are over: what they told so far is put together", flush=True)
    status: int = start_child(["valgap.reporting.partial"]).wait()
    return status


@contextlib.contextmanager
def workers_for(params: Suite, slots: list[int] | None) -> Iterator[dict[str, str]]:
    """A training process on each slot, for all cells of this run; what the environment of their stages needs."""
    if slots is None:  # a cluster's processes stand by themselves
        yield {}
        return
    with Workers(placement.place(params.compute), Path(params.model.files), WORKERS_LOG) as workers:
        yield workers.variables


def run(arguments: list[str], asked: int | None, seconds: float | None = None, began: float = 0.0) -> int:
    """Exit status of `dvc repro` with these arguments, after the cells where there are jobs; dvc.lock in order.

    In so many `seconds` from `began` on, of the monotonic clock, where they are said, those cells are trained that tell
    most, and a report is made of these.
    """
    received = note_signals()
    deadline = None if seconds is None else began + seconds - REPORT_SECONDS
    start, params = time.time(), suite.load() if trains_everything(arguments) else None
    slots = slots_of(params.compute) if params else None
    jobs = jobs_allowed(asked, slots) if params and not arguments else 1
    status, whole = 0, True
    try:
        if params and (jobs > 1 or seconds):
            ahead = int(asked is None and jobs > 1)  # a cell whose DVC works while others train
            status, whole = run_cells(params, jobs + ahead, slots, received, deadline)
        if not status and whole:
            status = run_dvc(["repro", *arguments], received)
        elif not status and seconds:
            status = first_answer(seconds)
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
def command(budget: str | None, jobs: int | None, arguments: tuple[str, ...]) -> int:
    """Run what is out of date of the pipeline; over an hour of training needs a --budget.

    Where the budget ends before the training does, what tells most is trained, and reports/partial.html is made of it.
    Further arguments are passed to `dvc repro`.
    """
    if jobs and jobs > 1 and arguments:
        raise SuiteError(
            f"--jobs {jobs} brings everything up to date: give no arguments to DVC, received {' '.join(arguments)!r}"
        )
    began, seconds = time.monotonic(), None
    with workspace.locked():
        if trains_everything([*arguments]):
            params = suite.load()
            check_file(params.symptom)  # before DVC misses it, in its own words
            if arguments:
                check_budget(params, budget or "")
            else:
                seconds = seconds_of_first_answer(params, budget or "")
        return run([*arguments], jobs, seconds, began)
