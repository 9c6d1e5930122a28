"""The very objects that are passed to `fit` and `evaluate`, as passes over batches of images and labels.

A pass sees what `fit` would see. Nothing of an object changes but what iterating changes; what chance the passes draw
comes from a stream of the feed's own, so that the process's global states stay as they were.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from valgap.check import elements, randomness
from valgap.check.sequences import Kept
from valgap.ground.errors import SuiteError

BATCH = 32  # images that arrays, and images that come one by one, are dealt in: Keras's default
MOST = 200_000  # images of a stream without a length, from where on it is taken for endless
ROUNDS = 3  # times that one and the same batch may come in a pass over a stream without a length

Kind = Literal["arrays", "dataset", "sequence", "iterable", "generator"]
Batch = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclasses.dataclass
class Feed:
    """Passes over one split. Iterating a feed is one pass: batches of float32 (b, h, w, c) and int64 (b,).

    `raw_dtype` is the type in which the user's object holds pixels, `width` that of one-hot labels (None for numbers);
    both are None until known. `length` is the number of batches, None where unknown. A feed that is not `repeatable`
    gives one pass. `limited` says that `steps` end a pass. Call `restore` when the last pass is done.
    """

    name: str
    kind: Kind
    class_names: tuple[str, ...] | None
    length: int | None
    repeatable: bool
    limited: bool
    open: Callable[[], Iterator[Any]]
    restore: Callable[[], None] = lambda: None
    raw_dtype: str | None = None
    width: int | None = None
    passes: int = 0
    states: randomness.States | None = None

    def __iter__(self) -> Generator[Batch, None, None]:
        """One pass. Raises SuiteError on what is no image or label, and where no further pass is to be had."""
        if self.passes and not self.repeatable:
            raise SuiteError(f"{self.name} is a generator that gives one pass; give a function that makes a new one")
        self.passes += 1
        return self._pass()

    def _pass(self) -> Generator[Batch, None, None]:
        outside = randomness.capture()
        if self.states is not None:
            self.states.restore()
        try:
            for read in elements.batched(self._elements(), self.name, BATCH):
                self.raw_dtype, self.width = self.raw_dtype or read.raw, read.width
                yield read.images, read.labels
        finally:
            self.states = randomness.capture()
            outside.restore()

    def _elements(self) -> Iterator[elements.Read]:
        stream, count, images = self.open(), 0, 0
        seen: dict[bytes, int] = {}
        while self.length is None or count < self.length:
            try:
                element = next(stream)
            except StopIteration:
                return
            except SuiteError:
                raise
            except Exception as error:  # whatever a user's pipeline does
                words = " ".join(str(error).split())[:300]
                raise SuiteError(f"{self.name} fails at batch {count}: {type(error).__name__}: {words}") from error
            found = elements.read(*elements.parts(element, self.name), self.name)
            count, images = count + 1, images + len(found.images)
            if self.length is None:
                key = hashlib.blake2b(found.images.tobytes(), digest_size=16).digest()
                seen[key] = seen.get(key, 0) + 1
                if images > MOST or (seen[key] > ROUNDS and len(seen) * ROUNDS < count):
                    raise _endless(self.name)
            yield found


def feed(
    thing: Any,
    labels: Any = None,
    *,
    name: str,
    steps: int | None = None,
    class_names: Any = None,
) -> Feed:
    """The feed of what is passed to `fit` or `evaluate`; `labels` belong to `thing` where it is an array of images.

    Takes a tf.data.Dataset, a PyDataset or Sequence, an iterator of ImageDataGenerator, arrays (x, y), a generator, or
    a function that makes one. `name` is what errors call it, `steps` the batches of a pass. Raises SuiteError on
    anything else, on images without labels, and on what is endless without `steps`.
    """
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise SuiteError(f"steps = {steps!r} is no number of batches (allowed: whole numbers from 1)")
    if isinstance(thing, str | Path):
        raise SuiteError(f"{name} = {str(thing)!r} is a path, no data in memory; give a folder to `check` as such")
    names = _class_names(thing, class_names)
    if labels is not None:
        thing = (thing, labels)
    if isinstance(thing, tuple | list) and len(thing) in (2, 3) and _is_array(thing[0]):
        return _of_arrays(thing[0], thing[1], name, steps, names)
    if _is_array(thing):
        raise SuiteError(f"{name} is an array of images without labels; give the pair (images, labels)")
    if labels is not None:
        raise SuiteError(f"{name}: labels= belong to an array of images, not to a {type(thing).__name__}")
    if hasattr(thing, "element_spec"):
        return _of_dataset(thing, name, steps, names)
    if _is_sequence(thing):
        return _of_sequence(thing, name, steps, names)
    if hasattr(thing, "__next__"):
        endless = steps is not None  # the next pass goes on where this one ends, as `evaluate` does
        return Feed(name, "generator", names, steps, endless, endless, lambda: thing)
    if callable(thing) and not hasattr(thing, "__iter__"):
        return Feed(name, "iterable", names, steps, True, steps is not None, lambda: iter(thing()))
    if hasattr(thing, "__iter__") and not isinstance(thing, Mapping):
        length = _least(steps, len(thing) if hasattr(thing, "__len__") else None)
        return Feed(name, "iterable", names, length, True, steps is not None, lambda: iter(thing))
    kind = f"{type(thing).__module__}.{type(thing).__qualname__}"
    raise SuiteError(
        f"{name} is a {kind}; give what is passed to `fit`: a tf.data.Dataset, a PyDataset, a generator, or (x, y)"
    )


def _of_arrays(x: Any, y: Any, name: str, steps: int | None, names: tuple[str, ...] | None) -> Feed:
    if y is None or not (hasattr(y, "__len__") or hasattr(y, "shape")):
        raise SuiteError(f"{name} is an array of images without labels; give the pair (images, labels)")
    x = x if hasattr(x, "shape") else elements.array(x, f"{name}, images")
    classes = elements.array(y, f"{name}, labels")
    if len(x.shape) not in (3, 4):
        raise SuiteError(f"{name}: images have the shape {tuple(x.shape)}; this check takes (n, height, width, c)")
    if len(classes.shape) == 0 or len(x) != len(classes):
        raise SuiteError(f"{name}: {len(x)} images and labels of shape {classes.shape}; they must be as many")
    elements.labels_of(classes, name)

    def dealt() -> Iterator[Any]:
        for start in range(0, len(x), BATCH):
            images = elements.array(x[start : start + BATCH], f"{name}, images")
            yield (images if images.ndim == 4 else images[..., np.newaxis]), classes[start : start + BATCH]

    length = _least(steps, math.ceil(len(x) / BATCH))
    return Feed(name, "arrays", names, length, True, steps is not None, dealt, raw_dtype=_dtype(x))


def _of_dataset(thing: Any, name: str, steps: int | None, names: tuple[str, ...] | None) -> Feed:
    image, _ = elements.parts(thing.element_spec, name)
    count = int(thing.cardinality()) if hasattr(thing, "cardinality") else -2
    if count == -1 and steps is None:
        raise _endless(name)
    length = _least(steps, count if count >= 0 else None)
    return Feed(name, "dataset", names, length, True, steps is not None, lambda: iter(thing), raw_dtype=_dtype(image))


def _of_sequence(thing: Any, name: str, steps: int | None, names: tuple[str, ...] | None) -> Feed:
    count = thing.num_batches if hasattr(thing, "num_batches") else len(thing)
    length = _least(steps, count)
    if length is None:
        raise _endless(name)
    kept = Kept(thing)

    def batches() -> Iterator[Any]:
        if hasattr(thing, "on_epoch_begin"):
            thing.on_epoch_begin()
        for place in range(length):
            yield thing[place]
        if hasattr(thing, "on_epoch_end"):
            thing.on_epoch_end()

    def drained() -> Iterator[Any]:  # `length` ends a pass before the last line above would run
        stream = batches()
        for place in range(length):
            element = next(stream)
            if place == length - 1:
                next(stream, None)
            yield element

    return Feed(name, "sequence", names, length, True, steps is not None, drained, kept.restore)


def _class_names(thing: Any, given: Any) -> tuple[str, ...] | None:
    """Names of classes by label: those given, else those of the object or of the data set that it was made from."""
    if given is not None:
        return tuple(str(each) for each in given)
    for _ in range(50):
        found = getattr(thing, "class_names", None)
        if found is None and isinstance(indices := getattr(thing, "class_indices", None), Mapping):
            found = sorted(indices, key=lambda key: indices[key])
        if found is not None:
            return tuple(str(each) for each in found)
        thing = getattr(thing, "_input_dataset", None)  # of tf.data, where a step loses the names
        if thing is None:
            return None
    return None


def _is_array(thing: Any) -> bool:
    if isinstance(thing, list):
        return bool(thing) and hasattr(thing[0], "shape") and len(thing[0].shape) in (2, 3) and len(thing) > 3
    return hasattr(thing, "shape") and hasattr(thing, "dtype") and len(thing.shape) >= 2


def _is_sequence(thing: Any) -> bool:
    sized = hasattr(thing, "num_batches") or hasattr(thing, "__len__")
    return sized and hasattr(thing, "__getitem__") and not isinstance(thing, Mapping | tuple | list)


def _dtype(thing: Any) -> str | None:
    found = getattr(thing, "dtype", None)
    return None if found is None else str(getattr(found, "name", found)).rpartition(".")[2]


def _least(*lengths: int | None) -> int | None:
    return min((each for each in lengths if each is not None), default=None)


def _endless(name: str) -> SuiteError:
    return SuiteError(f"{name} does not end; say how many batches are one pass, steps=")
