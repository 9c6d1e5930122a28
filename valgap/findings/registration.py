"""Lays small grey images over each other: by turns, zooms, shifts and mirroring, found by least squares.

A pose is a row (a, b, c, d, e, f) that maps a place u of the one image to the place (a b; c d) u + (e, f) of the other;
places are (down, right) of the middle, in sides of an image. The iteration is Gauss and Newton's for a similarity and a
gain of brightness (Lucas and Kanade 1981; Baker and Matthews 2004, "Lucas-Kanade 20 years on", section 3.1).
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
PAIRS = 256  # that are laid over each other at once: their pixels stay in the processor's cache
COVERED = 0.5  # of the disc that both images must show
STEP = 0.15  # largest change of a parameter in one iteration


@dataclasses.dataclass(frozen=True)
class Pose:
    """The changes that a pose stands for: degrees, times larger, whether mirrored, and how far the middle moved."""

    turn: float
    zoom: float
    mirrored: bool
    shift: float  # in sides of an image


def pose(turn: float, zoom: float, shift: tuple[float, float], mirrored: bool) -> Floats:
    """The pose (6,) of a copy that was mirrored left to right, turned by `turn` degrees, made `zoom` times as large and
    moved by `shift`, in this order."""
    angle = np.deg2rad(turn)
    cosine, sine = zoom * np.cos(angle), zoom * np.sin(angle)
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    if mirrored:
        matrix[:, 1] *= -1
    return np.concatenate([matrix.ravel(), np.array(shift)]).astype(np.float32)


def read(found: Floats) -> Pose:
    """What a pose (6,) says."""
    a, b, c, d, *moved = (float(value) for value in found)
    determinant = a * d - b * c
    turn = float(np.rad2deg(np.arctan2(c, a)))
    return Pose(turn, float(np.sqrt(abs(determinant))), determinant < 0, float(np.hypot(moved[0], moved[1])))


def grid(side: int) -> tuple[Floats, Index]:
    """Places (down, right) of the pixels of a disc in an image of `side` x `side`, and where in it they lie."""
    line = (np.arange(side) + 0.5) / side - 0.5
    down, right = (part.ravel() for part in np.meshgrid(line, line, indexing="ij"))
    inside = np.flatnonzero(down**2 + right**2 <= 0.25)
    return np.stack([down[inside], right[inside]]).astype(np.float32), inside


def slopes(images: Floats) -> Floats:
    """(n, s, s) images with their slopes down and right, a side being 1: (n, s, s, 3)."""
    side = images.shape[1]
    down, right = np.gradient(images, axis=(1, 2))
    return np.stack([images, down * side, right * side], axis=-1).astype(np.float32)


def register(
    sloped: Floats, images: Floats, first: Index, second: Index, poses: Floats, iterations: int
) -> tuple[Floats, Floats]:
    """Best correlation (p,) and its pose (p, 6) of images `first` of (n, s, s, 3) `sloped` with `second` of `images`.

    It starts at `poses` (p, 6); the correlation is over the pixels of a disc that both show, and -1 where they are few.
    """
    places, inside = grid(images.shape[1])
    targets = images.reshape(len(images), -1)[:, inside]
    best, found = np.empty(len(first), np.float32), np.empty((len(first), 6), np.float32)
    for start in range(0, len(first), PAIRS):
        part = slice(start, start + PAIRS)
        best[part], found[part] = _register(sloped, targets[second[part]], first[part], places, poses[part], iterations)
    return best, found


def _register(
    sloped: Floats, target: Floats, first: Index, places: Floats, poses: Floats, iterations: int
) -> tuple[Floats, Floats]:
    best, found, current = np.full(len(first), -1, np.float32), poses.copy(), poses
    for iteration in range(iterations + 1):
        turned = current[:, :4].reshape(-1, 2, 2) @ places  # (p, 2, d)
        at = turned + current[:, 4:, np.newaxis]
        shown = (np.abs(at).max(axis=1) <= 0.5).astype(np.float32)
        count = np.maximum(shown.sum(axis=1, keepdims=True), 1)
        value, down, right = np.moveaxis(_sample(sloped, first, at), 2, 0)
        value, wanted, correlation = correlated(value, target, shown, count)
        better = correlation > best
        best[better], found[better] = correlation[better], current[better]
        if iteration < iterations:
            current = _step(current, turned, places, (value, down, right), wanted, shown, count)
    return best, found


def correlated(value: Floats, target: Floats, shown: Floats, count: Floats) -> tuple[Floats, Floats, Floats]:
    """Both (p, d) centred over the `count` (p, 1) pixels that are `shown`, 1 or 0; their correlation (p,).

    It is -1 where they are fewer than COVERED of all.
    """
    value, wanted = (centred(each, shown, count) for each in (value, target))
    size = np.einsum("ij,ij->i", value, value) * np.einsum("ij,ij->i", wanted, wanted)
    correlation = np.einsum("ij,ij->i", value, wanted) / np.sqrt(np.maximum(size, 1e-6))
    correlation[count[:, 0] < COVERED * shown.shape[1]] = -1
    return value, wanted, correlation


def centred(values: Floats, shown: Floats, count: Floats) -> Floats:
    """(p, d) less their means over the pixels that are shown; 0 elsewhere."""
    mean = np.einsum("ij,ij->i", values, shown)[:, np.newaxis] / count
    found: Floats = (values - mean) * shown
    return found


def _sample(sloped: Floats, first: Index, at: Floats) -> Floats:
    """Bilinear values (p, d, 3) of the images `first` at places `at` (p, 2, d)."""
    side = sloped.shape[1]
    where = np.clip((at + 0.5) * side - 0.5, 0, side - 1.001)
    whole = where.astype(np.int32)
    down, right = np.moveaxis(where - whole, 1, 0)[..., np.newaxis]
    flat = sloped.reshape(-1, 3)
    corner = (first[:, np.newaxis] * side + whole[:, 0]) * side + whole[:, 1]
    above = flat[corner] * (1 - right) + flat[corner + 1] * right
    below = flat[corner + side] * (1 - right) + flat[corner + side + 1] * right
    values: Floats = above * (1 - down) + below * down
    return values


def _step(
    current: Floats, turned: Floats, places: Floats, parts: tuple[Floats, Floats, Floats], wanted: Floats,
    shown: Floats, count: Floats,
) -> Floats:  # fmt: skip
    """The poses after one step: zoom, turn and shift solved together with a gain of brightness."""
    value, down, right = parts
    aside = current[:, :4].reshape(-1, 2, 2) @ np.stack([-places[1], places[0]])  # turned by a right angle
    columns = [down * each[:, 0] + right * each[:, 1] for each in (turned, aside)]
    design = np.stack([value, *(centred(each, shown, count) for each in (*columns, down, right))], axis=1)
    normal = design @ design.transpose(0, 2, 1)
    diagonal = np.einsum("nii->ni", normal)
    normal += np.eye(5, dtype=np.float32) * (1e-4 * diagonal + 1e-3)[:, np.newaxis]
    solved = np.linalg.solve(normal, design @ wanted[..., np.newaxis])[..., 0]
    gain = np.maximum(solved[:, :1], 0.1)
    zoom, turn, *moved = np.clip(solved[:, 1:] / gain, -STEP, STEP).T
    change = np.stack([1 + zoom, -turn, turn, 1 + zoom], axis=1).reshape(-1, 2, 2)
    matrix = (current[:, :4].reshape(-1, 2, 2) @ change).reshape(-1, 4)
    stepped: Floats = np.concatenate([matrix, current[:, 4:] + np.stack(moved, axis=1)], axis=1).astype(np.float32)
    return stepped
