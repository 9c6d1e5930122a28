"""Layers and weights of a model of Keras 3 or of tf_keras, and how a forward pass is watched or left without a trace.

Nothing here imports Keras: who holds a model has it.
"""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

KERAS = ("keras", "tf_keras")
NORMALISING = ("BatchNormalization", "BatchNormalizationBase", "SyncBatchNormalization")
NO_KERNEL = ("bias", "gamma", "beta", "moving_mean", "moving_variance", "mean", "variance", "count", "alpha")

Around = Callable[[Any, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


def all_layers(layer: Any) -> list[Any]:
    """The layer and all layers below it, each once. Neither Keras has a public way into layers that hold layers."""
    return list({id(each): each for each in layer._flatten_layers()}.values())


def is_a(layer: Any, *names: str) -> bool:
    """Whether a layer is of one of Keras's own classes of these names, or of a class derived from it."""
    return any(each.__name__ in names and each.__module__.partition(".")[0] in KERAS for each in type(layer).__mro__)


def is_normalising(layer: Any) -> bool:
    """Whether a layer normalises by the batch in training and by moving statistics else.

    That is Keras's BatchNormalization, and a layer of the user's whose own weights are called so.
    """
    if is_a(layer, *NORMALISING):
        return True
    names = {weight_name(weight) for weight in own_weights(layer) if not weight.trainable}
    return {"moving_mean", "moving_variance"} <= names or {"moving_mean", "moving_var"} <= names


def own_weights(layer: Any) -> list[Any]:
    """Weights that the layer holds itself, and no layer below it."""
    below = {id(weight) for child in all_layers(layer)[1:] for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in below]


def weight_name(weight: Any) -> str:
    """The last part of a weight's name: `kernel`, in Keras 3 and as the `dense/kernel:0` of tf_keras."""
    return str(weight.name).rpartition("/")[2].partition(":")[0]


def is_kernel(weight: Any) -> bool:
    """Whether a weight multiplies what goes through the network: of two dimensions or more, no bias and no scale."""
    return len(weight.shape) >= 2 and not any(weight_name(weight).startswith(name) for name in NO_KERNEL)


def has_kernel(layer: Any) -> bool:
    """Whether the layer itself holds a kernel."""
    return any(is_kernel(weight) for weight in own_weights(layer))


def value(weight: Any) -> NDArray[Any]:
    """The weight's value, float64."""
    return np.asarray(weight.numpy(), np.float64) if hasattr(weight, "numpy") else np.asarray(weight, np.float64)


def array(tensor: Any) -> NDArray[np.float32]:
    """A tensor of either Keras as float32."""
    if "bfloat16" in str(getattr(tensor, "dtype", "")) or "float16" in str(getattr(tensor, "dtype", "")):
        import tensorflow as tf

        tensor = tf.cast(tensor, tf.float32)
    return np.asarray(tensor, np.float32)


@contextlib.contextmanager
def wrapped(layers: Sequence[Any], around: Around) -> Iterator[None]:
    """Inside, every call of these layers is `around(layer, its own call, args, kwargs)`."""
    before = {id(layer): layer.__dict__.get("call") for layer in layers}
    for layer in layers:  # past Keras, which would look for variables in what is assigned
        object.__setattr__(layer, "call", _around(layer, layer.call, around))
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")
            if before[id(layer)] is not None:
                object.__setattr__(layer, "call", before[id(layer)])


def _around(layer: Any, original: Callable[..., Any], around: Around) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        return around(layer, original, args, kwargs)

    return call


@contextlib.contextmanager
def untouched(model: Any) -> Iterator[None]:
    """Afterwards every variable of the model, and Keras's global seed, has the value that it had."""
    variables = [*model.variables, *_global_seeds()]
    before = [np.array(variable.numpy()) for variable in variables]
    try:
        yield
    finally:
        for variable, kept in zip(variables, before, strict=True):
            if not np.array_equal(variable.numpy(), kept, equal_nan=kept.dtype.kind == "f"):
                variable.assign(kept)


def _global_seeds() -> list[Any]:
    """The state of the generator from which Keras 3 draws where a layer has none of its own, if there is one yet."""
    states = sys.modules.get("keras.src.backend.common.global_state")
    if states is None:
        return []
    generator = states.get_global_attribute("global_seed_generator")
    return [] if generator is None else [generator.state]


def entered(model: Any, images: NDArray[np.float32]) -> list[Any]:
    """Layers below the model in the order in which a forward pass in inference mode enters them."""
    order: dict[int, Any] = {}

    def note(layer: Any, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        order.setdefault(id(layer), layer)
        return call(*args, **kwargs)

    with untouched(model), wrapped(all_layers(model)[1:], note):
        model(images, training=False)
    return list(order.values())
