"""How an image file becomes pixels: ways to decode, and what each does.

The suite's own way (`Decoding.of`): an image is turned upright as its EXIF orientation says; transparent parts are laid
over white; 16 bits are scaled to 8 (65,535 becomes 255); palettes, 1-bit and CMYK are converted, colour profiles are
not applied. With `data.color: auto` all images are grey where every file that can be read is grey by its mode (1, L,
LA, I;16), else RGB. Grey from RGB is ITU-R 601-2 luma.

One resize rule, to `data.image_size` (height, width), Pillow's antialiased bilinear filter, after the above:
`stretch` changes the aspect; `pad` keeps it, centred on black; `crop` keeps it and cuts the centre. Without an
`image_size` nothing is resized, and all images must have one size.

`KERAS` is how keras.utils.image_dataset_from_directory reads by default: as it is stored, transparency dropped, so that
the colour below it shows, stretched by plain bilinear weights. `GENERATOR` is ImageDataGenerator's default, the nearest
pixel. Measured against tf.io.decode_image of TensorFlow 2.21: PNG of 8 bits, CMYK JPEG and opaque GIF are the same;
16-bit PNG, and grey from coloured PNG, differ by at most one grey level; JPEG by 2 in even and 8 in noisy images, for
TensorFlow decodes by a faster cosine transform. Not followed: transparent pixels of a GIF and BMP with a palette, which
TensorFlow gets otherwise; WebP with transparency and TIFF, which it does not read. A TIFF's orientation is always
followed, for Pillow does so on loading, in ImageDataGenerator too.
"""

import dataclasses
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from valgap.data.reading.resample import resample
from valgap.ground.params.experiment import Data

GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")


@dataclasses.dataclass(frozen=True)
class Decoding:
    """How a file becomes pixels. `size` is (height, width), None where all images have one size already.

    `filter` antialias is Pillow's bilinear, whose support grows as it shrinks; bilinear and nearest are as in
    `resample`, and so is `aspect` with them. `upright` follows the EXIF orientation; `alpha` is the colour that
    transparent parts are laid over, or drop. The defaults are the suite's.
    """

    size: tuple[int, int] | None = None
    color: Literal["auto", "grey", "rgb"] = "auto"
    aspect: Literal["stretch", "crop", "pad"] = "stretch"
    filter: Literal["antialias", "bilinear", "nearest"] = "antialias"
    upright: bool = True
    alpha: Literal["white", "black", "drop"] = "white"

    @classmethod
    def of(cls, data: Data) -> Self:
        """The suite's way, with `data`'s image_size, color and resize."""
        return cls(size=data.image_size, color=data.color, aspect=data.resize)


KERAS = Decoding(filter="bilinear", upright=False, alpha="drop")
GENERATOR = dataclasses.replace(KERAS, filter="nearest")


def to_array(image: Image.Image, decoding: Decoding) -> NDArray[np.uint8]:
    """uint8 (h, w, c) of an image by all of `decoding` but `upright`; c is 1 for grey, else 3."""
    return resized(colored(image, decoding), decoding)


def colored(image: Image.Image, decoding: Decoding) -> Image.Image:
    """The image in mode L or RGB, by `decoding`'s alpha and color."""
    image = _flatten(image, decoding.alpha)
    return image if decoding.color == "auto" else _in_mode(image, "L" if decoding.color == "grey" else "RGB")


def resized(image: Image.Image, decoding: Decoding) -> NDArray[np.uint8]:
    """uint8 (h, w, c) of an image in mode L or RGB, by `decoding`'s size, filter and aspect."""
    if decoding.size is not None and image.size != (width_height := decoding.size[::-1]):
        pixels = _resize(image, width_height, decoding)
    else:
        pixels = np.array(image)
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def _flatten(image: Image.Image, alpha: str) -> Image.Image:
    """The image in mode L or RGB, on a colour where it is transparent, or in the colour that its pixels hold."""
    if image.mode.startswith("I"):
        wide = np.clip(np.asarray(image).astype(np.int64), 0, 65_535)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    mode = "L" if image.mode in GREY_MODES else "RGB"
    if image.has_transparency_data and alpha != "drop":
        image = Image.alpha_composite(Image.new("RGBA", image.size, alpha), _in_mode(image, "RGBA"))
    return _in_mode(image, mode)


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The image, converted only where it must be: Pillow would copy it."""
    return image if image.mode == mode else image.convert(mode)


def _resize(image: Image.Image, size: tuple[int, int], decoding: Decoding) -> NDArray[np.uint8]:
    """The image in a (width, height), by `decoding`'s filter and aspect."""
    if decoding.filter == "antialias":
        return np.array(_antialiased(image, size, decoding.aspect))
    return resample(image, size, decoding.aspect, decoding.filter)


def _antialiased(image: Image.Image, size: tuple[int, int], how: str) -> Image.Image:
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
