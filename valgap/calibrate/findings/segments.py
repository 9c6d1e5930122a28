"""How often segments that a model is worse at are found (VG125): mistakes made rarer or commoner by light and detail.

Recall differs between classes, and classes differ in light, so that a hard class alone must not be called a dark one.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from valgap.calibrate.findings.sets import ImageSet
from valgap.data.sources.images import Images
from valgap.findings.finding import Finding, use
from valgap.findings.rates import Rate, Row
from valgap.findings.segments import TAIL, weak

NAME = "segments"
DRAWS = 40  # of each kind on each set
HELD = (400, 1000)  # images
RECALL = (0.65, 0.98)  # of a class
LOST = (0.2, 0.35)  # of accuracy in the segment

Pixels = NDArray[np.uint8]


def darker(images: Pixels) -> Pixels:
    """At a third of their light."""
    return (images // 3).astype(np.uint8)


def blurred(images: Pixels) -> Pixels:
    """Means over three by three pixels, twice."""
    found = images.astype(np.float32)
    for axis in (1, 2, 1, 2):
        found = ((found + np.roll(found, 1, axis) + np.roll(found, -1, axis)) / 3).astype(np.float32)
    return np.rint(found).astype(np.uint8)


PLANTS: Mapping[str, tuple[Callable[[Pixels], Pixels], tuple[str, ...]]] = {
    "dark images are recognised less": (darker, ("dark images", "images of low contrast")),
    "blurred images are recognised less": (blurred, ("blurred images", "images of low contrast")),
}


def run(sets: Mapping[str, ImageSet], seed: int, tell: Callable[[str], None], draws: int = DRAWS) -> list[Row]:
    """A row for each plant and set, and one for draws in which nothing but the class decides."""
    rows = []
    for name, source in sets.items():
        alarms = sum(bool(drawn(source, None, [seed, number]).tables) for number in range(draws))
        rows.append(Row("VG125", "mistakes by class alone", name, alarms=Rate(alarms, draws)))
        for plant, (_, words) in PLANTS.items():
            found = [drawn(source, plant, [seed, number]) for number in range(draws)]
            flags = sum(bool(each.tables) for each in found)
            right = sum(any(row[0] in words for sheet in each.tables for row in sheet.rows) for each in found)
            rows.append(Row("VG125", plant, name, Rate(right, draws), Rate(right, flags)))
            tell(f"{name}, {plant}: {right} of {draws} found")
    return rows


def drawn(source: ImageSet, plant: str | None, seed: list[int]) -> Finding[int]:
    """The finding on held-out images of which a TAIL are changed by the plant, and recognised less often by LOST."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(source.labels))[: int(rng.integers(*HELD))]
    images, labels = source.images[rows], source.labels[rows]
    recall = rng.uniform(*RECALL, len(source.class_names))[labels]
    if plant is not None:
        worse = rng.random(len(rows)) < TAIL
        images[worse] = PLANTS[plant][0](images[worse])
        recall = recall - rng.uniform(*LOST) * worse
    split = np.full(len(rows), "val")
    names = tuple(map(str, rows.tolist()))
    used = use(Images(images, labels, source.class_names, split, names, {}), split)
    return weak(used, "val", rng.random(len(rows)) < recall, seed[0])
