"""Outputs of a model that stand in another order than its folders."""

from collections.abc import Sequence

import keras
import numpy as np

from tests.cases.case import Call, Place, asking, fault
from tests.cases.material import TEN, Images, garments, write
from tests.cases.network import compiled, fitted, network, right, trained, unit


def _ordered(
    place: Place, train: Images, val: Images, order: Sequence[str], *, saw: str | None = None, batch_norm: bool = False
) -> Call:
    """A model whose output i is class order[i], asked about with folders, which sort by name."""
    folder = place.once("photos", lambda part: write(part, {"train": train, "val": val}))
    output = np.array([order.index(name) for name in train.names])
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(len(order), width=12, batch_norm=batch_norm)),
            unit(train.x), output[train.y], (unit(val.x), output[val.y]), epochs=12,
        ),
    )  # fmt: skip
    names = np.array(sorted(train.names))
    place.user_sees(
        lambda: {
            "train": right(net.model, unit(train.x), output[train.y]),
            "val": right(net.model, unit(val.x), output[val.y]),
            "val by sorted folders": right(net.model, unit(val.x), np.searchsorted(names, np.array(val.names)[val.y])),
        }
    )
    seen = place.numbers
    assert seen["val"] - seen["val by sorted folders"] > 0.1
    place.fair(seen["train"], seen["val"])
    return asking(str(net.path), str(folder), **({} if saw is None else {"saw": saw or net.saw}))


@fault("VG008")
def natural_order_of_numbers(place: Place) -> Call:
    """Labels 1, 2, ... 10 in their natural order; folders sort as 1, 10, 2. fit says 95 / 88%, the folders 10%."""
    names = tuple(str(number) for number in range(1, 11))
    train, val = (garments(split, each, TEN, colour="much") for split, each in (("train", 100), ("val", 40)))
    renamed = [Images(images.x, images.y, names) for images in (train, val)]
    return _ordered(place, renamed[0], renamed[1], names, saw="")


@fault("VG008")
def two_of_ten_swapped(place: Place) -> Call:
    """A list of class names typed by hand, in which two of ten have changed places."""
    order = list(TEN)
    order[3], order[7] = order[7], order[3]
    train, val = (garments(split, each, TEN, colour="much") for split, each in (("train", 120), ("val", 60)))
    return _ordered(place, train, val, order)


@fault("VG008")
def order_of_the_first_rows(place: Place) -> Call:
    """`pandas.factorize` numbered the classes as they came in the table, not by name: fit 98 / 95%, the folders 5%."""
    train, val = garments("train", 160, colour="less"), garments("val", 60, colour="less")
    return _ordered(place, train, val, ("trouser", "bag", "sandal", "boot", "dress"), saw="", batch_norm=True)


@fault("VG008")
def one_sigmoid_the_other_way_round(place: Place) -> Call:
    """One sigmoid that means `cat`, where Keras's folders make `dog` class 1."""
    names = ("cat", "dog")
    drawn = [garments(split, each, ("shirt", "dress"), colour="less") for split, each in (("train", 300), ("val", 150))]
    train, val = (Images(images.x, images.y, names) for images in drawn)
    folder = place.once("photos", lambda part: write(part, {"train": train, "val": val}))
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(1, last="sigmoid", width=12), "binary_crossentropy"),
            unit(train.x), 1 - train.y, (unit(val.x), 1 - val.y), epochs=12,
        ),
    )  # fmt: skip
    seen = place.user_sees(
        lambda: {
            "train": right(net.model, unit(train.x), 1 - train.y),
            "val": right(net.model, unit(val.x), 1 - val.y),
            "val by sorted folders": right(net.model, unit(val.x), val.y),
        }
    )
    assert seen["val by sorted folders"] < 0.3
    place.fair(seen["train"], seen["val"])
    return asking(str(net.path), str(folder))


@fault("VG008", "VG305")
def list_given_to_flow_from_directory(place: Place) -> Call:
    """`classes=[...]` in the order of a README for both generators; asked in Python with the folder and the model."""
    train, val = garments("train", 160, colour="less"), garments("val", 60, colour="less")
    order = ("dress", "trouser", "boot", "sandal", "bag")
    folder = place.once("photos", lambda part: write(part, {"train": train, "val": val}))
    output = np.array([order.index(name) for name in train.names])
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(5, first=[keras.layers.Rescaling(1 / 255)], width=12)),
            train.x, output[train.y], (val.x, output[val.y]), epochs=12,
        ),
    )  # fmt: skip
    seen = place.user_sees(
        lambda: {
            "train": right(net.model, train.x, output[train.y]),
            "val": right(net.model, val.x, output[val.y]),
            "val by sorted folders": right(net.model, val.x, val.y),
        }
    )
    assert seen["val by sorted folders"] < 0.4
    place.fair(seen["train"], seen["val"])
    return asking(net.model, folder / "train", folder / "val", saw=(seen["train"], seen["val by sorted folders"]))
