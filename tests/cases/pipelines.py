"""Pixels that differ between the objects that are passed to `fit`, or that are random where they must not be."""

from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

from tests.cases.case import Call, Place, asking, fault
<<<<<<< HEAD
from tests.cases.material import Images, garments, write
from tests.cases.network import Trained, compiled, fitted, network, right, trained, unit

Generator = tf.keras.preprocessing.image.ImageDataGenerator


def drawn(each: int = 160, each_val: int = 60, **options: Any) -> tuple[Images, Images]:
    """Garments for training and validation."""
    return garments("train", each, **options), garments("val", each_val, **options)


def flow(folder: Path, **options: Any) -> Any:
    """`flow_from_directory` of a folder, in batches of 32."""
    settings = {"rescale": 1 / 255} | {k: options.pop(k) for k in tuple(options) if k in GENERATOR}
    settings = {key: value for key, value in settings.items() if value is not None}
    options = {"target_size": (32, 32), "batch_size": 32, "class_mode": "sparse", "seed": 1} | options
    return Generator(**settings).flow_from_directory(str(folder), **options)


GENERATOR = ("rescale", "horizontal_flip", "rotation_range", "zoom_range", "preprocessing_function", "validation_split",
             "width_shift_range", "height_shift_range", "brightness_range", "channel_shift_range")  # fmt: skip


def dataset(x: Any, y: Any, *, batch: int = 32, shuffle: int = 0) -> Any:
    """A tf.data set in batches."""
    data = tf.data.Dataset.from_tensor_slices((x, y))
    return (data.shuffle(shuffle, seed=1) if shuffle else data).batch(batch)


def a_model(place: Place, train: Images, val: Images, *, epochs: int = 12, **options: Any) -> Trained:
    """A sound model of these images in [0, 1]."""
    return trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(len(train.names), width=12, **options)),
            unit(train.x), train.y, (unit(val.x), val.y), epochs=epochs,
        ),
    )  # fmt: skip


def files(place: Place, train: Images, val: Images) -> Path:
    """Their folder."""
    return place.once("photos", lambda part: write(part, {"train": train, "val": val}))


def shown(
    place: Place, model: Any, train: Any, val: Any, fair: tuple[Images, Images] | None = None
) -> dict[str, float]:
    """What `evaluate` prints for both objects, and what the model is right on with sound validation images."""

    def compute() -> dict[str, float]:
        numbers = {
            name: model.evaluate(*(data if isinstance(data, tuple) else (data,)), verbose=0)[1]
            for name, data in (("evaluate train", train), ("evaluate val", val))
        }
        if fair:
            numbers |= {
                "train": right(model, unit(fair[0].x), fair[0].y),
                "val": right(model, unit(fair[1].x), fair[1].y),
            }
        return numbers

    seen = place.user_sees(compute)
    if fair:
        place.fair(seen["train"], seen["val"])
    return seen
=======
from tests.cases.feeding import a_model, dataset, drawn, files, flow, shown
from tests.cases.material import Images
from tests.cases.network import compiled, fitted, network, trained, unit
>>>>>>> cases


@fault("VG301", "VG010", "VG311", allowed=("VG309",))
def no_rescale_in_the_validation_generator(place: Place) -> Call:
    """ImageDataGenerator(rescale=1/255) for training, ImageDataGenerator() for validation; batch normalisation."""
    train, val = drawn()
    folder, net = files(place, train, val), a_model(place, train, val, batch_norm=0.9)
    one, other = flow(folder / "train"), flow(folder / "val", rescale=None, shuffle=False)
    seen = shown(place, net.model, one, other, (train, val))
    assert seen["val"] - seen["evaluate val"] > 0.15
    return asking(net.model, one, other, saw=(seen["evaluate train"], seen["evaluate val"]))


@fault("VG301", "VG010")
def another_normalisation_in_map(place: Place) -> Call:
    """tf.data: `x / 255` in the map of the training set, `x / 127.5 - 1` in that of the validation set."""
    train, val = drawn(colour="less")
    net = a_model(place, train, val, batch_norm=0.9)
    one = dataset(train.x, train.y, shuffle=1000).map(lambda x, y: (tf.cast(x, tf.float32) / 255, y))
    other = dataset(val.x, val.y).map(lambda x, y: (tf.cast(x, tf.float32) / 127.5 - 1, y))
    seen = shown(place, net.model, one, other, (train, val))
    assert seen["val"] - seen["evaluate val"] > 0.1
    return asking(net.model, one, other)


@fault("VG301", "VG010", allowed=("VG106",))
def validation_standardised_by_itself(place: Place) -> Call:
    """Training divided by 255; validation standardised image by image, from another tutorial."""
    train, val = drawn(colour="less")
    net = a_model(place, train, val)
    other = (tf.image.per_image_standardization(val.x.astype(np.float32)).numpy(), val.y)
    seen = shown(place, net.model, (unit(train.x), train.y), other, (train, val))
    assert seen["val"] - seen["evaluate val"] > 0.1
    return asking(net.model, (unit(train.x), train.y), other)


@fault("VG302", allowed=("VG106",))
def validation_in_bgr(place: Place) -> Call:
    """Training photos by load_img (RGB), validation photos by cv2.imread (BGR), both arrays in [0, 1]."""
    train, val = drawn(colour="much")
    net = a_model(place, train, val)
    other = (unit(val.x[..., ::-1]), val.y)
    seen = shown(place, net.model, (unit(train.x), train.y), other, (train, val))
    assert seen["val"] - seen["evaluate val"] > 0.3
    return asking(net.model, (unit(train.x), train.y), other)


@fault("VG302", "VG106", allowed=("VG107",))
def training_in_bgr_as_datasets(place: Place) -> Call:
    """tf.data from a generator of cv2.imread arrays in training, `decode_jpeg` in validation."""
    train, val = drawn(colour="less", seed=3)
    turned = Images(train.x[..., ::-1], train.y, train.names)
    net = a_model(place, turned, val)
    one, other = dataset(unit(turned.x), train.y, shuffle=1000), dataset(unit(val.x), val.y)
    in_bgr = Images(val.x[..., ::-1], val.y, val.names)
    seen = shown(place, net.model, one, other, (turned, in_bgr))
    assert seen["val"] - seen["evaluate val"] > 0.08
    return asking(net.model, one, other)


@fault("VG303", allowed=("VG106", "VG107", "VG301"))
def generators_mixed_up(place: Place) -> Call:
    """The augmenting ImageDataGenerator was given to validation, the plain one to training: fit says 95 / 35%."""
    train, val = drawn()
    folder = files(place, train, val)
    augment = {"rotation_range": 180, "zoom_range": 0.4, "width_shift_range": 0.3}
    one, other = flow(folder / "train"), flow(folder / "val", **augment)
    net = trained(place, "net", lambda: fitted(compiled(network(5, width=12)), one, None, other, epochs=10))
    seen = shown(place, net.model, one, other, (train, val))
    assert seen["val"] - seen["evaluate val"] > 0.25
    return asking(net.model, one, other, saw=net.saw)


@fault("VG303", allowed=("VG106", "VG107", "VG301"))
def random_layers_mapped_over_validation(place: Place) -> Call:
    """`ds.map(lambda x, y: (augment(x, training=True), y))` in a function that prepares both sets."""
    train, val = drawn(colour="less")
    net = a_model(place, train, val)
    augment = [layers.RandomRotation(0.5, seed=1), layers.RandomFlip(seed=2), layers.RandomContrast(0.8, seed=3)]

    def changed(x: Any, y: Any) -> Any:
        for layer in augment:
            x = layer(x, training=True)
        return x, y

    one, other = (dataset(unit(part.x), part.y, shuffle=1000).map(changed) for part in (train, val))
    seen = shown(place, net.model, one, other, (train, val))
    assert seen["val"] - seen["evaluate val"] > 0.15
    return asking(net.model, one, other)
<<<<<<< HEAD


@fault("VG304", allowed=("VG108", "VG213", "VG211"))
def images_shuffled_without_labels(place: Place) -> Call:
    """`np.random.shuffle(x)` before the split, y left as it was: fit learns by heart, validation is at chance."""
    train, val = drawn(120, 60)
    y = np.random.default_rng(5).permutation(np.concatenate([train.y, val.y]))
    y, y_val = y[: len(train)], y[len(train) :]
    net = trained(
        place,
        "net",
        lambda: fitted(compiled(network(5, width=16)), unit(train.x), y, (unit(val.x), y_val), epochs=30),
    )
    seen = shown(place, net.model, (unit(train.x), y), (unit(val.x), y_val))
    assert seen["evaluate val"] < 0.32
    return asking(net.model, (unit(train.x), y), (unit(val.x), y_val), history=net.history)


@fault("VG304", allowed=("VG108",))
def validation_labels_of_other_images(place: Place) -> Call:
    """Validation images read by os.listdir, labels from a sorted table: fit says 97 / 20%."""
    train, val = drawn(colour="less")
    y_val = np.random.default_rng(6).permutation(val.y)
    net = a_model(place, train, val)
    seen = shown(place, net.model, (unit(train.x), train.y), (unit(val.x), y_val), (train, val))
    assert seen["evaluate val"] < 0.35
    return asking(
        net.model, (unit(train.x), train.y), (unit(val.x), y_val), saw=(seen["evaluate train"], seen["evaluate val"])
    )


@fault("VG304", "VG312", allowed=("VG108", "VG205", "VG208", "VG009", "VG211"))
def zip_of_two_shuffles(place: Place) -> Call:
    """`tf.data.Dataset.zip((images.shuffle(n), labels.shuffle(n)))`: pairs change from pass to pass, nothing is learnt."""
    train, val = drawn(120, 60, colour="much")
    images = tf.data.Dataset.from_tensor_slices(unit(train.x)).shuffle(600)
    labels = tf.data.Dataset.from_tensor_slices(train.y).shuffle(600)
    one, other = tf.data.Dataset.zip((images, labels)).batch(32), dataset(unit(val.x), val.y)
    net = trained(place, "net", lambda: fitted(compiled(network(5)), one, None, other, epochs=6))
    seen = shown(place, net.model, one, other)
    assert seen["evaluate train"] < 0.35
    return asking(net.model, one, other)


@fault("VG305", "VG304", allowed=("VG108", "VG008"))
def classes_listed_in_one_generator(place: Place) -> Call:
    """`classes=[...]` given to the training generator alone; the validation generator sorts the folders."""
    train, val = drawn(colour="less")
    order = ["trouser", "bag", "sandal", "boot", "dress"]
    folder = files(place, train, val)
    one, other = flow(folder / "train", classes=order), flow(folder / "val", shuffle=False)
    position = np.array([order.index(name) for name in train.names])
    as_listed = [Images(part.x, position[part.y], tuple(order)) for part in (train, val)]
    net = a_model(place, as_listed[0], as_listed[1])
    seen = shown(place, net.model, one, other, (as_listed[0], as_listed[1]))
    assert seen["evaluate val"] < 0.4
    return asking(net.model, one, other)


@fault("VG305", "VG304", allowed=("VG108", "VG008"))
def labels_numbered_split_by_split(place: Place) -> Call:
    """`pandas.factorize` in each split numbers the classes as they first come: arrays whose labels disagree."""
    train, val = drawn(colour="less", seed=4)
    order = np.array([2, 0, 1, 4, 3])
    net = a_model(place, train, val)
    other = (unit(val.x), order[val.y])
    seen = shown(place, net.model, (unit(train.x), train.y), other, (train, val))
    assert seen["evaluate val"] < 0.5
    return asking(net.model, (unit(train.x), train.y), other, saw=(seen["evaluate train"], seen["evaluate val"]))


@fault("VG312", allowed=())
def predictions_of_a_shuffled_generator(place: Place) -> Call:
    """The validation generator shuffles, by default; `predict` beside `generator.classes` gives 20%, evaluate 95%."""
    train, val = drawn(200, 80, colour="much")
    folder, net = files(place, train, val), a_model(place, train, val)
    one, other = flow(folder / "train"), flow(folder / "val")

    def confusion() -> dict[str, float]:
        scores = net.model.predict(other, verbose=0)
        return {"evaluate val": net.model.evaluate(other, verbose=0)[1],
                "predict against classes": float(np.mean(scores.argmax(1) == other.classes))}  # fmt: skip

    seen = place.user_sees(confusion)
    assert seen["predict against classes"] < 0.4
    return asking(net.model, one, other, saw=(0.99, seen["predict against classes"]))


@fault("VG309", "VG207", allowed=("VG407", "VG009", "VG205", "VG112"))
def nan_from_one_blank_photo(place: Place) -> Call:
    """`(x - x.mean()) / x.std()` by image, and one photo is black: 0 / 0. The loss is NaN, and so are all weights."""
    train, val = drawn(60, 40)
    train.x[7] = 0

    def own(x: Any) -> Any:
        x = x.astype(np.float32)
        with np.errstate(invalid="ignore"):
            return (x - x.mean((1, 2, 3), keepdims=True)) / x.std((1, 2, 3), keepdims=True)

    net = trained(
        place, "net", lambda: fitted(compiled(network(5)), own(train.x), train.y, (own(val.x), val.y), epochs=2)
    )
    assert any(np.isnan(weight).any() for weight in net.model.get_weights())
    shown(place, net.model, (own(train.x), train.y), (own(val.x), val.y))
    return asking(net.model, (own(train.x), train.y), (own(val.x), val.y))


@fault("VG309", refused="empty|no (validation )?(image|batch)|0 (image|batch)|nothing")
def nothing_left_for_validation(place: Place) -> Call:
    """`ds.take(n)` and `ds.skip(n)` on batches, with n counted in images: the validation set is empty."""
    train, val = drawn(120, 40)
    net = a_model(place, train, val, epochs=6)
    whole = dataset(unit(train.x), train.y)
    return asking(net.model, whole.take(480), whole.skip(480))


@fault("VG310", allowed=("VG203", "VG205", "VG204", "VG208", "VG211", "VG009", "VG405", "VG210"))
def labels_one_and_two_for_a_sigmoid(place: Place) -> Call:
    """Labels 1 and 2 with one sigmoid and binary_crossentropy: the loss falls below zero, accuracy stands at 50%."""
    train, val = drawn(200, 80, names=("bag", "boot"))
    y, y_val = train.y + 1, val.y + 1
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(1, last="sigmoid"), "binary_crossentropy"),
            unit(train.x),
            y,
            (unit(val.x), y_val),
            epochs=5,
        ),
    )
    seen = shown(place, net.model, (unit(train.x), y), (unit(val.x), y_val))
    assert seen["evaluate val"] < 0.6
    return asking(net.model, (unit(train.x), y), (unit(val.x), y_val))


@fault("VG206", "VG311", allowed=("VG208",))
def generator_divides_what_the_model_divides(place: Place) -> Call:
    """Rescaling(1/255) in the model and `rescale=1/255` in both generators: pixels of at most 0.004, 40 / 40%."""
    train, val = drawn(colour="less")
    folder = files(place, train, val)
    one, other = flow(folder / "train"), flow(folder / "val", shuffle=False)
    net = trained(
        place,
        "net",
        lambda: fitted(compiled(network(5, first=[layers.Rescaling(1 / 255)])), one, None, other, epochs=6),
    )
    seen = shown(place, net.model, one, other)
    assert seen["evaluate val"] < 0.8
    return asking(net.model, one, other, history=net.history)
=======
>>>>>>> cases
