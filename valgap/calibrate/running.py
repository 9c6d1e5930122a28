"""Trials in processes, one a core: each keeps TensorFlow and its traced networks from one trial to the next."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from queue import SimpleQueue

from valgap.calibrate import trial
from valgap.calibrate.records import Trial
from valgap.calibrate.scenarios import Scenario
from valgap.compute.pool import main_hidden
from valgap.ground.errors import SuiteError
from valgap.ground.lifetime import die_with_parent

CHUNK = 4  # trials that a process runs before a fresh one takes its place: each leaves some 0.3 GB of traced networks
RESUME = "finished trials are kept: run the same command again"


def run_all(scenarios: Sequence[Scenario], made_by: str, jobs: int, work: Path = trial.WORK) -> Iterator[Trial]:
    """Yield the trials as they finish; first those that `made_by` has finished already.

    Trials of one setting go one after the other, so that a process traces a network once. On the first failure, or a
    killed process, a SuiteError is raised that says how to resume.
    """
    waiting = []
    for scenario in scenarios:
        found = trial.known(scenario, made_by, work)
        if found is None:
            waiting.append(scenario)
        else:
            yield found
    if not waiting:
        return
    ordered = sorted(waiting, key=lambda scenario: scenario.setting)
    finished: SimpleQueue[Trial | Exception] = SimpleQueue()
    threads = ThreadPoolExecutor(min(jobs, len(ordered)))
    try:
        with main_hidden():
            for start in range(0, len(ordered), CHUNK):
                threads.submit(_chunk, ordered[start : start + CHUNK], made_by, work, finished)
            for _ in ordered:
                found_or_not = finished.get()
                if isinstance(found_or_not, Exception):
                    raise found_or_not
                yield found_or_not
    except BrokenProcessPool:
        raise SuiteError(
            f"a process was killed, perhaps for want of memory; {RESUME}, perhaps with fewer --jobs"
        ) from None
    except SuiteError as error:
        raise SuiteError(f"{error}; {RESUME}") from None
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():  # none is busy unless something failed
            process.kill()


def _chunk(scenarios: Sequence[Scenario], made_by: str, work: Path, finished: "SimpleQueue[Trial | Exception]") -> None:
    """Run some trials in one fresh process and hand over each, or what ended them."""
    try:
        with own_process() as pool:
            for scenario in scenarios:
                finished.put(pool.submit(trial.run, scenario, made_by, work).result())
    except Exception as error:  # raised where the trials are waited for
        finished.put(error)


def own_process() -> ProcessPoolExecutor:
    """A fresh process, in which TensorFlow is started once, and which dies with this one.

    A pool of one, and not one pool whose `max_tasks_per_child` renews its processes: with that Python 3.11 may wait for
    ever.
    """
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, spawn, initializer=_start, initargs=(os.getpid(),))


class Meter:
    """A line as each trial ends: how many of all, and about how long the rest will take."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.found, self.start = total, 0, 0, time.monotonic()

    def advance(self, finished: Trial, fresh: bool) -> None:
        """Count a trial; one that lay there already does not count for the time that the rest takes."""
        self.done += 1
        self.found += not fresh
        if not fresh:
            return
        spent = time.monotonic() - self.start
        left = spent / (self.done - self.found) * (self.total - self.done)
        named = ", ".join(named.cause for named in finished.named) or finished.failed or "nothing"
        print(f"{self.done}/{self.total}, about {left / 60:.0f} min left; {finished.name}: {named}", flush=True)


def _start(parent: int) -> None:
    die_with_parent(parent)
    os.environ["KERAS_BACKEND"] = "tensorflow"  # before either is imported
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C, for all
