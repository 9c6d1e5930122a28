"""Runs jobs in single-threaded TensorFlow processes, one a core, each of which imports TensorFlow once."""

import contextlib
import functools
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from stages.compute.lifetime import die_with_parent
from stages.errors import SuiteError

T = TypeVar("T")


def run_jobs(work: Callable[..., T], jobs: list[tuple], workers: int, device: str) -> Iterator[T]:
    """Yield `work(*job)` of every job as each finishes, in any order.

    `work` must be importable by name. On the first failure the other jobs are dropped and the failure
    is raised; a worker that was killed is a SuiteError.
    """
    if not jobs:
        return
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), spawn, initializer=_start_worker, initargs=(os.getpid(),))
    try:
        for future in as_completed([pool.submit(_run, device, work, job) for job in jobs]):
            yield future.result()
    except BrokenProcessPool:
        raise SuiteError(
            "a training process was killed, perhaps for want of memory; finished replicates are kept: "
            "run again, with fewer compute.workers if it happens twice"
        ) from None
    finally:
        for process in multiprocessing.active_children():  # none is busy unless something failed
            process.kill()
        pool.shutdown(cancel_futures=True)


def _start_worker(parent: int) -> None:
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C, for all


def _run(device: str, work: Callable[..., T], job: tuple) -> T:
    start_tensorflow(device)
    return work(*job)


@functools.cache
def start_tensorflow(device: str) -> None:
    """Import TensorFlow, once a worker, and give it one thread: its bits depend on their number."""
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
