"""Study of copies: each kind of change planted in held-out images, beside images that nobody copied.

A part of a set is learned from. Held-out images are others of the set, and changed copies of some of the first part. A
flag is right where it names the image that was copied. What a set holds of true duplicates counts as wrong here.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from valgap.calibrate.findings.changes import CHANGES, OF_COLOUR, Change
from valgap.calibrate.findings.sets import ImageSet
from valgap.data.sources.images import Images
from valgap.findings.look import look
from valgap.findings.rates import Rate, Row

NAME = "copies"
NEAR, CHANGED = "VG103", "VG116"
LEARNED, CLEAN, OF_EACH = 0.6, 0.15, 20  # shares of a set, at most MOST images in all; copies of each kind
MOST = 5_000


@dataclasses.dataclass(frozen=True)
class Planted:
    """Images, those learned from first, their labels and splits; of each its kind and its original's place, else -1."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    split: NDArray[np.str_]
    kind: NDArray[np.int64]
    original: NDArray[np.int64]


def run(sets: Mapping[str, ImageSet], seed: int, tell: Callable[[str], None]) -> list[Row]:
    """Recall and precision by kind of change, and false alarms on images without copies."""
    rows = []
    for each in sets.values():
        tell(f"{each.name}, with copies")
        rows += with_copies(each, seed)
        tell(f"{each.name}, without")
        rows += without_copies(each, seed)
    return rows


def changes_for(images: NDArray[np.uint8]) -> dict[str, Change]:
    """The changes that can be made to (n, h, w, c) images."""
    return {**CHANGES, **(OF_COLOUR if images.shape[3] == 3 else {})}


def plant(of: ImageSet, changes: Mapping[str, Change], each: int, seed: int) -> Planted:
    """`each` copies of every one of `changes` among held-out images; the same seed plants the same."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(of.labels))[:MOST]
    learned = round(LEARNED * len(order))
    taken = order[: learned + round(CLEAN * len(order))]
    images, labels = [of.images[taken]], [of.labels[taken]]
    kind, original = [np.full(len(taken), -1)], [np.full(len(taken), -1)]
    for number, change in enumerate(changes.values()):
        chosen = rng.choice(learned, min(each, learned), replace=False)
        images.append(np.stack([change(of.images[order[place]], rng) for place in chosen]))
        labels.append(of.labels[order[chosen]])
        kind.append(np.full(len(chosen), number))
        original.append(chosen)
    split = np.full(sum(map(len, kind)), "val", "U5")
    split[:learned] = "train"
    return Planted(
        np.concatenate(images), np.concatenate(labels), split, np.concatenate(kind), np.concatenate(original)
    )


def found_in(planted: Planted, classes: tuple[str, ...], seed: int) -> dict[str, NDArray[np.int64]]:
    """By code, the pairs (p, 2) of a held-out image and one that it is said to be a copy of."""
    count = len(planted.labels)
    names = tuple(f"{number}.png" for number in range(count))
    images = Images(planted.images, planted.labels, classes, np.full(count, ""), names, {})
    looked = look(images, planted.split, seed)
    held = planted.split == "val"
    near = np.concatenate([looked.similar.pairs, looked.similar.pairs[:, ::-1]])
    return {NEAR: near[held[near[:, 0]] & ~held[near[:, 1]]], CHANGED: looked.copies.pairs}


def with_copies(of: ImageSet, seed: int) -> list[Row]:
    """A row for each kind of change, found as a near duplicate or as a changed copy; and one for each code's flags."""
    changes = changes_for(of.images)
    planted = plant(of, changes, OF_EACH, seed)
    pairs = found_in(planted, of.class_names, seed)
    both = np.concatenate(list(pairs.values()))
    hit = np.zeros(len(planted.kind), np.bool_)
    hit[both[planted.original[both[:, 0]] == both[:, 1], 0]] = True
    rows = []
    for number, name in enumerate(changes):
        of_kind = planted.kind == number
        rows.append(Row(CHANGED, name, of.name, planted=Rate(int(hit[of_kind].sum()), int(of_kind.sum()))))
    for code, of_code in pairs.items():
        said = np.unique(of_code[:, 0])
        right = np.unique(of_code[planted.original[of_code[:, 0]] == of_code[:, 1], 0])
        rows.append(Row(code, "flags among copies and others", of.name, right=Rate(len(right), len(said))))
    return rows


def without_copies(of: ImageSet, seed: int) -> list[Row]:
    """Of held-out images that nobody copied, those that are flagged."""
    planted = plant(of, {}, 0, seed)
    held = int(np.sum(planted.split == "val"))
    return [
        Row(code, "images without a copy", of.name, alarms=Rate(len(np.unique(pairs[:, 0])), held))
        for code, pairs in found_in(planted, of.class_names, seed).items()
    ]
