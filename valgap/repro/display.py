"""One progress display over all cells: a bar on a terminal, a plain line a replicate in a log.

What the processes say on the way goes to .dvc/tmp/side_by_side.log, each line behind its cell's name; how far their
cells are they write to .dvc/tmp/progress.jsonl.
"""

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from valgap.compute import progress

LOG = Path(".dvc/tmp/side_by_side.log")
PROGRESS = Path(".dvc/tmp/progress.jsonl")
_STAGE = re.compile(r"^(?:Running stage|Stage) '([^']+)'")  # DVC says it no other way


def stage_of(line: str) -> str | None:
    """The stage that DVC turns to with this line, if it is such a line."""
    match = _STAGE.match(line)
    return match[1] if match else None


class Display:
    """Context manager that counts the replicates of so many cells of `size` replicates.

    `known` says in a line what the finished cells tell; it stands under the bar, or comes as a line a cell in a log.
    """

    def __init__(self, cells: int, size: int, known: Callable[[], str] = str) -> None:
        self.known = known
        self.cells, self.size, self.total = cells, size, cells * size
        self.done: dict[str, int] = {}
        self.found: dict[str, int] = {}
        self.start, self.log = time.monotonic(), LOG.open("w", encoding="utf-8")
        PROGRESS.write_bytes(b"")
        self.progress, self.open_line = PROGRESS.open(encoding="utf-8"), ""
        hidden = not sys.stderr.isatty()
        self.bar = tqdm(total=self.total, desc="all cells", unit="replicate", disable=hidden)
        self.line = tqdm(total=0, bar_format="{desc}", position=1, disable=hidden)

    def __enter__(self) -> "Display":
        if self.bar.disable:
            print(f"{self.cells} cells, {self.total} replicates", flush=True)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.line.close()
        self.bar.close()
        self.log.close()
        self.progress.close()

    def note(self, cell: str, line: str) -> None:
        """Keep a line of a cell's output in the log."""
        print(f"{cell}: {line}", file=self.log, flush=True)

    def say(self, title: str, lines: list[str], stream: TextIO = sys.stderr) -> None:
        """Show lines above the bar, together and under one title."""
        if lines:
            tqdm.write("\n".join([f"{title}:", *(f"  {line}" for line in lines)]), file=stream)
            stream.flush()

    def follow(self) -> None:
        """Show what the cells wrote of their progress since the last call."""
        *lines, self.open_line = (self.open_line + self.progress.read()).split("\n")
        for state in map(progress.parse, lines):
            self.reached(state.stage, state.done, found=state.done == state.found)

    def reached(self, cell: str, replicates: int, found: bool) -> None:
        """A cell has so many replicates; `found` so, in the store or the run cache, rather than trained now."""
        before = self.done.get(cell, 0)
        if found:
            self.found[cell] = replicates - before
        if replicates <= before:
            return
        self.done[cell] = replicates
        self.bar.update(replicates - before)
        if self.bar.disable:
            print(f"{sum(self.done.values())}/{self.total} replicates, {self._time()}", flush=True)

    def finished(self, cell: str) -> None:
        """A cell is up to date; what was not reported of it came from the run cache."""
        if self.done.get(cell, 0) < self.size:
            self.reached(cell, self.size, found=True)
        if told := self.known():
            self.line.set_description_str(told)
            if self.line.disable:
                print(told, flush=True)

    def _time(self) -> str:
        spent, done = time.monotonic() - self.start, sum(self.done.values())
        trained = done - sum(self.found.values())
        left = f", about {spent / trained * (self.total - done):.0f} s left" if trained else ""
        return f"{spent:.0f} s{left}"
