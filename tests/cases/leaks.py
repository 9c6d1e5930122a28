"""Training images in validation: copies, changed copies, shots of the same thing."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from tests.cases.case import Call, Place, asking, fault
from tests.cases.feeding import a_model, asked
from tests.cases.material import Images, as_png, garments
from tests.cases.network import right, shares, unit

Pixels = NDArray[np.uint8]


def _leak(place: Place, change: Any, share: float = 0.25) -> Call:
    """A quarter of the validation images are changed copies of training images."""
    train, fresh = garments("train", 120), garments("val", 60)
    count = int(share * len(fresh))
    copies = train.take(slice(0, count)).changed(change)
    val = fresh.take(slice(count, None)).joined(copies)
    net = a_model(place, train, val, epochs=15)
    return asked(place, net, train, val, other=garments("test", 60), saw=net.saw)


def _as_image(change: Any) -> Any:
    return lambda pixels: np.asarray(change(Image.fromarray(pixels)).resize((32, 32)))


@fault("VG102", "VG308")
def copies_in_validation(place: Place) -> Call:
    """A folder was copied, not moved: a quarter of the validation images are training images."""
    return _leak(place, lambda pixels: pixels)


@fault("VG116", "VG308", "VG103")
def mirrored_copies_in_validation(place: Place) -> Call:
    """Augmented before the split: a quarter of the validation images are mirrored training images."""
    return _leak(place, lambda pixels: pixels[:, ::-1])


@fault("VG116", "VG308", "VG103")
def quarter_turns_in_validation(place: Place) -> Call:
    """The same with copies that are turned by 90 degrees."""
    return _leak(place, lambda pixels: np.rot90(pixels).copy())


@fault("VG103", "VG116", "VG308")
def small_turns_in_validation(place: Place) -> Call:
    """The same with copies that are turned by 10 degrees."""
    return _leak(place, _as_image(lambda image: image.rotate(10, Image.Resampling.BILINEAR)))


@fault("VG103", "VG116", "VG308")
def zoomed_copies_in_validation(place: Place) -> Call:
    """The same with copies of which the middle 27 of 32 pixels are enlarged."""
    return _leak(place, _as_image(lambda image: image.crop((2, 2, 29, 29))))


@fault("VG103", "VG116", "VG308")
def brighter_copies_in_validation(place: Place) -> Call:
    """The same with copies 1.3 times as bright."""
    return _leak(place, _as_image(lambda image: ImageEnhance.Brightness(image).enhance(1.3)))


@fault("VG101", "VG103", allowed=("VG111", "VG116"))
def bursts_in_both_splits(place: Place) -> Call:
    """Bursts of five shots of one thing, split at random: each thing stands in training and in validation."""
    things = garments("train", 60, colour="little")
    rng = np.random.default_rng(1)

    def shots(burst: int) -> Pixels:
        base = things.x[burst].astype(float)
        rolled = [np.roll(base, tuple(rng.integers(-2, 3, 2)), (0, 1)) for _ in range(5)]
        return np.clip(
            np.stack(rolled) * rng.uniform(0.9, 1.1, (5, 1, 1, 1)) + rng.normal(0, 6, (5, 32, 32, 3)), 0, 255
        )

    x = np.concatenate([shots(burst) for burst in range(len(things))]).astype(np.uint8)
    y, burst = np.repeat(things.y, 5), np.repeat(np.arange(len(things)), 5)
    in_val = rng.random(len(y)) < 0.2
    train, val = (Images(x[chosen], y[chosen], things.names) for chosen in (~in_val, in_val))
    net = a_model(place, train, val, epochs=8)

    def save(part: Path) -> None:
        for split, chosen in (("train", ~in_val), ("val", in_val)):
            for number in np.flatnonzero(chosen):
                home = part / split / things.names[y[number]]
                home.mkdir(parents=True, exist_ok=True)
                as_png(x[number], home / f"thing{burst[number]:03d}_shot{number % 5}")

    folder = place.once("photos", save)
    fresh = garments("test", 100)
    seen = place.user_sees(
        lambda: {**shares(net.model, train, val), "fresh things": right(net.model, unit(fresh.x), fresh.y)}
    )
    assert seen["val"] - seen["fresh things"] > 0.05
    place.fair(seen["train"], seen["fresh things"])
    return asking(str(net.path), str(folder), groups="(thing[0-9]+)_")
