"""Files that different programs read in different ways: EXIF orientation, transparency, resizing, aspect."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from tests.cases.case import Call, Place, asking, fault, healthy
from tests.cases.material import Images, Save, as_jpeg, garments, write
from tests.cases.network import Pixels, Trained, compiled, fitted, keras_reads, network, right, trained, unit

ROTATED = 6  # the EXIF orientation of a phone that is held upright
ORIENTATION = 0x0112


def as_phone(image: NDArray[np.uint8], path: Path) -> None:
    """A JPEG that is stored on its side, with the tag that says so."""
    tags = Image.Exif()
    tags[ORIENTATION] = ROTATED
    Image.fromarray(np.rot90(image)).save(path.with_suffix(".jpg"), quality=92, exif=tags)


def as_cutout(image: NDArray[np.uint8], path: Path) -> None:
    """A transparent PNG of a garment, cut out of its background, whose hidden colour is black."""
    alpha = np.where(image.max(-1) > 8, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([image, alpha])).save(path.with_suffix(".png"), compress_level=1)


def as_cutout_on_white(image: NDArray[np.uint8], path: Path) -> None:
    """The same garment on a white page, without transparency."""
    hidden = image.max(-1, keepdims=True) <= 8
    as_jpeg(np.where(hidden, 255, image).astype(np.uint8), path)


def _cut_out(images: Images) -> Images:
    """Grey garments, in colour, on black."""
    return images.changed(lambda image: np.repeat(image, 3, -1))


def _trained_on(
    place: Place, x: Pixels, y: NDArray[Any], val: tuple[Pixels, NDArray[Any]], epochs: int = 12
) -> Trained:
    shape = (x.shape[1], x.shape[2], x.shape[3])
    return trained(
        place, "net", lambda: fitted(compiled(network(5, shape, width=12)), x, y, (val[0], val[1]), epochs=epochs)
    )


def _asked(
    place: Place, folder: Path, net: Trained, *, fair: tuple[Pixels, Pixels], saw: bool = True, worse: float = 0.15
) -> Call:
    """Ask about `folder`, which Keras reads otherwise than the model learnt; `fair` is as it learnt."""
    pairs = {split: keras_reads(folder / split) for split in ("train", "val")}
    seen = place.user_sees(
        lambda: {
            "train as learnt": right(net.model, fair[0], pairs["train"][1]),
            "val as learnt": right(net.model, fair[1], pairs["val"][1]),
            **{f"{split} by Keras": right(net.model, unit(x), y) for split, (x, y) in pairs.items()},
        }
    )
    assert seen["val as learnt"] - seen["val by Keras"] > worse
    place.fair(seen["train as learnt"], seen["val as learnt"])
    shown = f"{seen['train as learnt']:.2f},{seen['val by Keras']:.2f}"
    return asking(str(net.path), str(folder), **({"saw": shown} if saw else {}))


def _by_keras(place: Place, net: Trained, pairs: list[tuple[Pixels, NDArray[Any]]]) -> None:
    """What `evaluate` prints for both folders."""
    place.user_sees(
        lambda: {name: right(net.model, unit(x), y) for name, (x, y) in zip(("train", "val"), pairs, strict=True)}
    )


def _folder(place: Place, splits: dict[str, Images], save: Save | dict[str, Save]) -> Path:
    return place.once("photos", lambda part: write(part, splits, save))


def _turned(x: Pixels) -> Pixels:
    return np.rot90(x, -1, (1, 2))


@healthy("VG003", "VG114", "VG118")
def phone_photos_as_stored(place: Place) -> Call:
    """Phone photos with an EXIF tag in both splits, trained by `image_dataset_from_directory`, which ignores it."""
    train, val = garments("train", 300, colour="much"), garments("val", 100, colour="much")
    folder = _folder(place, {"train": train, "val": val}, as_phone)
    pairs = [keras_reads(folder / split) for split in ("train", "val")]
    net = _trained_on(place, unit(pairs[0][0]), pairs[0][1], (unit(pairs[1][0]), pairs[1][1]), epochs=6)
    place.user_sees(
        lambda: {f"{n} by Keras": right(net.model, unit(x), y) for n, (x, y) in zip("tv", pairs, strict=True)}
    )
    return asking(str(net.path), str(folder), saw=net.saw)


@fault("VG003", allowed=("VG120",))
def model_of_upright_photos(place: Place) -> Call:
    """Trained on photos opened by `ImageOps.exif_transpose`; Keras's own reader leaves them on their side."""
    train, val = garments("train", 160), garments("val", 60)
    folder = _folder(place, {"train": train, "val": val}, as_phone)
    pairs = [keras_reads(folder / split) for split in ("train", "val")]
    upright = [unit(_turned(x)) for x, _ in pairs]
    net = _trained_on(place, upright[0], pairs[0][1], (upright[1], pairs[1][1]))
    return _asked(place, folder, net, fair=(upright[0], upright[1]), saw=False)


@fault("VG118", "VG003", allowed=("VG010", "VG106", "VG120", "VG114", "VG117"))
def phone_photos_in_validation(place: Place) -> Call:
    """Trained on upright pictures, validated on a phone's, which carry an EXIF tag that Keras ignores: 97 / 30%."""
    return _of_a_phone(place, {"train": as_jpeg, "val": as_phone}, saw=True)


@fault("VG118", "VG003", allowed=("VG010", "VG106", "VG120", "VG114", "VG117"))
def phone_photos_in_validation_unsaid(place: Place) -> Call:
    """The same with other garments, and nobody says what `evaluate` printed."""
    return _of_a_phone(place, {"train": as_jpeg, "val": as_phone}, saw=False)


def _of_a_phone(place: Place, save: dict[str, Save], saw: bool) -> Call:
    seed = 1 if saw else 2
    train, val = garments("train", 160, seed=seed), garments("val", 60, seed=seed)
    folder = _folder(place, {"train": train, "val": val}, save)
    (x, y), (stored, y_val) = keras_reads(folder / "train"), keras_reads(folder / "val")
    net = _trained_on(place, unit(x), y, (unit(stored), y_val))
    return _asked(place, folder, net, fair=(unit(x), unit(_turned(stored))), saw=saw)


@healthy("VG004", "VG119")
def transparent_cutouts_as_keras_reads_them(place: Place) -> Call:
    """Transparent PNGs in both splits; Keras drops alpha, so that the hidden black shows, and the model learnt that."""
    train, val = (_cut_out(garments(split, each, colour="grey")) for split, each in (("train", 300), ("val", 100)))
    folder = _folder(place, {"train": train, "val": val}, as_cutout)
    pairs = [keras_reads(folder / split) for split in ("train", "val")]
    net = _trained_on(place, unit(pairs[0][0]), pairs[0][1], (unit(pairs[1][0]), pairs[1][1]), epochs=6)
    place.user_sees(
        lambda: {f"{n} by Keras": right(net.model, unit(x), y) for n, (x, y) in zip("tv", pairs, strict=True)}
    )
    return asking(str(net.path), str(folder), saw=net.saw)


@fault("VG004")
def model_of_cutouts_on_white(place: Place) -> Call:
    """Trained on cut-outs laid on white; the same transparent PNGs come out on black when Keras reads them."""
    train, val = (_cut_out(garments(split, each, colour="grey")) for split, each in (("train", 160), ("val", 60)))
    folder = _folder(place, {"train": train, "val": val}, as_cutout)
    pairs = [keras_reads(folder / split) for split in ("train", "val")]
    white = [unit(np.where(x.max(-1, keepdims=True) <= 8, 255, x)) for x, _ in pairs]
    net = _trained_on(place, white[0], pairs[0][1], (white[1], pairs[1][1]))
    return _asked(place, folder, net, fair=(white[0], white[1]))


@fault("VG119", "VG004", allowed=("VG010", "VG106", "VG107", "VG114", "VG117"))
def cutouts_in_validation(place: Place) -> Call:
    """Trained on a shop's JPEGs on white, validated on transparent PNGs of the same shop: 97 / 30%."""
    train, val = (_cut_out(garments(split, each, colour="grey")) for split, each in (("train", 160), ("val", 60)))
    folder = _folder(place, {"train": train, "val": val}, {"train": as_cutout_on_white, "val": as_cutout})
    (x, y), (hidden, y_val) = keras_reads(folder / "train"), keras_reads(folder / "val")
    net = _trained_on(place, unit(x), y, (unit(hidden), y_val))
    white = unit(np.where(hidden.max(-1, keepdims=True) <= 8, 255, hidden))
    return _asked(place, folder, net, fair=(unit(x), white))


def _large(split: str, each: int, seed: int = 0) -> Images:
    """Garments in the middle of photos of 128 x 96 with a texture as fine as pixels, which a filter blurs away."""
    images = garments("train" if split == "train" else "val", each, colour="little", side=96, seed=seed)
    rng = np.random.default_rng([seed, len(images)])
    wide = np.full((len(images), 96, 128, 3), 90.0)
    wide[:, :, 16:112] = images.x
    stripes = np.indices((96, 128)).sum(0) % 2 * 2.0 - 1
    strength = np.where(images.y % 2, 60, 0)[:, None, None, None]  # half of the classes are woven coarsely
    wide += strength * stripes[None, :, :, None] * rng.choice([-1, 1], (len(images), 1, 1, 1))
    return Images(np.clip(wide, 0, 255).astype(np.uint8), images.y, images.names)


def _nearest(folder: Path) -> tuple[Pixels, NDArray[Any]]:
    flow = tf.keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        folder, target_size=(32, 32), batch_size=10_000, shuffle=False, class_mode="sparse"
    )
    x, y = flow[0]
    return x, y.astype(int)


@fault("VG005", "VG010", allowed=("VG014",))
def generator_against_dataset(place: Place) -> Call:
    """Trained by ImageDataGenerator, which resizes by nearest neighbour; validated by image_dataset_from_directory."""
    folder = _folder(place, {"train": _large("train", 120), "val": _large("val", 60)}, as_jpeg)
    (x, y), (x_val, y_val) = _nearest(folder / "train"), _nearest(folder / "val")
    bilinear = unit(keras_reads(folder / "val")[0])
    net = _trained_on(place, x, y, (bilinear, y_val))
    return _asked(place, folder, net, fair=(x, x_val))


@fault("VG006", "VG010", allowed=("VG014",))
def cropped_in_training_alone(place: Place) -> Call:
    """`crop_to_aspect_ratio=True` in the training set, forgotten in the validation set: photos come out squeezed."""
    return _aspect(place, {"crop_to_aspect_ratio": True})


@fault("VG006", "VG010", allowed=("VG014",))
def padded_in_training_alone(place: Place) -> Call:
    """`pad_to_aspect_ratio=True` in training; the script that predicts resizes without it."""
    return _aspect(place, {"pad_to_aspect_ratio": True})


def _aspect(place: Place, options: dict[str, bool]) -> Call:
    def tall(images: Images) -> Images:
        """Photos of 48 x 160, garments in the middle."""
        wide = np.full((len(images), 48, 160, 3), 90, np.uint8)
        wide[:, :, 56:104] = images.x
        return Images(wide, images.y, images.names)

    splits = {
        "train": tall(garments("train", 160, colour="little", side=48)),
        "val": tall(garments("val", 60, colour="little", side=48)),
    }
    folder = _folder(place, splits, as_jpeg)
    (x, y), (x_val, _) = (keras_reads(folder / split, **options) for split in ("train", "val"))
    plain, y_val = keras_reads(folder / "val")
    net = _trained_on(place, unit(x), y, (unit(plain), y_val), epochs=18)
    return _asked(place, folder, net, fair=(unit(x), unit(x_val)), saw="crop_to_aspect_ratio" in options)
