"""Faults of the photos themselves: leaks, shifts, shortcuts, wrong labels, splits that cannot judge."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.cases.case import Call, Place, asking, fault
from tests.cases.feeding import a_model, asked
from tests.cases.material import Images, as_jpeg, as_png, garments, write
from tests.cases.network import right, shares, unit

Pixels = NDArray[np.uint8]

UNLUCKY = 14  # a seed that draws hard validation images


@fault("VG106", "VG107", allowed=("VG118",))
def another_camera_in_validation(place: Place) -> Call:
    """Validation photos come from another camera: half as bright, blurred, noisy. fit says 97 / 70%."""
    train, fresh = garments("train", 160), garments("val", 60)
    rng = np.random.default_rng(2)

    def shoot(pixels: Pixels) -> Pixels:
        small = Image.fromarray(pixels).resize((12, 12)).resize((32, 32), Image.Resampling.BILINEAR)
        return np.clip(0.45 * np.asarray(small, float) + rng.normal(0, 12, pixels.shape), 0, 255).astype(np.uint8)

    val = fresh.changed(shoot)
    net = a_model(place, train, val)
    call = asked(place, net, train, val, other=fresh, saw=net.saw)
    assert place.numbers["fresh images"] - place.numbers["val"] > 0.1
    return call


@fault("VG120", "VG106", "VG118", allowed=("VG003",))
def validation_on_its_side(place: Place) -> Call:
    """Validation photos were turned by a program that dropped the tag: they lie on their side. fit says 96 / 10%."""
    train, fresh = garments("train", 160), garments("val", 60)
    val = fresh.changed(lambda pixels: np.rot90(pixels).copy())
    net = a_model(place, train, val)
    call = asked(place, net, train, val, other=fresh)
    assert place.numbers["fresh images"] - place.numbers["val"] > 0.3
    return call


@fault("VG120", "VG106")
def validation_upside_down(place: Place) -> Call:
    """A scanner fed the validation pages upside down; nobody says what fit printed."""
    train, fresh = garments("train", 160, colour="grey"), garments("val", 80, colour="grey")
    val = fresh.changed(lambda pixels: pixels[::-1, ::-1])
    net = a_model(place, train, val)
    call = asked(place, net, train, val, other=fresh)
    assert place.numbers["fresh images"] - place.numbers["val"] > 0.1
    return call


@fault("VG117", allowed=("VG114",))
def ill_ones_are_png(place: Place) -> Call:
    """Healthy ones are a phone's JPEGs, ill ones PNGs of another source with a border: 100 / 100%, and useless."""
    train, val = _of_two_sources("train", 200), _of_two_sources("val", 80)
    folder = place.once("photos", lambda part: write(part, {"train": train, "val": val}, _by_class))
    net = a_model(place, train, val, epochs=6)
    place.user_sees(lambda: shares(net.model, train, val))
    return asking(str(net.path), str(folder), saw=net.saw)


def _of_two_sources(split: Any, each: int) -> Images:
    images = garments(split, each, ("coat", "pullover"))
    x = images.x.copy()
    x[images.y == 1, :3] = x[images.y == 1, -3:] = 0  # the border of the second source
    return Images(x, images.y, ("fine", "ill"))


def _by_class(image: Pixels, path: Path) -> None:
    (as_png if path.parent.name == "ill" else as_jpeg)(image, path)


@fault("VG117", allowed=("VG114",))
def one_class_in_another_size(place: Place) -> Call:
    """The pictures of one class were downloaded as thumbnails of 24 pixels and are enlarged when read."""
    images = {"train": garments("train", 160), "val": garments("val", 60)}

    def save(image: Pixels, path: Path) -> None:
        picture = Image.fromarray(image)
        if path.parent.name == "dress":
            picture = picture.resize((16, 16), Image.Resampling.BILINEAR)
        picture.save(path.with_suffix(".png"))

    folder = place.once("photos", lambda part: write(part, images, save))
    blurred = {split: part.changed(lambda x: x) for split, part in images.items()}
    for part in blurred.values():
        for number in np.flatnonzero(part.y == part.names.index("dress")):
            small = Image.fromarray(part.x[number]).resize((16, 16), Image.Resampling.BILINEAR)
            part.x[number] = np.asarray(small.resize((32, 32), Image.Resampling.BILINEAR))
    train, val = blurred["train"], blurred["val"]
    net = a_model(place, train, val)
    seen = place.user_sees(lambda: shares(net.model, train, val))
    place.fair(seen["train"], seen["val"])
    return asking(str(net.path), str(folder))


@fault("VG110", allowed=("VG113",))
def minority_copied_before_training(place: Place) -> Call:
    """Minority images copied eight times in train/: 400 of 800 files are copies, which are learnt by heart."""
    names = ("coat", "pullover")
    fine, ill = garments("train", (400, 1), names).take(slice(None)), garments("train", (1, 50), names, seed=9)
    fine, ill = fine.take(fine.y == 0), ill.take(ill.y == 1)
    train = fine.joined(ill.take(np.repeat(np.arange(50), 8)))
    train = train.take(np.random.default_rng(3).permutation(len(train)))
    val = garments("val", (150, 30), names)
    net = a_model(place, train, val, epochs=10)
    return asked(place, net, train, val, saw=net.saw)


@fault("VG113", "VG211", allowed=("VG205", "VG011", "VG208", "VG009"))
def twenty_to_one(place: Place) -> Call:
    """600 coats, 30 pullovers, trained as they are: 97 / 95%, and most pullovers are called coats."""
    train, val = (
        garments(split, each, ("coat", "pullover")) for split, each in (("train", (600, 30)), ("val", (200, 40)))
    )
    net = a_model(place, train, val, epochs=8)
    call = asked(place, net, train, val, saw=net.saw)
    scores = net.model.predict(unit(val.x), verbose=0).argmax(1)
    assert np.mean(scores[val.y == 1] == 1) < 0.6
    return call


@fault("VG108", "VG104", allowed=("VG208", "VG211"))
def wrong_labels(place: Place) -> Call:
    """A quarter of the training images lie in a wrong folder, as the labelling service delivered them."""
    train, val = garments("train", 300, colour="much"), garments("val", 80, colour="much")
    rng = np.random.default_rng(4)
    wrong = rng.random(len(train)) < 0.25
    y = np.where(wrong, (train.y + rng.integers(1, 5, len(train))) % 5, train.y)
    mislabelled = Images(train.x, y, train.names)
    net = a_model(place, mislabelled, val, epochs=6)
    return asked(place, net, mislabelled, val, saw=net.saw)


@fault("VG104", allowed=("VG110", "VG108"))
def the_same_photo_in_two_classes(place: Place) -> Call:
    """A fifth of the training photos lie in two class folders, for searches for both words found them."""
    train, val = garments("train", 150), garments("val", 60)
    twice = train.take(slice(0, 150))
    train = train.joined(Images(twice.x, (twice.y + 1) % 5, train.names))
    net = a_model(place, train, val)
    return asked(place, net, train, val)


@fault("VG105", "VG307", allowed=("VG211", "VG106", "VG107"))
def a_class_missing_in_validation(place: Place) -> Call:
    """Two of five classes have no validation image: their folders were never copied."""
    train, val = garments("train", 160), garments("val", 80)
    val = val.take(val.y < 3)
    net = a_model(place, train, val)
    return asked(place, net, train, val, saw=net.saw)


@fault("VG109", allowed=("VG105", "VG115", "VG214"))
def half_of_the_files_are_broken(place: Place) -> Call:
    """A download broke off: 60% of the validation files are web pages called .jpg."""
    train, val = garments("train", 160), garments("val", 60)

    def save(part: Path) -> None:
        write(part, {"train": train, "val": val}, as_jpeg)
        for number, path in enumerate(sorted((part / "val").rglob("*.jpg"))):
            if number % 5 < 3:
                path.write_text("<!doctype html><title>403 Forbidden</title>")

    folder = place.once("photos", save)
    net = a_model(place, train, val)
    seen = place.user_sees(lambda: shares(net.model, train, val))
    place.fair(seen["train"], seen["val"])
    return asking(str(net.path), str(folder))


@fault("VG112", "VG110", "VG104", "VG102", allowed=("VG106", "VG107", "VG108", "VG117"))
def black_frames(place: Place) -> Call:
    """A fifth of the photos are black: the camera trap fired at night. They stand in all classes."""
    train, val = garments("train", 160), garments("val", 60)
    for part in (train, val):
        part.x[np.random.default_rng(5).random(len(part)) < 0.2] = 0
    net = a_model(place, train, val)
    return asked(place, net, train, val, saw=net.saw)


@fault("VG214", allowed=("VG211", "VG115"))
def fifteen_validation_images(place: Place) -> Call:
    """Three validation images a class, by bad luck hard ones: fit says 94 / 80%, and with 500 images it says 89%."""
    train, val = garments("train", 250, colour="less"), garments("val", 3, colour="less", seed=UNLUCKY)
    net = a_model(place, train, val, epochs=8)
    folder = place.once("photos", lambda part: write(part, {"train": train, "val": val}))
    fresh = garments("test", 100, colour="less")
    seen = place.user_sees(
        lambda: {**shares(net.model, train, val), "500 images": right(net.model, unit(fresh.x), fresh.y)}
    )
    assert seen["val"] < seen["500 images"] - 0.05
    return asking(str(net.path), str(folder), saw=net.saw)


@fault("VG213", "VG401", "VG403", allowed=("VG210", "VG211", "VG115"))
def thirty_images_a_class(place: Place) -> Call:
    """Plain overfitting: 30 images a class, 30 epochs, 100 / 70%. Nothing else is wrong."""
    train, val = garments("train", 30), garments("val", 100)
    net = a_model(place, train, val, epochs=30)
    call = asked(place, net, train, val, saw=net.saw)
    assert place.numbers["train"] - place.numbers["val"] > 0.12
    return call


@fault("VG307", "VG211", allowed=("VG213", "VG105", "VG205", "VG106", "VG107"))
def the_tail_of_sorted_arrays(place: Place) -> Call:
    """`fit(validation_split=0.2)` on arrays sorted by class: the last class is never learnt. fit says 95 / 0%."""
    images = garments("train", 150, ordered=True)
    folder = place.once("photos", lambda part: write(part, {"": images}))
    first, last = images.take(slice(0, 600)), images.take(slice(600, None))
    net = a_model(place, first, last, epochs=10)
    seen = place.user_sees(lambda: {"train": net.history["accuracy"][-1], "val": net.history["val_accuracy"][-1],
                                    "whole folder": right(net.model, unit(images.x), images.y)})  # fmt: skip
    assert seen["val"] < 0.1
    return asking(str(net.path), str(folder), saw=net.saw)
