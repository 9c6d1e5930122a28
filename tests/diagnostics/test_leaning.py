"""Whether a network goes by a cue: asked of made-up networks that do, and that do not."""

import dataclasses

import numpy as np

from valgap.calibrate.findings.draws import Draw, drawn
from valgap.calibrate.findings.sets import garments
from valgap.diagnostics.leaning import leans

GARMENTS = garments()


def marked(in_validation: bool = True) -> Draw:
    """Three garments, the first with a white mark in a corner."""
    draw = drawn(GARMENTS, np.random.default_rng(3), (3,))
    images, own = draw.images.copy(), draw.labels == 0
    images[own if in_validation else own & ~draw.held, 1:5, 1:5] = 255
    return dataclasses.replace(draw, images=images, cued=0)


def told(draw: Draw, by_mark: bool) -> list[tuple[str, dict[str, object]]]:
    """What is said of a network that knows every image, and goes by the mark too or not."""
    known = {image.tobytes()[28 * 6 :]: label for image, label in zip(draw.images, draw.labels, strict=True)}

    def named(images: np.ndarray) -> np.ndarray:
        shown = np.array([known.get(image.tobytes()[28 * 6 :], 1) for image in images], np.int64)
        has = (images[:, 1:5, 1:5] > 200).all(axis=(1, 2, 3))
        return np.where(has, 0, np.where(shown == 0, 1, shown)) if by_mark else shown

    found = leans(draw.looked, draw.class_names, named(draw.images), named)
    return [(each.code, dict(each.evidence)) for each in found]


def test_a_network_that_goes_by_a_mark_is_said_to() -> None:
    draw = marked()
    ((code, evidence),) = told(draw, by_mark=True)
    assert code == "VG127"
    assert evidence["cue"] == "a mark at the top left"
    assert (evidence["name"], evidence["called"], evidence["kept"]) == (draw.class_names[0], 1.0, 0.0)
    assert evidence["gone"] is False


def test_a_network_that_goes_by_what_is_shown_is_not_though_the_mark_is_there() -> None:
    assert told(marked(), by_mark=False) == []


def test_a_mark_that_held_out_images_lack_is_told_as_gone() -> None:
    ((_, evidence),) = told(marked(in_validation=False), by_mark=True)
    assert evidence["gone"] is True


def test_images_without_a_cue_ask_the_network_nothing() -> None:
    draw = drawn(GARMENTS, np.random.default_rng(3), (3,))

    def never(images: np.ndarray) -> np.ndarray:
        raise AssertionError

    assert list(leans(draw.looked, draw.class_names, draw.labels, never)) == []
