"""`make repro`: one `dvc repro` a workspace. Arguments are passed on to it.

Without explicit targets it first refuses what would train for over an hour, or for more than BUDGET (an environment
variable, such as 4h). Holds .dvc/tmp/workspace.lock for DVC's whole life, then drops DVC's own rwlock
file, which a reused pid, a zombie or a truncated write can leave blocking for ever.
"""

import fcntl
import math
import os
import sys
from pathlib import Path

from stages.errors import SuiteError, run_stage
from stages.params import suite
from stages.planning import timings
from stages.planning.estimate import parse_budget, total

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


def main() -> None:
    """Become `dvc repro`. Raises SuiteError when another one runs here, and on more training than was asked for."""
    lock = lock_workspace()
    if trains_everything(sys.argv[1:]):
        check_budget(suite.load(), os.environ.get("BUDGET", ""))
    os.set_inheritable(lock, True)  # the lock lives as long as DVC does
    os.execvp("dvc", ["dvc", "repro", *sys.argv[1:]])


if __name__ == "__main__":
    run_stage(main)
