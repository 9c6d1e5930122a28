"""Small pictures of a finding's examples, as text that lies in Git: PNG in base64, all of them within a budget."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from valgap.findings.finding import Example, Used, shown

SIDES = (64, 48, 32, 24, 16)  # pixels: the first of these at which all pictures are within the budget
BUDGET = 220_000  # characters of base64 in all
COLOURS = 64  # of a picture that is not grey


def png(image: NDArray[np.uint8], side: int) -> str:
    """An (h, w, c) uint8 image, made smaller to at most `side` pixels, as base64 of a PNG."""
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    picture.thumbnail((side, side), Image.Resampling.BOX)
    if picture.mode == "RGB":
        picture = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    picture.save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def draw(used: Used, images: list[int]) -> dict[int, str]:
    """Pictures of the used `images`, by place, as large as the budget allows; those that it never fits are left out."""
    read = {image: np.asarray(used.source.images[used.index[image]]) for image in images}
    found: dict[int, str] = {}
    for side in SIDES:
        found = {place: png(image, side) for place, image in read.items()}
        if sum(len(found[image]) for image in images) <= BUDGET:
            break
    return found


def as_dict(used: Used, example: Example, drawn: dict[int, str]) -> dict[str, Any]:
    """An example as JSON holds it."""
    source = used.source
    shows = [
        {
            "png": drawn[image],
            "name": shown(source.names[used.index[image]]),
            "class": shown(source.class_names[used.labels[image]]),
            "split": str(used.split[image]),
        }
        for image in example.images
    ]
    return {"caption": example.caption, "images": shows}
