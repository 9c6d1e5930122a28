"""Small pictures of a finding's examples, as text that lies in Git: PNG in base64, all of them within a budget."""

import base64
import dataclasses
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from valgap.findings.finding import Example, Finding, Picture, Used, shown

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


def drawn_into(used: Used, finding: Finding[int], drawn: dict[int, str]) -> Finding[Picture]:
    """A finding with pictures in the place of its examples' images."""
    examples = tuple(
        Example(each.caption, tuple(_picture(used, image, drawn[image]) for image in each.images))
        for each in finding.examples
    )
    same = {field.name: getattr(finding, field.name) for field in dataclasses.fields(finding)}
    return Finding(**(same | {"examples": examples}))


def _picture(used: Used, image: int, png: str) -> Picture:
    source, place = used.source, used.index[image]
    name, class_name = source.names[place], source.class_names[used.labels[image]]
    return Picture(png, shown(name), shown(class_name), str(used.split[image]))
