"""What takes two builds and a training step to find: a builder that does not repeat, a model that does not train."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from valgap.diagnostics.model.inside import inside
from valgap.ground.params.experiment import Model
from valgap.training.network.builders import build_network
from valgap.training.network.contract import Knobs, Shape, as_logits, own_words, refusal, sample
from valgap.training.network.structure import is_kernel

RANDOM = "draw weights by Keras's initializers and nothing from a generator of your own"
LAYERS = "draw by Keras's seeded layers: keras.layers.Dropout, or keras.random with a SeedGenerator that a layer holds"


def examine(input_shape: Shape, classes: int, architecture: Model, knobs: Knobs, normalize: str = "unit") -> None:
    """Build the network twice under one seed, and take gradients of its loss inside a TensorFlow graph.

    Raises SuiteError, naming model.builder, when the two differ in their initial weights; when a file of weights
    leaves every kernel as random as without it; when the model divides pixels as if they were of 0 to 255, and
    `normalize` does not give these; when it fails in a graph, draws other numbers than its seeds say, or has trainable
    variables without a gradient or with one that is not finite.
    """
    builder = architecture.builder
    first, again = (_seeded(input_shape, classes, architecture, knobs, seed) for seed in (1, 1))
    _check_equal(first, again, builder)
    if knobs.weights not in (None, "random"):
        _check_loaded(first, _seeded(input_shape, classes, architecture, knobs, 2), builder, str(architecture.weights))
    model = as_logits(first, input_shape, classes, builder)
    if normalize != "pixels":
        _check_pixels(first, input_shape, builder)
    state = [variable.numpy().copy() for variable in model.variables]
    variables = model.trainable_variables
    batch = tf.constant(sample(input_shape)), tf.one_hot([0, 1, 0, 1], classes)

    def step(images: tf.Tensor, targets: tf.Tensor) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            each = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
            total = tf.add_n([tf.reduce_mean(each), *model.losses])
        return logits, tape.gradient(total, variables)

    specs = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in batch]  # the last batch may be smaller
    graph = tf.function(step, input_signature=specs, jit_compile=False)
    with own_words(
        builder,
        "its model fails in a TensorFlow graph",
        "in call use keras.ops, not NumPy, and ask no image count: it varies",
    ):
        outputs, gradients = graph(*batch)
    missing = [variable.path for variable, g in zip(variables, gradients, strict=True) if g is None]
    if missing:
        what = f"{len(missing)} trainable variables play no part in its outputs: {', '.join(missing[:3])}"
        raise refusal(builder, what, "leave out their layers, or set layer.trainable = False")
    if not all(np.isfinite(np.asarray(tf.convert_to_tensor(gradient))).all() for gradient in gradients):
        cure = "look for a square root or logarithm of 0, or weights that are too large"
        raise refusal(builder, "gradients of its loss are not finite at the initial weights", cure)
    for variable, value in zip(model.variables, state, strict=True):
        variable.assign(value)
    if not np.allclose(outputs, graph(*batch)[0], rtol=1e-4, atol=1e-5):
        raise refusal(
            builder, "its outputs in training differ from call to call under the same weights and seeds", LAYERS
        )


def _check_pixels(model: keras.Model, input_shape: Shape, builder: str) -> None:
    """Raise SuiteError where the model divides pixels as if they were of 0 to 255: the suite's are in [0, 1]."""
    found = inside(model, input_shape)
    if found is not None and found.divides:
        what = (
            f"its layer {found.layer} ({found.kind}) divides pixels by about {1 / abs(found.scale):.0f}, but the suite "
            "gives images in [0, 1]: to its first kernel all would be nearly alike"
        )
        cure = "leave that layer out, or set train.normalize to pixels, which gives it 0 to 255"
        raise refusal(builder, what, cure)


def _seeded(input_shape: Shape, classes: int, architecture: Model, knobs: Knobs, seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return build_network(input_shape, classes, architecture, knobs)


def _values(model: keras.Model) -> list[NDArray[Any]]:
    return [weight.numpy() for weight in model.weights]


def _check_equal(first: keras.Model, again: keras.Model, builder: str) -> None:
    if first is again:
        raise refusal(builder, "returned the same model twice", "build a new one in each call")
    ours, theirs = _values(first), _values(again)
    if [value.shape for value in ours] != [value.shape for value in theirs]:
        raise refusal(builder, "built two different networks under the same seed and knobs", RANDOM)
    for weight, mine, other in zip(first.weights, ours, theirs, strict=True):
        if not np.array_equal(mine, other, equal_nan=True):
            raise refusal(builder, f"two builds under the same seed differ in the initial {weight.path}", RANDOM)


def _check_loaded(first: keras.Model, other: keras.Model, builder: str, file: str) -> None:
    kernels = [weight for weight in first.weights if is_kernel(weight)]
    others = [weight for weight in other.weights if is_kernel(weight)]
    pairs = [(mine.numpy(), theirs.numpy()) for mine, theirs in zip(kernels, others, strict=True)]
    if not any(mine.any() and np.array_equal(mine, theirs) for mine, theirs in pairs):
        cure = "load knobs.weights in the builder, or write null"
        raise refusal(builder, f"model.weights = {file} sets no kernel: all are random", cure)
