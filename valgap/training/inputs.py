"""What training and scoring of a replicate read: its images, or what the frozen part of its network makes of them."""

import contextlib
import functools
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from valgap.ground import paths
from valgap.training.examples import Examples
from valgap.training.machine import Machine
from valgap.training.network.contract import sample
from valgap.training.outputs import KeptOutputs, key_of
from valgap.training.pixels import Affine

Splits = dict[str, Examples]


@contextlib.contextmanager
def inputs_of(machine: Machine, splits: Splits, pixels: Affine) -> Iterator[Splits]:
    """The splits as `machine.train` and `machine.predict` take them, in memory where they are small.

    A frozen part runs once for each image: its outputs are kept for all replicates and variants that have the same,
    and as long as this one lasts where its weights are drawn anew for each replicate.
    """
    if machine.part is None or machine.outputs is None:
        yield {name: split.held() for name, split in splits.items()}
        return
    with contextlib.ExitStack() as stack:
        root = paths.STORE / "outputs"
        root.mkdir(parents=True, exist_ok=True)
        if machine.draws_frozen:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=root)))
        yield {name: _kept(machine, split, pixels, root).of(split).held() for name, split in splits.items()}


def _kept(machine: Machine, split: Examples, pixels: Affine, root: Path) -> KeptOutputs:
    part, outputs = machine.part, machine.outputs
    assert part is not None
    assert outputs is not None
    shown = outputs((255 * sample(part.images)).astype(np.uint8))  # two networks that give the same here are the same
    key = key_of(
        _digest(split.images),
        part.weights(),
        shown.tobytes(),
        repr((part.images, part.shape, machine.batch, pixels.reverse, tf.__version__)).encode(),
        pixels.factor.tobytes(),
        pixels.offset.tobytes(),
    )
    return KeptOutputs(root / key, split.images, part.shape, outputs, machine.batch)


def _digest(images: NDArray[np.uint8]) -> bytes:
    """sha256 of the images."""
    if isinstance(images, np.memmap) and images.filename is not None:
        found = Path(str(images.filename)).stat()
        return _of_file(str(images.filename), found.st_size, found.st_mtime_ns)
    return hashlib.sha256(np.ascontiguousarray(images).data).digest()


@functools.cache
def _of_file(name: str, size: int, changed: int) -> bytes:
    with Path(name).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()
