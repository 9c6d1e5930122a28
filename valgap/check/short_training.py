"""A copy of a compiled model that can be trained for some steps, so that the model itself stays as it is."""

import copy as copying
import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError

Pixels = NDArray[np.float32]
Index = NDArray[np.int64]
CROSS_ENTROPIES = {"sparse_categorical_crossentropy": None, "categorical_crossentropy": None, "binary_crossentropy": 2}


class Trial:
    """A copy of a model with its weights, its loss and fresh optimizers of its kind.

    `width` is that of the one-hot labels that the loss takes, None for numbers. Raises SuiteError on a model that is
    not compiled, that cannot be copied, or whose loss cannot be computed on the images and labels.
    """

    def __init__(self, model: Any, width: int | None) -> None:
        check(model)
        self.model, self.width = copied(model), width
        self.weights = [weight.copy() for weight in model.get_weights()]
        self.loss = model.loss
        self.rate, self.steps_done = rate_of(model.optimizer), int(model.optimizer.iterations)
        inner = getattr(model.optimizer, "inner_optimizer", None) or model.optimizer
        self._kind, self._config = type(inner), inner.get_config()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.compile(optimizer="sgd", loss=model.loss, jit_compile=False)

    def reset(self) -> None:
        """Put the model's own weights back into the copy."""
        self.model.set_weights(self.weights)

    def optimizer(self, rate: float) -> Any:
        """A fresh optimizer of the model's kind and settings, at another rate."""
        return self._kind.from_config(self._config | {"learning_rate": rate})

    def adam(self, rate: float) -> Any:
        """A fresh Adam, whatever the model was compiled with."""
        import keras

        return keras.optimizers.Adam(rate)

    def targets(self, labels: Index) -> NDArray[np.float32] | Index:
        """Labels in the shape in which the user's data gives them."""
        if self.width is not None:
            return np.eye(self.width, dtype=np.float32)[np.maximum(labels, 0)]
        single = self.model.output_shape[-1] == 1 if hasattr(self.model, "output_shape") else False
        return labels.astype(np.float32)[:, np.newaxis] if single else labels

    def outputs(self, images: Pixels, training: bool) -> Pixels:
        """What the copy gives for images, float32 (n, k)."""
        import keras

        found = keras.ops.convert_to_numpy(self.model(self._shaped(images), training=training))
        return np.asarray(found, np.float32).reshape(len(images), -1)

    def accuracy(self, images: Pixels, labels: Index, training: bool = False) -> float:
        """Share of images that the copy recognises."""
        return self.right(self.outputs(images, training), labels)

    def right(self, values: Pixels, labels: Index) -> float:
        """Share of outputs (n, k) that name the label; one output is a probability, or a logit."""
        if values.shape[1] == 1:
            limit = 0.5 if values.min() >= 0 and values.max() <= 1 else 0.0
            return float(((values[:, 0] > limit) == labels).mean())
        return float((values.argmax(axis=1) == labels).mean())

    def loss_of(self, images: Pixels, labels: Index, training: bool) -> float:
        """The loss in inference or training mode, without penalties on weights."""
        import keras

        given = self.model(self._shaped(images), training=training)
        loss = self.model.compute_loss(x=None, y=self.targets(labels), y_pred=given)
        penalty = sum(float(keras.ops.convert_to_numpy(each)) for each in self.model.losses)
        return float(keras.ops.convert_to_numpy(loss)) - penalty

    def gradients(self, images: Pixels, labels: Index, training: bool = True) -> tuple[float, list[Any]]:
        """The loss and its gradient by each trainable weight (None where there is none). Raises SuiteError."""
        try:
            loss, found = self._gradients(self._shaped(images), self.targets(labels), training)
        except Exception as error:  # whatever layers and losses do
            words = " ".join(str(error).split())[:300]
            raise SuiteError(
                f"the loss of {self.model.name} cannot be computed on what train gives: {type(error).__name__}: {words}"
            ) from None
        return float(loss), found

    def step(self, optimizer: Any) -> Any:
        """A function (images, labels) that takes one step of an optimizer and gives the loss before it."""
        import tensorflow as tf

        weights = self.model.trainable_variables
        optimizer.build(weights)

        def one(images: Any, targets: Any) -> Any:
            loss, found = self._gradients(images, targets, True)
            pairs = [(each, weight) for each, weight in zip(found, weights, strict=True) if each is not None]
            optimizer.apply_gradients(pairs)
            return loss

        run = tf.function(one, reduce_retracing=True, jit_compile=False)
        return lambda images, labels: float(run(tf.constant(self._shaped(images)), tf.constant(self.targets(labels))))

    def expected(self, outputs: int) -> float | None:
        """The loss of one who knows nothing: ln K, or ln 2 of a binary cross entropy; None for other losses."""
        name = (
            self.loss if isinstance(self.loss, str) else getattr(self.loss, "name", getattr(self.loss, "__name__", ""))
        )
        if name not in CROSS_ENTROPIES:
            return None
        return math.log(CROSS_ENTROPIES[name] or max(outputs, 2))

    def _gradients(self, images: Any, targets: Any, training: bool) -> tuple[Any, list[Any]]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            given = self.model(images, training=training)
            loss = self.model.compute_loss(x=images, y=targets, y_pred=given)
        return loss, tape.gradient(loss, [getattr(each, "value", each) for each in self.model.trainable_variables])

    def _shaped(self, images: Pixels) -> Pixels:
        """Grey images without a channel axis, where the model takes them so."""
        inputs = getattr(self.model, "inputs", None)
        flat = inputs is not None and len(inputs) == 1 and len(inputs[0].shape) == 3
        return images[..., 0] if flat else images


def check(model: Any) -> None:
    """Raise SuiteError unless a model is a keras.Model that was compiled with a loss and an optimizer."""
    import keras

    if not isinstance(model, keras.Model):
        raise SuiteError(f"model is a {type(model).__module__}.{type(model).__qualname__}: give a keras.Model")
    if not model.compiled or model.loss is None or model.optimizer is None:
        raise SuiteError(
            f"model = {model.name} is not compiled, so nothing says its loss and its learning rate; call "
            "`model.compile(optimizer=..., loss=...)` as before `fit`"
        )
    if not model.built:
        raise SuiteError(f"model = {model.name} has no weights yet; give it an Input, or call it on a batch once")


def copied(model: Any) -> Any:
    """A model of the same layers and weights that shares nothing with the model. Raises SuiteError on failure."""
    import keras

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            copy = keras.models.clone_model(model)
            copy.set_weights(model.get_weights())
            return copy
        except Exception:  # a subclass without a configuration: as its file would be
            try:
                return copying.deepcopy(model)
            except Exception as error:
                words = " ".join(str(error).split())[:300]
                raise SuiteError(
                    f"model = {model.name} cannot be copied ({type(error).__name__}: {words}); give its class a "
                    "get_config, as saving it takes too"
                ) from None


def rate_of(optimizer: Any) -> float:
    """The learning rate that was compiled; of a schedule the highest of its start and its next 1,000 steps."""
    schedule = getattr(optimizer, "_learning_rate", None)
    if callable(schedule):
        return max(float(schedule(step)) for step in (0, 1, 10, 100, 300, 1000))
    return float(optimizer.learning_rate)
