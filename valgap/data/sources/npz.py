"""Source `npz`: images in one .npz file of NumPy, data.path. Streams them to the given .npy file.

    images  (n, h, w) or (n, h, w, c), c 1 or 3; uint8, or float in [0, 1]
    labels  (n,) whole numbers from 0, or text
    split (n,) of train, val, test or "" (the suite may draw), groups (n,) numbers or text, names (n,) text    optional
    class_names (classes,) text, of the labels 0, 1 ... or the order of labels that are text                   optional

or x_train, y_train, and of x_val, y_val and x_test, y_test one pair at least, like images and labels, with class_names.

No other keys, and no arrays of Python objects: nothing is unpickled. data.image_size, resize and color apply as they do
to files; floats are rounded to 1/255. Splits may be spelt as folders may. Every class needs two images to train on.
"""

import collections
import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from valgap.data.layouts.layout import split_of
from valgap.data.names import listing
from valgap.data.reading.decoding import Decoding, to_array
from valgap.data.reading.readers import facts, refuse_sizes
from valgap.data.reading.rows import CHUNK_BYTES, Rows
from valgap.data.sources.classes import check_classes
from valgap.data.sources.images import GIVEN, Images, numbered
from valgap.data.sources.source import Source
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

TOGETHER = ("images", "labels", "split", "groups", "class_names", "names")
APART = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test", "class_names")


def load(data: Data, target: Path) -> Images:
    """The images of the file. Raises SuiteError on all that the module's text does not allow."""
    refuse_groups(data, "npz has them under its key groups")
    path = Path(data.path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise OSError("no file")  # a pipe would be waited for without end
        with path.open("rb") as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
            return _load(data, target, _Members(path, handle), sha256)
    except OSError as error:
        why = f"it cannot be read: {error}"
        raise SuiteError(key="data.path", value=repr(data.path), why=why, cure="it must be an .npz file") from None


def _load(data: Data, target: Path, content: "_Members", sha256: str) -> Images:
    own = [split for split in GIVEN if {f"x_{split}", f"y_{split}"} & set(content.names)]
    allowed = APART if own else TOGETHER
    if stray := sorted(set(content.names) - set(allowed)):
        raise SuiteError(f"{content.path} has unknown keys: {listing(stray)} (allowed: {listing(allowed)})")
    keys = {f"x_{split}": f"y_{split}" for split in own} or {"images": "labels"}
    labels, class_names = _labels(content, list(keys.values()))
    counts = dict(zip(keys, map(len, labels), strict=True))
    given = [split for split, count in zip(own or [""], counts.values(), strict=True) for _ in range(count)]
    names = [f"{key}[{place}]" for key, count in counts.items() for place in range(count)]
    groups = None
    if "split" in content.names:
        spelt = content.text("split")
        if wrong := sorted({split for split in spelt if split and not split_of(split)}):
            raise SuiteError(f"{content.path}: split holds {listing(wrong)} (allowed: {listing(GIVEN)}, or nothing)")
        given = [split_of(split) for split in spelt]
    if "names" in content.names:
        names = content.text("names")
    if "groups" in content.names:
        groups = content.vector("groups", "iuUS")
    total = sum(counts.values())
    for key, value in (("split", given), ("names", names), ("groups", groups)):
        if value is not None and len(value) != total:
            raise SuiteError(f"{content.path}: {key} has {len(value):,} entries for {total:,} labels")
    joined = np.concatenate(labels)
    check_classes([class_names[label] for label in joined], given, class_names, data.path)
    images, seen = store(_counted(content, counts), data, target)
    return Images(
        images=images,
        labels=joined,
        class_names=class_names,
        given=np.array(given, dtype="U5"),
        names=tuple(names),
        sha256={data.path: sha256},
        groups=None if groups is None else numbered(groups),
        facts=seen,
    )


class _Members:
    """Arrays of an .npz file by name, read when asked for. Raises SuiteError on what is none, and unpickles nothing."""

    def __init__(self, path: Path, handle: Any) -> None:
        handle.seek(0)
        self.path = path
        self.content: Mapping[str, Any] = self._read(lambda: np.load(handle, allow_pickle=False))
        if not isinstance(self.content, np.lib.npyio.NpzFile):
            raise SuiteError(f"{path} is one array, not an .npz file: np.savez_compressed writes those")
        self.names = list(self.content)

    def array(self, name: str) -> NDArray:
        """The array of that name."""
        if name not in self.names:
            raise SuiteError(f"{self.path} lacks the key {name} (it has {listing(self.names)})")
        array = self._read(lambda: self.content[name])
        if not isinstance(array, np.ndarray):
            raise SuiteError(f"{self.path}: {name} is no array of NumPy")
        return array

    def vector(self, name: str, kinds: str) -> NDArray:
        """The array of that name, (n,), of one of NumPy's `kinds` of dtype."""
        array = self.array(name)
        if array.ndim != 1 or array.dtype.kind not in kinds:
            words = "text" if kinds == "US" else "whole numbers, or of text"
            raise SuiteError(
                f"{self.path}: {name} is {array.dtype} of shape {array.shape}, must be (n,) of {words}: "
                f"{name}.ravel(), {name}.astype(int)"
            )
        return array

    def text(self, name: str) -> list[str]:
        """The vector of text of that name, as valid Unicode."""
        vector = self.vector(name, "US")
        return self._read(lambda: [_valid(value) for value in vector.tolist()])

    def _read(self, action: Callable[[], Any]) -> Any:
        try:
            with warnings.catch_warnings(action="ignore"):  # of headers that an old NumPy wrote
                return action()
        except Exception as error:  # a damaged archive fails in many ways
            reason = " ".join(str(error).split()) or type(error).__name__
            raise SuiteError(
                f"{self.path} cannot be read ({reason}): write it with np.savez_compressed, of arrays without objects"
            ) from None


def _valid(value: str | bytes) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _labels(content: _Members, keys: Sequence[str]) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """Labels in [0, classes), int64, of each key, and the names of the classes."""
    declared = content.text("class_names") if "class_names" in content.names else None
    if all(content.vector(key, "iuUS").dtype.kind in "US" for key in keys):
        text = {key: content.text(key) for key in keys}
        class_names = declared if declared is not None else sorted(set().union(*text.values()))
        place = {name: place for place, name in enumerate(class_names)}
        for key, values in text.items():
            if unknown := sorted(set(values) - set(place)):
                raise SuiteError(f"{content.path}: {key} holds {listing(unknown)}, which class_names lacks")
        return [np.array([place[value] for value in text[key]], np.int64) for key in keys], tuple(class_names)
    vectors = [content.vector(key, "iu") for key in keys]
    found = np.unique(np.concatenate(vectors))
    if len(found) and (found[0] < 0 or (declared is not None and found[-1] >= len(declared))):
        most = "" if declared is None else f" to {len(declared) - 1}, a class_names each"
        raise SuiteError(f"{content.path}: labels run from {found[0]} to {found[-1]}, must be from 0{most}")
    if declared is not None:
        return [vector.astype(np.int64) for vector in vectors], tuple(declared)
    return [np.searchsorted(found, vector).astype(np.int64) for vector in vectors], tuple(map(str, found.tolist()))


def _counted(content: _Members, counts: Mapping[str, int]) -> Iterator[tuple[str, NDArray]]:
    for key, count in counts.items():
        array = content.array(key)
        if array.ndim and len(array) != count:
            raise SuiteError(f"{content.path}: {key} has {len(array):,} images for {count:,} labels")
        yield f"{content.path}: {key}", array


def refuse_groups(data: Data, why: str) -> None:
    """Raise SuiteError when params.yaml groups by paths or a table what has neither."""
    for field in ("group_column", "group_pattern"):
        if (value := getattr(data, field)) is not None:
            raise SuiteError(f"data.{field} = {value!r} is of sources with files: {why}; set it to null")


def store(
    arrays: Iterable[tuple[str, NDArray]], data: Data, target: Path
) -> tuple[NDArray[np.uint8], dict[str, dict[str, int]]]:
    """(memory map of `target`, facts) of arrays of images, each with what a message calls it, one after the other.

    An array is (n, h, w) or (n, h, w, 1 or 3), uint8 or float in [0, 1]; `data`'s color, image_size and resize apply.
    Raises SuiteError on other arrays, and on several sizes without an image_size.
    """
    sizes: collections.Counter[tuple[int, int]] = collections.Counter()
    modes: collections.Counter[str] = collections.Counter()
    examples: dict[tuple[int, int], str] = {}
    with Rows(target) as rows:
        for name, array in arrays:
            size, channels = _shape(name, array)
            sizes[size] += len(array)
            modes["L" if channels == 1 else "RGB"] += len(array)
            examples.setdefault(size, name)
            if data.image_size is not None or len(sizes) == 1:  # else they are but counted
                for block in _blocks(name, array, channels):
                    rows.append(_convert(block, data))
        if data.image_size is None:
            refuse_sizes(sizes, examples)
        return rows.finish(), facts(sizes, modes, collections.Counter({"NumPy": rows.count}))


def _shape(name: str, array: NDArray) -> tuple[tuple[int, int], int]:
    """(width, height) and channels. Raises SuiteError when these are no images."""
    channels = array.shape[3] if array.ndim == 4 else 1
    if array.ndim not in (3, 4) or channels not in (1, 3) or 0 in array.shape:
        raise SuiteError(
            f"{name} has shape {array.shape}, must be (n, height, width) or (n, height, width, channels) with 1 or 3"
        )
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise SuiteError(
            f"{name} is {array.dtype}, must be uint8, or float in [0, 1]: {name.split()[-1]}.astype('uint8')"
        )
    return (array.shape[2], array.shape[1]), channels


def _blocks(name: str, array: NDArray, channels: int) -> Iterator[NDArray[np.uint8]]:
    """The array as uint8 (k, h, w, channels), a few MB at a time. Raises SuiteError on floats that are no images."""
    step = max(CHUNK_BYTES // (array.shape[1] * array.shape[2] * channels), 1)
    for first in range(0, len(array), step):
        block = array[first : first + step].reshape(-1, *array.shape[1:3], channels)
        if array.dtype != np.uint8:
            low, high = block.min(), block.max()
            if not (low >= 0 and high <= 1):  # nor is NaN
                raise SuiteError(
                    f"{name} holds values from {low} to {high} at images {first:,} to {first + len(block) - 1:,}; "
                    "floats must lie in [0, 1], without NaN: divide by 255, or give uint8"
                )
            block = np.rint(block.astype(np.float32) * 255).astype(np.uint8)
        yield block


def _convert(block: NDArray[np.uint8], data: Data) -> NDArray[np.uint8]:
    """(k, h, w, c) by `data`'s color, image_size and resize."""
    channels = {"auto": block.shape[3], "grey": 1, "rgb": 3}[data.color]
    if data.image_size in (None, block.shape[1:3]):
        if channels == block.shape[3]:
            return block
        if channels == 3:
            return np.repeat(block, 3, axis=3)
    flat, decoding = block[..., 0] if block.shape[3] == 1 else block, Decoding.of(data)
    return np.stack([to_array(Image.fromarray(np.ascontiguousarray(image)), decoding) for image in flat])


SOURCE = Source(load, own=True)
