"""What is planted in the images of a scenario: each a function of a generator and of what its YAML file asks for.

Garments are the 15,000 embedded ones, all ten classes, halved to 14 x 14: a quarter of the cost. Numbers of images are
of all classes together, which are equally large unless said.
"""

import functools
import io
import lzma
from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage

from tests.scenarios.copies import COPIES
from valgap.calibrate import altering
from valgap.calibrate.material import DIRECTIONS, SIDE, Labels, Material, Part, Pixels, grey, halved, striped
from valgap.data.sources.fashion_files import CLASS_NAMES
from valgap.ground import paths

Generator = np.random.Generator
LENS = {"dark": lambda x: x * 0.5, "blur": lambda x: ndimage.gaussian_filter(x, (0, 1, 1)),
        "moved": lambda x: np.roll(x, (1, -1), axis=(1, 2))}  # fmt: skip


@functools.cache
def garments() -> tuple[Part, Part]:
    """(pool, test): 10,000 and 5,000 garments, 14 x 14 by means of 2 x 2."""
    with np.load(io.BytesIO(lzma.decompress(paths.EMBEDDED.read_bytes())), allow_pickle=False) as arrays:
        pool, test = (
            Part(halved(arrays[f"{name}_images"]), arrays[f"{name}_labels"].astype(np.int64))
            for name in ("pool", "test")
        )
    return pool, test


def plain(rng: Generator, pool: int) -> Material:
    """Nothing: so many garments, from which the suite draws validation images, and the test images."""
    everything, test = garments()
    return Material(even(everything, [pool], rng)[0], None, test, CLASS_NAMES)


def given(rng: Generator, train: int, val: int) -> Material:
    """Nothing: a file that brings its own validation images."""
    pool, test = garments()
    learn, check = even(pool, [train, val], rng)
    return Material(learn, check, test, CLASS_NAMES)


def noisy(rng: Generator, train: int, val: int, share: float) -> Material:
    """A share of the training labels is wrong, each other class as likely; validation and test labels are right."""
    return altering.uniform_labels(given(rng, train, val), share, rng)


def camera(
    rng: Generator, train: int, val: int, lens: Sequence[str], test_too: bool = False, declared: bool = False
) -> Material:
    """Validation images, and test images where `test_too`, come through another lens: `dark`, `blur`, `moved`.

    With `declared` the file says that each image is an object of its own.
    """
    found = given(rng, train, val)
    assert found.val is not None
    test = Part(through(found.test.images, lens), found.test.labels) if test_too else found.test
    learn = found.train
    if declared:
        learn = Part(learn.images, learn.labels, np.arange(len(learn)))
    check = Part(through(found.val.images, lens), found.val.labels)
    return Material(learn, check, test, found.class_names, groups_known=declared)


def leak(rng: Generator, train: int, val: int, share: float, copies: Sequence[str]) -> Material:
    """A share of the validation images are training images with a small change; the kinds of `copies` take turns."""
    found = given(rng, train, val)
    learn, check = found.train, found.val
    assert check is not None
    count = round(share * val)
    places, origins = rng.permutation(val)[:count], rng.permutation(train)[:count]
    images, labels = check.images.copy(), check.labels.copy()
    for turn, (place, origin) in enumerate(zip(places, origins, strict=True)):
        images[place] = COPIES[copies[turn % len(copies)]](learn.images[origin])
        labels[place] = learn.labels[origin]
    return Material(learn, Part(images, labels), found.test, found.class_names)


def objects(rng: Generator, count: int, views: int, declared: bool = False) -> Material:
    """So many garments, each seen so many times; the suite draws all splits, and knows the garments if `declared`."""
    [kept] = even(garments()[0], [count], rng)
    seen = np.concatenate([view(kept.images, rng) for _ in range(views)])
    everything = Part(seen, np.tile(kept.labels, views), np.tile(np.arange(count), views))
    return _undivided(everything.rows(rng.permutation(count * views)), declared)


def tailed(rng: Generator, largest: int, ratio: float) -> Material:
    """Classes of falling size, the largest `ratio` times the smallest; the suite draws all splits, which are so too."""
    both = garments()
    everything = Part(np.concatenate([part.images for part in both]), np.concatenate([part.labels for part in both]))
    [equal] = even(everything, [largest * len(CLASS_NAMES)], rng)
    return _undivided(altering.long_tail(_undivided(equal), ratio, rng).train)


def textures(rng: Generator, pool: int, test: int, grain: float) -> Material:
    """Ten directions of stripes at random places, in noise of `grain` grey levels: places tell nothing."""
    labels = rng.permutation(np.arange(pool + test) % DIRECTIONS)
    learn, rest = even(Part(striped(labels, grain, rng), labels), [pool, test], rng)
    return Material(learn, None, rest, tuple(f"direction {number}" for number in range(DIRECTIONS)))


def grainy(rng: Generator, pool: int, grain: float) -> Material:
    """All images, test images too, are drowned in noise of `grain` grey levels."""
    found = plain(rng, pool)
    learn, test = (
        Part(grey(part.images + rng.normal(0, grain, part.images.shape)), part.labels)
        for part in (found.train, found.test)
    )
    return Material(learn, None, test, found.class_names)


PLANTINGS: dict[str, Callable[..., Material]] = {
    planting.__name__: planting for planting in (plain, noisy, camera, leak, objects, tailed, textures, grainy)
}


def even(part: Part, counts: Sequence[int], rng: Generator) -> list[Part]:
    """Parts of so many images each, disjoint, all classes equally often in each, in random order.

    Raises ValueError where a class has too few, or a count is no multiple of the classes.
    """
    classes = np.unique(part.labels)
    rows: list[list[Labels]] = [[] for _ in counts]
    if any(count % len(classes) for count in counts):
        raise ValueError(f"counts {list(counts)} are no multiples of the {len(classes)} classes")
    for label in classes:
        members, start = rng.permutation(np.flatnonzero(part.labels == label)), 0
        if len(members) * len(classes) < sum(counts):
            raise ValueError(f"class {label} has {len(members)} images, wanted {sum(counts) // len(classes)}")
        for place, count in enumerate(counts):
            each = count // len(classes)
            rows[place].append(members[start : start + each])
            start += each
    return [part.rows(rng.permutation(np.concatenate(found))) for found in rows]


def through(images: Pixels, lens: Sequence[str]) -> Pixels:
    """The images as another camera has them: half as bright, blurred by a pixel, moved by one, as `lens` says."""
    values = images.astype(np.float64)
    for name in lens:
        values = LENS[name](values)
    return grey(values)


def view(images: Pixels, rng: Generator) -> Pixels:
    """Each image once more: turned up to 10 degrees, moved up to a pixel, 0.7 to 1.2 as bright, grain of 8 levels."""
    seen = []
    for image in images.astype(np.float64):
        turned = ndimage.rotate(image, rng.uniform(-10, 10), reshape=False, order=1)
        seen.append(ndimage.shift(turned, rng.uniform(-1, 1, 2), order=1) * rng.uniform(0.7, 1.2))
    return grey(np.stack(seen) + rng.normal(0, 8, images.shape))


def _undivided(part: Part, declared: bool = False) -> Material:
    """Images without any split: the suite draws test images too."""
    nothing = Part(np.empty((0, SIDE, SIDE), np.uint8), np.empty(0, np.int64))
    return Material(part, None, nothing, CLASS_NAMES, groups_known=declared)
