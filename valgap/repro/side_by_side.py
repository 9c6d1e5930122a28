"""Cells side by side: several `dvc --wait-for-lock repro --single-item <cells>` at once, each on its own slots.

DVC's lock lets one process at a time decide and record, all of them train at once. Each process is a group of its own
with its stage and its workers, so that Ctrl-C reaches this one alone, which ends them; killed, it takes them along.
"""

import dataclasses
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from valgap.compute import placement, progress
from valgap.ground.calls import call
from valgap.ground.errors import SuiteError
from valgap.pipeline.foreground import POLL_SECONDS, Received, Stopped
from valgap.pipeline.processes import start
from valgap.repro.display import LOG, PROGRESS, Display, stage_of
from valgap.repro.sharing import batch_size, slots_of_next

GRACE_SECONDS = 10.0  # until what does not end on SIGINT is killed


@dataclasses.dataclass
class Child:
    """A running DVC: the slots it may use, the cell it is at, that cell's error output, unfinished lines."""

    process: subprocess.Popen[bytes]
    slots: list[int]
    cell: str
    errors: list[str] = dataclasses.field(default_factory=list)
    open_lines: dict[str, bytes] = dataclasses.field(default_factory=lambda: {"out": b"", "err": b""})


@dataclasses.dataclass(frozen=True)
class Terms:
    """How cells are run: at most `jobs` at once, on these `slots`, where None is no limit.

    `variables` are for the environment of the stages; at `deadline`, of the monotonic clock, a run ends.
    """

    jobs: int
    slots: list[int] | None
    variables: dict[str, str]
    deadline: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline


class Cells:
    """The run of some cells: what waits, what runs, which slots are free."""

    def __init__(self, cells: list[str], terms: Terms, display: Display) -> None:
        self.waiting, self.running = deque(cells), list[Child]()
        self.terms, self.display = terms, display
        self.free = list(terms.slots or [])
        self.selector = selectors.DefaultSelector()

    def launch(self) -> None:
        """Start processes while there are cells and jobs for them."""
        jobs, in_order = self.terms.jobs, self.terms.deadline is not None
        while self.waiting and len(self.running) < jobs:
            launches = min(jobs - len(self.running), len(self.waiting))
            slots = slots_of_next(self.free, launches)
            size = 1 if in_order else batch_size(len(self.waiting), jobs)
            batch = [self.waiting.popleft() for _ in range(size)]
            self.free = self.free[len(slots) :]
            environment = {placement.SHARE: ",".join(map(str, slots))} if self.terms.slots is not None else {}
            process = start(
                ["dvc", "--wait-for-lock", "repro", "--single-item", *batch],
                env=environment | self.terms.variables | {progress.FILE: str(PROGRESS.resolve())},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=0,
            )
            child = Child(process, slots, batch[0])
            self.running.append(child)
            for name, pipe in (("out", process.stdout), ("err", process.stderr)):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
                self.selector.register(pipe, selectors.EVENT_READ, (child, name))

    def listen(self, seconds: float) -> None:
        """Read what the processes say within so many seconds."""
        for key, _ in self.selector.select(seconds):
            child, name = key.data
            read = os.read(key.fd, 1 << 16)
            *lines, child.open_lines[name] = (child.open_lines[name] + read).split(b"\n")
            if not read:
                self.selector.unregister(key.fileobj)
                lines = [child.open_lines[name]] if child.open_lines[name] else []
                child.open_lines[name] = b""
            for line in lines:
                self._heard(child, name, line.decode(errors="replace").rstrip())
        self.display.follow()

    def _heard(self, child: Child, name: str, line: str) -> None:
        if name == "out" and (stage := stage_of(line)) and stage != child.cell:
            self._leave(child)
            child.cell = stage
        self.display.note(child.cell, line)
        if name == "err":
            child.errors.append(line)

    def _leave(self, child: Child) -> None:
        self.display.follow()  # all that it wrote while it trained
        self.display.finished(child.cell)
        self.display.say(child.cell, child.errors)
        child.errors = []

    def reap(self) -> None:
        """Take leave of the processes that ended. Raises SuiteError when one failed, with its cell's name."""
        for child in [child for child in self.running if child.process.poll() is not None]:
            if child.process.returncode:
                _signal_group(child, signal.SIGKILL)  # what a killed DVC left
            while any(key.data[0] is child for key in self.selector.get_map().values()):
                self.listen(POLL_SECONDS)  # to the end of its pipes
            self.running.remove(child)
            status = child.process.returncode
            if status:
                self.display.say(child.cell, child.errors)
                how = f"was killed by signal {-status}" if status < 0 else "failed"
                raise SuiteError(f"{child.cell} {how}; {self.resume()}")
            self._leave(child)
            self.free += child.slots

    def resume(self) -> str:
        """How to go on after this run ended early."""
        return f"finished replicates are kept, {call('repro')} resumes; all output is in {LOG}"

    def stop(self) -> None:
        """End every process: by SIGINT, as Ctrl-C would, and after a while by SIGKILL with all it started."""
        for child in self.running:
            _signal_group(child, signal.SIGINT)
        deadline = time.monotonic() + GRACE_SECONDS
        while any(child.process.poll() is None for child in self.running) and time.monotonic() < deadline:
            self.listen(POLL_SECONDS)
        for child in self.running:
            _signal_group(child, signal.SIGKILL)
            child.process.wait()
        self.selector.close()


def _signal_group(child: Child, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.process.pid, number)


def run(cells: list[str], size: int, terms: Terms, received: Received, known: Callable[[], str]) -> bool:
    """Bring these cells of `size` replicates up to date; False where time was up before all were trained.

    `known` says what the finished cells tell.

    Raises SuiteError on the first that fails and Stopped after a signal; then no process is left.
    """
    with Display(len(cells), size, known) as display:
        work = Cells(cells, terms, display)
        try:
            while work.waiting or work.running:
                if received:
                    display.say("stopped", [work.resume()])
                    raise Stopped(received[0])
                if terms.is_over:
                    return False
                work.launch()
                work.listen(POLL_SECONDS)
                work.reap()
        finally:
            work.stop()
    return True
