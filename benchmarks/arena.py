"""The interleaved run: long-lived processes, and rounds in which one contestant after the other trains.

All processes are started and warmed up before the first round, and wait while another contestant has the cores.
"""

import contextlib
import dataclasses
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from benchmarks.contestants import SINGLE, Contestant, Group, environment
from valgap.ground.errors import SuiteError

LAST_WORDS = 1500  # characters of a dead process's log


@dataclasses.dataclass(frozen=True)
class Child:
    """A running process of a group, its log, and the facts that it gave when it was ready."""

    name: str
    process: "subprocess.Popen[str]"
    log: IO[str]
    facts: dict[str, Any]

    def send(self, content: dict[str, Any]) -> None:
        """Write one request."""
        try:
            assert self.process.stdin
            self.process.stdin.write(json.dumps(content) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.died() from None

    def receive(self) -> dict[str, Any]:
        """Wait for one answer. Raises SuiteError, with the end of its log, when the process ended instead."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise self.died()
        content: dict[str, Any] = json.loads(line)
        return content

    def died(self) -> SuiteError:
        """What to raise when it ended."""
        status = self.process.wait()
        self.log.seek(0)
        words = self.log.read().strip()[-LAST_WORDS:] or "it left no word; perhaps it was killed for want of memory"
        return SuiteError(f"the benchmark's process {self.name} ended with {status}:\n{words}")


@dataclasses.dataclass(frozen=True)
class Round:
    """Operations a second of one core by library, and of all at once; images a second by contestant."""

    products: dict[str, float]
    together: float
    images: dict[str, float]


@contextlib.contextmanager
def started(groups: Mapping[str, Group]) -> Iterator[dict[str, list[Child]]]:
    """Every group's processes, ready; killed at the end. Raises SuiteError on one that does not get ready."""
    with contextlib.ExitStack() as stack:
        found: dict[str, list[Child]] = {name: [] for name in groups}
        for name, group in groups.items():
            for _ in range(group.processes):
                log = stack.enter_context(tempfile.TemporaryFile("w+"))
                process = subprocess.Popen(
                    group.words, env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
                )
                stack.callback(_end, process)
                found[name].append(Child(name, process, log, {}))
        for children in found.values():
            for child in children:
                child.facts.update(child.receive())
        yield found


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe
        with contextlib.suppress(BrokenPipeError):
            pipe.close()


def train(children: list[Child], mode: str, epochs: int) -> tuple[list[float], float]:
    """Let the processes work at once; (what each of them did, seconds until the last was done)."""
    clock = time.perf_counter()
    for child in children:
        child.send({"mode": mode, "epochs": epochs})
    amounts = [child.receive()["amount"] for child in children]
    return amounts, time.perf_counter() - clock


def compete(
    children: Mapping[str, list[Child]], contestants: Mapping[str, Contestant], rounds: int, epochs: int
) -> list[Round]:
    """Warm every contestant up with one unmeasured turn, then measure `rounds` rounds, each in an order of its own."""
    measured = []
    for number in range(-1, rounds):
        images: dict[str, float] = {}
        products = {mode: train(children[SINGLE][:1], mode, 1)[0][0] for mode in ("numpy", "tensorflow")}
        done, seconds = train(children[SINGLE], "together", 1)
        order = list(contestants)
        random.Random(number).shuffle(order)
        for name in order:
            one = contestants[name]
            amounts, took = train(children[one.group], one.mode, epochs)
            images[name] = sum(amounts) / took
        if number >= 0:
            measured.append(Round(products, sum(done) / seconds, images))
        said = "warmed up" if number < 0 else f"round {number + 1}/{rounds}"
        print(f"bench: {said}: {_shown(images)}", file=sys.stderr, flush=True)
    return measured


def _shown(images: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {rate:,.0f}" for name, rate in sorted(images.items())) + " images/s"


def memory(children: list[Child]) -> dict[str, float]:
    """Mean megabytes (1e6 B) of the processes by kind: `peak` resident and `share`, where Linux says; empty elsewhere.

    `share` counts a page that n processes map as 1/n of one (PSS), as it is now.
    """
    found: dict[str, list[float]] = {"peak": [], "share": []}
    for child in children:
        for kind, file, row in (("peak", "status", "VmHWM:"), ("share", "smaps_rollup", "Pss:")):
            path = Path(f"/proc/{child.process.pid}/{file}")
            if path.exists():
                lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
                found[kind] += [int(words[1]) * 1024 / 1e6 for words in lines if words[0] == row]
    return {kind: sum(values) / len(values) for kind, values in found.items() if values}
