"""Splits and orders of arrays and tf.data sets, and a base that runs in training mode."""

from typing import Any

import keras
import numpy as np
from keras import layers

from tests.cases.case import Call, Place, asking, fault
from tests.cases.feeding import a_model, dataset, drawn, files, flow, shown
from tests.cases.material import Images, garments
from tests.cases.network import Trained, compiled, fitted, network, right, trained, unit

OTHER_CLASSES = ("VG106", "VG107")  # splits of other classes are told apart, and may differ in brightness
LEARNT_LITTLE = ("VG201", "VG204", "VG205", "VG208", "VG211", "VG009", "VG404", "VG405", "VG407")


def _forgetful(place: Place, one: Any, other: Any) -> Trained:
    """A model by SGD, which keeps little of what it saw before the last batches."""
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(5), optimizer=keras.optimizers.SGD(0.05, momentum=0.9)), one, None, other, epochs=3
        ),
    )
    seen = shown(place, net.model, one, other)
    assert seen["evaluate val"] < 0.6
    return net


@fault("VG306", allowed=LEARNT_LITTLE)
def a_small_buffer_over_sorted_images(place: Place) -> Call:
    """tf.data of images sorted by class with `shuffle(100)`: each stretch holds one class. fit says 90 / 20%."""
    train, val = garments("train", 300, colour="much", ordered=True), garments("val", 60, colour="much")
    one, other = dataset(unit(train.x), train.y, shuffle=100), dataset(unit(val.x), val.y)
    net = _forgetful(place, one, other)
    return asking(net.model, one, other, history=net.history)


@fault("VG306", allowed=LEARNT_LITTLE)
def a_generator_that_does_not_shuffle(place: Place) -> Call:
    """`flow_from_directory(shuffle=False)` for training: class after class, and the last one is what it knows."""
    train, val = drawn(160, 60, colour="less")
    folder = files(place, train, val)
    one, other = flow(folder / "train", shuffle=False), flow(folder / "val", shuffle=False)
    net = _forgetful(place, one, other)
    return asking(net.model, one, other)


@fault("VG306", "VG307", allowed=(*LEARNT_LITTLE, "VG105", *OTHER_CLASSES))
def steps_that_reach_two_classes(place: Place) -> Call:
    """An endless sorted set with `steps_per_epoch` too small: training sees two of five classes, validation all."""
    train, val = garments("train", 160, colour="less", ordered=True), garments("val", 60, colour="less")
    one, other = dataset(unit(train.x), train.y), dataset(unit(val.x), val.y)

    def make() -> Any:
        model = compiled(network(5))
        return fitted(model, one.repeat(), None, other, epochs=1, steps_per_epoch=10)

    net = trained(place, "net", make)
    seen = shown(place, net.model, one.take(10), other)
    assert seen["evaluate val"] < 0.5
    return asking(net.model, one.repeat(), other, steps=10)


@fault("VG307", allowed=("VG105", "VG211", "VG213", "VG306", *OTHER_CLASSES))
def validation_split_of_sorted_arrays(place: Place) -> Call:
    """`fit(x, y, validation_split=0.2)` with x sorted by class, given as the two parts: fit says 95 / 0%."""
    images = garments("train", 150, ordered=True)
    train, val = images.take(slice(0, 600)), images.take(slice(600, None))
    net = a_model(place, train, val, epochs=10)
    seen = shown(place, net.model, (unit(train.x), train.y), (unit(val.x), val.y))
    assert seen["evaluate val"] < 0.1
    return asking(net.model, (unit(train.x), train.y), (unit(val.x), val.y), saw=net.saw)


@fault("VG307", "VG105", allowed=("VG211", "VG213", "VG108", *OTHER_CLASSES))
def the_first_thousand_for_validation(place: Place) -> Call:
    """`take(200)` and `skip(200)` of a sorted tf.data set, shuffled afterwards: validation has two of five classes."""
    images = garments("train", 160, colour="less", ordered=True)
    val, train = images.take(slice(0, 200)), images.take(slice(200, None))
    train = train.take(np.random.default_rng(1).permutation(len(train)))
    net = a_model(place, train, val, epochs=10)
    one, other = dataset(unit(train.x), train.y, shuffle=1000), dataset(unit(val.x), val.y)
    seen = shown(place, net.model, one, other)
    assert seen["evaluate val"] < 0.5
    return asking(net.model, one, other)


def _split_after(place: Place, images: Images, share: float) -> Call:
    """Arrays split at random after they were multiplied."""
    order = np.random.default_rng(2).permutation(len(images))
    cut = int(share * len(images))
    val, train = images.take(order[:cut]), images.take(order[cut:])
    net = a_model(place, train, val, epochs=20)
    fresh = garments("test", 60, images.names)
    seen = shown(place, net.model, (unit(train.x), train.y), (unit(val.x), val.y))
    place.numbers["fresh images"] = once = right(net.model, unit(fresh.x), fresh.y)
    place.fair(seen["evaluate train"], once)
    return asking(net.model, (unit(train.x), train.y), (unit(val.x), val.y))


@fault("VG308", "VG102", allowed=("VG110",))
def oversampled_before_the_split(place: Place) -> Call:
    """RandomOverSampler, then train_test_split: copies of minority images stand in both. 98 / 95%, fresh ones 85%."""
    images = garments("train", (400, 80), ("coat", "pullover"))
    minority = np.flatnonzero(images.y == 1)
    return _split_after(place, images.take(np.concatenate([np.arange(len(images)), np.tile(minority, 4)])), 0.2)


@fault("VG308", "VG116", allowed=("VG111",))
def mirrored_before_the_split(place: Place) -> Call:
    """`np.concatenate([x, x[:, :, ::-1]])`, then train_test_split: mirror images of training stand in validation."""
    images = garments("train", 80)
    mirrored = Images(images.x[:, :, ::-1], images.y, images.names)
    return _split_after(place, images.joined(mirrored), 0.2)


@fault("VG212", "VG201", allowed=("VG211", "VG012"))
def a_frozen_base_whose_norms_are_not(place: Place) -> Call:
    """A base of other pictures, frozen but for its batch normalisation: fit says 83%, evaluate on the same 67%."""
    train, val = drawn(160, 64, colour="less")
    others = garments("train", 160, ("coat", "pullover", "shirt", "sneaker", "tshirt"), colour="grey")

    def make() -> Any:
        base = compiled(network(5, batch_norm=0.99, width=12))
        fitted(base, np.repeat(1 - 0.3 * unit(others.x), 3, -1), others.y, epochs=14)
        body = keras.Sequential([keras.Input((32, 32, 3)), *base.layers[:-4]], name="base")
        for layer in body.layers:
            layer.trainable = isinstance(layer, layers.BatchNormalization)
        inputs = keras.Input((32, 32, 3))
        model = keras.Model(inputs, layers.Dense(5, activation="softmax")(body(inputs, training=True)))
        optimizer = keras.optimizers.Adam(0.01)
        return fitted(
            compiled(model, optimizer=optimizer), unit(train.x), train.y, (unit(val.x), val.y), epochs=2, batch_size=64
        )

    net = trained(place, "net", make)
    one, other = dataset(unit(train.x), train.y, shuffle=1000), dataset(unit(val.x), val.y)
    seen = place.user_sees(
        lambda: {
            "fit train": net.history["accuracy"][-1],
            "fit val": net.history["val_accuracy"][-1],
            "evaluate train": right(net.model, unit(train.x), train.y),
        }
    )
    assert seen["fit train"] - seen["evaluate train"] > 0.15
    return asking(net.model, one, other, saw=net.saw)
