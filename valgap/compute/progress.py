"""Progress over replicates: a bar on a terminal, a plain line each in a log, and how to resume.

A process that started this one through DVC may name a file in FILE: each state is also appended to it, as a JSON
object a line. (DVC passes the environment on, and no descriptors.)
"""

import dataclasses
import json
import os
import sys
import time

from tqdm import tqdm

from valgap.ground.calls import call

FILE = "SUITE_PROGRESS"  # environment variable: the file to append to
_STAGE = "DVC_STAGE"  # environment variable in which DVC names the stage that it runs


def is_followed() -> bool:
    """Whether a process that started this one shows how far it is."""
    return FILE in os.environ


@dataclasses.dataclass(frozen=True)
class State:
    """How far a stage is: replicates finished, of how many, and those of them that lay in the store."""

    stage: str
    done: int
    total: int
    found: int


class Progress:
    """Context manager; call `advance` once a replicate. `done` counts those found in the store."""

    def __init__(self, title: str, total: int, done: int) -> None:
        self.title, self.total, self.done = title, total, done
        self.found, self.start = done, time.monotonic()
        self.bar = tqdm(total=total, initial=done, desc=title, unit="replicate", disable=not sys.stderr.isatty())

    def __enter__(self) -> "Progress":
        self._say(f"{self.total} replicates" + (f", {self.found} already in the store" if self.found else ""))
        return self

    def advance(self) -> None:
        """Count one more finished replicate."""
        self.done += 1
        self.bar.update()
        spent = time.monotonic() - self.start
        left = spent / (self.done - self.found) * (self.total - self.done)
        self._say(f"{self.done}/{self.total} replicates, {spent:.0f} s, about {left:.0f} s left")

    def __exit__(self, kind: object, *_: object) -> None:
        self.bar.close()
        if kind is not None:
            print(
                f"{self.title}: stopped with {self.done}/{self.total} replicates; {call('repro')} resumes from there",
                file=sys.stderr,
                flush=True,
            )

    def _say(self, text: str) -> None:
        if self.bar.disable:
            print(f"{self.title}: {text}", flush=True)
        if name := os.environ.get(FILE):
            state = State(os.environ.get(_STAGE, ""), self.done, self.total, self.found)
            with open(name, "a", encoding="utf-8") as file:  # one write of a short line: others append too
                file.write(json.dumps(dataclasses.asdict(state)) + "\n")


def parse(line: str) -> State:
    """The state that a line of the file holds. Raises ValueError, KeyError or TypeError on any other line."""
    return State(**json.loads(line))
