"""Predictors without a network, fitted on each replicate's training subset: what any variant must beat."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


def majority_class(train_images: Images, train_labels: Labels, images: Images) -> Labels:
    """The most frequent training class for every image, (n,); of equally frequent ones the first."""
    return np.full(len(images), np.bincount(train_labels).argmax())


def nearest_neighbour(train_images: Images, train_labels: Labels, images: Images) -> Labels:
    """Label of the training image with the smallest Euclidean pixel distance, (n,); of equal ones the first.

    |a - b|^2 = |a|^2 - 2 a.b + |b|^2, without |a|^2, which the order does not need; float64 keeps it exact.
    """
    train = train_images.reshape(len(train_images), -1).astype(np.float64)
    query = images.reshape(len(images), -1).astype(np.float64)
    distance = (train**2).sum(axis=1) - 2 * (query @ train.T)
    return train_labels[distance.argmin(axis=1)]


REFERENCES: dict[str, Callable[[Images, Labels, Images], Labels]] = {
    "majority_class": majority_class,
    "nearest_neighbour": nearest_neighbour,
}
