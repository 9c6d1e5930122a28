"""Scores samples of two splits alike: the same weights, inference mode, the same accuracy."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.check.callback.samples import Sample
from valgap.ground.errors import SuiteError
from valgap.stats.intervals import Interval
from valgap.stats.shares import Share, difference, share

BATCH = 64  # images at once


@dataclasses.dataclass(frozen=True)
class Scored:
    """Accuracies on the same number of images of both splits, or all that there are, and the gap with its limits.

    `seconds` it took, of which `warm` the first batch of each split.
    """

    train: Share
    val: Share
    gap: Interval
    seconds: float
    warm: float


def score(model: Any, train: Sample, val: Sample, count: int, seconds: float) -> Scored:
    """Score the first `count` images of both samples in turns, and stop when `seconds` are over.

    The model runs op by op, without a trace, which costs more than scoring itself. Raises SuiteError on outputs that
    are no classes.
    """
    begun = time.perf_counter()
    threshold = 0.0 if _from_logits(model) else 0.5
    found: tuple[list[NDArray[np.bool_]], list[NDArray[np.bool_]]] = ([], [])
    warm = longest = 0.0
    with _same_seeds(model):
        for start in range(0, count, BATCH):
            since = time.perf_counter()
            if start and since - begun + longest > seconds:
                break
            for (images, labels), right in zip((train, val), found, strict=True):
                rows = slice(start, min(start + BATCH, count))
                if len(labels[rows]):
                    right.append(_right(model, images[rows], labels[rows], threshold))
            if start:
                longest = max(longest, time.perf_counter() - since)
            else:  # slower than any other, in the first epoch by far
                warm = time.perf_counter() - begun
    shares = [share(np.concatenate(right), None) for right in found]
    gap = difference([shares[0]], [shares[1]])
    return Scored(shares[0], shares[1], gap, time.perf_counter() - begun, warm)


def _right(model: Any, images: NDArray[Any], labels: NDArray[np.int64], threshold: float) -> NDArray[np.bool_]:
    import keras

    outputs = keras.tree.flatten(model(keras.ops.convert_to_tensor(images), training=False))
    values = np.asarray(keras.ops.convert_to_numpy(outputs[0]), np.float32)
    if len(outputs) != 1 or values.ndim not in (1, 2):
        raise SuiteError(
            f"the model gives {len(outputs)} outputs of shape {values.shape[1:]}; the fair gap is of one row of classes"
        )
    values = values.reshape(len(values), -1)
    kinds = max(2, values.shape[1])
    if labels.max() >= kinds:
        raise SuiteError(f"a label is {labels.max()}, but the model tells {kinds} classes; labels are 0 to {kinds - 1}")
    if values.shape[1] > 1:
        return values.argmax(axis=1) == labels
    return (values[:, 0] > threshold) == labels.astype(bool)


def _from_logits(model: Any) -> bool:
    """Whether the loss takes outputs as logits, by which one output is cut at 0 instead of at a half."""
    loss = getattr(model, "loss", None)
    if loss is not None and hasattr(loss, "get_config"):
        return bool(loss.get_config().get("from_logits", False))
    return bool(getattr(loss, "from_logits", False))


@contextlib.contextmanager
def _same_seeds(model: Any) -> Iterator[None]:
    """The model's seed generators are afterwards as they were, of layers that draw in inference mode too."""

    states = [v for v in model.variables if tuple(v.shape) == (2,) and str(v.dtype) in ("uint32", "int64")]
    values = [state.numpy() for state in states]
    try:
        yield
    finally:
        for state, value in zip(states, values, strict=True):
            if not np.array_equal(state.numpy(), value):
                state.assign(value)
