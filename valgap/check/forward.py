"""Runs a loaded model on images in inference mode: what it takes, and what it gives. Needs a started TensorFlow."""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.model.penultimate import traced
from valgap.ground.errors import SuiteError

BATCH = 100  # images
CHANNELS = (1, 3)

Outputs = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a model gives of n images, float32: outputs (n, k), and features (n, d), d at most 64, of the same pass.

    `late` is what its last layer decides by, `early` means and standard deviations over places of what the first layer
    with a kernel gives. None where they cannot be told.
    """

    outputs: Outputs
    late: Outputs | None = None
    early: Outputs | None = None

    def __getitem__(self, rows: slice) -> "Answers":
        """Those of some of the images."""
        late, early = (None if each is None else each[rows] for each in (self.late, self.early))
        return Answers(self.outputs[rows], late, early)


def joined(parts: Sequence[Answers]) -> Answers:
    """The answers of all parts, one after the other."""

    def every(name: str) -> Outputs | None:
        found = [getattr(part, name) for part in parts if getattr(part, name) is not None]
        return np.concatenate(found) if len(found) == len(parts) else None

    return Answers(np.concatenate([part.outputs for part in parts]), every("late"), every("early"))


@dataclasses.dataclass(frozen=True)
class Takes:
    """What the model takes: images in a batch, height, width, channels, each None for any number.

    Grey images have no channel axis where `flat`.
    """

    batch: int | None
    height: int | None
    width: int | None
    channels: int | None
    flat: bool = False


def input_of(model: Any, path: Path) -> Takes:
    """What the model's one input takes. Raises SuiteError on several inputs, and on one that is no image."""
    inputs = getattr(model, "inputs", None)
    if inputs is None:  # a subclass: what it was built with, if that is known
        built = (model.get_build_config() or {}).get("input_shape")
        shape: tuple[int | None, ...] = (None,) * 4
        if isinstance(built, list | tuple) and all(size is None or isinstance(size, int) for size in built):
            shape = (None, *built[1:])
    elif len(inputs) != 1:
        raise SuiteError(f"MODEL = {path} has {len(inputs)} inputs; this check scores models with one, the image")
    else:
        shape = tuple(inputs[0].shape)
    if len(shape) == 3:
        return Takes(*shape, 1, flat=True)
    if len(shape) != 4 or shape[3] not in (None, *CHANNELS):
        first = " It seems to want channels first." if len(shape) == 4 and shape[1] in CHANNELS else ""
        raise SuiteError(
            f"MODEL = {path} takes {shape}, which is no batch of images (n, height, width, 1 or 3 channels).{first} "
            "Save a model that takes images, with what reshapes them inside"
        )
    return Takes(*shape)


def answer_function(model: Any, takes: Takes, path: Path, output: str | None = None) -> Callable[[Outputs], Answers]:
    """A function from float32 images (n, h, w, c) to what the model gives in inference mode.

    `output` is the name or the index of that of several outputs which says the class. It raises SuiteError on a model
    with several outputs where none is chosen, on one that it has not, and on one that is no row of numbers an image.
    """
    import tensorflow as tf

    def pick(found: Any) -> Any:
        return chosen(named_outputs(model, found), output, path)

    run = tf.function(lambda images: traced(model, images, pick), reduce_retracing=True, jit_compile=False)

    def of_batch(images: Outputs) -> Answers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on how its inputs are named
            try:
                found, *features = run(tf.constant(images[..., 0] if takes.flat else images))
            except Exception as error:  # whatever a user's layers do
                line = " ".join(str(error).split())[:300]
                raise SuiteError(
                    f"MODEL = {path} fails on images of shape {images.shape[1:]}: {type(error).__name__}: {line}"
                ) from None
        return Answers(as_rows(pick(found), path), *(None if each is None else np.asarray(each) for each in features))

    return of_batch


def named_outputs(model: Any, found: Any) -> dict[str, Any]:
    """What a call of the model gave, by name: the model's own names where it has them, else the place in it."""
    if isinstance(found, dict):
        flat = {str(key): part for key, value in found.items() for part in _parts(value)}
        if len(flat) == sum(len(_parts(value)) for value in found.values()):
            return flat
    parts = _parts(found)
    names = [str(name) for name in getattr(model, "output_names", None) or ()]
    if len(set(names)) != len(parts):
        names = [f"output {place}" for place in range(len(parts))]
    return dict(zip(names, parts, strict=True))


def chosen(outputs: dict[str, Any], output: str | None, path: Path) -> Any:
    """That of the outputs which has the name or the index `output`; the only one where it is None.

    Raises SuiteError on several of which none is chosen, and on one that there is not.
    """
    shapes = [f"{place} {name} {tuple(each.shape[1:])}" for place, (name, each) in enumerate(outputs.items())]
    if output is None:
        if len(outputs) != 1:
            raise SuiteError(
                f"MODEL = {path} has {len(outputs)} outputs: {', '.join(shapes)}; name that which says the class, "
                f"--output {next(iter(outputs), '')}".rstrip()
            )
        return next(iter(outputs.values()))
    if output in outputs:
        return outputs[output]
    if output.isdecimal() and int(output) < len(outputs):
        return list(outputs.values())[int(output)]
    raise SuiteError(f"--output = {output} is none of the outputs of MODEL = {path}: {', '.join(shapes)}")


def as_rows(values: Any, path: Path) -> Outputs:
    """One output as float32 (n, k). Raises SuiteError where it is no row of numbers an image."""
    import tensorflow as tf

    rows = np.asarray(tf.cast(values, tf.float32))
    rows = rows[:, np.newaxis] if rows.ndim == 1 else rows
    if rows.ndim != 2:
        raise SuiteError(f"MODEL = {path} gives {rows.shape[1:]} an image, not one number for each class")
    return rows


def _parts(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return [part for value in found.values() for part in _parts(value)]
    if isinstance(found, (list, tuple)):
        return [part for value in found for part in _parts(value)]
    return [found]
