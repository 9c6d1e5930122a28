"""What people do to images: each function of CHANGES makes changed copies of images, for tests and for the study."""

import functools
import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import affine_transform, gaussian_filter, map_coordinates

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels, np.random.Generator], Pixels]  # (h, w, c) to (h, w, c)


def _clipped(values: NDArray[np.floating]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _drawn(image: Pixels) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _read(drawn: Image.Image, like: Pixels) -> Pixels:
    return np.asarray(drawn, np.uint8).reshape(like.shape)


def crop(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Up to a tenth of the height and of the width cut off, split between the sides by chance, and resized back."""
    height, width = image.shape[:2]
    most = max(2, round(0.1 * min(height, width)))
    down, right = rng.integers(1, most + 1, 2)
    top, left = rng.integers(0, down + 1), rng.integers(0, right + 1)
    box = (int(left), int(top), int(left + width - right), int(top + height - down))
    return _read(_drawn(image).resize((width, height), Image.Resampling.BILINEAR, box=box), image)


def shift(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Moved by one pixel to a fourteenth of a side, down or up and aside; what comes into view repeats the edge."""
    most = max(1, round(min(image.shape[:2]) / 14))
    moves = rng.integers(-most, most + 1, 2)
    if not moves.any():
        moves[rng.integers(2)] = 1
    padded = np.pad(image, ((most, most), (most, most), (0, 0)), mode="edge")
    top, left = most + moves
    return padded[top : top + image.shape[0], left : left + image.shape[1]].copy()


def mirror(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Left to right."""
    return image[:, ::-1].copy()


def upside_down(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Top to bottom."""
    return image[::-1].copy()


def turn(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Turned by 3 degrees to either side, edges repeated."""
    return _moved(image, float(rng.choice([-3, 3])), 1.0, (0, 0))


def _moved(image: Pixels, degrees: float, zoom: float, by: tuple[float, float]) -> Pixels:
    """Turned, zoomed and moved by a share of its sides."""
    angle, middle = np.deg2rad(degrees), (np.array(image.shape[:2]) - 1) / 2
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    offset = middle - matrix @ (middle + np.array(by) * image.shape[:2])
    planes = [
        affine_transform(image[..., channel].astype(float), matrix, offset, order=1, mode="nearest")
        for channel in range(image.shape[2])
    ]
    return _clipped(np.stack(planes, axis=2))


def light(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Brightness by -40 to 40 levels, contrast by 0.7 to 1.3, gamma by 0.8 to 1.25."""
    values = 255 * (image / 255) ** rng.uniform(0.8, 1.25)
    return _clipped((values - 128) * rng.uniform(0.7, 1.3) + 128 + rng.uniform(-40, 40))


def jpeg(quality: int, image: Pixels, rng: np.random.Generator) -> Pixels:
    """Saved as JPEG of that quality."""
    buffer = io.BytesIO()
    _drawn(image).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    return _read(Image.open(buffer), image)


def rescale(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Made half to two thirds as large and back, by one of three filters."""
    height, width = image.shape[:2]
    share = rng.uniform(0.5, 0.67)
    size = (max(1, round(share * width)), max(1, round(share * height)))
    kernels = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    kernel = kernels[rng.integers(3)]
    return _read(_drawn(image).resize(size, kernel).resize((width, height), kernel), image)


def watermark(image: Pixels, rng: np.random.Generator) -> Pixels:
    """A light or dark word over up to half of the width, 50 to 80% opaque."""
    height, width = image.shape[:2]
    mark = Image.new("L", (22, 9), 0)
    ImageDraw.Draw(mark).text((0, -2), "COPY", fill=255)
    size = (max(4, round(rng.uniform(0.35, 0.5) * width)), max(3, round(rng.uniform(0.15, 0.22) * height)))
    cover = np.zeros((height, width))
    top, left = rng.integers(0, height - size[1] + 1), rng.integers(0, width - size[0] + 1)
    cover[top : top + size[1], left : left + size[0]] = np.asarray(mark.resize(size, Image.Resampling.BILINEAR)) / 255
    cover = (cover * rng.uniform(0.5, 0.8))[..., np.newaxis]
    return _clipped(image * (1 - cover) + cover * float(rng.choice([20, 235])))


def frame(image: Pixels, rng: np.random.Generator) -> Pixels:
    """The next frame of a film: the camera moved a little, the thing within it too, light and noise differ."""
    height, width = image.shape[:2]
    moved = _moved(image, rng.uniform(-1, 1), rng.uniform(0.98, 1.04), tuple(rng.uniform(-0.03, 0.03, 2)))
    field = gaussian_filter(rng.normal(size=(2, height, width)), (0, height / 6, width / 6), mode="nearest")
    field *= rng.uniform(0.005, 0.015) * min(height, width) / field.std()
    down, right = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    at = np.stack([down + field[0], right + field[1]])
    planes = [
        map_coordinates(moved[..., channel].astype(float), at, order=1, mode="nearest")
        for channel in range(image.shape[2])
    ]
    noise = rng.normal(0, 2, image.shape)
    return _clipped(np.stack(planes, axis=2) * rng.uniform(0.95, 1.05) + rng.uniform(-6, 6) + noise)


def invert(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Black for white."""
    return 255 - image


def recolour(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Each channel weighed by 0.7 to 1.3, and colours paler or fuller."""
    values = image.astype(float) * rng.uniform(0.7, 1.3, image.shape[2])
    grey = values.mean(axis=2, keepdims=True)
    return _clipped(grey + rng.uniform(0.3, 1.5) * (values - grey))


def reframe(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Another cut of the same photo: 75 to 92% of each side, another aspect, saved anew."""
    height, width = image.shape[:2]
    down, right = rng.uniform(0.75, 0.92, 2) * (height, width)
    top, left = rng.uniform(0, height - down), rng.uniform(0, width - right)
    drawn = _drawn(image).resize((width, height), Image.Resampling.BICUBIC, box=(left, top, left + right, top + down))
    return jpeg(85, _read(drawn, image), rng)


def combined(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Mirrored, lighter or darker, and saved as JPEG 60."""
    return jpeg(60, light(mirror(image, rng), rng), rng)


def cut_and_turned(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Cut, turned by up to 3 degrees, with another light, and saved as JPEG 60."""
    return jpeg(60, light(_moved(crop(image, rng), rng.uniform(-3, 3), 1.0, (0, 0)), rng), rng)


def marked_and_mirrored(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Mirrored, cut and with a watermark."""
    return watermark(crop(mirror(image, rng), rng), rng)


CHANGES: dict[str, Change] = {
    "cut by a few pixels": crop,
    "shifted by a few pixels": shift,
    "mirrored left to right": mirror,
    "mirrored top to bottom": upside_down,
    "turned by 3 degrees": turn,
    "another light": light,
    "saved as JPEG 90": functools.partial(jpeg, 90),
    "saved as JPEG 60": functools.partial(jpeg, 60),
    "saved as JPEG 30": functools.partial(jpeg, 30),
    "made smaller and larger again": rescale,
    "with a watermark": watermark,
    "the next frame of a film": frame,
    "inverted": invert,
    "mirrored, another light, JPEG 60": combined,
    "cut, turned, another light, JPEG 60": cut_and_turned,
    "mirrored, cut, with a watermark": marked_and_mirrored,
}
OF_COLOUR: dict[str, Change] = {"recoloured": recolour, "another cut of the photo": reframe}
