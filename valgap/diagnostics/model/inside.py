"""What a model does to pixels itself, found by feeding it.

The input of the first layer with a kernel is compared under images of known values. So a Rescaling, a Normalization,
the operations of keras.applications' preprocess_input and layers of the user's own count alike, together.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.model.layers import (
    all_layers,
    array,
    entered,
    has_kernel,
    is_a,
    is_normalising,
    own_weights,
    untouched,
    wrapped,
)

DIVIDES = 1 / 32  # a factor up to this one is a division of pixels of 0 to 255: 1/255, 1/127.5, 1/58 of ImageNet's
PASSIVE = ("InputLayer", "Dropout", "Flatten", "Reshape", "Resizing", "ZeroPadding2D", "Identity")
SIZE = 32  # pixels, of images for a model of any size


@dataclasses.dataclass(frozen=True)
class Inside:
    """What the model does to pixels x before its first kernel: about scale * x + offset, median over channels.

    `layer` is the first layer that changes them, `kind` its class.
    """

    scale: float
    offset: float
    layer: str
    kind: str

    @property
    def divides(self) -> bool:
        """Whether it makes pixels of 0 to 255 small: those of [0, 1] would all but vanish."""
        return 0 < abs(self.scale) <= DIVIDES


def inside(model: Any, shape: tuple[int | None, ...] | None = None) -> Inside | None:
    """What the model does to pixels; None where it does nothing, or nothing that is linear, or that cannot be told.

    `shape` is that of an image (height, width, channels), or (height, width), as the model takes it; None to ask the
    model. A batch normalisation before the first kernel has learnt its scale from what it was fed: None.
    """
    size = _image_shape(model) if shape is None else tuple(side or SIZE for side in shape)
    if not size:
        return None
    try:
        probes = {level: np.full((2, *size), level, np.float32) for level in (0.0, 1.0)}
        probes[-1.0] = np.broadcast_to(_ramp(size), (2, *size)).astype(np.float32)
        passed = {level: _before_kernel(model, images) for level, images in probes.items()}
        half = _before_kernel(model, np.asarray(probes[-1.0] / 2, np.float32))
        first = entered(model, probes[0.0])
    except Exception:  # a subclass that takes other images, layers of the user's that fail
        return None
    black, white, ramp = passed[0.0], passed[1.0], passed[-1.0]
    if black is None or white is None or ramp is None or half is None:
        return None
    if not np.allclose(half, (black + ramp) / 2, atol=1e-3 * max(float(np.ptp(ramp)), 1e-9), rtol=1e-3):
        return None
    scale, offset = float(np.median(white - black)), float(np.median(black))
    if scale == 0 or (np.isclose(scale, 1, rtol=1e-3) and np.isclose(offset, 0, atol=1e-6)):
        return None
    before = []
    for layer in first:
        if has_kernel(layer):
            break
        before.append(layer)
    if any(map(is_normalising, before)):
        return None
    acting = [layer for layer in before if not is_a(layer, *PASSIVE) and not _holds_kernel(layer)]
    named = [layer for layer in acting if is_a(layer, "Rescaling", "Normalization")] or acting
    layer = named[0] if named else model
    return Inside(scale, offset, str(layer.name), type(layer).__name__)


def _image_shape(model: Any) -> tuple[int, ...]:
    """The shape of an image, SIZE for a side of any length; empty where the model does not say."""
    inputs = getattr(model, "inputs", None)
    shape = tuple(inputs[0].shape)[1:] if inputs and len(inputs) == 1 else ()
    if not shape:
        built = getattr(model, "_build_shapes_dict", None) or {}
        shape = tuple(next(iter(built.values()), ()) or ())[1:] if len(built) == 1 else ()
    if len(shape) not in (2, 3):
        return ()
    return tuple(side if side else (3 if place == 2 else SIZE) for place, side in enumerate(shape))


def _ramp(size: tuple[int, ...]) -> NDArray[np.float64]:
    """An image that grows from 0 at the left to 1 at the right."""
    ramp = np.linspace(0, 1, size[1])
    return np.broadcast_to(ramp[:, np.newaxis] if len(size) == 3 else ramp, size)


def _before_kernel(model: Any, images: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Input of the first layer with a kernel, None where none is entered."""
    found: list[NDArray[np.float32]] = []

    def note(layer: Any, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not found:
            found.append(array(args[0] if args else next(iter(kwargs.values()))))
        return call(*args, **kwargs)

    with untouched(model), wrapped([layer for layer in all_layers(model) if has_kernel(layer)], note):
        model(images, training=False)
    return found[0] if found else None


def _holds_kernel(layer: Any) -> bool:
    return any(map(has_kernel, all_layers(layer))) or bool(all_layers(layer)[1:] and own_weights(layer))
