"""How well the details of two images agree that lie on each other: slopes of one explained by those of the other.

A copy that was blurred, sharpened, or saved anew has other slopes than its original, but they follow from it. So the
slopes of one are fitted by those of the other at three sharpnesses, least squares, and in turn; the better multiple
correlation counts. It does not depend on brightness and contrast.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from valgap.findings.overlay import grid, moved, sampled, shown

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
BLURS = (0.7, 1.4)  # pixels: standard deviations beside an image as it is
PAIRS = 256  # that are compared at once
RIDGE = 1e-3  # of the mean square of the slopes
COVERED = 0.5  # of the pixels that both must show


def blurred(images: Floats) -> Floats:
    """(n, s, s) images at three sharpnesses: (n, s, s, 3)."""
    return np.stack([images, *(gaussian_filter(images, (0, blur, blur)) for blur in BLURS)], axis=-1)


def agreement(one: Floats, other: Floats, first: Index, second: Index, poses: Floats) -> Floats:
    """Correlation (p,) of the details of `first` of (n, s, s, 3) `one`, in (p, 6) `poses`, with `second` of `other`; -1
    of few.

    Both are `blurred`.
    """
    side = one.shape[1]
    places = grid(side)
    found = np.empty(len(first), np.float32)
    for start in range(0, len(first), PAIRS):
        part = slice(start, start + PAIRS)
        at = moved(places, poses[part])
        seen = shown(at, side).reshape(-1, side, side)
        inner = np.zeros_like(seen)
        inner[:, 1:-1, 1:-1] = seen[:, 1:-1, 1:-1] * seen[:, :-2, 1:-1] * seen[:, 2:, 1:-1]
        inner[:, 1:-1, 1:-1] *= seen[:, 1:-1, :-2] * seen[:, 1:-1, 2:]
        laid = sampled(one, first[part], at).reshape(-1, side, side, 3)
        found[part] = _fitted(_slopes(laid, inner), _slopes(other[second[part]], inner))
        found[part][seen.mean(axis=(1, 2)) < COVERED] = -1
    return found


def _slopes(images: Floats, seen: Floats) -> Floats:
    """Slopes (p, 3, d) down and right of (p, s, s, 3) images, 0 where not shown."""
    found = np.zeros((2, *images.shape), np.float32)
    found[0, :, 1:-1] = images[:, 2:] - images[:, :-2]
    found[1, :, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    found *= seen[..., np.newaxis]
    return np.ascontiguousarray(found.transpose(1, 4, 0, 2, 3)).reshape(len(images), 3, -1)


def _fitted(one: Floats, other: Floats) -> Floats:
    across, mine, theirs = (
        one @ other.transpose(0, 2, 1),
        one @ one.transpose(0, 2, 1),
        other @ other.transpose(0, 2, 1),
    )
    explained = [
        _explained(theirs, across[:, 0], mine[:, 0, 0]),
        _explained(mine, across[:, :, 0], theirs[:, 0, 0]),
    ]
    found: Floats = np.sqrt(np.clip(np.max(explained, axis=0), 0, 1)) * np.sign(across[:, 0, 0])
    return found


def _explained(normal: Floats, along: Floats, square: Floats) -> Floats:
    """The share (p,) of a `square` that least squares explain, by (p, 3, 3) `normal` and (p, 3) `along`."""
    mean = np.einsum("pii->p", normal) / 3
    ridge = (RIDGE * (mean + 1))[:, np.newaxis, np.newaxis] * np.eye(3, dtype=np.float32)
    weights = np.linalg.solve(normal + ridge, along[..., np.newaxis])[..., 0]
    share: Floats = np.einsum("pi,pi->p", weights, along) / np.maximum(square, 1e-3)
    return share
