"""Tells image files that a decoder accepts although a part of their data is missing: what it filled in gives them away.

Pillow refuses most cut files. It accepts a JPEG that was cut and closed with an end marker (libjpeg fills up with mid
grey, jdhuff.c, or leaves out the last scans of a progressive one), a BMP or TIFF of which the rest is zeros, as an
interrupted copy leaves it (black rows), a WebP likewise, and sometimes a PNG or JPEG.
"""

import io
import struct
from collections.abc import Iterator
from typing import IO, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Cut = Literal["", "grey rows", "black rows", "zeros", "scans"]  # why a file counts as cut; "" for a whole one
CUTS = get_args(Cut)
GREY = 128  # what libjpeg gives where data are missing: all coefficients are 0
NEAR = 1  # levels by which converting colours may change it
BLOCK = 8  # rows and columns of a JPEG's block, at which missing ones begin
LEAST_ROWS, LEAST_SHARE = 4, 0.02  # of rows that are missing: fewer are not looked for
ZEROS = 32  # bytes: compressed data never end in so many
SCAN, PROGRESSIVE = 0xDA, 0xC2  # markers of a JPEG: a scan begins, and the frame of a progressive one
INSIDE = 0.1  # share of black pixels from which on an image's own row may be as black as missing ones


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
    if kind == "JPEG" and image.info.get("progressive"):
        return "scans" if _lacks_scans(_content(handle)) else ""
    if kind == "WEBP":
        return "zeros" if _webp_ends_in_zeros(_content(handle)) else ""
    if kind == "BMP" or (kind == "TIFF" and image.info.get("compression") == "raw"):
        first, last = (0, rows - 1) if kind == "BMP" else (rows - 1, 0)  # a BMP begins with its lowest row
        if _flat(image, first, 0) and not _flat(image, last, 0):
            levels = _levels(image) if kind == "BMP" else _levels(image)[::-1]
            return "black rows" if _black(levels, least) else ""
    return ""


def _grey(levels: NDArray[np.uint8], least: int) -> bool:
    """Whether grey rows begin within a row of blocks, which is grey on its right alone: no padding, no background."""
    first = len(levels) - _run(levels[::-1], GREY, NEAR)
    if len(levels) - first < least or first % BLOCK or levels.shape[1] < 2 * BLOCK:
        return False
    last = np.abs(levels[first - BLOCK : first].astype(np.int64) - GREY) <= NEAR
    return not last[:, :BLOCK].all() and bool(last[:, -BLOCK:].all())


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


def _webp_ends_in_zeros(content: bytes) -> bool:
    """Whether the compressed pixels of a WebP (RIFF chunks) end in zeros."""
    place = 12
    while place + 8 <= len(content):
        name, size = content[place : place + 4], struct.unpack("<I", content[place + 4 : place + 8])[0]
        if name in (b"VP8 ", b"VP8L"):
            end = content[place + 8 : place + 8 + size][-ZEROS:]
            return size >= ZEROS and not any(end)
        place += 8 + size + size % 2
    return False


def _ends_in_zeros(handle: IO[bytes]) -> bool:
    handle.seek(0, io.SEEK_END)
    handle.seek(max(0, handle.tell() - ZEROS))
    return not any(handle.read())


def _lacks_end(content: bytes, kind: str) -> bool:
    """Whether a file has no mark of its end: that of a JPEG stands behind its first scan, for a preview has one too."""
    if kind == "PNG":
        return b"IEND" not in content
    scan = next((end for marker, _, end in _segments(content) if marker == SCAN), 0)
    return content.find(b"\xff\xd9", scan) < 0


def _lacks_scans(content: bytes) -> bool:
    """Whether the scans of a progressive JPEG do not bring the first component's 64 coefficients to their last bit.

    ITU T.81, B.2.3: each scan says its components, its band of coefficients and the lowest bit that it sends.
    """
    first, lowest = -1, np.full(64, 99)
    for marker, body, _ in _segments(content):
        if marker == PROGRESSIVE and len(body) > 6:
            first = body[6]
        if marker == SCAN and len(body) >= 4 and first >= 0 and first in body[1 : 1 + 2 * body[0] : 2]:
            lowest[body[-3] : body[-2] + 1] = body[-1] & 15
    return first >= 0 and bool((lowest != 0).any())


def _segments(content: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, body and end of each segment of a JPEG; behind a scan's data only the next scan is looked for."""
    place = 2
    while 0 <= place <= len(content) - 4 and content[place] == 0xFF:
        marker, size = content[place + 1], struct.unpack(">H", content[place + 2 : place + 4])[0]
        end = place + 2 + size
        yield marker, content[place + 4 : end], end
        place = content.find(b"\xff\xda", end) if marker == SCAN else end
