"""The global states of chance of Python, NumPy, TensorFlow, Keras and PyTorch: kept, and put back.

Only libraries that the process has loaded are looked at.
"""

import contextlib
import dataclasses
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class States:
    """How to put each state back."""

    restores: tuple[Callable[[], None], ...]

    def restore(self) -> None:
        """Put every state back."""
        for each in self.restores:
            each()


def capture() -> States:
    """The states as they are now."""
    python, numpy = random.getstate(), np.random.get_state()
    restores: list[Callable[[], None]] = [lambda: random.setstate(python), lambda: np.random.set_state(numpy)]
    restores += _tensorflow() if "tensorflow" in sys.modules else []
    restores += _keras() if "keras" in sys.modules else []
    if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "get_rng_state"):
        kept = torch.get_rng_state()
        restores.append(lambda: torch.set_rng_state(kept))
    return States(tuple(restores))


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Whatever runs inside, the global states of chance are afterwards as they were before."""
    kept = capture()
    try:
        yield
    finally:
        kept.restore()


def _tensorflow() -> list[Callable[[], None]]:
    """The global seed and the stream of seeds for operations that are given none; the global generator, if any."""
    import tensorflow as tf
    from tensorflow.python.eager import context

    found: list[Callable[[], None]] = []
    own: Any = context.context()
    seed, stream = getattr(own, "_seed", None), getattr(own, "_rng", None)
    if stream is not None:
        state = stream.getstate()

        def restore() -> None:
            own._seed, own._rng = seed, stream
            stream.setstate(state)

        found.append(restore)
    module = sys.modules.get("tensorflow.python.ops.stateful_random_ops")
    if getattr(module, "global_generator", None) is not None:
        generator = tf.random.get_global_generator()
        kept = generator.state.numpy()
        found.append(lambda: generator.state.assign(kept))
    return found


def _keras() -> list[Callable[[], None]]:
    """Keras's global generator of seeds, if it was made yet."""
    state = sys.modules.get("keras.src.backend.common.global_state")
    if state is None:
        return []
    generator = state.get_global_attribute("global_seed_generator")
    if generator is None:
        return [lambda: state.set_global_attribute("global_seed_generator", None)]
    kept = generator.state.numpy()
    return [lambda: generator.state.assign(kept)]
