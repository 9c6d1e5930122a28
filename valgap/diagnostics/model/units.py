"""VG204, VG205 and VG207: units that never fire, one class for every image, values that are not finite."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.model.layers import all_layers, array, is_a, own_weights, untouched, weight_name, wrapped
from valgap.diagnostics.seen import Seen

CUT = ("relu", "relu6")  # activations that are exactly 0 below 0
MANY = 0.8  # share of a layer's units that never fire: worth a look
LEAST = 8  # units of such a layer
IMAGES = 100  # that a share of units is told from
ONE = 0.98  # share of predictions in one class
OTHERS = 0.02  # share of images of other classes that makes this strange
FEW = 30  # images from which one class for all is told


@dataclasses.dataclass(frozen=True)
class Firing:
    """Units (or filters) of one layer behind a ReLU, and how many of them never gave more than 0."""

    layer: str
    units: int
    dead: int


def firing(model: Any, batches: Iterable[NDArray[np.float32]]) -> tuple[Firing, ...]:
    """Every layer that ends in a ReLU, in the order of a forward pass in inference mode over the batches."""
    layers = [layer for layer in all_layers(model) if _cuts(layer)]
    fired: dict[int, NDArray[np.bool_]] = {}

    def note(layer: Any, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = call(*args, **kwargs)
        values = array(given)
        alive = np.asarray((values > 0).any(axis=tuple(range(values.ndim - 1))), np.bool_)
        before = fired.get(id(layer))
        fired[id(layer)] = alive if before is None else alive | before
        return given

    with untouched(model), wrapped(layers, note):
        for batch in batches:
            model(batch, training=False)
    names = {id(layer): str(layer.name) for layer in layers}
    return tuple(Firing(names[key], len(alive), int(np.sum(~alive))) for key, alive in fired.items())


def dead_units(layers: Sequence[Firing], images: int) -> Seen | None:
    """VG204: a layer that is dead as a whole is a problem, one of which nearly all is dead is worth a look."""
    if not layers or not images:
        return None
    whole = [each for each in layers if each.dead == each.units]
    most = [each for each in layers if each.units >= LEAST and each.dead >= MANY * each.units]
    if not whole and (not most or images < IMAGES):
        return None
    worst = whole[0] if whole else max(most, key=lambda each: each.dead / each.units)
    evidence = {
        "layer": worst.layer,
        "dead": worst.dead,
        "units": worst.units,
        "whole": bool(whole),
        "layers": len(whole or most),
        "of": len(layers),
        "images": images,
    }
    return Seen("VG204", "problem" if whole else "worth a look", evidence)


def one_class(predicted: NDArray[np.int64], labels: NDArray[np.int64], class_names: Sequence[str]) -> Seen | None:
    """VG205: nearly all images (n,) are given one class, although some of them are of others."""
    if len(labels) < FEW or len(labels) != len(predicted):
        return None
    counts = np.bincount(predicted, minlength=len(class_names))
    favourite = int(counts.argmax())
    share, others = float(counts[favourite] / len(predicted)), float(np.mean(labels != favourite))
    if share < ONE or others < OTHERS:
        return None
    evidence = {
        "name": class_names[favourite],
        "share": share,
        "images": len(labels),
        "own": 1 - others,
        "classes": len(np.unique(labels)),
    }
    return Seen("VG205", "problem", evidence)


def not_finite(model: Any, images: NDArray[np.float32] | None = None) -> Seen | None:
    """VG207: a weight that is not finite, or else, of a batch of finite images, the first layer whose outputs are not.

    Of weights the first layer in the model's order is named.
    """
    for layer in all_layers(model):
        for weight in own_weights(layer):
            values = np.asarray(weight.numpy())
            if values.dtype.kind in "fV" and (bad := int(np.sum(~np.isfinite(values.astype(np.float64))))):
                found = {"layer": str(layer.name), "weight": weight_name(weight), "count": bad, "of": int(values.size)}
                return Seen("VG207", "problem", {"what": "weights"} | found)
    if images is None:
        return None
    broken: list[tuple[str, int, int]] = []

    def note(layer: Any, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = call(*args, **kwargs)
        if not broken and hasattr(given, "shape") and hasattr(given, "dtype"):
            finite = np.isfinite(array(given))
            if not finite.all():
                rows = np.asarray(finite.reshape(len(finite), -1).all(axis=1))
                broken.append((str(layer.name), int(np.sum(~rows)), len(rows)))
        return given

    leaves = [layer for layer in all_layers(model)[1:] if not all_layers(layer)[1:]]
    with untouched(model), wrapped(leaves, note):
        outputs = model(images, training=False)
    if not broken:
        given = [array(part) for part in _parts(outputs)]
        bad = sum(int(np.sum(~np.isfinite(part).reshape(len(part), -1).all(axis=1))) for part in given)
        if not bad:
            return None
        broken.append((str(model.name), bad, len(images)))
    layer, count, of = broken[0]
    return Seen("VG207", "problem", {"what": "outputs", "layer": layer, "weight": "", "count": count, "of": of})


def _cuts(layer: Any) -> bool:
    if is_a(layer, "ReLU"):
        slope = getattr(layer, "negative_slope", 0)
        return not slope and not getattr(layer, "threshold", 0)
    return getattr(getattr(layer, "activation", None), "__name__", "") in CUT


def _parts(outputs: Any) -> list[Any]:
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
