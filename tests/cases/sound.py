"""Programs in which nothing is wrong, and which look as if something were."""

from typing import Any

import keras
import numpy as np
from keras import layers

from tests.cases.case import Call, Place, asking, healthy
from tests.cases.feeding import a_model, dataset, files, flow
from tests.cases.material import Images, as_jpeg, as_png, garments, write
from tests.cases.network import Trained, compiled, fitted, keras_reads, network, right, signed, trained, unit


def _easy(each: int = 400, each_val: int = 100) -> tuple[Images, Images]:
    """Images that a small network learns without a gap."""
    return garments("train", each, colour="wholly"), garments("val", each_val, colour="wholly")


def _sees(place: Place, net: Trained, train: Any, val: Any) -> None:
    """What the model is right on: no gap to speak of."""
    seen = place.user_sees(lambda: {"train": right(net.model, *train), "val": right(net.model, *val)})
    assert seen["train"] - seen["val"] < 0.03, seen


def _pair(images: Images) -> tuple[Any, Any]:
    return unit(images.x), images.y


@healthy()
def nothing_to_see(place: Place) -> Call:
    """98 / 97% on coloured garments, folder and file, with what fit printed."""
    train, val = _easy()
    net = a_model(place, train, val, epochs=6)
    _sees(place, net, _pair(train), _pair(val))
    return asking(str(net.path), str(files(place, train, val)), saw=net.saw)


@healthy("VG214", "VG115")
def twenty_validation_images(place: Place) -> Call:
    """Twenty validation images, of which four are wrong by bad luck, and 95% in training: it shows nothing."""
    train = garments("train", 400, colour="less")
    net = a_model(place, train, train.take(slice(0, 20)), epochs=6)
    draws = (garments("val", 4, colour="less", seed=seed) for seed in range(40))
    val = next(images for images in draws if 0.75 <= right(net.model, *_pair(images)) <= 0.85)
    place.user_sees(lambda: {"train": right(net.model, *_pair(train)), "val": right(net.model, *_pair(val))})
    return asking(str(net.path), str(files(place, train, val)))


@healthy("VG311")
def rescaling_inside_and_raw_pixels(place: Place) -> Call:
    """Rescaling(1/255) in the model, `image_dataset_from_directory` outside: pixels of 0 to 255, as it should be."""
    train, val = _easy()
    first = [layers.Rescaling(1 / 255)]
    net = trained(
        place,
        "net",
        lambda: fitted(compiled(network(5, first=first, width=12)), train.x, train.y, (val.x, val.y), epochs=6),
    )
    _sees(place, net, (train.x, train.y), (val.x, val.y))
    folder = files(place, train, val)
    options: Any = {"image_size": (32, 32), "verbose": False}
    one = keras.utils.image_dataset_from_directory(folder / "train", seed=1, **options)
    other = keras.utils.image_dataset_from_directory(folder / "val", shuffle=False, **options)
    return asking(net.model, one, other)


@healthy("VG402", "VG406", "VG208", "VG303", "VG301")
def strong_augmentation_in_the_generator(place: Place) -> Call:
    """Training is turned, shifted and zoomed, validation is not: fit says 88 / 96%."""
    train, val = _easy()
    folder = files(place, train, val)
    augment = {"rotation_range": 25, "width_shift_range": 0.15, "zoom_range": 0.2, "horizontal_flip": True}
    one, other = flow(folder / "train", **augment), flow(folder / "val", shuffle=False)
    net = trained(place, "net", lambda: fitted(compiled(network(5, width=12)), one, None, other, epochs=7))
    _sees(place, net, _pair(train), _pair(val))
    return asking(net.model, one, other, saw=net.saw)


@healthy("VG406")
def augmentation_inside_the_model(place: Place) -> Call:
    """RandomFlip, RandomTranslation and RandomContrast as layers of the model, which rest outside training."""
    train, val = _easy()
    net = a_model(
        place, train, val, epochs=7, first=[layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1)]
    )
    _sees(place, net, _pair(train), _pair(val))
    return asking(net.model, _pair(train), _pair(val), history=net.history)


@healthy("VG211", "VG213", "VG208", "VG108")
def a_hard_class(place: Place) -> Call:
    """Shirts look like pullovers: their recall is 75% in training and in validation alike, all others are fine."""
    names = ("bag", "boot", "pullover", "shirt", "trouser")
    train, val = garments("train", 800, names, colour="grey"), garments("val", 200, names, colour="grey")
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(5, (32, 32, 1), width=4)), unit(train.x), train.y, (unit(val.x), val.y), epochs=4
        ),
    )
    _sees(place, net, _pair(train), _pair(val))
    return asking(str(net.path), str(files(place, train, val)))


@healthy()
def batch_norm_that_settled(place: Place) -> Call:
    """Batch normalisation with momentum 0.9, trained long enough: both modes agree."""
    train, val = _easy()
    net = a_model(place, train, val, epochs=6, batch_norm=0.9)
    _sees(place, net, _pair(train), _pair(val))
    return asking(str(net.path), str(files(place, train, val)), saw=net.saw)


@healthy("VG113")
def three_to_one(place: Place) -> Call:
    """Classes of 450 and 150 images, both recognised."""
    train, val = (
        garments(split, n, ("bag", "boot"), colour="much") for split, n in (("train", (450, 150)), ("val", (150, 50)))
    )
    net = a_model(place, train, val, epochs=6)
    _sees(place, net, _pair(train), _pair(val))
    return asking(net.model, _pair(train), _pair(val))


def _with_logits(place: Place, last: str | None) -> Call:
    train, val = _easy()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = compiled(network(5, last=last, width=12), loss)
    net = trained(place, "net", lambda: fitted(model, unit(train.x), train.y, (unit(val.x), val.y), epochs=6))
    _sees(place, net, _pair(train), _pair(val))
    return asking(str(net.path), str(files(place, train, val)), saw=net.saw)


@healthy("VG203")
def softmax_with_from_logits(place: Place) -> Call:
    """A softmax and from_logits=True: Keras 3 takes the logits back, training is as without."""
    return _with_logits(place, "softmax")


@healthy()
def linear_with_from_logits(place: Place) -> Call:
    """A linear output and from_logits=True, as tutorials of TensorFlow write it."""
    return _with_logits(place, None)


@healthy("VG312")
def endless_with_steps(place: Place) -> Call:
    """Endless sets with shuffling, one-hot labels, `steps=`: as fit takes them with steps_per_epoch."""
    train, val = _easy()
    net = a_model(place, train, val, epochs=6)
    _sees(place, net, _pair(train), _pair(val))
    hot = keras.utils.to_categorical
    model = compiled(net.model, "categorical_crossentropy")
    one = dataset(unit(train.x), hot(train.y), shuffle=2000).repeat()
    other = dataset(unit(val.x), hot(val.y)).repeat()
    return asking(model, one, other, steps=15)


@healthy("VG114")
def png_and_jpeg_in_all_classes(place: Place) -> Call:
    """Two sources, PNG and JPEG, spread evenly over classes and splits."""
    train, val = _easy()

    def save(image: Any, path: Any) -> None:
        (as_png if int(path.name[-4:]) % 2 else as_jpeg)(image, path)

    folder = place.once("photos", lambda part: write(part, {"train": train, "val": val}, save))
    (x, y), (x_val, y_val) = keras_reads(folder / "train"), keras_reads(folder / "val")
    net = trained(
        place, "net", lambda: fitted(compiled(network(5, width=12)), unit(x), y, (unit(x_val), y_val), epochs=6)
    )
    _sees(place, net, (unit(x), y), (unit(x_val), y_val))
    return asking(str(net.path), str(folder))


@healthy("VG111", "VG103", "VG116")
def simple_things_that_look_alike(place: Place) -> Call:
    """Upright and lying bars drawn by a program: many look alike, mirrored ones too, and none is a copy."""
    rng = np.random.default_rng(1)
    grid = np.indices((32, 32))

    def draw(upright: bool) -> Any:
        centre, thick = rng.uniform(10, 22, 2)[:, None, None], rng.uniform(2, 4)
        away = np.abs(grid - centre) / np.array([3, 1] if upright else [1, 3])[:, None, None]
        light = np.where((away.max(0) < thick)[..., None], rng.uniform(130, 240, 3), rng.uniform(10, 90, 3))
        return np.clip(light + rng.normal(0, 3, (32, 32, 3)), 0, 255)

    y = rng.integers(0, 2, 800)
    both = Images(np.stack([draw(bool(label)) for label in y]).astype(np.uint8), y, ("lying", "upright"))
    train, val = both.take(slice(0, 600)), both.take(slice(600, None))
    net = a_model(place, train, val, epochs=12)
    place.user_sees(lambda: {"train": right(net.model, *_pair(train)), "val": right(net.model, *_pair(val))})
    place.fair(place.numbers["train"], place.numbers["val"])
    return asking(str(net.path), str(files(place, train, val)))


@healthy()
def minus_one_to_one_inside(place: Place) -> Call:
    """Rescaling(1/127.5, offset=-1) inside, as in MobileNet, fed raw pixels from a folder."""
    train, val = _easy()
    first = [layers.Rescaling(1 / 127.5, offset=-1)]
    net = trained(
        place,
        "net",
        lambda: fitted(compiled(network(5, first=first, width=12)), train.x, train.y, (val.x, val.y), epochs=6),
    )
    _sees(place, net, (train.x, train.y), (val.x, val.y))
    return asking(str(net.path), str(files(place, train, val)), saw=net.saw)


@healthy("VG002")
def signed_pixels_in_both_generators(place: Place) -> Call:
    """x / 127.5 - 1 in both generators of a network with batch normalisation; the folder alone does not say so."""
    train, val = _easy()
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(5, batch_norm=0.9)), signed(train.x), train.y, (signed(val.x), val.y), epochs=6
        ),
    )
    _sees(place, net, (signed(train.x), train.y), (signed(val.x), val.y))
    return asking(str(net.path), str(files(place, train, val)), saw=net.saw)


@healthy()
def a_frozen_base_as_it_should_be(place: Place) -> Call:
    """A frozen base with batch normalisation, called with training=False, and a head of its own."""
    train, val = _easy()

    def make() -> Any:
        base = compiled(network(5, batch_norm=0.9, width=12))
        fitted(base, unit(train.x), train.y, epochs=4)
        body = keras.Sequential([keras.Input((32, 32, 3)), *base.layers[:-1]], name="base")
        body.trainable = False
        inputs = keras.Input((32, 32, 3))
        head = layers.Dense(5, activation="softmax")(body(inputs, training=False))
        model = compiled(keras.Model(inputs, head), optimizer=keras.optimizers.Adam(0.01))
        return fitted(model, unit(train.x), train.y, (unit(val.x), val.y), epochs=5)

    net = trained(place, "net", make)
    _sees(place, net, _pair(train), _pair(val))
    return asking(net.model, _pair(train), _pair(val), saw=net.saw)
