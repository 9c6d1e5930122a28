"""How one image may lie on another: mirrored or not, inverted or not, shifted by how much; by cross-correlation.

Two are asked: slopes of whole images, and images without their coarse shades within a window, shown a little smaller,
as a copy that was cut is larger than its original. Each keeps its best candidates.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from valgap.findings.areas import resized
from valgap.findings.nearest import MIRRORINGS, mirror
from valgap.findings.overlay import grid, moved, sampled

Floats = NDArray[np.float32]
Index = NDArray[np.int64]
KEPT = 10  # candidates of each kind
SHADES, BY_SHADES = 2.0, 16  # pixels: standard deviation of what is taken off; side
BY_SLOPES, BESIDE = 20, 5  # pixels: side, and what is added so that nothing comes in at the other side
FARTHEST = 6  # sides of an image: a sixth is the longest shift
CUT = 1.07  # times larger than its original: a copy that was cut
SAME = 0.04  # sides: shifts of one candidate that are nearer are one
BLOCK = 64  # images whose candidates are posed at once


@dataclasses.dataclass(frozen=True)
class Posed:
    """Of each of q images k candidates `image` (q, k), -1 of none, and what was done to the image before it lies on
    them.

    `mirroring` (q, k) is a place in MIRRORINGS, `inverted` (q, k) bool, `start` (q, k, 6) a pose of `overlay`.
    """

    image: Index
    mirroring: Index
    inverted: NDArray[np.bool_]
    start: Floats


def pose(asked: Floats, others: Floats, candidates: Index) -> Posed:
    """The likeliest of (q, c) `candidates` among (n, s, s) `others`, as they lie on (q, s, s) `asked`."""
    first = _best(asked, others, candidates, True)
    second = _best(_smaller(asked), others, candidates, False)
    second.start[...] *= CUT
    near = np.abs(second.start[:, :, np.newaxis, 4:] - first.start[:, np.newaxis, :, 4:]).max(axis=3) < SAME
    again = (second.image[:, :, np.newaxis] == first.image[:, np.newaxis]) & near
    again &= second.mirroring[:, :, np.newaxis] == first.mirroring[:, np.newaxis]
    image = np.where(again.any(axis=2), -1, second.image)
    return Posed(
        np.concatenate([first.image, image], axis=1),
        np.concatenate([first.mirroring, second.mirroring], axis=1),
        np.concatenate([first.inverted, second.inverted], axis=1),
        np.concatenate([first.start, second.start], axis=1),
    )


def _best(asked: Floats, others: Floats, candidates: Index, slopes: bool) -> Posed:
    side = BY_SLOPES if slopes else BY_SHADES
    size = side + (BESIDE if slopes else 0)
    reach = side // FARTHEST
    moves = np.array([*range(reach + 1), *range(-reach, 0)])
    spectra = _spectra(others, side, size, slopes).conj()
    value = np.zeros(candidates.shape, np.float32)
    mirroring, move = np.zeros(candidates.shape, np.int64), np.zeros(candidates.shape, np.int64)
    for number in range(len(MIRRORINGS)):
        mine = _spectra(mirror(asked, number), side, size, slopes)
        for start in range(0, len(asked), BLOCK):
            part = slice(start, start + BLOCK)
            product = (spectra[candidates[part]] * mine[part, np.newaxis]).sum(axis=2)
            fit = np.fft.irfft2(product, s=(size, size))[:, :, moves][..., moves]
            fit = fit.reshape(*fit.shape[:2], -1)
            at = np.abs(fit).argmax(axis=2)
            peak = np.take_along_axis(fit, at[..., np.newaxis], axis=2)[..., 0]
            better = np.abs(peak) > np.abs(value[part])
            value[part][better], move[part][better] = peak[better], at[better]
            mirroring[part][better] = number
    value[candidates < 0] = 0
    order = np.argsort(-np.abs(value), axis=1, kind="stable")[:, :KEPT]
    image, mirroring, move = (np.take_along_axis(each, order, axis=1) for each in (candidates, mirroring, move))
    inverted = np.take_along_axis(value, order, axis=1) < 0
    poses = np.zeros((*image.shape, 6), np.float32)
    poses[..., 0] = poses[..., 3] = 1
    poses[..., 4], poses[..., 5] = moves[move // len(moves)] / side, moves[move % len(moves)] / side
    return Posed(image, mirroring, inverted, poses)


def _smaller(images: Floats) -> Floats:
    """(n, s, s) images that show things CUT times smaller, edges repeated."""
    side = images.shape[1]
    pose = np.tile(np.array([CUT, 0, 0, CUT, 0, 0], np.float32), (len(images), 1))
    return sampled(images, np.arange(len(images)), moved(grid(side), pose)).reshape(images.shape)


def _spectra(images: Floats, side: int, size: int, slopes: bool) -> NDArray[np.complex64]:
    """Fourier's transforms (n, p, size, size // 2 + 1) of one plane, or of two of slopes."""
    small = resized(images, side)
    if slopes:
        down, right = np.gradient(small, axis=(1, 2))
        planes = np.stack([down, right], axis=1)
    else:
        window = np.sqrt(np.hanning(side + 4)[2:-2]).astype(np.float32)
        planes = (small - gaussian_filter(small, (0, SHADES, SHADES))) * window * window[:, np.newaxis]
        planes = planes[:, np.newaxis]
    length = np.sqrt(np.einsum("npij,npij->n", planes, planes))
    planes = planes / np.maximum(length, 1e-3)[:, np.newaxis, np.newaxis, np.newaxis]
    return np.fft.rfft2(planes, s=(size, size)).astype(np.complex64)
