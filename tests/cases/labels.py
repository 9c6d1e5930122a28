"""Labels that do not belong to their images, and batches that no network can learn from."""

from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

from tests.cases.case import Call, Place, asking, fault
from tests.cases.feeding import a_model, dataset, drawn, files, flow, shown
from tests.cases.material import Images
from tests.cases.network import compiled, fitted, network, trained, unit


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
    """`tf.data.Dataset.zip((images.shuffle(n), labels.shuffle(n)))`: pairs change from pass to pass."""
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
