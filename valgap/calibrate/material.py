"""The images of a trial before and after something was planted in them, and the data sets that they come from.

Reads data/embedded and scikit-learn's digits; writes the .npz file that source `npz` reads.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valgap.calibrate.findings import sets
from valgap.ground.files import write_npz

Pixels = NDArray[np.uint8]  # (n, height, width)
Labels = NDArray[np.int64]  # (n,)
# Left out, so that a small baseline can be healthy, with little to gain by anything: dresses, coats, shirts and
# sneakers, which small networks take for other garments; 8 and 9, which they take for other digits.
GARMENTS_ALIKE, DIGITS_ALIKE = (3, 4, 6, 7), (8, 9)
STRIPES, DIRECTIONS, SIDE = 6000, 10, 14
PERIODS, CONTRAST = (3.5, 5.0), 60  # of stripes: pixels, grey levels
GRAIN = 130  # grey levels, twice the stripes' own: with 60 a dense head learns them too


@dataclasses.dataclass(frozen=True)
class Part:
    """Images of one split with their labels; `groups` are the objects that they show, None where each is its own."""

    images: Pixels
    labels: Labels
    groups: Labels | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, chosen: Labels) -> "Part":
        """The chosen rows, in that order."""
        return Part(self.images[chosen], self.labels[chosen], None if self.groups is None else self.groups[chosen])


@dataclasses.dataclass(frozen=True)
class Material:
    """What a trial is given: images to learn from, to validate on and to test on.

    Without `val` the suite draws validation images from `train`. `groups_known` says whether the file tells the suite
    which images show one object.
    """

    train: Part
    val: Part | None
    test: Part
    class_names: tuple[str, ...]
    groups_known: bool = False

    def write(self, path: Path) -> None:
        """Write them as the .npz file that source `npz` reads; the same bytes for the same arrays."""
        parts = {"train" if self.val else "": self.train, "val": self.val, "test": self.test}
        there = {name: part for name, part in parts.items() if part is not None}
        arrays: dict[str, NDArray] = {
            "images": np.concatenate([part.images for part in there.values()]),
            "labels": np.concatenate([part.labels for part in there.values()]),
            "split": np.concatenate([np.full(len(part), name, "U5") for name, part in there.items()]),
            "class_names": np.array(self.class_names),
        }
        if self.groups_known:
            arrays["groups"] = _joined_groups(list(there.values()))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_npz(path, arrays)


def _joined_groups(parts: list[Part]) -> Labels:
    """Groups of all parts; where a part has none, each of its images is a group of its own, of a number not taken."""
    taken = 1 + max(int(part.groups.max()) for part in parts if part.groups is not None)
    joined = []
    for part in parts:
        joined.append(part.groups if part.groups is not None else np.arange(taken, taken + len(part)))
        taken += 0 if part.groups is not None else len(part)
    return np.concatenate(joined)


@functools.cache
def garments() -> tuple[Pixels, Labels, tuple[str, ...]]:
    """Fashion-MNIST's embedded images but for GARMENTS_ALIKE, 9,000 of 6 classes, halved to 14 x 14 by means."""
    found = sets.garments()
    kept = ~np.isin(found.labels, GARMENTS_ALIKE)
    labels = found.labels[kept]
    return halved(found.images[kept, ..., 0]), np.searchsorted(np.unique(labels), labels), _names("garment", 6)


@functools.cache
def digits() -> tuple[Pixels, Labels, tuple[str, ...]]:
    """The digits of scikit-learn but for DIGITS_ALIKE, 1,443 of 8 classes, 8 x 8, from 17 levels of grey to 256."""
    found = sets.digits()
    kept = ~np.isin(found.labels, DIGITS_ALIKE)  # the last ones, so that labels stay without gaps
    return found.images[kept, ..., 0], found.labels[kept], _names("digit", 8)


@functools.cache
def stripes() -> tuple[Pixels, Labels, tuple[str, ...]]:
    """6,000 images, 14 x 14, of ten directions of stripes at random places in noise.

    A network that takes the place of an image's parts into account learns places by heart; one that averages over
    places has it easy.
    """
    rng = np.random.default_rng(np.random.SeedSequence([20240, STRIPES]))
    labels = np.arange(STRIPES) % DIRECTIONS
    return striped(labels, GRAIN, rng), labels, _names("direction", DIRECTIONS)


def striped(labels: Labels, grain: float, rng: np.random.Generator) -> Pixels:
    """An image of each label's direction of stripes, at a random place, in noise of `grain` grey levels."""
    row, column = np.mgrid[:SIDE, :SIDE]
    angle = (np.pi * labels / DIRECTIONS)[:, None, None]
    wave = 2 * np.pi / rng.uniform(*PERIODS, (len(labels), 1, 1))
    phase = wave * (np.cos(angle) * row + np.sin(angle) * column) + rng.uniform(0, 2 * np.pi, (len(labels), 1, 1))
    return grey(128 + CONTRAST * np.sin(phase) + rng.normal(0, grain, phase.shape))


def halved(images: Pixels) -> Pixels:
    """28 x 28 pixels to 14 x 14, by means of 2 x 2."""
    return grey(images.reshape(-1, SIDE, 2, SIDE, 2).mean(axis=(2, 4)))


def grey(values: NDArray[np.float64]) -> Pixels:
    """Rounded to grey levels from 0 to 255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


DATA_SETS: dict[str, Callable[[], tuple[Pixels, Labels, tuple[str, ...]]]] = {
    "garments": garments,
    "digits": digits,
    "stripes": stripes,
}


def drawn(data_set: str, train: int, val: int, test: int, rng: np.random.Generator) -> Material:
    """So many images of a data set for each part, disjoint, classes as equal as can be; no `val` where it is 0.

    Raises ValueError where the data set has fewer.
    """
    images, labels, names = DATA_SETS[data_set]()
    if (wanted := train + val + test) > len(labels):
        raise ValueError(f"{data_set} has {len(labels):,} images, wanted {wanted:,}")
    position = np.empty(len(labels))
    for label in np.unique(labels):  # every prefix of the order has the classes in equal shares
        members = np.flatnonzero(labels == label)
        position[rng.permutation(members)] = np.arange(len(members))
    order = np.lexsort((rng.random(len(labels)), position))
    everything = Part(images, labels)
    parts = [
        everything.rows(order[start:stop]) for start, stop in ((0, test), (test, test + val), (test + val, wanted))
    ]
    return Material(parts[2], parts[1] if val else None, parts[0], names)


def _names(noun: str, count: int) -> tuple[str, ...]:
    return tuple(f"{noun} {number}" for number in range(count))
