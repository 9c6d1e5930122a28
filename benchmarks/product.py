"""The matrix-product rate of one core: float32, 2048 x 2048, one thread, by NumPy and by TensorFlow.

The faster of them is the roofline: a library that uses half of the vector unit would flatter every contestant.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.child import Work

SIZE = 2048
OPERATIONS = 2 * SIZE**3  # of one product
REPEATS = 8


def products() -> Mapping[str, Work]:
    """`numpy` and `tensorflow` give the operations a second of the best of some products; `together`, operations done.

    One thread each is the doing of the process, by TensorFlow's settings and OPENBLAS_NUM_THREADS.
    """
    import tensorflow as tf

    left = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
    right, result = left.T.copy(), np.empty_like(left)
    on_device = tf.constant(left), tf.constant(right)

    def together(_: int) -> float:
        for _ in range(REPEATS):
            tf.matmul(*on_device).numpy()
        return float(REPEATS * OPERATIONS)

    return {
        "numpy": lambda _: OPERATIONS / fastest(lambda: np.matmul(left, right, out=result)),
        "tensorflow": lambda _: OPERATIONS / fastest(lambda: tf.matmul(*on_device).numpy()),
        "together": together,
    }


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of REPEATS times that the work is done."""
    seconds = []
    for _ in range(REPEATS):
        clock = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - clock)
    return min(seconds)
