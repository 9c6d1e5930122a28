"""Reads one image file.

What a file may be: PNG, JPEG, BMP, GIF (first frame), WebP or TIFF (first page), whatever its name ends in, of at most
50 megapixels and 65,500 pixels a side. That size is read from the header before anything is decoded.

What becomes of it: valgap/data/reading/decoding.py.
"""

import dataclasses
import hashlib
import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from valgap.data.reading.cut import Cut, cut
from valgap.data.reading.decoding import Decoding, to_array

# Pillow may open these alone: others have readers that run programs, as EPS does. TIFF's is a library.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
MAX_PIXELS = 50_000_000  # of one image, which takes up to 650 MB to convert; a small file can claim any number
MAX_SIDE = 65_500  # pixels, as libjpeg has it (JPEG_MAX_DIMENSION): a PNG of 1 x 49,000,000 takes three times as much
ORIENTATION = 0x0112  # Exif 2.32, section 4.6.4: tag 274
UPRIGHT = {  # value of that tag, and what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


FACTS = ("mode", "format", "stored", "orientation", "transparent")  # fields of Original that a Reading has too


class _UnreadableError(Exception):
    """An image cannot be used; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What reading a file gave: pixels uint8 (h, w, 1 or 3), or why there are none; and what the file is."""

    sha256: str = ""  # of the file; "" where even that could not be had
    why: str = ""
    size: tuple[int, int] = (0, 0)  # (width, height) of the original as it was read: upright, where that is followed
    mode: str = ""
    format: str = ""
    pixels: NDArray[np.uint8] | None = None
    stored: tuple[int, int] = (0, 0)  # (width, height) as it lies in the file
    orientation: int = 0  # EXIF, 2 to 8; 0 where there is none, or it changes nothing
    transparent: bool = False  # whether any pixel is not opaque
    cut: Cut = ""  # why a part of it seems to be missing, though it was decoded


@dataclasses.dataclass(frozen=True, slots=True)
class Original:
    """A file's image, all of it decoded, and what the file says of it; as in Reading."""

    image: Image.Image
    mode: str
    format: str
    stored: tuple[int, int]
    orientation: int
    transparent: bool

    def turned(self, upright: bool) -> Image.Image:
        """The image upright, or as it is stored. Of a TIFF, Pillow gives the upright one alone."""
        if upright and self.orientation and self.format != "TIFF":
            return self.image.transpose(UPRIGHT[self.orientation])
        return self.image


def read_image(path: Path, decoding: Decoding) -> Reading:
    """Read, hash, and convert one file. Never raises, never warns, and so is not for threads: `read` is."""
    # Warnings are of damaged EXIF data and large images: `why` tells what matters.
    with warnings.catch_warnings(action="ignore"):
        return read(path, decoding)


def read(path: Path, decoding: Decoding) -> Reading:
    """Read, hash, and convert one file. Never raises; it may warn."""
    found = Reading()
    try:
        with _open_file(path) as handle:
            found = Reading(hashlib.file_digest(handle, "sha256").hexdigest())
            with _open(handle) as image:
                original = _load(image)
                turned = original.turned(decoding.upright)
                return dataclasses.replace(
                    found,
                    size=turned.size,
                    pixels=to_array(turned, decoding),
                    cut=cut(original.image, original.format, handle),
                    **{name: getattr(original, name) for name in FACTS},
                )
    except _UnreadableError as error:
        return dataclasses.replace(found, why=str(error))
    except Exception as error:  # damaged files make Pillow raise most of Python's exceptions
        reason = " ".join(str(error).split()) or type(error).__name__
        return dataclasses.replace(found, why=f"damaged: {reason}")


def read_original(path: Path) -> Original:
    """One file, decoded but not converted. May warn; raises whatever a file that cannot be read makes Pillow raise."""
    with _open_file(path) as handle, _open(handle) as image:
        return _load(image)


def read_size(path: Path, decoding: Decoding) -> tuple[int, int] | None:
    """(width, height) of the image by its header, as `decoding` turns it; None where that cannot be read. May warn."""
    try:
        with _open_file(path) as handle, _open(handle) as image:
            turns = decoding.upright and image.format != "TIFF"  # Pillow gives a TIFF's upright size
            return image.size[::-1] if turns and _orientation(image, Image.Image.getexif) >= 5 else image.size
    except Exception:  # `read_image` says why
        return None


def _load(image: Image.Image) -> Original:
    mode, kind, tiff = image.mode, image.format or "", image.format == "TIFF"
    orientation = _orientation(image) if tiff else 0  # loading a TIFF turns it, and takes the tag away
    stored = image.size[::-1] if orientation >= 5 else image.size
    image.load()
    if not tiff:
        orientation = _orientation(image)
    elif mode == "F" or (mode == "I" and not _of_sixteen_bits(image)):
        raise _UnreadableError("pixels of 32 bits, whose range is not known: save 8 or 16 bits")
    if mode in ("La", "RGBa"):  # colours multiplied by their opacity
        image = image.convert(mode.upper())
    return Original(image, mode, kind, stored, orientation, _transparent(image))


def _of_sixteen_bits(image: Image.Image) -> bool:
    low, high = (float(value) for value in image.getextrema() if not isinstance(value, tuple))
    return low >= 0 and high <= 65_535


def _transparent(image: Image.Image) -> bool:
    if not image.has_transparency_data or image.mode.startswith("I"):
        return False
    low, _ = (image if image.mode in ("LA", "RGBA") else image.convert("RGBA")).getchannel("A").getextrema()
    return not isinstance(low, tuple) and low < 255


def _open_file(path: Path) -> io.BufferedReader:
    """The file, to be read. Raises _UnreadableError on what is none: a pipe would be waited for without end."""
    if not path.is_file():
        raise _UnreadableError("no file, or a link to none")
    return path.open("rb")


def _open(handle: io.BufferedReader) -> Image.Image:
    """Image of a file, nothing decoded yet. Raises _UnreadableError on what is none, or too large."""
    if os.fstat(handle.fileno()).st_size == 0:
        raise _UnreadableError("empty, 0 bytes")
    handle.seek(0)
    limit = f"over the limit of {MAX_PIXELS // 10**6} megapixels: make it smaller"
    try:
        image = Image.open(handle, formats=FORMATS)
    except Image.DecompressionBombError:
        raise _UnreadableError(limit) from None
    except UnidentifiedImageError:
        raise _UnreadableError("no PNG, JPEG, BMP, GIF, WebP or TIFF image, or a damaged one") from None
    if image.width * image.height > MAX_PIXELS:
        raise _UnreadableError(f"{image.width}x{image.height} pixels, {limit}")
    if max(image.size) > MAX_SIDE:
        raise _UnreadableError(f"{image.width}x{image.height} pixels, a side over the limit of {MAX_SIDE:,}: cut it up")
    return image


def _orientation(
    image: Image.Image, getexif: Callable[[Image.Image], Image.Exif] = lambda image: image.getexif()
) -> int:
    """The EXIF orientation, a key of UPRIGHT, or 0 where the image is to be taken as it lies."""
    try:
        value = getexif(image).get(ORIENTATION)
    except Exception:  # damaged EXIF data beside a good image
        return 0
    return value if value in UPRIGHT else 0
