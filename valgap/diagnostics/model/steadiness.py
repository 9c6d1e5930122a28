"""VG215: in inference mode the same image gets other answers from call to call, as where noise is always on."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.model.layers import all_layers, array, untouched, wrapped
from valgap.diagnostics.seen import Seen

Outputs = NDArray[np.float32]
MOVED = 1e-2  # of the largest value: less is rounding, or noise that decides nothing
PASSES = 4  # of the same images: one number drawn for a whole batch may fall alike twice


def differ(first: Outputs, second: Outputs, *, equal_nan: bool = True) -> bool:
    """Whether two answers to the same images, arrays of one shape, are further apart than rounding takes them.

    `equal_nan` says whether values that are not numbers are alike.
    """
    spread = float(np.nan_to_num(np.abs(first)).max(initial=0.0)) or 1.0
    return not np.allclose(first, second, atol=MOVED * spread, rtol=MOVED, equal_nan=equal_nan)


def varies(answer: Callable[[], Outputs]) -> bool:
    """Whether one of PASSES calls of what answers the same images gives another answer than the first."""
    first = answer()
    return any(differ(first, answer()) for _ in range(PASSES - 1))


def random_layer(model: Any, images: Outputs) -> str | None:
    """The name of the first layer that gives two things for one input, the innermost where layers hold layers.

    `images` (n, h, w, c) are as the model takes them, few of them: what every layer gives is kept for PASSES passes.
    None where no layer does, as when randomness lies between layers or only in the compiled graph.
    """
    passes: list[list[tuple[str, list[Outputs], list[Outputs]]]] = []

    def note(layer: Any, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        found = call(*args, **kwargs)
        passes[-1].append((str(layer.name), _arrays(args), _arrays(found)))
        return found

    with untouched(model), wrapped(all_layers(model), note):
        for _ in range(PASSES):
            passes.append([])
            model(images, training=False)
    first, *others = passes
    for place, (name, takes, gives) in enumerate(first):
        for _, again_takes, again_gives in (other[place] for other in others if place < len(other)):
            if not _any_differ(takes, again_takes) and _any_differ(gives, again_gives):
                return name
    return None


def unsteady(
    first: NDArray[np.int64], second: NDArray[np.int64], layer: str | None, *, as_read: bool = True
) -> Seen | None:
    """VG215 of the classes (n,) that two calls gave to the same images, once their outputs were seen to differ.

    `as_read` says that pixels had the range by which the model was judged, else they were from 0 to 1: then its own
    range may be one that the noise is small for.
    """
    if not len(first):
        return None
    changed = float(np.mean(first != second))
    evidence = {"changed": changed, "images": len(first), "layer": layer, "as_read": as_read}
    return Seen("VG215", "problem" if changed and as_read else "worth a look", evidence)


def _arrays(value: Any) -> list[Outputs]:
    """The tensors of numbers in a call's arguments or results."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [each for part in value for each in _arrays(part)]
    return [array(value)] if hasattr(value, "shape") and hasattr(value, "dtype") else []


def _any_differ(some: list[Outputs], others: list[Outputs]) -> bool:
    pairs = zip(some, others, strict=False)
    return any(one.shape != other.shape or differ(one, other) for one, other in pairs)
