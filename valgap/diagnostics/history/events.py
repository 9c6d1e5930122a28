"""Scalars in TensorBoard's event files, read without TensorFlow, which would take seconds to start.

Files are TFRecords of `Event` messages (tensorflow/core/util/event.proto, framework/summary.proto, tensor.proto): a
length (uint64), its checksum (4 bytes), the message, its checksum (4 bytes). Checksums are not verified. Only the few
fields that scalars need are read.
"""

import math
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from valgap.ground.errors import SuiteError

PATTERN = "*tfevents*"
TRAIN, VALIDATION = ("train", "training"), ("validation", "val", "valid")
FLOAT, DOUBLE = 1, 2  # of a tensor's dtype
SHORTEST = 16  # bytes of a record's frame

Field = tuple[int, int | bytes]  # its number and its value
Series = dict[int, float]  # by step


def runs_in(path: Path) -> list[Mapping[str, Series]]:
    """The runs of an event file or of a log folder, the oldest first: scalars by name, validation's with `val_`.

    Raises SuiteError where the folder holds none, or several runs in folders of their own.
    """
    folder = path if path.is_dir() else path.parent
    if path.is_file():
        if folder.name not in (*TRAIN, *VALIDATION):
            return [_scalars(path)]
        folder = folder.parent
    trees = sorted({_root(file.parent) for file in folder.rglob(PATTERN)})
    if not trees:
        raise SuiteError(f"history = {path}: no event file of TensorBoard is in it; name the log_dir of the callback")
    if len(trees) > 1 and folder not in trees:
        shown = ", ".join(str(tree.relative_to(folder)) for tree in trees[:5])
        raise SuiteError(f"history = {path}: it holds {len(trees)} runs ({shown}); name the folder of one of them")
    root = folder if folder in trees else trees[0]
    fitted = _files(root, TRAIN) or sorted(root.glob(PATTERN))
    held = _files(root, VALIDATION)
    runs = [_scalars(file) for file in fitted]
    runs = [run for run in runs if run]
    validation = [scalars for file in held if (scalars := _scalars(file))]
    if len(validation) == len(runs):
        return [{**a, **_prefixed(b)} for a, b in zip(runs, validation, strict=True)]
    if not runs:
        return [_prefixed(scalars) for scalars in validation]
    joined: dict[str, Series] = {}  # validation began with another file than training: one run, by step
    for scalars in [*runs, *map(_prefixed, validation)]:
        for tag, series in scalars.items():
            joined.setdefault(tag, {}).update(series)
    return [joined]


def _prefixed(scalars: Mapping[str, Series]) -> dict[str, Series]:
    return {f"val_{tag}": series for tag, series in scalars.items()}


def _root(folder: Path) -> Path:
    """The folder of a run, of one that holds event files."""
    return folder.parent if folder.name in (*TRAIN, *VALIDATION) else folder


def _files(root: Path, names: tuple[str, ...]) -> list[Path]:
    """Event files of a split, in the order of their names, which is that of time."""
    return sorted(file for name in names if (root / name).is_dir() for file in (root / name).glob(PATTERN))


def _scalars(path: Path) -> dict[str, Series]:
    """Scalars once an epoch by tag, without `epoch_` before it; a step that was written twice has its last value."""
    found: dict[str, Series] = {}
    for record in _records(path.read_bytes()):
        step, summaries = 0, []
        for number, value in _fields(record):
            if number == 2 and isinstance(value, int):
                step = value
            elif number == 5 and isinstance(value, bytes):
                summaries.append(value)
        for summary in summaries:
            for number, value in _fields(summary):
                if number == 1 and isinstance(value, bytes):
                    tag, scalar = _value(value)
                    if scalar is not None and "_vs_iterations" not in tag and not tag.startswith("batch_"):
                        found.setdefault(re.sub(r"^epoch_", "", tag), {})[step] = scalar
    return found


def _records(content: bytes) -> Iterator[bytes]:
    """The messages of a TFRecord file; a last one that is cut, as of a run that goes on, is left out."""
    place = 0
    while place + SHORTEST <= len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        end = place + 12 + length
        if end + 4 > len(content):
            return
        yield content[place + 12 : end]
        place = end + 4


def _fields(message: bytes) -> Iterator[Field]:
    """The fields of a protocol buffer: numbers as int, fixed and length-delimited ones as bytes."""
    place = 0
    try:
        while place < len(message):
            key, place = _varint(message, place)
            kind = key & 7
            if kind == 0:
                number, place = _varint(message, place)
                yield key >> 3, number
                continue
            if kind == 2:
                size, place = _varint(message, place)
            else:
                size = {1: 8, 5: 4}[kind]
            yield key >> 3, message[place : place + size]
            place += size
    except (IndexError, KeyError):
        raise SuiteError("history: it is no event file of TensorBoard, or is damaged; name another") from None


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _value(message: bytes) -> tuple[str, float | None]:
    """Tag and scalar of a `Summary.Value`: its `simple_value` (2), or a `tensor` (8) of one number."""
    tag, scalar = "", None
    for number, value in _fields(message):
        if not isinstance(value, bytes):
            continue
        if number == 1:
            tag = value.decode("utf-8", "replace")
        elif number == 2 and len(value) == 4:
            scalar = float(struct.unpack("<f", value)[0])
        elif number == 8:
            scalar = _number(value)
    return tag, scalar


def _number(tensor: bytes) -> float | None:
    """The one float of a `TensorProto`: in `tensor_content` (4), `float_val` (5) or `double_val` (6)."""
    kind = 0
    for number, value in _fields(tensor):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number in (4, 5, 6) and isinstance(value, bytes) and kind in (FLOAT, DOUBLE):
            form = "<f" if kind == FLOAT else "<d"
            if len(value) == struct.calcsize(form):
                return float(struct.unpack(form, value)[0])
    return 0.0 if kind in (FLOAT, DOUBLE) and math.prod(_shape(tensor)) == 1 else None


def _shape(tensor: bytes) -> list[int]:
    """Sizes of a tensor's dimensions: none for a scalar. A zero needs no value: protocol buffers leave it out."""
    shapes = [value for number, value in _fields(tensor) if number == 2 and isinstance(value, bytes)]
    dims = [value for shape in shapes for number, value in _fields(shape) if number == 2 and isinstance(value, bytes)]
    return [value for dim in dims for number, value in _fields(dim) if number == 1 and isinstance(value, int)]
