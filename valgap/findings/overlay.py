"""Lays many small grey images over others, fast: by similarities or affine maps, found by least squares.

Poses are those of `registration`. The iteration is Gauss and Newton's, composed with the pose so far, with a gain of
brightness: slopes are those of the image as it lies, so that one value of a pixel has to be looked up (Baker and
Matthews 2004, "Lucas-Kanade 20 years on", section 3.2).
"""

import numpy as np
from numpy.typing import NDArray

from valgap.findings.registration import centred, correlated

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
PAIRS = 256  # that are laid over each other at once: their pixels stay in the processor's cache
STEP = 0.15  # largest change of a parameter in one iteration


def lay(
    images: Floats, others: Floats, first: Index, second: Index, poses: Floats, iterations: int, affine: bool
) -> tuple[Floats, Floats]:
    """Best correlation (p,) and its pose (p, 6) of `first` of (n, s, s) `images` with `second` of `others`, from
    `poses` on.

    The correlation is over the pixels that both show, and -1 where they are few. Similarities turn, zoom and shift;
    where `affine`, sides may also be stretched and sheared, as in another cut of the same photo.
    """
    side = images.shape[1]
    places = grid(side)
    targets = others.reshape(len(others), -1)
    best, found = np.empty(len(first), np.float32), np.empty((len(first), 6), np.float32)
    for start in range(0, len(first), PAIRS):
        part = slice(start, start + PAIRS)
        target = targets[second[part]]
        best[part], found[part] = _lay(images, target, first[part], places, poses[part], iterations, affine)
    return best, found


def grid(side: int) -> Floats:
    """Places (2, side * side), down and right, of the pixels of an image."""
    line = (np.arange(side) + 0.5) / side - 0.5
    return np.stack([each.ravel() for each in np.meshgrid(line, line, indexing="ij")]).astype(np.float32)


def moved(places: Floats, poses: Floats) -> Floats:
    """Where (2, d) `places` come to lie in (p, 6) `poses`: (p, 2, d)."""
    at: Floats = poses[:, :4].reshape(-1, 2, 2) @ places + poses[:, 4:, np.newaxis]
    return at


def shown(at: Floats, side: int) -> Floats:
    """1 where (p, 2, d) places lie in an image, half a pixel beside it at most, else 0: (p, d)."""
    return (np.abs(at).max(axis=1) <= 0.5 + 0.5 / side).astype(np.float32)


def sampled(images: Floats, first: Index, at: Floats) -> Floats:
    """Bilinear values (p, d) or (p, d, c) of `first` of (n, s, s) or (n, s, s, c) `images` at places `at` (p, 2, d)."""
    side = images.shape[1]
    where = np.clip((at + 0.5) * side - 0.5, 0, side - 1.001)
    whole = where.astype(np.int32)
    down, right = (where - whole.astype(np.float32)).transpose(1, 0, 2)
    corner = (first[:, np.newaxis].astype(np.int32) * side + whole[:, 0]) * side + whole[:, 1]
    flat = images.reshape(len(images) * side * side, *images.shape[3:])
    if images.ndim == 4:
        down, right = down[..., np.newaxis], right[..., np.newaxis]
    above, below = flat.take(corner, axis=0), flat.take(corner + side, axis=0)
    above += right * (flat.take(corner + 1, axis=0) - above)
    below += right * (flat.take(corner + side + 1, axis=0) - below)
    above += down * (below - above)
    return above


def _lay(
    images: Floats, target: Floats, first: Index, places: Floats, poses: Floats, iterations: int, affine: bool
) -> tuple[Floats, Floats]:
    side = images.shape[1]
    best, found, current = np.full(len(first), -1, np.float32), poses.copy(), poses
    for iteration in range(iterations + 1):
        at = moved(places, current)
        seen = shown(at, side)
        count = np.maximum(seen.sum(axis=1, keepdims=True), 1)
        raw = sampled(images, first, at)
        value, wanted, correlation = correlated(raw, target, seen, count)
        better = correlation > best
        best[better], found[better] = correlation[better], current[better]
        if iteration < iterations:
            current = _step(current, raw, value, wanted, seen, count, places, affine)
    return best, found


def _step(
    current: Floats, raw: Floats, value: Floats, wanted: Floats, seen: Floats, count: Floats, places: Floats,
    affine: bool,
) -> Floats:  # fmt: skip
    """The poses after one step, solved together with a gain of brightness."""
    side = round(raw.shape[1] ** 0.5)
    square = raw.reshape(-1, side, side)
    slopes = np.zeros((2, *square.shape), np.float32)
    slopes[0, :, 1:-1] = (square[:, 2:] - square[:, :-2]) * (side / 2)
    slopes[1, :, :, 1:-1] = (square[:, :, 2:] - square[:, :, :-2]) * (side / 2)
    down, right = slopes.reshape(2, *raw.shape)
    if affine:
        columns = [down * places[0], down * places[1], right * places[0], right * places[1], down, right]
    else:
        columns = [down * places[0] + right * places[1], right * places[0] - down * places[1], down, right]
    design = np.empty((len(raw), len(columns) + 1, raw.shape[1]), np.float32)
    design[:, 0] = value
    for number, column in enumerate(columns, 1):
        design[:, number] = centred(column, seen, count)
    normal = design @ design.transpose(0, 2, 1)
    diagonal = np.einsum("nii->ni", normal)
    normal += np.eye(design.shape[1], dtype=np.float32) * (1e-4 * diagonal + 1e-3)[:, np.newaxis]
    solved = np.linalg.solve(normal, design @ wanted[..., np.newaxis])[..., 0]
    change = np.clip(solved[:, 1:] / np.maximum(solved[:, :1], 0.1), -STEP, STEP)
    if not affine:
        zoom, turn, *by = change.T
        change = np.stack([zoom, -turn, turn, zoom, *by], axis=1)
    matrix = current[:, :4].reshape(-1, 2, 2)
    turned = matrix @ (change[:, :4].reshape(-1, 2, 2) + np.eye(2, dtype=np.float32))
    shifted = current[:, 4:] + (matrix @ change[:, 4:, np.newaxis])[..., 0]
    stepped: Floats = np.concatenate([turned.reshape(-1, 4), shifted], axis=1).astype(np.float32)
    return stepped
