"""Searches images that show the same as another after people changed them: cut, mirrored, turned a little, lit
otherwise, inverted, saved anew, made smaller, marked, or the next frame of a film; and several of these at once.

Some thirty nearest of an image are laid over it at 14 pixels, by similarities, and the best of them at 28, by affine
maps. Its fit is made of correlations of pixels and of details there, and a copy's stands out of the runners-up's:
`chance` says when.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valgap.findings import chance, nearest, pixels
from valgap.findings import registration as laid
from valgap.findings.areas import resized
from valgap.findings.detail import agreement, blurred
from valgap.findings.neighbours import FLAT
from valgap.findings.overlay import lay
from valgap.findings.posing import Posed, pose

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
SMALLEST = 8  # pixels: images with a shorter side show too little
COARSE, FINE = 14, 28  # pixels along a side of images laid over each other
STEPS = 5  # iterations at each size
BLUR = 0.7  # pixels: standard deviation; laying an image over another has blurred it
RIVALS = 6  # candidates laid over an image at FINE
WEIGHTS = (0.45, 0.1, 0.45)  # of details at FINE, pixels at FINE, details at COARSE
FARTHEST = (20.0, 1.45, 0.2)  # turn, zoom and shift that are believed
PART = 256  # images that are searched for at once


@dataclasses.dataclass(frozen=True)
class Changed:
    """Pairs (p, 2) of an image and the one of which it is a changed copy, by place; what was done; and the chance."""

    pairs: Index
    how: tuple[str, ...]
    chance: NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Laid:
    """Of each of q images its k candidates, best first: `image` (q, k), -1 of none, their `fit` (q, k) and `pose` (q,
    k, 6).

    `mirroring` and `inverted` (q, k) are what was done to the image first.
    """

    image: Index
    fit: NDArray[np.float64]
    pose: Floats
    mirroring: Index
    inverted: NDArray[np.bool_]

    def of(self, rows: NDArray[np.bool_] | slice, order: Index) -> "Laid":
        """The candidates at `order` (r, j) of some rows."""
        values = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)[rows]
            at = order if value.ndim == 2 else order[..., np.newaxis]
            values.append(np.take_along_axis(value, at, axis=1))
        return Laid(*values)


def searchable(images: NDArray[np.uint8]) -> bool:
    """Whether images are large enough to be told from each other once they are changed."""
    return min(images.shape[1:3]) >= SMALLEST


def search(
    images: NDArray[np.uint8],
    index: Index,
    asked: Index,
    base: Index,
    features: Floats | None = None,
) -> Changed:
    """Of each of the places `asked` (q,) in (m,) `index` the one in `base` (r,) that it is a changed copy of, if any.

    Images of both are never their own copy. `features` (m, d) are those of a network, one more source of candidates.
    """
    with threadpool_limits(1):  # the number of cores must not decide a digit
        (asked, mine), (base, theirs) = (_small(images, index, places) for places in (asked, base))
        if not len(asked) or len(base) < 3:
            return Changed(np.empty((0, 2), np.int64), (), np.empty(0))
        own = np.full(len(index), -1, np.int64)
        own[base] = np.arange(len(base))
        of_network = None if features is None else (features[asked], features[base])
        candidates = nearest.search(mine, theirs, own[asked], of_network)
        coarse = _in_parts(mine, theirs, candidates)
        fine = _closer(mine, theirs, coarse.of(slice(None), _first(len(mine), RIVALS)))
    told, chances = chance.stand_out(fine.fit)
    told &= (fine.image[:, 0] >= 0) & np.array([_believed(laid.read(each)) for each in fine.pose[:, 0]], np.bool_)
    copies, of = asked[told], base[fine.image[told, 0]]
    how = tuple(
        _words(laid.read(each), int(mirroring), bool(inverted))
        for each, mirroring, inverted in zip(
            fine.pose[told, 0], fine.mirroring[told, 0], fine.inverted[told, 0], strict=True
        )
    )
    return Changed(np.stack([copies, of], axis=1), how, chances[told])


def _in_parts(mine: Floats, theirs: Floats, candidates: Index) -> Laid:
    """All images laid over their candidates at COARSE; of each candidate the best pose, in order of fit."""
    parts = []
    for start in range(0, len(mine), PART):
        rows = slice(start, start + PART)
        known, local = _numbered(candidates[rows])
        posed = pose(mine[rows], theirs[known], local)
        found = _over(mine[rows], theirs[known], _started(posed), COARSE, False)
        image = np.where(found.image < 0, -1, known[found.image])
        parts.append(_ordered(dataclasses.replace(found, image=image)))
    return _joined(parts)


def _started(posed: Posed) -> Laid:
    return Laid(posed.image, np.zeros(posed.image.shape), posed.start, posed.mirroring, posed.inverted)


def _closer(mine: Floats, theirs: Floats, coarse: Laid) -> Laid:
    """Images laid over their best candidates at FINE, from where they lay at COARSE."""
    parts = []
    for start in range(0, len(mine), PART):
        rows = slice(start, start + PART)
        part = coarse.of(rows, _first(len(mine[rows]), coarse.image.shape[1]))
        known, local = _numbered(part.image)
        found = _over(mine[rows], theirs[known], dataclasses.replace(part, image=local), FINE, True)
        fit = WEIGHTS[2] * part.fit + (1 - WEIGHTS[2]) * found.fit
        parts.append(_ordered(dataclasses.replace(found, image=part.image, fit=fit)))
    return _joined(parts)


def _numbered(image: Index) -> tuple[Index, Index]:
    """(the images (n,) that are there, the place of each of (q, k) among them, -1 of none)."""
    known, local = np.unique(image, return_inverse=True)
    local = local.reshape(image.shape)
    return (known[1:], local - 1) if known[0] < 0 else (known, local)


def _joined(parts: list[Laid]) -> Laid:
    fields = (np.concatenate([getattr(part, each.name) for part in parts]) for each in dataclasses.fields(Laid))
    return Laid(*fields)


def _over(mine: Floats, theirs: Floats, start: Laid, side: int, affine: bool) -> Laid:
    """Images laid over their candidates, and how they fit: by details, and where `affine` by pixels too."""
    side = min(side, mine.shape[1])
    small = np.concatenate([resized(nearest.mirror(mine, each), side) for each in range(len(nearest.MIRRORINGS))])
    small, others = np.concatenate([small, -small]), resized(theirs, side)
    row, column = np.nonzero(start.image >= 0)
    first = (start.inverted[row, column] * len(nearest.MIRRORINGS) + start.mirroring[row, column]) * len(mine) + row
    second, begin = start.image[row, column], start.pose[row, column]
    soft, softer = (gaussian_filter(each, (0, BLUR, BLUR)) if affine else each for each in (small, others))
    fit, poses = lay(soft, softer, first, second, begin, STEPS, affine)
    details = chance.fitness(agreement(blurred(small), blurred(others), first, second, poses))
    if affine:
        details = (WEIGHTS[0] * details + WEIGHTS[1] * chance.fitness(fit)) / (WEIGHTS[0] + WEIGHTS[1])
    found, pose_of = np.full(start.image.shape, chance.fitness(np.array(-1.0))), start.pose.copy()
    found[row, column], pose_of[row, column] = details, poses
    return dataclasses.replace(start, fit=found, pose=pose_of)


def _ordered(found: Laid) -> Laid:
    """Candidates by fit, best first; a second pose of one candidate is none."""
    rows = slice(None)
    found = found.of(rows, np.argsort(-found.fit, axis=1, kind="stable"))
    again = np.zeros(found.image.shape, np.bool_)
    for column in range(1, found.image.shape[1]):
        again[:, column] = (found.image[:, :column] == found.image[:, column : column + 1]).any(axis=1)
    lost = chance.fitness(np.array(-1.0))
    none = again | (found.image < 0)
    found = dataclasses.replace(found, image=np.where(none, -1, found.image), fit=np.where(none, lost, found.fit))
    return found.of(rows, np.argsort(-found.fit, axis=1, kind="stable"))


def _first(rows: int, count: int) -> Index:
    return np.tile(np.arange(count), (rows, 1))


def _small(images: NDArray[np.uint8], index: Index, places: Index) -> tuple[Index, Floats]:
    """Grey images (q, s, s) of at most FINE pixels, of those `places` that are not flat."""
    side = min(FINE, *images.shape[1:3])
    kept, rows = [np.empty(0, np.int64)], [np.empty((0, side, side), np.float32)]
    for part, read in pixels.parts(images, index[places]):
        grey = resized(read.mean(axis=3, dtype=np.float32), side)
        rough = grey.std(axis=(1, 2)) > FLAT
        kept.append(places[part][rough])
        rows.append(grey[rough])
    return np.concatenate(kept), np.concatenate(rows)


def _believed(found: laid.Pose) -> bool:
    turn, zoom, shift = FARTHEST
    return abs(found.turn) <= turn and 1 / zoom <= found.zoom <= zoom and found.shift <= shift


def _words(found: laid.Pose, mirroring: int, inverted: bool) -> str:
    """What was done to a copy, as far as it can be told."""
    parts = [
        ("", "mirrored left to right", "mirrored top to bottom")[mirroring],
        "inverted" if inverted else "",
        f"turned by {abs(found.turn):.0f}°" if abs(found.turn) >= 1.5 else "",
        "cut or zoomed" if abs(found.zoom - 1) >= 0.03 else "",
        "shifted" if found.shift >= 0.03 else "",
    ]
    return ", ".join(filter(None, parts)) or "lit otherwise, marked or saved anew"
