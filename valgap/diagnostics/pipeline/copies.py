"""Rule on the same images in two splits, as they are, mirrored or turned by right angles.

Candidates are nearest neighbours among grey thumbnails, of training images with each of the eight symmetries of the
other split's; pixels are then compared at full size. Images of one value are left out.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context  # type: ignore[import-untyped]
from sklearn.neighbors import NearestNeighbors  # type: ignore[import-untyped]

from valgap.diagnostics.pipeline import thumbnails
from valgap.diagnostics.pipeline.surveyed import Index, Survey
from valgap.diagnostics.seen import Seen
from valgap.findings.finding import PROBLEM_SHARE

FLAT = 2.0  # levels: a thumbnail with a smaller standard deviation holds nothing to compare
LEVELS = 1.5  # of 255: mean difference up to which two images are the same one, after quantising
ALIKE = 0.98  # correlation of thumbnails from which on pixels are compared
NEAR = 0.995  # correlation of pixels from which on two images are nearly the same
COMPARED = 800_000_000  # pairs of thumbnails compared, at most
NEAREST = 3
RELEASED = 500  # comparisons after which pixels that were read are let go
MEMORY = 64  # MiB of distances held at once
EQUAL = 0.9995  # from which on they are the same one, lighter or darker


def copies(train: Survey, other: Survey) -> Seen | None:
    """VG308: images of another split that training has too; by how they were moved, and how many are nearly equal.

    Where there are too many pairs, a sample of the other split's images is looked at.
    """
    if train.pixels.shape[1:] != other.pixels.shape[1:]:
        return None
    found = matches(train, other)
    if found is None:
        return None
    asked, how, exact = found
    same, near = int((exact & (how >= 0)).sum()), int((~exact & (how >= 0)).sum())
    if not same and not near:
        return None
    names = [name for name, _, _ in thumbnails.SYMMETRIES]
    kinds = {names[each]: int((how == each).sum()) for each in np.unique(how[how >= 0])}
    evidence = {"other": other.name, "images": asked, "of": other.count, "same": same, "near": near, "kinds": kinds}
    return Seen("VG308", "problem" if same >= max(2, PROBLEM_SHARE * asked) else "worth a look", evidence)


def matches(train: Survey, other: Survey) -> tuple[int, Index, NDArray[np.bool_]] | None:
    """How many images of the other split were asked; of each the symmetry that finds it in training, or -1; exactly?"""
    mine, own = _units(train, np.flatnonzero(train.finite))
    all_theirs = np.flatnonzero(other.finite)
    symmetries = [
        each for each in thumbnails.SYMMETRIES if train.pixels.shape[1] == train.pixels.shape[2] or each[1] in (0, 2)
    ]
    most = max(100, COMPARED // (len(symmetries) * max(1, len(mine))))
    if len(all_theirs) > most:
        all_theirs = np.sort(np.random.default_rng(0).choice(all_theirs, most, replace=False))
    theirs, asked = _units(other, all_theirs)
    if not len(own) or not len(asked):
        return None
    search = NearestNeighbors(n_neighbors=min(NEAREST, len(own)), algorithm="brute").fit(mine.reshape(len(mine), -1))
    how, exact = np.full(len(asked), -1), np.zeros(len(asked), np.bool_)
    for place, (_, turns, mirrored) in enumerate(thumbnails.SYMMETRIES):
        if (turns, mirrored) not in [(each[1], each[2]) for each in symmetries]:
            continue
        turned = thumbnails.moved(theirs[..., np.newaxis], turns, mirrored)[..., 0]
        with config_context(working_memory=MEMORY):
            distance, neighbour = search.kneighbors(turned.reshape(len(turned), -1))
        for count, (row, column) in enumerate(zip(*np.nonzero(distance**2 <= 2 - 2 * ALIKE), strict=True)):
            if count % RELEASED == 0:
                thumbnails.release(train.pixels)
                thumbnails.release(other.pixels)
            if exact[row]:
                continue
            mean, r = _compare(train, own[neighbour[row, column]], other, asked[row], turns, mirrored)
            if r >= EQUAL or (mean <= LEVELS and r >= NEAR):
                how[row], exact[row] = place, True
            elif r >= NEAR and how[row] < 0:
                how[row] = place
    return len(all_theirs), how, exact


def _units(survey: Survey, index: Index) -> tuple[NDArray[np.float32], Index]:
    """Grey thumbnails (q, rows, columns) of mean 0 and length 1, of the images that are not flat, and their places."""
    grey = survey.thumbs[index] * (255 / (survey.high - survey.low))
    grey -= grey.mean(axis=(1, 2), keepdims=True)
    rough = grey.std(axis=(1, 2)) > FLAT
    grey = grey[rough]
    return grey / np.sqrt((grey**2).sum(axis=(1, 2), keepdims=True)), index[rough]


def _compare(train: Survey, mine: int, other: Survey, theirs: int, turns: int, mirrored: bool) -> tuple[float, float]:
    """Mean difference in levels and correlation of two images at full size."""
    one = train.pixels[mine].astype(np.float32)
    two = thumbnails.moved(other.pixels[theirs][np.newaxis], turns, mirrored)[0].astype(np.float32)
    a, b = one - one.mean(), two - two.mean()
    length = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float(np.abs(one - two).mean()), float((a * b).sum()) / length if length else 0.0
