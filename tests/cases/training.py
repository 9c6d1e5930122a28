"""Trainings that went wrong, or were too short or too small, on sound images."""

from typing import Any

import keras
import numpy as np
from keras import layers

from tests.cases.case import Call, Place, asking, fault
from tests.cases.feeding import photos, scored
from tests.cases.material import Images, garments, write
from tests.cases.network import compiled, fitted, network, trained, unit


@fault("VG204", "VG205", "VG404", "VG405", allowed=("VG009", "VG208", "VG211", "VG503"))
def dead_after_a_rate_too_high(place: Place) -> Call:
    """Adam at 0.3: all units die in the first steps, one class for every image, accuracy stands at 20%."""
    train, val, folder = photos(place)

    def make() -> tuple[Any, Any]:
        model = compiled(network(5, width=12), optimizer=keras.optimizers.Adam(0.3))
        return fitted(model, unit(train.x), train.y, (unit(val.x), val.y), epochs=5)

    net = trained(place, "net", make)
    seen = scored(place, net, train, val)
    assert seen["val"] < 0.3
    return asking(str(net.path), str(folder), history=net.history)


@fault("VG204", "VG205", allowed=("VG009", "VG208", "VG211", "VG311"))
def dead_after_raw_pixels(place: Place) -> Call:
    """SGD at 0.01 on pixels of 0 to 255 kills the units: one class for all, and no history was kept."""
    train, val, folder = photos(place, colour="less")

    def make() -> tuple[Any, Any]:
        model = compiled(network(5, width=12), optimizer=keras.optimizers.SGD(0.01, momentum=0.9))
        return fitted(model, train.x.astype(np.float32), train.y, (val.x.astype(np.float32), val.y), epochs=5)

    net = trained(place, "net", make)
    seen = scored(place, net, train, val)
    assert seen["val"] < 0.3
    return asking(str(net.path), str(folder))


@fault("VG205", "VG113", "VG011", allowed=("VG211", "VG009", "VG208"))
def the_majority_for_all(place: Place) -> Call:
    """95 healthy leaves to 5 ill ones, short training: 95 / 95%, and never an ill one."""
    drawn = [
        garments("train", (570, 30), ("coat", "pullover"), colour="little"),
        garments("val", (190, 10), ("coat", "pullover"), colour="little"),
    ]
    train, val = (Images(images.x, images.y, ("fine", "ill")) for images in drawn)
    folder = place.once("photos", lambda part: write(part, {"train": train, "val": val}))
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(1, last="sigmoid"), "binary_crossentropy", keras.optimizers.Adam(0.001)),
            unit(train.x), train.y, (unit(val.x), val.y), epochs=4,
        ),
    )  # fmt: skip
    seen = scored(place, net, train, val)
    assert 0.94 < seen["val"] < 0.96
    return asking(str(net.path), str(folder), saw=net.saw)


@fault("VG207", "VG407", allowed=("VG009", "VG205", "VG404"), refused="not finite|NaN")
def weights_that_are_nan(place: Place) -> Call:
    """Mean squared error, SGD at 0.1 and raw pixels: NaN from the first epoch on, weights too."""
    train, val, folder = photos(place, 60, 40)

    def make() -> tuple[Any, Any]:
        model = compiled(network(5, last=None), "mse", keras.optimizers.SGD(0.1, momentum=0.9))
        y, y_val = (keras.utils.to_categorical(part.y) for part in (train, val))
        return fitted(model, train.x.astype(np.float32), y, (val.x.astype(np.float32), y_val), epochs=2)

    net = trained(place, "net", make)
    assert any(np.isnan(weight).any() for weight in net.model.get_weights())
    scored(place, net, train, val)
    return asking(str(net.path), str(folder), history=net.history)


@fault("VG208", "VG402", allowed=("VG211",))
def three_epochs_of_a_slow_optimizer(place: Place) -> Call:
    """SGD at 0.005 for four epochs: 45 / 43%, still learning. Nothing else is wrong."""
    train, val, folder = photos(place, 200, 60, colour="less")

    def make() -> tuple[Any, Any]:
        model = compiled(network(5), optimizer=keras.optimizers.SGD(0.005, momentum=0.5))
        return fitted(model, unit(train.x), train.y, (unit(val.x), val.y), epochs=6)

    net = trained(place, "net", make)
    seen = scored(place, net, train, val)
    assert 0.35 < seen["train"] < 0.85
    return asking(str(net.path), str(folder), history=net.history)


@fault("VG208", allowed=("VG211", "VG405"))
def too_small_a_network(place: Place) -> Call:
    """Four filters and a global mean before the output: 50 / 50%, and longer training changes nothing."""
    train, val, folder = photos(place, 200, 100, colour="little")

    def make() -> tuple[Any, Any]:
        keras.utils.set_random_seed(2)
        body = [layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(4, 3, activation="relu")]
        body.append(layers.GlobalAveragePooling2D())
        model = keras.Sequential([keras.Input((32, 32, 3)), *body, layers.Dense(5, activation="softmax")])
        model = compiled(model, optimizer=keras.optimizers.Adam(0.01))
        return fitted(model, unit(train.x), train.y, (unit(val.x), val.y), epochs=25)

    net = trained(place, "net", make)
    seen = scored(place, net, train, val)
    assert 0.3 < seen["train"] < 0.75
    return asking(str(net.path), str(folder), saw=net.saw)
