"""What a network is made of: the layers that it calls, in what order, and the weights that each of them holds.

Keras lists the layers of a subclassed model as its author wrote them down, not as data flow through them. What is
asked here is asked of a forward pass: "from the input on" and "the output layer" mean what they say for any model.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

NO_KERNEL = ("bias", "gamma", "beta")
CONVOLUTION_RANK = 4  # of a kernel: height, width, input and output channels


def call_order(model: keras.Model, images: Any) -> list[keras.Layer]:
    """The model itself and all layers below it, in the order in which a forward pass in inference mode enters them.

    Layers that it does not enter are left out. `images` is a batch, float32 (n, height, width, channels).
    """
    order: dict[int, keras.Layer] = {}

    def entered(layer: keras.Layer, original: Any, *args: Any, **kwargs: Any) -> Any:
        order.setdefault(id(layer), layer)
        return original(*args, **kwargs)

    with lent(all_layers(model), lambda layer, original: functools.partial(entered, layer, original)):
        model(images, training=False)
    return list(order.values())


@contextlib.contextmanager
def lent(layers: Sequence[keras.Layer], call: Callable[[keras.Layer, Any], Any]) -> Iterator[None]:
    """Inside, each layer's `call` is what `call(layer, its own)` gives; afterwards it is again as it was."""
    before = [vars(layer).get("call") for layer in layers]
    try:
        for layer in layers:  # past Keras, which would look for variables in what is assigned
            object.__setattr__(layer, "call", call(layer, layer.call))
        yield
    finally:
        for layer, own in zip(layers, before, strict=True):
            if own is not None:
                object.__setattr__(layer, "call", own)
            elif "call" in vars(layer):
                object.__delattr__(layer, "call")


def all_layers(layer: keras.Layer) -> list[keras.Layer]:
    """The layer and all layers below it. Keras has no public way into layers that hold layers."""
    return list(layer._flatten_layers())


def own_weights(layer: keras.Layer) -> list[keras.Variable]:
    """Weights that the layer holds itself, and no layer below it."""
    below = {id(weight) for child in all_layers(layer)[1:] for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in below]


def weighted_layers(model: keras.Model, images: Any) -> list[keras.Layer]:
    """Layers that hold weights themselves, from the input on."""
    return [layer for layer in call_order(model, images) if own_weights(layer)]


def is_kernel(weight: keras.Variable) -> bool:
    """Whether a weight multiplies what goes through the network: of two dimensions or more, no bias and no scale."""
    return len(weight.shape) >= 2 and not any(word in weight.name for word in NO_KERNEL)


def own_kernels(layer: keras.Layer) -> list[keras.Variable]:
    """The kernels among the layer's own weights."""
    return [weight for weight in own_weights(layer) if is_kernel(weight)]


def output_layer(model: keras.Model, images: Any) -> keras.Layer | None:
    """The last layer with a kernel; None where no layer has one."""
    return next((layer for layer in reversed(weighted_layers(model, images)) if own_kernels(layer)), None)


def head_weights(model: keras.Model, images: Any) -> list[keras.Variable]:
    """Weights from the first kernel after the last convolution on; none where there is no convolution or nothing after.

    A model or layer within the model that convolves, such as a pretrained base, counts as one convolution, unless
    nothing with a kernel follows it: then its own inside is looked at.
    """
    order = call_order(model, images)
    position = {id(layer): number for number, layer in enumerate(order)}

    def following(container: keras.Layer) -> list[keras.Variable]:
        within = container._flatten_layers(include_self=False, recursive=False)
        children = sorted((child for child in within if id(child) in position), key=lambda child: position[id(child)])
        convolving = [number for number, child in enumerate(children) if _convolves(child)]
        if not convolving:
            return []
        last = convolving[-1]
        after = children[last + 1 :]
        first = next((number for number, child in enumerate(after) if any(map(is_kernel, child.weights))), None)
        if first is None:
            return following(children[last])
        return [weight for child in after[first:] for weight in child.weights]

    return following(model)


def forward_flops(model: keras.Model, input_shape: tuple[int, int, int]) -> int:
    """Floating-point operations of one image's forward pass in inference mode, as TensorFlow's profiler counts them."""
    graph = tf.function(lambda images: model(images, training=False)).get_concrete_function(
        tf.TensorSpec((1, *input_shape))
    )
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation() | {"output": "none"}
    return int(tf.compat.v1.profiler.profile(graph.graph, options=options).total_float_ops)


def _convolves(layer: keras.Layer) -> bool:
    return any(len(weight.shape) >= CONVOLUTION_RANK and is_kernel(weight) for weight in layer.weights)
