"""The door of objects: the very data sets that are passed to `fit` and `evaluate`. Needs a started TensorFlow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.check import explained, faults_of_model, held, loading, looking, prediction
from valgap.check.asks import ASKS
from valgap.check.feeds import feed
from valgap.check.network import Network
from valgap.check.options import Options
from valgap.check.prediction import Predicted, sampled
from valgap.check.reading import Asked, find
from valgap.check.survey import survey
from valgap.data.sources.images import Images
from valgap.diagnostics.pipeline import rules
from valgap.diagnostics.pipeline.surveyed import Survey
from valgap.diagnostics.reading.orders import known
from valgap.diagnostics.reading.readings import Scale, Space, space
from valgap.diagnostics.seen import Seen
from valgap.ground.errors import SuiteError

PLAIN: dict[tuple[float, float], Scale] = {(0.0, 1.0): "0-1", (-1.0, 1.0): "-1-1", (0.0, 255.0): "0-255"}
ROWS = 500  # that are copied at once


def examine(
    network: Network, compiled: loading.Compiled | None, data: Mapping[str, Any], options: Options, folder: Path
) -> Predicted:
    """Score the model on what the objects feed, by split; pixels are written below `folder`.

    Raises SuiteError on objects that give no labelled images, and on images that the model does not take.
    """
    surveys = {name: _survey(thing, name, network, options, folder) for name, thing in data.items()}
    train = surveys["train"]
    names = _class_names(surveys)
    images, splits, rows = _joined(surveys, names, folder / "images.npy")
    factor, offset = (train.high - train.low) / 255, train.low
    fed = PLAIN.get((train.low, train.high), "fed")
    fitted, rest = sampled(splits, images.labels)
    finite = np.concatenate([each.finite & (each.labels >= 0) for each in surveys.values()])[rows]
    question = Asked(
        pixels=lambda _, wanted: np.asarray(images.images[wanted]),
        labels=images.labels,
        train=fitted[finite[fitted]],
        held=rest[finite[rest]],
        class_names=names,
        orders=known(len(names), {}),
        space=_space(images, network, fed),
        fed=(options.fixed or fed, (factor, offset)),
    )
    read = find(network, question)

    def look(outputs: NDArray[np.float32]) -> tuple[Seen, ...]:
        pipeline = rules.look(
            train,
            surveys.get("val"),
            surveys.get("test"),
            inside_scale=network.inside.scale if network.inside else None,
            outputs=outputs.shape[1],
        )
        model = faults_of_model.look(network, compiled, images, splits, read, outputs, fed)
        seen = explained.look(network, images, splits, read, outputs, options.saw, _as_fed(surveys, rows))
        others = held.look(network, question, read, images, prediction.roles(splits)[1])
        return (*pipeline, *model, *others, *seen)

    predicted = prediction.concluded(network, images, splits, read, compiled, look, fed, ASKS)
    return looking.with_maps(network, images, read, predicted)


def _survey(thing: Any, name: str, network: Network, options: Options, folder: Path) -> Survey:
    """One pass over a split, with the model's outputs."""
    return survey(feed(thing, name=name, steps=options.steps), network.outputs, folder)


def _from_one(surveys: Mapping[str, Survey]) -> bool:
    """Whether classes are numbered from 1: the first of the model's has no image, and one beyond its last has."""
    labels = np.concatenate([each.labels for each in surveys.values()])
    outputs = surveys["train"].outputs
    width = 0 if outputs is None else outputs.shape[1]
    return bool(width and len(labels) and labels.min() == 1 and labels.max() == max(width, 2))


def _class_names(surveys: Mapping[str, Survey]) -> tuple[str, ...]:
    """Names of the classes by label: those that an object knows, else numbers."""
    for each in surveys.values():
        if each.class_names:
            return tuple(map(str, each.class_names))
    outputs = surveys["train"].outputs
    width = outputs.shape[1] if outputs is not None else 0
    highest = max(int(each.labels.max(initial=0)) for each in surveys.values())
    if _from_one(surveys):
        return tuple(str(label) for label in range(1, highest + 1))
    return tuple(str(label) for label in range(max(width, highest + 1, 2)))


def _joined(
    surveys: Mapping[str, Survey], names: tuple[str, ...], path: Path
) -> tuple[Images, NDArray[np.str_], NDArray[np.int64]]:
    """(images of all splits in one array, the split of each, its place among all that were fed).

    What has no label of these classes is left out.
    """
    labels = np.concatenate([each.labels for each in surveys.values()]) - _from_one(surveys)
    shapes = {each.pixels.shape[1:] for each in surveys.values()}
    if len(shapes) > 1:
        sizes = ", ".join(f"{name} {each.pixels.shape[1:]}" for name, each in surveys.items())
        raise SuiteError(f"images of the splits have several shapes: {sizes}; a model takes one")
    rows = np.flatnonzero((labels >= 0) & (labels < len(names)))
    target = np.lib.format.open_memmap(path, "w+", np.uint8, (len(rows), *shapes.pop()))
    first = filled = 0
    for each in surveys.values():
        own = rows[(rows >= first) & (rows < first + each.count)] - first
        for start in range(0, len(own), ROWS):
            part = own[start : start + ROWS]
            target[filled : filled + len(part)] = each.pixels[part]
            filled += len(part)
        first += each.count
    target.flush()
    splits = np.repeat(np.array(list(surveys)), [each.count for each in surveys.values()])[rows]
    return (
        Images(
            images=np.load(path, mmap_mode="r"),
            labels=labels[rows],
            class_names=names,
            given=splits.astype("U5"),
            names=tuple(f"{split} {place}" for split, place in zip(splits, _places(splits), strict=True)),
            sha256={},
        ),
        splits,
        rows,
    )


def _as_fed(surveys: Mapping[str, Survey], rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """Outputs (n, k) of what the objects feed, of the images in use."""
    outputs = [each.outputs for each in surveys.values() if each.outputs is not None]
    return np.concatenate(outputs)[rows] if len(outputs) == len(surveys) else None


def _places(splits: NDArray[np.str_]) -> NDArray[np.int64]:
    """The place of each image in its split."""
    found = np.empty(len(splits), np.int64)
    for name in np.unique(splits):
        found[splits == name] = np.arange(int(np.sum(splits == name)))
    return found


def _space(images: Images, network: Network, fed: Scale) -> Space:
    """What else the pixels that are fed could have been in training."""
    channels = images.images.shape[3]
    if network.preprocess is not None:
        return space(channels, scales=(fed,))
    scales = space(channels).scales
    return space(channels, scales=scales if fed in scales else ("fed", *scales))
