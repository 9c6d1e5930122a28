"""`make repro`: one `dvc repro` a workspace, or with JOBS several cells of it at once. Arguments are passed on to DVC.

Without explicit targets it first refuses what would train for over an hour, or for more than BUDGET. BUDGET, such as
4h, and JOBS are environment variables. Holds .dvc/tmp/workspace.lock for DVC's whole life, drops DVC's own rwlock
file, which a reused pid, a zombie or a truncated write can leave blocking for ever, and puts back a dvc.lock that a
kill cut short. Writes .dvc/tmp/last_run.json.
"""

import fcntl
import math
import os
import sys
import time
from pathlib import Path

from stages.compute import placement
from stages.errors import SuiteError, run_stage
from stages.params import suite
from stages.params.experiment import Compute
from stages.planning import timings
from stages.planning.estimate import parse_budget, total
from stages.reproducing import account, lockfile, pipeline, side_by_side
from stages.reproducing.foreground import Received, note_signals, run_dvc
from stages.reproducing.sharing import jobs_asked

DVC_TMP = Path(".dvc/tmp")
UNASKED = 3600.0  # seconds of training that need no BUDGET


def lock_workspace() -> int:
    """Descriptor of the workspace's lock, held until it is closed. Raises SuiteError when another process has it."""
    DVC_TMP.mkdir(exist_ok=True)
    lock = os.open(DVC_TMP / "workspace.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise SuiteError(
            "another `make repro` runs in this folder, or `make plan` or `make more`: wait for it, or end it"
        ) from None
    (DVC_TMP / "rwlock").unlink(missing_ok=True)
    if done := lockfile.mend():
        print(done, flush=True)
    return lock


def refusal(runs: int, seconds: float, budget: float | None) -> str | None:
    """Why so much training is not started unasked, or None; `seconds` of training and of BUDGET, where given."""
    if seconds <= (UNASKED if budget is None else budget):
        return None
    over = f"the {UNASKED / 60:.0f} minutes that need no BUDGET" if budget is None else f"BUDGET, {budget / 3600:.3g} h"
    enough = math.ceil(2 * seconds / 3600) / 2  # to the next half hour
    return (
        f"{runs} runs are left to train, about {seconds / 3600:.1f} hours on this machine, more than {over}: "
        f"`make repro BUDGET={enough:g}h` trains them, `make plan` shows what they cost, "
        "`make plan BUDGET=1h` what an hour could show"
    )


def check_budget(params: suite.Suite, budget: str) -> None:
    """Raise SuiteError when what is left to train takes over an hour, or over `budget` unless that is empty.

    Finished replicates in the store are not known here, and neither are stages that only changed code makes stale.
    """
    allowed = parse_budget(budget) if budget else None
    done = timings.done_cells(params, params.cells)
    if all((name, block) in done for name, blocks in params.cells.items() for block in blocks):
        return
    costs = timings.costs(params)
    left = total(params.cells, done, params.split.block_size, costs.of_cell, costs.megabytes)
    if why := refusal(left.left, left.seconds_left, allowed):
        raise SuiteError(why)


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


def run_cells(size: int, jobs: int, slots: list[int] | None, lock: int, received: Received) -> int:
    """Bring all cells of `size` replicates up to date, `jobs` at once; exit status of what comes before them.

    Raises SuiteError as side_by_side.run does.
    """
    if status := run_dvc(["repro", "prepare", "models"], lock, received):
        return status
    if cells := pipeline.stale_cells():
        side_by_side.run(cells, size, jobs, slots, lock, received)
    return 0


def run(arguments: list[str], jobs: int, lock: int) -> int:
    """Exit status of `dvc repro` with these arguments, after the cells where there are `jobs`; dvc.lock in order."""
    received = note_signals()
    start, params = time.time(), suite.load() if trains_everything(arguments) else None
    slots = slots_of(params.compute) if params else None
    jobs = jobs_allowed(jobs, slots)
    status = 0
    try:
        if params and jobs > 1:
            status = run_cells(params.split.block_size, jobs, slots, lock, received)
        status = status or run_dvc(["repro", *arguments], lock, received)
        if not status and lockfile.changed():
            lockfile.sort(pipeline.stage_names())
    finally:
        if done := lockfile.mend():
            print(done, flush=True)
    if status < 0:
        raise SuiteError(f"DVC was killed by signal {-status}; finished replicates are kept, `make repro` resumes")
    if params and not status:
        took = account.take(start, jobs, None if slots is None else len(slots))
        if took.replicates:
            account.write(took)
            print(account.said(took), flush=True)
    return status


def main() -> None:
    """Run. Raises SuiteError when another one runs here, on more training than was asked for, and on a wrong JOBS."""
    arguments, jobs = sys.argv[1:], jobs_asked(os.environ.get("JOBS", ""))
    if jobs > 1 and arguments:
        raise SuiteError(
            f"JOBS = {jobs} brings everything up to date: give it no ARGS, received {' '.join(arguments)!r}"
        )
    lock = lock_workspace()
    if trains_everything(arguments):
        check_budget(suite.load(), os.environ.get("BUDGET", ""))
    sys.exit(run(arguments, jobs, lock))


if __name__ == "__main__":
    run_stage(main)
