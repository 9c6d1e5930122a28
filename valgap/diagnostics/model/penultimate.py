"""What a model makes of an image: what the last layer with a kernel decides by, and what the first one gives.

Found while TensorFlow traces the model: calls of layers with a kernel are noted, and the graph is followed back from
the output until the first of them. So it is with nested models, with several outputs and with subclasses alike.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.model.layers import all_layers, has_kernel, wrapped

WIDTH = 64  # features an image, at most
LONGEST = 2**17  # numbers before the projection; of more, every second, third, ... is taken
SEED = 0  # of the projection
Traced = tuple[Any, Any | None, Any | None]  # (what the model gives, late and early features (n, d), as tensors)
Note = tuple[Any, Any]  # input and output of a call


def traced(model: Any, images: Any, pick: Callable[[Any], Any]) -> Traced:
    """Call the model on a tensor of images inside a function that TensorFlow traces, and take its features beside.

    `pick` takes the wanted output from what the call gave. Features are float32 (n, d), d at most WIDTH, more are
    projected to that many. Late ones are the input of the layer that decides, means over places where there are any;
    None where it cannot be told which layer that is. Early ones are means and standard deviations over places of what
    the first layer with a kernel gives, or what it gives; None where no layer has a kernel.
    """
    notes: list[Note] = []

    def note(layer: Any, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = call(*args, **kwargs)
        notes.append((args[0] if args else next(iter(kwargs.values())), given))
        return given

    try:
        with wrapped([layer for layer in all_layers(model) if has_kernel(layer)], note):
            found = model(images, training=False)
    except Exception:  # layers of the user's that bear no notes, or fail anyway
        notes.clear()
        found = model(images, training=False)
    try:
        output = pick(found)
        first = notes[0][1] if notes and getattr(notes[0][1], "graph", None) is output.graph else None
        return found, _features(_deciding(output, notes)), _features(first, spread=True)
    except Exception:  # no output is chosen, which the caller says better
        return found, None, None


def projection(length: int) -> NDArray[np.float32]:
    """The matrix (length, WIDTH) that brings more than WIDTH numbers to so many: normal, always the same.

    Distances are kept up to a few percent: Johnson and Lindenstrauss 1984.
    """
    rng = np.random.default_rng(SEED)
    return rng.standard_normal((length, WIDTH), np.float32) / np.float32(np.sqrt(WIDTH))


def _deciding(output: Any, notes: list[Note]) -> Any | None:
    """Input of the one call from which the output comes without another in between; None for several, or none."""
    made: dict[tuple[int, str], Any] = {}
    for inputs, given in notes:
        if hasattr(given, "op"):
            made.setdefault(_key(given), inputs)  # of one call within another that gives the same, the inner
    found: dict[tuple[int, str], Any] = {}
    waiting: list[Any] = [output] if notes and hasattr(output, "op") else []
    seen: set[tuple[int, str]] = set()
    while waiting:
        tensor = waiting.pop()
        key = _key(tensor)
        if key in seen:
            continue
        seen.add(key)
        if key in made:
            found[key] = made[key]
        else:
            waiting += list(tensor.op.inputs)
    inputs = list(found.values())
    if len(inputs) != 1 or getattr(inputs[0], "graph", None) is not output.graph:
        return None
    return inputs[0]


def _key(tensor: Any) -> tuple[int, str]:
    """Loops and branches have graphs, and so names, of their own."""
    return id(tensor.graph), str(tensor.name)


def _features(inputs: Any, spread: bool = False) -> Any | None:
    """A tensor (n, ..., d) of any float type as float32 (n, at most WIDTH); with standard deviations if `spread`."""
    import tensorflow as tf

    if inputs is None:
        return None
    values = tf.cast(inputs, tf.float32)
    rank = values.shape.rank
    if rank is None or rank < 2 or values.shape[-1] is None:
        return None
    if rank > 2:
        places = list(range(1, rank - 1))
        means = tf.reduce_mean(values, axis=places)
        values = tf.concat([means, tf.math.reduce_std(values, axis=places)], axis=1) if spread else means
    values = values[:, :: -(-values.shape[-1] // LONGEST)]
    length = values.shape[-1]
    return values if length <= WIDTH else tf.matmul(values, projection(length))
