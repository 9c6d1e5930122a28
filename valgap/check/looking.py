"""Where the model looks on its surest mistakes and on its weakest class. Needs a started TensorFlow."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from valgap.check.network import Network
from valgap.check.outputs import to_probabilities
from valgap.check.prediction import Predicted, outputs_of, roles
from valgap.check.reading import Read
from valgap.data.sources.images import Images
from valgap.diagnostics.looked import Looked, choose
from valgap.diagnostics.occlusion import answered, grid, tried

LEAST = 2  # images that are looked at, however few there are in all


def looked(network: Network, images: Images, read: Read, predicted: Predicted) -> tuple[Looked, ...]:
    """Maps of at most eight images, which ask the model no more often than scoring did; none where it is at chance."""
    if read.decision.at_chance or not np.isfinite(predicted.probabilities).all():
        return ()
    height, width = images.images.shape[1:3]
    most = max(LEAST, len(images.labels) // len(grid(height, width)))
    fitted, held_out = roles(predicted.splits)
    rows = np.flatnonzero(predicted.splits == (held_out or fitted))
    chosen = rows[choose(predicted.probabilities[rows], images.labels[rows])[:most]]
    if not len(chosen):
        return ()
    pictures = [np.asarray(images.images[row]) for row in chosen]
    every = np.concatenate([tried(picture) for picture in pictures])
    outputs = outputs_of(network, every, np.arange(len(every)), read.decision.reading, read.known)
    found = to_probabilities(outputs, images.class_names, network.name)[0][:, read.decision.order]
    found = found.reshape(len(chosen), -1, found.shape[1])
    if not np.isfinite(found).all():
        return ()
    return tuple(
        _looked(images, predicted.splits, row, picture, own)
        for row, picture, own in zip(chosen.tolist(), pictures, found, strict=True)
    )


def _looked(
    images: Images, splits: NDArray[np.str_], row: int, picture: NDArray[np.uint8], found: NDArray[np.float64]
) -> Looked:
    """The map of one image, of probabilities (1 + places, classes), the first of the image itself."""
    named, probability, falls = answered(found)
    return Looked(
        picture,
        images.names[row],
        images.class_names[images.labels[row]],
        images.class_names[named],
        str(splits[row]),
        probability,
        falls,
    )


def with_maps(network: Network, images: Images, read: Read, predicted: Predicted) -> Predicted:
    """What was predicted, and where the model looked."""
    return dataclasses.replace(predicted, looked=looked(network, images, read, predicted))
