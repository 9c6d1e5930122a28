"""Tells image files that a decoder accepts although a part of their data is missing: what it filled in gives them away.

Pillow refuses most cut files. It accepts a JPEG that was cut and closed with an end marker
(valgap/data/reading/jpeg.py; what was filled in stays in copies of such an image, whatever their format), a BMP or TIFF
of which the rest is zeros, as an interrupted copy leaves it (rows of the first colour), a WebP likewise, and sometimes
a PNG or JPEG.
"""

import io
import struct
from typing import IO, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from valgap.data.reading import jpeg

Cut = Literal["", "grey rows", "black rows", "zeros", "scans"]  # why a file counts as cut; "" for a whole one
CUTS = get_args(Cut)
GREY = 128  # what libjpeg gives where data are missing: all coefficients are 0
NEAR = 1  # levels by which converting colours may change it
BLOCK = 8  # rows and columns of a JPEG's block, at which missing ones begin
LEAST_ROWS, LEAST_SHARE = 4, 0.02  # of rows that are missing: fewer are not looked for
ZEROS = 32  # bytes: compressed data end in no more, but for what FLAT allows
FLAT, FLAT_BLOCK = 5, 16  # bytes of zeros for each flat block, of so many rows and columns, that a WebP ends in
FRAME_HEADER = 24  # bytes before the pixels of a frame of an animated WebP
GREYISH = 8  # levels by which a block's grey pixels differ from GREY beside an edge, by a JPEG's ringing
MOSTLY = 0.6  # share of such pixels from which on a block is drawn over an edge
STEEP = 0.75  # share of a block's rows that end where it begins to be missing: the others happen to be as grey
INSIDE = 0.1  # share of black pixels from which on an image's own row may be as black as missing ones
CORNER = 2  # levels by which the lowest pixel on the right may differ from GREY, where rows above bleed into its colour


def cut(image: Image.Image, kind: str, handle: IO[bytes]) -> Cut:
    """Whether a part of a file is missing, by its decoded `image`, not turned, of a format, and by the open file."""
    rows = image.height
    least = max(LEAST_ROWS, round(LEAST_SHARE * rows))
    if rows <= least:
        return ""
    grey = _flat(image, rows - 1, GREY, NEAR) and not _flat(image, 0, GREY, NEAR)
    if grey and _grey(_levels(image), least):
        return "grey rows"
    if kind in ("JPEG", "PNG") and _ends_in_zeros(handle):
        return "zeros" if _lacks_end(_content(handle), kind) else ""
    if kind == "JPEG":
        return _cut_jpeg(image, _content(handle))
    if kind == "WEBP":
        zeros = _webp_zeros(_content(handle))
        return "zeros" if zeros >= ZEROS and zeros > ZEROS + FLAT * _flat_end(_levels(image)) else ""
    if kind == "BMP" or (kind == "TIFF" and image.info.get("compression") == "raw"):
        first, last = (0, rows - 1) if kind == "BMP" else (rows - 1, 0)  # a BMP begins with its lowest row
        stored = Image.fromarray(np.asarray(image)) if image.mode == "P" else image  # a palette's places
        if _flat(stored, first, 0) and not _flat(stored, last, 0):
            levels = _levels(stored) if kind == "BMP" else _levels(stored)[::-1]
            return "black rows" if _black(levels, least) else ""
    return ""


def _cut_jpeg(image: Image.Image, content: bytes) -> Cut:
    """Whether a JPEG lacks scans, or a part of its last one, which is asked for only where that may be."""
    if jpeg.lacks_scans(content):
        return "scans"
    if image.info.get("progressive"):
        return "scans" if jpeg.wants_more(content, image) else ""
    corner = image.crop((image.width - 1, image.height - 1, image.width, image.height))
    filled = corner.getextrema() if image.mode == "CMYK" else (corner.convert("L").getextrema(),)
    if all(abs(level - GREY) <= CORNER for level in np.ravel(np.array(filled))):
        return "grey rows" if jpeg.wants_more(content, image) else ""
    return ""


def _grey(levels: NDArray[np.uint8], least: int) -> bool:
    """Whether grey rows begin within a row of blocks, which is grey from one block on: no padding, no slanted edge."""
    first = len(levels) - _run(levels[::-1], GREY, NEAR)
    if len(levels) - first < least or first % BLOCK or levels.shape[1] < 2 * BLOCK:
        return False
    last = levels[first - BLOCK : first]
    ends = np.array([len(row) - _run(row[::-1, np.newaxis], GREY, NEAR) for row in last])
    edge = int(ends.max())
    apart = min(edge % BLOCK, -edge % BLOCK)  # what is upsampled bleeds over the edge of a block
    steep = np.mean(ends >= edge - NEAR - 1) >= STEEP
    # What is drawn over an edge is grey for the most part.
    whole = last[:, max(0, edge - BLOCK) : edge].astype(np.int64)
    return (
        BLOCK <= edge <= levels.shape[1] - BLOCK
        and apart <= NEAR
        and bool(steep and np.mean(np.abs(whole - GREY) <= GREYISH) < MOSTLY)
    )


def _black(levels: NDArray[np.uint8], least: int) -> bool:
    """Whether black rows end within a row, which is black on its right alone, and what follows is not black itself."""
    missing = _run(levels, 0)
    if missing < least or missing + 1 >= len(levels):
        return False
    last, whole = levels[missing], levels[missing + 1]
    return bool(last[0] and not last[-1]) and float(np.mean(whole == 0)) < INSIDE


def _flat(image: Image.Image, row: int, level: int, near: int = 0) -> bool:
    """Whether all values of a row are the level, as far as an image of 8 bits tells."""
    limits = image.crop((0, row, image.width, row + 1)).convert("L").getextrema()
    return all(isinstance(limit, int | float) and abs(limit - level) <= near for limit in limits)


def _levels(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("L"))


def _run(levels: NDArray[np.uint8], level: int, near: int = 0) -> int:
    """How many rows from the first on are of the level throughout."""
    flat = np.asarray((np.abs(levels.astype(np.int64) - level) <= near).all(axis=1))
    return len(flat) if flat.all() else int(np.argmin(flat))


def _content(handle: IO[bytes]) -> bytes:
    handle.seek(0)
    return handle.read()


def _webp_zeros(content: bytes) -> int:
    """How many zeros the compressed pixels of a WebP (RIFF chunks), or of its first frame, end in."""
    place = 12
    while place + 8 <= len(content):
        name, size = content[place : place + 4], struct.unpack("<I", content[place + 4 : place + 8])[0]
        if name in (b"VP8 ", b"VP8L"):
            pixels = content[place + 8 : place + 8 + size]
            return len(pixels) - len(pixels.rstrip(b"\0"))
        place += FRAME_HEADER if name == b"ANMF" else 8 + size + size % 2
    return 0


def _flat_end(levels: NDArray[np.uint8]) -> int:
    """How many blocks of FLAT_BLOCK rows and columns the image ends in, row by row, that are of one level each."""
    padded = np.pad(levels, [(0, -side % FLAT_BLOCK) for side in levels.shape], mode="edge")
    rows, columns = (side // FLAT_BLOCK for side in padded.shape)
    blocks = padded.reshape(rows, FLAT_BLOCK, columns, FLAT_BLOCK)
    flat = (np.ptp(blocks, axis=(1, 3)) <= 2 * NEAR).ravel()[::-1]
    return len(flat) if flat.all() else int(np.argmin(flat))


def _ends_in_zeros(handle: IO[bytes]) -> bool:
    handle.seek(0, io.SEEK_END)
    handle.seek(max(0, handle.tell() - ZEROS))
    return not any(handle.read())


def _lacks_end(content: bytes, kind: str) -> bool:
    """Whether a file has no mark of its end."""
    return b"IEND" not in content if kind == "PNG" else not jpeg.has_end(content)
