"""Folders of small images of figures, as users lay them out, for the tests of what `valgap init` makes of them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def picture(label: int, rng: np.random.Generator, size: tuple[int, int], grey: bool) -> Image.Image:
    """A figure of the class somewhere on noise: (width, height) pixels, mode L where `grey`."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    y, x, radius = rng.uniform(0.3, 0.7) * height, rng.uniform(0.3, 0.7) * width, 0.25 * min(size)
    inside = np.abs(rows - y) + np.abs(columns - x) < radius if label % 2 else np.hypot(rows - y, columns - x) < radius
    pixels = rng.integers(0, 80, (height, width, 1 if grey else 3))
    pixels[inside] += 80 + 25 * (label % 5)
    pixels = pixels.clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if grey else pixels)


def fill(
    folder: Path,
    counts: Mapping[str, int],
    *,
    sizes: tuple[tuple[int, int], ...] = ((32, 32),),
    grey: bool = False,
    form: str = "{number:04}.png",
) -> None:
    """Write `counts` images for each class folder (train/cat, or cat) below `folder`; sizes take turns."""
    labels = {name: place for place, name in enumerate(sorted({path.split("/")[-1] for path in counts}))}
    rng = np.random.default_rng(0)
    for path, count in counts.items():
        for number in range(count):
            file = folder / path / form.format(number=number, group=number // 4, image=number % 4)
            file.parent.mkdir(parents=True, exist_ok=True)
            picture(labels[path.split("/")[-1]], rng, sizes[number % len(sizes)], grey).save(file)
