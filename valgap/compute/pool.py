"""Runs jobs in single-threaded TensorFlow processes, one a slot, each of which imports TensorFlow once."""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import SimpleQueue
from types import ModuleType
from typing import TypeVar

from valgap.compute import box as boxes
from valgap.compute.placement import Placement
from valgap.ground.errors import SuiteError
from valgap.ground.lifetime import die_with_parent
from valgap.training.tensorflow import start_tensorflow

T = TypeVar("T")
KILLED = (
    "a process that ran TensorFlow was killed, perhaps for want of memory: run again; if it happens twice, free some, "
    "or set fewer compute.workers"
)


def run_jobs(
    work: Callable[..., T],
    jobs: list[tuple],
    placement: Placement,
    box: boxes.Box | None = None,
    first: Callable[..., object] | None = None,
) -> Iterator[T]:
    """Yield `work(*job)` of every job as each finishes, in any order, in one process for each slot of `placement`.

    `work` must be importable by name, as `first` must, which is called with the same before TensorFlow is started. In a
    `box` all jobs together have its time. On the first failure the other jobs are dropped and the failure is raised; a
    worker that was killed is a SuiteError.
    """
    if not jobs:
        return
    spawn = multiprocessing.get_context("spawn")
    workers = min(len(placement.slots), len(jobs))
    slots: SimpleQueue[str] = spawn.SimpleQueue()
    for slot in placement.slots[:workers]:
        slots.put(slot)
    pool = ProcessPoolExecutor(workers, spawn, initializer=_start_worker, initargs=(os.getpid(), slots, box))
    try:
        with main_hidden():
            futures = [pool.submit(_run, placement.device, work, job, first) for job in jobs]
        for future in as_completed(futures, None if box is None else box.seconds):
            yield future.result()
    except TimeoutError:
        if box is None:
            raise
        raise boxes.too_long(box) from None
    except BrokenProcessPool:
        raise SuiteError(KILLED if box is None else boxes.KILLED) from None
    finally:
        for process in multiprocessing.active_children():  # none is busy unless something failed
            process.kill()
        pool.shutdown(cancel_futures=True)
        slots.close()


@contextlib.contextmanager
def main_hidden() -> Iterator[None]:
    """Start processes that do not run the user's program again: a script need not guard what it does at its top.

    A spawned process otherwise imports the parent's `__main__`, which no job needs.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _start_worker(parent: int, slots: "SimpleQueue[str]", box: boxes.Box | None) -> None:
    if box is not None:
        boxes.enter(box)  # before anything that starts threads is imported; a change of rights ends a wish to die
    die_with_parent(parent)
    os.environ |= {"CUDA_VISIBLE_DEVICES": slots.get(), "KERAS_BACKEND": "tensorflow"}  # before either is imported
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C, for all


def _run(device: str, work: Callable[..., T], job: tuple, first: Callable[..., object] | None) -> T:
    if first is not None:
        first(*job)
    start_tensorflow(device)
    return work(*job)
