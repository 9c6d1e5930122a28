"""What a run took: one line, and .dvc/tmp/last_run.json for `make bench`.

Reads the telemetry of the replicates in the store and of the cells in runs/ that were written since the run began.
"""

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path

from valgap.ground import paths
from valgap.ground.files import write_whole
from valgap.results.record import parse_telemetry

LAST_RUN = Path(".dvc/tmp/last_run.json")
CLOCK_TICK = 0.01  # seconds: file times come from a coarser clock than time.time()


@dataclasses.dataclass(frozen=True)
class Account:
    """Of one `make repro`: wall seconds, jobs and slots, cells and replicates trained, seconds of their training.

    `training_seconds` adds up over the slots; `slots` is null where a Ray cluster trains.
    """

    seconds: float
    jobs: int
    slots: int | None
    replicates: int
    training_seconds: float
    cells: int


def take(start: float, jobs: int, slots: int | None) -> Account:
    """The account of the run that began at `start`, seconds since the epoch."""
    trained = list(_since(paths.STORE / "done", f"*/{paths.TELEMETRY}", start))
    cells = list(_since(paths.RUNS, f"*/*/{paths.TELEMETRY}", start))
    spent = sum(parse_telemetry(file.read_bytes()).seconds for file in trained)
    return Account(round(time.time() - start, 3), jobs, slots, len(trained), round(spent, 3), len(cells))


def said(account: Account) -> str:
    """The account in one line."""
    share = ""
    if account.slots:
        part = account.training_seconds / (account.seconds * account.slots)
        share = f"; training took {part:.0%} of the time of {_plural(account.slots, 'slot')}"
    return (
        f"{_plural(account.replicates, 'replicate')} of {_plural(account.cells, 'cell')} trained "
        f"in {account.seconds / 60:.1f} minutes{share}"
    )


def write(account: Account, path: Path = LAST_RUN) -> None:
    """Write the account."""
    write_whole(path, json.dumps(dataclasses.asdict(account), indent=1) + "\n")


def _since(folder: Path, pattern: str, start: float) -> Iterator[Path]:
    return (file for file in folder.glob(pattern) if file.stat().st_mtime >= start - CLOCK_TICK)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
