"""What one element of a user's data holds: images and labels, as `fit` would take them. Names what it cannot read."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError

IMAGES = ("image", "images", "x", "pixel_values")  # keys of a dict that holds both
LABELS = ("label", "labels", "y", "target", "targets")
WHOLE = 0.02  # how far from 1 a row of class probabilities may sum, and a label from a whole number


@dataclasses.dataclass(frozen=True)
class Read:
    """Images float32 (b, h, w, c), labels int64 (b,), the type that images came in, and the width of one-hot labels.

    A label is -1 where its one-hot row holds zeros alone. `width` is None for labels that are numbers.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    raw: str
    width: int | None


def parts(element: Any, name: str) -> tuple[Any, Any]:
    """The image part and the label part of an element (x, y), (x, y, weights) or a dict of both.

    Raises SuiteError where there are no labels, several inputs or several outputs.
    """
    if isinstance(element, Mapping):
        image = [element[key] for key in IMAGES if key in element]
        label = [element[key] for key in LABELS if key in element]
        if len(image) == 1 and len(label) == 1:
            return image[0], label[0]
        keys = ", ".join(repr(key) for key in element)
        raise SuiteError(f"{name} gives dicts with the keys {keys}: no image and label; give pairs (image, label)")
    if isinstance(element, tuple | list) and len(element) in (2, 3):
        return only(element[0], f"{name}: several inputs", True), only(element[1], f"{name}: several outputs", False)
    kind = f"tuples of {len(element)}" if isinstance(element, tuple | list) else f"a {type(element).__name__} alone"
    raise SuiteError(f"{name} gives {kind}, without labels; give pairs (images, labels), as `fit` takes them")


def only(value: Any, what: str, nested: bool) -> Any:
    """The one value of a dict, or of a tuple where `nested`; anything else as it is. Raises SuiteError on several."""
    values = list(value.values()) if isinstance(value, Mapping) else [value]
    if nested and isinstance(value, tuple | list) and all(hasattr(each, "shape") for each in value):
        values = list(value)
    if len(values) != 1:
        raise SuiteError(f"{what} ({len(values)}); this check takes one image and one class each")
    return values[0]


def array(value: Any, name: str) -> NDArray[Any]:
    """A NumPy array of what a tensor, a list or an array holds. Raises SuiteError on what has no one shape."""
    try:
        value = value.detach().cpu() if hasattr(value, "detach") else value
        found = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    except Exception as error:  # whatever a tensor of another library does
        raise SuiteError(f"{name}: a {type(value).__name__} is no array ({_short(error)})") from None
    return found


def alone(image: tuple[int, ...], label: tuple[int, ...]) -> bool:
    """Whether shapes are those of one image and its label, rather than of a batch of them."""
    return len(image) in (2, 3) and (not label or label[0] != image[0])


def read(image: Any, label: Any, name: str) -> Read:
    """Images and labels of a batch, or of one image. Raises SuiteError on shapes and labels that are none."""
    pixels, classes = array(image, f"{name}, images"), array(label, f"{name}, labels")
    if pixels.dtype.kind not in "biufV" or pixels.dtype == object:
        raise SuiteError(f"{name}: images of type {pixels.dtype} are no pixels; decode the files first")
    if alone(pixels.shape, classes.shape):
        pixels, classes = pixels[np.newaxis], classes[np.newaxis]
    if pixels.ndim == 3:
        pixels = pixels[..., np.newaxis]
    if pixels.ndim != 4:
        raise SuiteError(
            f"{name}: images have the shape {pixels.shape}; this check takes (n, height, width, channels) or grey "
            "(n, height, width)"
        )
    if classes.ndim == 0:
        classes = classes[np.newaxis]
    if len(classes) != len(pixels):
        raise SuiteError(f"{name}: {len(pixels)} images and {len(classes)} labels in one batch; they must be as many")
    labels, width = labels_of(classes, name)
    return Read(np.asarray(pixels, np.float32), labels, str(pixels.dtype), width)


def labels_of(classes: NDArray[Any], name: str) -> tuple[NDArray[np.int64], int | None]:
    """Labels int64 (b,) of numbers (b,) or (b, 1), or of one-hot rows (b, k), which may be smoothed; and k, or None.

    Raises SuiteError on strings, on several classes an image, on numbers that are not whole, and on maps of labels.
    """
    if classes.dtype.kind in "OSU":
        raise SuiteError(
            f"{name}: labels are strings, such as {str(classes.reshape(-1)[0])[:40] if classes.size else ''!r}; make "
            "them whole numbers, `names, y = numpy.unique(y, return_inverse=True)`, by one order for all splits"
        )
    if classes.ndim == 2 and classes.shape[1] == 1:
        classes = classes[:, 0]
    if classes.ndim == 1:
        numbers = classes.astype(np.float64)
        if not (np.abs(numbers - np.round(numbers)) < WHOLE).all():
            raise SuiteError(f"{name}: labels are not whole numbers; this check takes classes, not amounts")
        return np.round(numbers).astype(np.int64), None
    if classes.ndim != 2:
        raise SuiteError(f"{name}: labels have the shape {classes.shape}; this check takes one class an image")
    rows = classes.astype(np.float64)
    sums, blank = rows.sum(axis=1), (rows == 0).all(axis=1)
    if not (blank | ((np.abs(sums - 1) < WHOLE) & (rows.min(axis=1) > -WHOLE))).all():
        raise SuiteError(
            f"{name}: labels of shape {classes.shape} are no one-hot rows (a row must sum to 1): several classes an "
            "image, or several outputs; this check takes one class an image"
        )
    return np.where(blank, -1, rows.argmax(axis=1)).astype(np.int64), classes.shape[1]


def batched(reads: Iterator[Read], name: str, size: int) -> Iterator[Read]:
    """The same, where images come one by one in batches of `size`. Raises SuiteError on images of several shapes."""
    shape: tuple[int, ...] | None = None
    waiting: list[Read] = []
    for each in reads:
        if len(each.images) and shape not in (None, each.images.shape[1:]):
            raise SuiteError(f"{name}: images of {shape} and of {each.images.shape[1:]}; resize them to one size")
        shape = each.images.shape[1:] if len(each.images) else shape
        if len(each.images) != 1:
            yield from _joined(waiting)
            waiting = []
            yield each
            continue
        waiting.append(each)
        if len(waiting) == size:
            yield from _joined(waiting)
            waiting = []
    yield from _joined(waiting)


def _joined(waiting: list[Read]) -> Iterator[Read]:
    if waiting:
        images, labels = (np.concatenate([getattr(each, part) for each in waiting]) for part in ("images", "labels"))
        yield Read(images, labels, waiting[0].raw, waiting[0].width)


def _short(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
