"""Forward passes by the statistics of the batch, as in training, that leave no trace in the model.

Only layers that normalise by the batch are put into training mode; everything else runs as in inference. So dropout,
noise, random augmentation and whatever a user's own layers do in training have no part in the difference between the
modes: it is that of batch statistics and moving statistics alone. BatchNormalization with trainable = False keeps its
moving statistics in training too (Keras's rule since 2.1.3), and so it does here.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.model.layers import (
    all_layers,
    array,
    is_normalising,
    own_weights,
    untouched,
    weight_name,
    wrapped,
)
from valgap.diagnostics.model.steadiness import differ

Outputs = NDArray[np.float32]
Pick = Callable[[Any], Any]
Result = TypeVar("Result")
MEANS, VARIANCES = ("moving_mean",), ("moving_variance", "moving_var")


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Of one layer that normalises: mean and variance by channel (c,), as the batches have and as the layer keeps them.

    `frozen` says that the layer uses its moving statistics in training, too.
    """

    layer: str
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    moving_mean: NDArray[np.float64]
    moving_variance: NDArray[np.float64]
    frozen: bool


def has_batch_statistics(model: Any) -> bool:
    """Whether the modes can differ: a layer normalises by the batch and is not frozen."""
    return any(layer.trainable for layer in all_layers(model) if is_normalising(layer))


def training_mode(model: Any, batches: Iterable[Outputs], pick: Pick | None = None) -> Outputs:
    """Outputs (n, k) of shuffled batches (b, h, w, c) of float32 images, by the statistics of each batch.

    `pick` takes the wanted tensor from what a call of the model returns. Afterwards every variable has its old value.
    Batches of fewer than about 16 images, or sorted by class, have other statistics than those of training.
    """
    return _passes(model, batches, pick)[0]


def statistics(model: Any, batches: Iterable[Outputs]) -> tuple[Statistics, ...]:
    """Statistics of every layer that normalises, in the order of a forward pass in training mode."""
    return _passes(model, batches, None)[1]


def re_estimated(model: Any, batches: Iterable[Outputs], then: Callable[[], Result]) -> Result:
    """What `then` gives while the moving statistics are those of the batches; they are put back afterwards.

    The variance is that of all images: the mean of the batches' variances plus the variance of their means.
    """
    found = {each.layer: each for each in _passes(model, batches, None)[1] if not each.frozen}
    with untouched(model):
        for layer in filter(is_normalising, all_layers(model)):
            each = found.get(layer.name)
            if each is None:
                continue
            for weight in own_weights(layer):
                if weight_name(weight) in MEANS:
                    weight.assign(each.mean.reshape(weight.shape))
                elif weight_name(weight) in VARIANCES:
                    weight.assign(each.variance.reshape(weight.shape))
        return then()


def depends_on_others(model: Any, images: Outputs, pick: Pick | None = None) -> bool:
    """Whether in inference mode an image's outputs change with the images beside it, or from call to call.

    So it is where a base was called with training=True when the network was built. `images` are at least four of
    one batch.
    """
    half = len(images) // 2
    with untouched(model):
        whole = _picked(model(images, training=False), pick)[:half]
        alone = _picked(model(images[:half], training=False), pick)
    return differ(whole, alone, equal_nan=False)


def _passes(model: Any, batches: Iterable[Outputs], pick: Pick | None) -> tuple[Outputs, tuple[Statistics, ...]]:
    layers = [layer for layer in all_layers(model) if is_normalising(layer)]
    seen: dict[int, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}

    def in_training(layer: Any, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        seen.setdefault(id(layer), []).append(_moments(layer, args[0] if args else next(iter(kwargs.values()))))
        return call(*args[:1], **(kwargs | {"training": True}))

    found = []
    with untouched(model):
        kept = {id(layer): _moving(layer) for layer in layers}
        with wrapped(layers, in_training):
            for batch in batches:
                found.append(_picked(model(batch, training=False), pick))
    by_id = {id(layer): layer for layer in layers}
    listed = tuple(_summary(by_id[key], moments, *kept[key]) for key, moments in seen.items())
    return np.concatenate(found), listed


def _picked(outputs: Any, pick: Pick | None) -> Outputs:
    values = array(outputs if pick is None else pick(outputs))
    return values.reshape(len(values), -1)


def _moments(layer: Any, inputs: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = array(inputs).astype(np.float64)
    axis = getattr(layer, "axis", -1)
    axis = axis[0] if isinstance(axis, (list, tuple)) else axis
    others = tuple(each for each in range(values.ndim) if each != axis % values.ndim)
    return values.mean(axis=others), values.var(axis=others)


def _moving(layer: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    by_name = {weight_name(weight): np.asarray(weight.numpy(), np.float64).ravel() for weight in own_weights(layer)}
    mean = next(by_name[name] for name in MEANS if name in by_name)
    return mean, next(by_name[name] for name in VARIANCES if name in by_name)


def _summary(
    layer: Any,
    moments: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    moving_mean: NDArray[np.float64],
    moving_variance: NDArray[np.float64],
) -> Statistics:
    means, variances = (np.stack(each) for each in zip(*moments, strict=True))
    return Statistics(
        layer=str(layer.name),
        mean=means.mean(axis=0),
        variance=variances.mean(axis=0) + means.var(axis=0),
        moving_mean=moving_mean,
        moving_variance=moving_variance,
        frozen=not layer.trainable,
    )
