"""What operators do to the images and labels of a trial: pure functions of (material, dose, generator).

A dose is what the docstring says; equal generators give equal results. Test images stay as they are, unless all splits
change alike.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy import ndimage

from valgap.calibrate.material import Labels, Material, Part, Pixels, grey

Operator = Callable[[Material, float, np.random.Generator], Material]
BRIGHTER = 1.15  # of all splits alike: a placebo


def uniform_labels(material: Material, share: float, rng: np.random.Generator) -> Material:
    """A share of the training labels become another class, each other class as likely."""
    train, classes = material.train, len(material.class_names)
    wrong = _some(len(train), share, rng)
    labels = train.labels.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes
    return dataclasses.replace(material, train=dataclasses.replace(train, labels=labels))


def pairwise_labels(material: Material, share: float, rng: np.random.Generator) -> Material:
    """A share of the training labels become the next class, as annotators confuse neighbours."""
    train, classes = material.train, len(material.class_names)
    wrong = _some(len(train), share, rng)
    labels = train.labels.copy()
    labels[wrong] = (labels[wrong] + 1) % classes
    return dataclasses.replace(material, train=dataclasses.replace(train, labels=labels))


def overlapping_classes(material: Material, share: float, rng: np.random.Generator) -> Material:
    """A share of the images of every second class are labelled as the next class."""
    train, labels = material.train, material.train.labels.copy()
    for label in range(0, len(material.class_names) - 1, 2):
        members = np.flatnonzero(train.labels == label)
        labels[members[_some(len(members), share, rng)]] = label + 1
    return dataclasses.replace(material, train=dataclasses.replace(train, labels=labels))


def long_tail(material: Material, ratio: float, rng: np.random.Generator) -> Material:
    """Training images of classes fall geometrically, the largest class `ratio` times the smallest; none is added."""
    labels = material.train.labels
    classes = rng.permutation(_all(labels))
    shares = ratio ** -np.linspace(0, 1, len(classes))
    kept = [
        rng.permutation(np.flatnonzero(labels == label))[: _count(labels, label, share)]
        for label, share in zip(classes, shares, strict=True)
    ]
    return dataclasses.replace(material, train=material.train.rows(rng.permutation(np.concatenate(kept))))


def other_camera(material: Material, strength: float, rng: np.random.Generator) -> Material:
    """Validation images come from another camera: darker, blurred and moved, the more so the stronger.

    At strength 1: half as bright, blurred by a standard deviation of 1 pixel, moved by 1 pixel. Raises ValueError
    without validation images.
    """
    val = _validation(material)
    moved = ndimage.shift(val.images.astype(np.float64), (0, strength, -strength), order=1, mode="nearest")
    values = ndimage.gaussian_filter(moved, (0, strength, strength)) * 0.5**strength
    return dataclasses.replace(material, val=dataclasses.replace(val, images=grey(values)))


def copied(material: Material, share: float, rng: np.random.Generator) -> Material:
    """A share of the validation images are copies of training images, each of another where there are so many.

    Raises ValueError without validation images.
    """
    val, train = _validation(material), material.train
    replaced = _some(len(val), share, rng)
    origin = np.resize(rng.permutation(len(train)), len(replaced))
    images, labels = val.images.copy(), val.labels.copy()
    images[replaced], labels[replaced] = train.images[origin], train.labels[origin]
    return dataclasses.replace(material, val=dataclasses.replace(val, images=images, labels=labels))


def views(material: Material, count: float, rng: np.random.Generator) -> Material:
    """Training images are `count` views each of fewer objects, which are groups: turned, moved, lit, with grain.

    As many images as before, or up to one object more: the arm that doubles the images needs them all. The suite draws
    validation images from them; a test image is one view of an object of its own.
    """
    train, each = material.train, round(count)
    objects = train.rows(np.arange(-(-len(train) // each)))
    images = np.concatenate([_viewed(objects.images, rng) for _ in range(each)])
    labels = np.tile(objects.labels, each)
    groups = np.tile(np.arange(len(objects)), each)
    order = rng.permutation(len(labels))
    test = dataclasses.replace(material.test, images=_viewed(material.test.images, rng))
    return dataclasses.replace(material, train=Part(images, labels, groups).rows(order), val=None, test=test)


def brighter(material: Material, factor: float, rng: np.random.Generator) -> Material:
    """All images of all splits are so many times as bright."""

    def lit(part: Part) -> Part:
        return dataclasses.replace(part, images=grey(part.images.astype(np.float64) * factor))

    val = None if material.val is None else lit(material.val)
    return dataclasses.replace(material, train=lit(material.train), val=val, test=lit(material.test))


def turned(material: Material, quarters: float, rng: np.random.Generator) -> Material:
    """All images of all splits are turned by so many right angles."""

    def by(part: Part) -> Part:
        return dataclasses.replace(part, images=np.ascontiguousarray(np.rot90(part.images, round(quarters), (1, 2))))

    val = None if material.val is None else by(material.val)
    return dataclasses.replace(material, train=by(material.train), val=val, test=by(material.test))


def _viewed(images: Pixels, rng: np.random.Generator) -> Pixels:
    """One view of each image: up to 8 degrees, up to one pixel, 0.8 to 1.1 as bright, grain of 6 grey levels."""
    seen = []
    for image in images.astype(np.float64):
        view = ndimage.rotate(image, rng.uniform(-8, 8), reshape=False, order=1, mode="nearest")
        seen.append(ndimage.shift(view, rng.uniform(-1, 1, 2), order=1, mode="nearest") * rng.uniform(0.8, 1.1))
    return grey(np.stack(seen) + rng.normal(0, 6, images.shape))


def _some(count: int, share: float, rng: np.random.Generator) -> Labels:
    """A share of the places from 0 to `count`, at random."""
    return rng.permutation(count)[: round(share * count)]


def _count(labels: Labels, label: int, share: float) -> int:
    """A share of the images of a class, at least 4: each split and each replicate must have some."""
    return max(round(share * int(np.sum(labels == label))), 4)


def _all(labels: Labels) -> Labels:
    return np.unique(labels)


def _validation(material: Material) -> Part:
    if material.val is None:
        raise ValueError("this operator changes given validation images, and the material has none")
    return material.val
