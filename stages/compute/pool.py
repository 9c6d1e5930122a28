"""Runs jobs in single-threaded TensorFlow processes, one a slot, each of which imports TensorFlow once."""

import contextlib
import functools
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import SimpleQueue
from typing import TypeVar

from stages.compute.lifetime import die_with_parent
from stages.compute.placement import Placement
from stages.errors import SuiteError

T = TypeVar("T")


# What would change numbers or speed behind the parameters' back.
UNWANTED = ("TF_XLA_FLAGS", "NVIDIA_TF32_OVERRIDE", "TF_ENABLE_AUTO_MIXED_PRECISION")


def run_jobs(work: Callable[..., T], jobs: list[tuple], placement: Placement) -> Iterator[T]:
    """Yield `work(*job)` of every job as each finishes, in any order, in one process for each slot of `placement`.

    `work` must be importable by name. On the first failure the other jobs are dropped and the failure
    is raised; a worker that was killed is a SuiteError.
    """
    if not jobs:
        return
    spawn = multiprocessing.get_context("spawn")
    workers = min(len(placement.slots), len(jobs))
    slots: SimpleQueue[str] = spawn.SimpleQueue()
    for slot in placement.slots[:workers]:
        slots.put(slot)
    pool = ProcessPoolExecutor(workers, spawn, initializer=_start_worker, initargs=(os.getpid(), slots))
    try:
        for future in as_completed([pool.submit(_run, placement.device, work, job) for job in jobs]):
            yield future.result()
    except BrokenProcessPool:
        raise SuiteError(
            "a process that ran TensorFlow was killed, perhaps for want of memory: run again; if it happens twice, "
            "free some, or set fewer compute.workers"
        ) from None
    finally:
        for process in multiprocessing.active_children():  # none is busy unless something failed
            process.kill()
        pool.shutdown(cancel_futures=True)
        slots.close()


def _start_worker(parent: int, slots: "SimpleQueue[str]") -> None:
    die_with_parent(parent)
    os.environ["CUDA_VISIBLE_DEVICES"] = slots.get()  # before TensorFlow looks for GPUs
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C, for all


def _run(device: str, work: Callable[..., T], job: tuple) -> T:
    start_tensorflow(device)
    return work(*job)


@functools.cache
def start_tensorflow(device: str) -> None:
    """Import TensorFlow, once a process, and give it one thread: its bits depend on their number.

    Raises SuiteError when `device` is gpu and TensorFlow sees none.
    """
    for name in UNWANTED:
        os.environ.pop(name, None)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = (
        "1"  # TensorFlow's own default depends on the processor, and so would the bits
    )
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    with _silent_unless_failing():
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")  # the profiler that counts operations calls a deprecated function
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        gpus = tf.config.list_physical_devices("GPU")
        if device == "gpu" and not gpus:
            raise SuiteError(
                "compute.device asks for a GPU but TensorFlow sees none (its own words are above): "
                "set it to cpu, or check the driver and the CUDA libraries"
            )
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if device == "gpu":
        tf.config.experimental.enable_op_determinism()


@contextlib.contextmanager
def _silent_unless_failing() -> Iterator[None]:
    """Hold back what native code writes to stderr, such as TensorFlow's banner; show it on an exception."""
    with tempfile.TemporaryFile() as held:
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
