"""The contract of a model builder, the suite's own and a user's, and what holds a model to it.

`model.builder: package.module:function` in params.yaml names a function

    build(input_shape: tuple[int, int, int], classes: int, knobs: Knobs) -> keras.Model

that makes a new, uncompiled model each time: Sequential, functional or subclassed, built or not. It takes one batch
of float32 images (n, *input_shape), in [0, 1] unless train.normalize says otherwise, and returns (n, classes): logits,
or softmax probabilities; or, of two classes, (n, 1): the logit or the sigmoid of the second. Which of them is found by
trying: rows that are not negative and sum to 1 are probabilities; a sigmoid for each class is refused. The suite
trains on logits: of probabilities on the input of softmax or sigmoid where TensorFlow's graph shows it, as Keras does,
else on their logarithm with p clipped to at least 1e-7, as Keras does; so no NLL of such a model exceeds 16.1.

Random weights come from Keras's initializers and random layers from Keras's seeded layers (`keras.layers.Dropout`,
`keras.random` with a SeedGenerator that a layer holds), so that a replicate can be repeated. Nothing is downloaded.

The builder answers to the knobs that only it can: see `Knobs`. The suite applies the others from outside to any
model (valgap/training/network/knobs.py), and refuses a variant whose knob the builder ignores (valgap/models/bites.py).
"""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError
from valgap.training.network.structure import output_layer, own_weights

SUM_TOLERANCE = 1e-3  # of a row of probabilities, which float16 meets
HALF_SUM_TOLERANCE = 0.02  # likewise where outputs are not float32: bfloat16 has 8 significant bits
FAILED = "make it take batches of the input_shape that it is given"
Shape = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class Knobs:
    """What a builder is asked for.

    `dropout` are three rates in [0, 1): in the first and in the second half of the convolutions, and before the
    output layer; 0 is no dropout. `width` multiplies filters and hidden units. `head` says what follows the
    convolutions: `flatten` a hidden layer, `pooling` a global average and no hidden layer. `batch_norm` asks for batch
    normalisation. `weights` is the path of the file that model.weights names, `random` or None. What a builder
    cannot do it ignores: the suite then refuses variants that ask for it.
    """

    dropout: tuple[float, float, float]
    width: float
    head: Literal["flatten", "pooling"]
    batch_norm: bool
    weights: str | None


Builder = Callable[[Shape, int, Knobs], keras.Model]
Activation = Literal["", "softmax", "sigmoid"]  # of the output layer; of none the outputs are logits


class Logits(keras.Model):  # type: ignore[misc]
    """A network's outputs as float32 logits; its variables are the network's, in the same order.

    `activation` is what the outputs have been through. One output, of two classes, is the logit of the second over the
    first: with a logit of 0 for the first, cross-entropy and its gradient are the binary ones.
    """

    def __init__(self, network: keras.Model, activation: Activation) -> None:
        super().__init__()
        self.network = network
        self.activation = activation

    def call(self, images: Any, training: bool | None = None) -> Any:
        """Logits float32 (n, classes) of images (n, height, width, channels)."""
        outputs = self.network(images, training=training)
        if self.activation:
            source = getattr(outputs, "op", None)  # only a tensor of a graph has one
            if source is not None and source.type == self.activation.title():
                outputs = source.inputs[0]
            else:
                outputs = _undone(ops.cast(outputs, "float32"), self.activation)
        logits = ops.cast(outputs, "float32")
        return ops.concatenate([ops.zeros_like(logits), logits], -1) if logits.shape[-1] == 1 else logits


def _undone(probabilities: Any, activation: str) -> Any:
    """Logits of probabilities, clipped as Keras's losses clip them."""
    least = keras.config.epsilon()
    if activation == "sigmoid":
        clipped = ops.clip(probabilities, least, 1 - least)
        return ops.log(clipped / (1 - clipped))
    return ops.log(ops.clip(probabilities, least, 1.0))


def refusal(builder: str, what: str, cure: str) -> SuiteError:
    """The error that names the builder, what is wrong with it and what mends it."""
    return SuiteError(key="model.builder", value=builder, why=what, cure=cure)


def check_kind(model: object, input_shape: Shape, builder: str) -> None:
    """Raise SuiteError unless this is an uncompiled Keras model of one image batch and one output."""
    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise refusal(builder, f"returned {kind}, which is no keras.Model", "return the model that it builds")
    if model.compiled:
        cure = "leave out compile(): the suite chooses loss and optimizer, and trains itself"
        raise refusal(builder, "returned a compiled model", cure)
    inputs, outputs = (_tensors(model, name) for name in ("inputs", "outputs"))
    for name, tensors in (("inputs", inputs), ("outputs", outputs)):
        if len(tensors) > 1:
            raise refusal(builder, f"its model has {len(tensors)} {name}", "build one of one input and one output")
    if inputs:
        taken = tuple(inputs[0].shape[1:])
        fits = len(taken) == 3 and all(ours in (None, given) for ours, given in zip(taken, input_shape, strict=True))
        if not fits:
            what = f"its model takes images {taken} where the suite's are {input_shape}"
            raise refusal(builder, what, "make its keras.Input of the input_shape that it is given")


def as_logits(model: keras.Model, input_shape: Shape, classes: int, builder: str) -> keras.Model:
    """The model, or the model within `Logits` where its outputs are probabilities, one for two classes, or not float32.

    Raises SuiteError on no trainable weights, on outputs that are not (n, classes), or (n, 1) of two classes, finite,
    and logits, softmax or, of one output, sigmoid.
    """
    if not model.trainable_variables:
        raise refusal(builder, "its model has no trainable weights", "build layers that have some, and freeze not all")
    images = sample(input_shape)
    with own_words(builder, f"its model fails on images {input_shape}", FAILED):
        raw = model(images, training=False)
    _check_shape(raw, len(images), classes, builder)
    whole = keras.backend.standardize_dtype(raw.dtype) == "float32"
    outputs = ops.convert_to_numpy(ops.cast(raw, "float32")).astype(np.float64)
    if not np.isfinite(outputs).all():
        what = "its outputs are not finite on images in [0, 1] at the initial weights"
        raise refusal(builder, what, "look for a division by zero, a logarithm, or weights that are too large")
    activation = _activation(model, images, outputs, SUM_TOLERANCE if whole else HALF_SUM_TOLERANCE, builder)
    if not activation and whole and outputs.shape[1] == classes:
        return model
    wrapped = Logits(model, activation)
    wrapped(images, training=False)
    return wrapped


def _activation(
    model: keras.Model, images: NDArray[np.float32], outputs: NDArray[np.float64], tolerance: float, builder: str
) -> Activation:
    """What the outputs, (n, classes) or (n, 1), have been through. Raises SuiteError on what cannot be trained."""
    one = outputs.shape[1] == 1
    sums = bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=tolerance))
    if one and sums:
        what = "its one output is 1 for every image, as softmax over one output is"
        raise refusal(builder, what, "end it with sigmoid, or with no activation")
    if sums:
        return "softmax"
    if not _stays_in_unit_interval(model, images, outputs):
        return ""
    if one:
        return "sigmoid"
    what = "its outputs are one sigmoid a class: all in [0, 1], whatever the weights, and sums other than 1"
    raise refusal(builder, what, "end it with Dense(classes), or with softmax")


def sample(input_shape: Shape) -> NDArray[np.float32]:
    """Four float32 images in [0, 1]: black, white, and two of noise."""
    noise = np.random.default_rng(0).random((2, *input_shape), dtype=np.float32)
    return np.concatenate([np.zeros((1, *input_shape), np.float32), np.ones((1, *input_shape), np.float32), noise])


def _tensors(model: keras.Model, name: str) -> list[Any]:
    """Symbolic inputs or outputs, of functional and Sequential models; none of others."""
    try:
        return list(getattr(model, name, None) or [])
    except (AttributeError, TypeError, ValueError):  # a Sequential that is not built has none yet
        return []


def _check_shape(outputs: Any, count: int, classes: int, builder: str) -> None:
    if isinstance(outputs, (list, tuple, dict)):
        raise refusal(builder, f"its model returns {len(outputs)} outputs in a {type(outputs).__name__}", "return one")
    if not hasattr(outputs, "shape") or not hasattr(outputs, "dtype"):
        raise refusal(builder, f"its model returns {type(outputs).__name__}, no tensor", "return a tensor")
    shape = tuple(outputs.shape)
    if shape == (count, classes) or (shape == (count, 1) and classes == 2):
        dtype = keras.backend.standardize_dtype(outputs.dtype)
        if "float" not in dtype:
            raise refusal(builder, f"its outputs are of type {dtype}", "return logits, not classes")
        return
    if len(shape) > 2:
        what = f"its model returns {shape} for {count} images"
        cure = f"end it with Flatten or a global average and Dense(classes): (n, {classes})"
    else:
        what = f"its model returns {shape} for {count} images of {classes} classes"
        cure = f"end it with Dense(classes): (n, {classes})"
    raise refusal(builder, what, cure)


def _stays_in_unit_interval(model: keras.Model, images: NDArray[np.float32], outputs: NDArray[np.float64]) -> bool:
    """Whether outputs lie in [0, 1] whatever the output layer's weights: tried with three draws from N(0, 10^2)."""
    if not ((outputs > 0) & (outputs < 1)).all():
        return False
    layer = output_layer(model, images[:1])
    weights = [] if layer is None else own_weights(layer)
    kept = [weight.numpy().copy() for weight in weights]
    rng = np.random.default_rng(0)
    try:
        for _ in range(3):
            for weight in weights:
                weight.assign(rng.normal(0, 10, weight.shape))
            tried = ops.convert_to_numpy(ops.cast(model(images, training=False), "float32"))
            if not ((tried >= 0) & (tried <= 1)).all():
                return False
    finally:
        for weight, value in zip(weights, kept, strict=True):
            weight.assign(value)
    return bool(weights)


@contextlib.contextmanager
def own_words(builder: str, doing: str, cure: str) -> Iterator[None]:
    """Turn whatever is raised inside into a SuiteError with the error's own first words."""
    try:
        yield
    except SuiteError:
        raise
    except Exception as error:
        raise refusal(builder, f"{doing}: {first_words(error)}", cure) from None


def first_words(error: BaseException) -> str:
    """Type and message of an error in one line of at most 400 characters; Keras's go over many, and in bold."""
    text = " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).split())
    return f"{type(error).__name__}: {text}"[:400]
