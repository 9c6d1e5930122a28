"""Takes a sample of images and labels out of what is passed to `fit`, and leaves that as it was."""

import contextlib
import copy
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.check.callback.streams import batches_of_dataset
from valgap.ground.errors import SuiteError

LIMIT = 256 * 2**20  # bytes of images of each split in memory
READ = 5  # times as many images are read of a stream as are kept
SEED = 0  # of which images: the same in every run, and of a generator of its own
ALLOWED = "give arrays (x, y), a tf.data.Dataset or a keras PyDataset, as they are passed to `fit`"

Sample = tuple[NDArray[Any], NDArray[np.int64]]  # images (n, ...), labels (n,)


@contextlib.contextmanager
def same_randomness() -> Iterator[None]:
    """Python's and NumPy's global generators are afterwards as they were."""
    python, state = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(state)


def take(data: Any, name: str, count: int) -> Sample:
    """Up to `count` images and their labels, drawn by a fixed generator.

    Of arrays any; of a PyDataset batches from everywhere; of a stream any among its first 5 times `count`. A data set
    is read through a copy, so that its own next pass gives what it would have given. Raises SuiteError on what cannot
    be read twice, and on labels that are no classes.
    """
    rng = np.random.default_rng(SEED)
    with same_randomness():
        if isinstance(data, tuple | list) and len(data) in (2, 3) and all(hasattr(part, "shape") for part in data[:2]):
            images, labels = _of_arrays(data, name, count, rng)
        else:
            images, labels = _of_batches(batches(data, name, count), name, count, rng)
    return images, labels


def _of_arrays(data: Any, name: str, count: int, rng: np.random.Generator) -> Sample:
    x, y = data[:2]
    if len(x) != len(y) or not len(x):
        raise SuiteError(f"{name} has {len(x)} images and {len(y)} labels; {ALLOWED}")
    count = min(count, len(x), max(1, LIMIT // max(1, np.asarray(x[:1]).nbytes)))
    rows = np.sort(rng.choice(len(x), count, replace=False))
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return x[rows], classes(y[rows], name)
    return np.stack([np.asarray(x[int(row)]) for row in rows]), classes(
        np.stack([np.asarray(y[int(row)]) for row in rows]), name
    )


def batches(data: Any, name: str, count: int) -> Iterator[tuple[Any, ...]]:
    """Batches of a data set, read through a copy; of a PyDataset evenly spaced ones, enough for `count` images."""
    if hasattr(data, "element_spec"):
        yield from batches_of_dataset(data, name)
        return
    if not hasattr(data, "__getitem__") or isinstance(data, tuple | list | dict | str):
        raise SuiteError(
            f"{name} is a {type(data).__name__}, which cannot be read without taking it from `fit`; {ALLOWED}"
        )
    twin = _twin(data)
    first = twin[0]
    yield first
    size = max(1, len(first[1])) if isinstance(first, tuple | list) and len(first) > 1 else 1
    number = getattr(data, "num_batches", None) or (len(data) if hasattr(data, "__len__") else None)
    needed = -(-count // size)
    places = (
        range(1, needed) if number is None else np.unique(np.linspace(0, number - 1, min(needed, number)).astype(int))
    )
    for place in places:
        if place:
            yield twin[int(place)]


def _twin(data: Any) -> Any:
    """A copy whose counters, generators and transforms are its own, and whose arrays and lists are those of `data`."""
    shared = {id(value): value for value in vars(data).values() if isinstance(value, np.ndarray | list | tuple | str)}
    with contextlib.suppress(Exception):  # a file, a lock, a TensorFlow handle: whatever cannot be copied
        return copy.deepcopy(data, dict(shared))
    found = copy.copy(data)
    for name, value in vars(found).items():
        if isinstance(value, np.random.Generator | np.random.RandomState | random.Random):
            setattr(found, name, copy.deepcopy(value))
    return found


def _of_batches(stream: Iterator[tuple[Any, ...]], name: str, count: int, rng: np.random.Generator) -> Sample:
    """A reservoir of `count` images of a stream (Vitter 1985, algorithm R)."""
    images: list[NDArray[Any]] = []
    labels: list[NDArray[Any]] = []
    seen = 0
    for batch in stream:
        if (
            not isinstance(batch, tuple | list)
            or len(batch) < 2
            or not all(hasattr(part, "shape") for part in batch[:2])
        ):
            raise SuiteError(f"{name} gives batches that are no pair of images and labels; {ALLOWED}")
        x, y = np.asarray(batch[0]), np.asarray(batch[1])
        if seen == 0 and x.size:
            count = max(1, min(count, LIMIT // max(1, x[:1].nbytes)))
        for image, label in zip(x, y, strict=True):
            place = seen if seen < count else int(rng.integers(0, seen + 1))
            if seen < count:
                images.append(np.array(image))
                labels.append(np.array(label))
            elif place < count:
                images[place], labels[place] = np.array(image), np.array(label)
            seen += 1
        if seen >= READ * count:
            break
    if not images:
        raise SuiteError(f"{name} gives no image; {ALLOWED}")
    return np.stack(images), classes(np.stack(labels), name)


def classes(labels: NDArray[Any], name: str) -> NDArray[np.int64]:
    """Class numbers (n,) of labels: numbers (n,) or (n, 1), or one-hot or softened rows (n, classes)."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.min() < 0 or np.abs(labels.sum(axis=1) - 1).max() > 0.01:
            raise SuiteError(f"{name} has labels of several classes an image; the fair gap is of one class an image")
        return labels.argmax(axis=1).astype(np.int64)
    flat = labels.reshape(len(labels), -1)
    if (
        flat.shape[1] != 1
        or not np.issubdtype(flat.dtype, np.number)
        or np.any(flat != np.round(flat))
        or flat.min() < 0
    ):
        raise SuiteError(f"{name} has labels that are no class numbers; the fair gap is of one class an image")
    return flat[:, 0].astype(np.int64)
