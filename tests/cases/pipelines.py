"""Pixels that differ between the objects that are passed to `fit`, or that are random where they must not be."""

from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

from tests.cases.case import Call, Place, asking, fault
from tests.cases.feeding import a_model, dataset, drawn, files, flow, shown
from tests.cases.material import Images
from tests.cases.network import compiled, fitted, network, trained, unit


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
