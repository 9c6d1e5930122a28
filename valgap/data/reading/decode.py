"""Reads one image file.

What a file may be: PNG, JPEG, BMP, GIF (first frame) or WebP, whatever its name ends in, of at most 50 megapixels. That
size is read from the header before anything is decoded.

What becomes of it: it is turned upright as its EXIF orientation says; transparent parts are laid over white; 16 bits
are scaled to 8 (65,535 becomes 255); palettes, 1-bit and CMYK are converted, colour profiles are not applied. With
`data.color: auto` all images are grey where every file that can be read is grey by its mode (1, L, LA, I;16), else RGB.
Grey from RGB is ITU-R 601-2 luma.

One resize rule, to `data.image_size` (height, width), Pillow's antialiased bilinear filter, after the above:
`stretch` changes the aspect; `pad` keeps it, centred on black; `crop` keeps it and cuts the centre. Without an
`image_size` nothing is resized, and all images must have one size.
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
from PIL import Image, ImageOps, UnidentifiedImageError

from valgap.ground.params.experiment import Data

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")  # Pillow may open these alone: others have readers that run programs
MAX_PIXELS = 50_000_000  # of one image, which takes up to 650 MB to convert; a small file can claim any number
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
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


class _UnreadableError(Exception):
    """An image cannot be used; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What reading a file gave: pixels uint8 (h, w, 1 or 3), or why there are none."""

    sha256: str = ""  # of the file; "" where even that could not be had
    why: str = ""
    size: tuple[int, int] = (0, 0)  # (width, height) of the upright original
    mode: str = ""
    format: str = ""
    pixels: NDArray[np.uint8] | None = None


def read_image(path: Path, data: Data) -> Reading:
    """Read, hash, and convert one file by `data`'s color, image_size and resize. Never raises, never warns."""
    found = Reading()
    try:
        # Warnings are of damaged EXIF data and large images: `why` tells what matters.
        with warnings.catch_warnings(action="ignore"), _open_file(path) as handle:
            found = Reading(hashlib.file_digest(handle, "sha256").hexdigest())
            with _open(handle) as image:
                mode, kind = image.mode, image.format or ""
                image.load()
                upright = image.transpose(UPRIGHT[turned]) if (turned := _orientation(image)) else image
                pixels = to_array(upright, data)
                return dataclasses.replace(found, size=upright.size, mode=mode, format=kind, pixels=pixels)
    except _UnreadableError as error:
        return dataclasses.replace(found, why=str(error))
    except Exception as error:  # damaged files make Pillow raise most of Python's exceptions
        reason = " ".join(str(error).split()) or type(error).__name__
        return dataclasses.replace(found, why=f"damaged: {reason}")


def read_size(path: Path, data: Data) -> tuple[int, int] | None:
    """(width, height) of the upright image by its header; None where that cannot be read."""
    try:
        with warnings.catch_warnings(action="ignore"), _open_file(path) as handle, _open(handle) as image:
            return image.size[::-1] if _orientation(image, Image.Image.getexif) >= 5 else image.size
    except Exception:  # `read_image` says why
        return None


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
        raise _UnreadableError("no PNG, JPEG, BMP, GIF or WebP image, or a damaged one") from None
    if image.width * image.height > MAX_PIXELS:
        raise _UnreadableError(f"{image.width}x{image.height} pixels, {limit}")
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


def to_array(image: Image.Image, data: Data) -> NDArray[np.uint8]:
    """uint8 (h, w, c) of an upright image by `data`'s color, image_size and resize; c is 1 for grey, else 3."""
    image = _flatten(image)
    if data.color != "auto":
        image = _in_mode(image, "L" if data.color == "grey" else "RGB")
    if data.image_size is not None and image.size != (width_height := data.image_size[::-1]):
        image = _resize(image, width_height, data.resize)
    pixels = np.array(image)
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def _flatten(image: Image.Image) -> Image.Image:
    """The image in mode L or RGB, on white where it is transparent."""
    if image.mode.startswith("I"):
        wide = np.clip(np.asarray(image).astype(np.int64), 0, 65_535)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    mode = "L" if image.mode in GREY_MODES else "RGB"
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), _in_mode(image, "RGBA"))
    return _in_mode(image, mode)


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The image, converted only where it must be: Pillow would copy it."""
    return image if image.mode == mode else image.convert(mode)


def _resize(image: Image.Image, size: tuple[int, int], how: str) -> Image.Image:
    """The image in a (width, height), by a rule of `data.resize`."""
    if how == "stretch":
        return image.resize(size, Image.Resampling.BILINEAR)
    if how == "crop":
        return ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    scale = min(size[0] / image.width, size[1] / image.height)
    inner = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    padded = Image.new(image.mode, size)
    padded.paste(image.resize(inner, Image.Resampling.BILINEAR), ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return padded
