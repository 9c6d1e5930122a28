"""Images of known classes for the cases: garments before colours, and their files."""

import dataclasses
import functools
import io
import lzma
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

EMBEDDED = Path(__file__).parents[2] / "data/embedded/fashion_mnist_15k.npz.xz"
GARMENTS = ("tshirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
FIVE = ("bag", "boot", "dress", "sandal", "trouser")  # that are told apart easily
TEN = tuple(sorted(GARMENTS))

Colour = Literal["grey", "wholly", "much", "less", "little"]
OWN_COLOUR = {"wholly": 1.0, "much": 0.96, "less": 0.7, "little": 0.0}  # share of images whose hue tells their class
SPREAD = 0.025  # standard deviation of a class's hue, in turns of the colour circle


@dataclasses.dataclass(frozen=True)
class Images:
    """Pixels, uint8 of shape (n, height, width, channels), classes by number, and the names of the classes."""

    x: NDArray[np.uint8]
    y: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, chosen: Any) -> "Images":
        """Those images, by index or mask."""
        return Images(self.x[chosen], self.y[chosen], self.names)

    def joined(self, other: "Images") -> "Images":
        """These images and then those."""
        return Images(np.concatenate([self.x, other.x]), np.concatenate([self.y, other.y]), self.names)

    def changed(self, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> "Images":
        """The same images after a change of each, an array of one image to an array of one image."""
        return Images(np.stack([change(image) for image in self.x]), self.y, self.names)


@functools.cache
def _embedded() -> dict[str, NDArray[Any]]:
    with lzma.open(EMBEDDED) as file, np.load(io.BytesIO(file.read())) as arrays:
        return {name: arrays[name] for name in arrays.files}


def garments(
    split: str,
    each: int | Sequence[int],
    names: tuple[str, ...] = FIVE,
    *,
    colour: Colour = "little",
    side: int = 32,
    seed: int = 0,
    ordered: bool = False,
) -> Images:
    """Garments on coloured backgrounds, `each` of a class, in random order unless `ordered` by class.

    No image stands in two of the splits train, val and test. `colour` says how much the garment's colour tells of its
    class. Uint8 of shape (n, side, side, 3), or (n, side, side, 1) where grey.
    """
    number = ("train", "val", "test").index(split)
    rng = np.random.default_rng([seed, number])
    counts = [each] * len(names) if isinstance(each, int) else list(each)
    x, y = [], []
    for label, (name, count) in enumerate(zip(names, counts, strict=True)):
        pictures = _of_class(name, split)
        chosen = rng.permutation(len(pictures))[:count]
        if len(chosen) < count:
            raise ValueError(f"{split} has {len(pictures)} of {name}, fewer than {count}")
        x += [_photo(pictures[one], label / len(names), colour, side, rng) for one in chosen]
        y += [label] * count
    images = Images(np.stack(x), np.array(y), names)
    return images if ordered else images.take(rng.permutation(len(images)))


def _of_class(name: str, split: str) -> NDArray[np.uint8]:
    arrays, label = _embedded(), GARMENTS.index(name)
    if split == "train":
        return arrays["pool_images"][arrays["pool_labels"] == label]
    half = slice(None, 250) if split == "val" else slice(250, None)
    return arrays["test_images"][arrays["test_labels"] == label][half]


def _photo(
    garment: NDArray[np.uint8], hue: float, colour: Colour, side: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    size = int(side * rng.uniform(0.8, 1.0))
    small = Image.fromarray(garment).resize((size, size), Image.Resampling.BILINEAR)
    top, left = rng.integers(0, side - size + 1, 2)
    light = np.zeros((side, side), np.float32)
    light[top : top + size, left : left + size] = np.asarray(small, np.float32) / 255
    if colour == "grey":
        return (255 * light).round().astype(np.uint8)[..., None]
    known = rng.random() < OWN_COLOUR[colour]
    hue = hue + rng.normal(0, SPREAD) if known else rng.random()
    cover = np.clip(light * 6, 0, 1)[..., None]
    wall = hsv(rng.random(), rng.uniform(0.1, 0.4), rng.uniform(0.25, 0.6)) * np.linspace(1.15, 0.85, side)[:, None]
    cloth = hsv(hue, rng.uniform(0.6, 0.95), rng.uniform(0.8, 1.0)) * (0.3 + 0.7 * light[..., None])
    picture = cover * cloth + (1 - cover) * wall[:, None, :] + rng.normal(0, 0.02, (side, side, 3))
    return (255 * np.clip(picture, 0, 1)).round().astype(np.uint8)


def hsv(hue: float, saturation: float, value: float) -> NDArray[np.float64]:
    """Red, green and blue in [0, 1] of a hue in turns."""
    wave = np.abs(((hue + np.array([0, 2 / 3, 1 / 3])) % 1) * 6 - 3) - 1
    return value * (1 - saturation + saturation * np.clip(wave, 0, 1))


def digits() -> tuple[Images, Images]:
    """scikit-learn's 1,797 digits, white on black, (n, 32, 32, 1): 1,000 for training and 500 for validation."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    read = load_digits()
    order = np.random.default_rng(0).permutation(len(read.target))
    x = np.stack([_enlarged(image) for image in (read.images * 255 / 16).astype(np.uint8)])[order]
    both = Images(x, read.target[order].astype(np.int64), tuple("0123456789"))
    return both.take(slice(0, 1000)), both.take(slice(1000, 1500))


def _enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR))[..., None]


Save = Callable[[NDArray[np.uint8], Path], None]


def as_png(image: NDArray[np.uint8], path: Path) -> None:
    """A PNG of the pixels as they are."""
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path.with_suffix(".png"), compress_level=1)


def as_jpeg(image: NDArray[np.uint8], path: Path, quality: int = 92) -> None:
    """A JPEG."""
    plain = image[..., 0] if image.shape[-1] == 1 else image
    Image.fromarray(plain).save(path.with_suffix(".jpg"), quality=quality)


def write(
    root: Path, splits: Mapping[str, Images], save: Save | Mapping[str, Save] = as_png, *, prefix: str = "img"
) -> None:
    """A folder a split, a folder a class, a file an image; a split of the name "" has its classes in `root` itself."""
    for split, images in splits.items():
        how = save[split] if isinstance(save, Mapping) else save
        for number, (image, label) in enumerate(zip(images.x, images.y, strict=True)):
            folder = root / split / images.names[label]
            folder.mkdir(parents=True, exist_ok=True)
            how(image, folder / f"{prefix}_{split or 'all'}_{number:04d}")
