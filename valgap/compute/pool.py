"""Runs jobs in single-threaded TensorFlow processes, one a slot, each of which imports TensorFlow once."""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import SimpleQueue
from pathlib import Path
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
    pool, slots = _pool(placement.slots[: len(jobs)], box)
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
        end([pool])  # no process is busy unless something failed
        slots.close()


def process_of(slot: str, device: str, log: Path) -> ProcessPoolExecutor:
    """A process in this slot that starts TensorFlow at once and then waits for `submit`. For the main thread to call.

    The kernel ends a process with the thread that started it. What it says is appended to the file `log`.
    """
    pool, _ = _pool((slot,), None, log)
    with main_hidden():
        pool.submit(_run, device, _nothing, (), None)
    return pool


def submit(pool: ProcessPoolExecutor, device: str, work: Callable[..., T], *job: object) -> "Future[T]":
    """`work(*job)` in a process of `process_of`."""
    return pool.submit(_run, device, work, job, None)


def end(pools: Sequence[ProcessPoolExecutor]) -> None:
    """End the processes of these pools, and all others that this process started so."""
    for process in multiprocessing.active_children():
        process.kill()
    for pool in pools:
        pool.shutdown(cancel_futures=True)


def _pool(
    slots: Sequence[str], box: boxes.Box | None, log: Path | None = None
) -> "tuple[ProcessPoolExecutor, SimpleQueue[str]]":
    """Single-threaded processes, not started yet, one a slot; and the queue from which each takes its own."""
    spawn = multiprocessing.get_context("spawn")
    waiting: SimpleQueue[str] = spawn.SimpleQueue()
    for slot in slots:
        waiting.put(slot)
    arguments = (os.getpid(), waiting, box, log)
    return ProcessPoolExecutor(len(slots), spawn, initializer=_start_worker, initargs=arguments), waiting


def _nothing() -> None:
    """What a process does to be started."""


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


def _start_worker(parent: int, slots: "SimpleQueue[str]", box: boxes.Box | None, log: Path | None) -> None:
    if log is not None:
        said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.dup2(said, sys.stdout.fileno())
        os.dup2(said, sys.stderr.fileno())
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
