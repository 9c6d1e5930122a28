"""TensorFlow as a training process has it: one thread, oneDNN on, no XLA, deterministic on a GPU."""

import contextlib
import functools
import os
import tempfile
from collections.abc import Iterator

from valgap.ground.errors import SuiteError

# What would change numbers or speed behind the parameters' back.
UNWANTED = ("TF_XLA_FLAGS", "NVIDIA_TF32_OVERRIDE", "TF_ENABLE_AUTO_MIXED_PRECISION")


@functools.cache
def start_tensorflow(device: str) -> None:
    """Import TensorFlow, once a process, and give it one thread: its bits depend on their number.

    Raises SuiteError when `device` is gpu and TensorFlow sees none.
    """
    for name in UNWANTED:
        os.environ.pop(name, None)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # TensorFlow's own default depends on the processor, and so would the bits.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
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
