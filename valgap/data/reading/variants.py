"""Reads a sample of files in several ways at once, each file opened once, to see which way a model learnt from."""

import dataclasses
import itertools
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valgap.data.reading.decode import Original, read_original
from valgap.data.reading.decoding import Decoding, colored, resized
from valgap.data.reading.readers import MAX_READERS
from valgap.ground.errors import SuiteError
from valgap.ground.host import usable_cores


def read_variants(
    paths: Sequence[Path], decodings: Sequence[Decoding], workers: int | None = None
) -> list[NDArray[np.uint8]]:
    """(n, h, w, c) uint8 of all files for each decoding, whose `size` must be said; c is 1 where all are grey, else 3.

    Decodings that make no difference to any of the files, such as `alpha` where nothing is transparent, share one
    array. Files are read in `workers` threads, one a core unless told, with the same result on any number of them.
    Raises SuiteError naming the first file that cannot be read: give files that were read before.
    """
    if not paths or any(decoding.size is None for decoding in decodings):
        raise ValueError("read_variants needs a file, and a size in every decoding")
    with (
        warnings.catch_warnings(action="ignore"),
        ThreadPoolExecutor(workers or min(usable_cores(), MAX_READERS)) as pool,
    ):
        rows = list(pool.map(lambda path: _variants(path, decodings), paths))
    arrays: dict[tuple[int, ...], NDArray[np.uint8]] = {}
    same = [tuple(id(row[place]) for row in rows) for place in range(len(decodings))]
    for place, which in enumerate(same):
        if which not in arrays:
            arrays[which] = _stacked([row[place] for row in rows])
    return [arrays[which] for which in same]


def _variants(path: Path, decodings: Sequence[Decoding]) -> list[NDArray[np.uint8]]:
    """Pixels of one file for each decoding; the same object where two come to the same."""
    try:
        original = read_original(path)
        found: dict[Decoding, NDArray[np.uint8]] = {}
        telling = [_telling(original, decoding) for decoding in decodings]
        by_color = sorted(dict.fromkeys(telling), key=_coloring)
        for (upright, *_), alike in itertools.groupby(by_color, key=_coloring):
            same = list(alike)
            image = colored(original.turned(upright), same[0])  # once, for it is large
            found |= {decoding: resized(image, decoding) for decoding in same}
        return [found[decoding] for decoding in telling]
    except Exception as error:  # damaged files make Pillow raise most of Python's exceptions
        raise SuiteError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def _coloring(decoding: Decoding) -> tuple[bool, str, str]:
    return decoding.upright, decoding.alpha, decoding.color


def _telling(original: Original, decoding: Decoding) -> Decoding:
    """The decoding without what makes no difference to this file."""
    upright = decoding.upright and original.orientation != 0 and original.format != "TIFF"
    told = dataclasses.replace(decoding, upright=upright, alpha=decoding.alpha if original.transparent else "drop")
    height, width = decoding.size or (0, 0)
    wide, high = original.image.size[::-1] if upright and original.orientation >= 5 else original.image.size
    if (wide, high) == (width, height):
        return dataclasses.replace(told, aspect="stretch", filter="nearest")
    return dataclasses.replace(told, aspect="stretch") if wide * height == high * width else told


def _stacked(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    channels = max(image.shape[2] for image in images)
    return np.stack([np.broadcast_to(image, (*image.shape[:2], channels)) for image in images])
