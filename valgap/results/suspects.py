"""Labels that the baseline's networks doubt: of images that no one of them was trained on in that replicate.

A pool's image is out in the replicates that validate on it, test images in all. Their mean probabilities say how many
labels are wrong, and which are likeliest to be.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valgap.findings.wrong_labels import CLEARLY, DIFFERENT, NOTHING, Wrong, tempered, wrong
from valgap.results.scores import png_text
from valgap.stats.run import Run

Index = NDArray[np.int64]
SHOWN = 24  # images with their pixels
LISTED = 200  # images that the table lists, at most


@dataclasses.dataclass(frozen=True)
class Outside:
    """Images of one part, `pool`, `val` or `test`, that networks were not trained on.

    `images` (n,) ascending, `labels` (n,), `probabilities` float64 (n, classes) the mean of the `networks` (n,) that
    had each out, made no surer than they are right.
    """

    part: str
    images: Index
    labels: Index
    probabilities: NDArray[np.float64]
    networks: Index


def outside(run: Run) -> list[Outside]:
    """What the networks of a variant say of the images that they were not trained on, by part; test is the last."""
    total: dict[int, NDArray[np.float64]] = {}
    times: dict[int, int] = {}
    label: dict[int, int] = {}
    fixed: dict[str, set[int]] = {}
    for split in ("val", "test"):
        index = run[f"{split}_index"]
        rows = [set(row.tolist()) for row in index]
        fixed[split] = rows[0] if all(row == rows[0] for row in rows) else set()
        for images, given, labels in zip(index, run[f"{split}_probabilities"], run[f"{split}_labels"], strict=True):
            for image, each, own in zip(images.tolist(), given.astype(np.float64), labels.tolist(), strict=True):
                total[image] = total.get(image, 0) + each
                times[image], label[image] = times.get(image, 0) + 1, own
    pool = set(total) - fixed["val"] - fixed["test"]
    parts = {"pool": pool, "val": fixed["val"], "test": fixed["test"] - fixed["val"]}
    listed = {name: sorted(each) for name, each in parts.items() if each}
    labels = {name: np.array([label[image] for image in found]) for name, found in listed.items()}
    return [
        Outside(
            name,
            np.array(found, np.int64),
            labels[name],
            tempered(np.stack([total[image] / times[image] for image in found]), labels[name]),
            np.array([times[image] for image in found]),
        )
        for name, found in listed.items()
    ]


def judged(parts: Sequence[Outside]) -> Iterator[Wrong | None]:
    """How many labels of each part are wrong; the pool's wrong labels taught the networks that judge the others."""
    pool = next((each for each in parts if each.part == "pool"), None)
    taught = 0.0
    for each in parts:
        alike = pool is None or each is pool or _right(each) >= _right(pool) - DIFFERENT
        found = wrong(each.probabilities, each.labels, taught=0.0 if each is pool else taught, alike=alike)
        if each is pool and found is not None:
            taught = found.share.mean
        yield found


def tables(run: Run, images: NDArray[np.uint8], names: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(wrong_labels.csv, suspects.csv): how many labels are wrong by part, and the suspected ones, surest first.

    `images` are all images, uint8 NHWC, into which the run's lists point. `wrong` with its limits is a share of labels
    in the first table, in the second how many of the labels down to that row are wrong; empty where not known.
    """
    parts = outside(run)
    found = list(judged(parts))
    shares = [
        (
            part.part,
            len(part.images),
            float(part.networks.mean()),
            *(dataclasses.astuple(each.share) if each else UNKNOWN),
        )
        for part, each in zip(parts, found, strict=True)
    ]
    ranked = sorted(
        (row for part, each in zip(parts, found, strict=True) for row in _suspected(part, each)), key=lambda row: row[0]
    )
    listed, so_far = [], NOTHING
    for number, (_, part, place, each) in enumerate(ranked[:LISTED]):
        so_far += each.among(np.array([place])) if each else NOTHING
        own, guess = part.labels[place], int(part.probabilities[place].argmax())
        pixels = images[part.images[place]]
        png = png_text(pixels) if number < SHOWN else ""
        sure = part.probabilities[place, guess]
        row = (part.images[place], part.part, names[own], names[guess], sure, part.networks[place])
        listed.append((*row, *dataclasses.astuple(so_far), png))
    columns = ["image", "part", "label", "predicted", "probability", "networks", "wrong", "low", "high", "png"]
    return (
        pd.DataFrame(shares, columns=["part", "images", "networks", "wrong", "low", "high"]),
        pd.DataFrame(listed, columns=columns),
    )


UNKNOWN = (float("nan"),) * 3


def _suspected(part: Outside, found: Wrong | None) -> Iterator[tuple[tuple[float, ...], Outside, int, Wrong | None]]:
    """Labels to which the networks clearly prefer another, with what they are ranked by."""
    rows = np.arange(len(part.labels))
    own, most = part.probabilities[rows, part.labels], part.probabilities.max(axis=1)
    for place in np.flatnonzero(most >= CLEARLY * np.maximum(own, np.finfo(np.float64).tiny)).tolist():
        likely = (0.0, 0.0) if found is None else found.rank(place)
        yield (-likely[0], -likely[1], float(own[place] - most[place]), float(part.images[place])), part, place, found


def _right(part: Outside) -> float:
    """The share of labels that the networks guess."""
    return float(np.mean(part.probabilities.argmax(axis=1) == part.labels))
