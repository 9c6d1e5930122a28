"""What the curves of a training show, where model and data are sound."""

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.cases.case import Call, Place, asking, fault, healthy
from tests.cases.feeding import drawn, files
from tests.cases.network import Trained, compiled, fitted, network, right, trained, unit

TOO_SOON = ("VG402", "VG405", "VG208")


def _curves(
    place: Place,
    optimizer: Any,
    *,
    epochs: int,
    each: int = 160,
    width: int = 12,
    dropout: float = 0.0,
    colour: Any = "less",
    batch_size: int = 32,
) -> tuple[Trained, Any, Any, Path]:
    train, val = drawn(each, 80, colour=colour)
    folder = files(place, train, val)
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(5, width=width, dropout=dropout), optimizer=optimizer),
            unit(train.x), train.y, (unit(val.x), val.y), epochs=epochs, batch_size=batch_size,
        ),
    )  # fmt: skip
    seen = place.user_sees(
        lambda: {
            "fit train": net.history["accuracy"][-1],
            "fit val": net.history["val_accuracy"][-1],
            "train": right(net.model, unit(train.x), train.y),
            "val": right(net.model, unit(val.x), val.y),
        }
    )
    place.fair(seen["train"], seen["val"])
    return net, train, val, folder


@fault(*TOO_SOON, allowed=("VG211",))
def stopped_after_three_epochs(place: Place) -> Call:
    """EarlyStopping(patience=0) stopped while both curves were still rising steeply."""
    net, _, _, folder = _curves(place, keras.optimizers.Adam(0.0002), epochs=3)
    return asking(str(net.path), str(folder), history=net.history)


@fault(*TOO_SOON, allowed=("VG211",))
def stopped_early_as_arrays(place: Place) -> Call:
    """The same with SGD, in Python, with the History object's dict."""
    net, train, val, _ = _curves(place, keras.optimizers.SGD(0.01), epochs=8)
    return asking(net.model, (unit(train.x), train.y), (unit(val.x), val.y), history=net.history)


@fault("VG401", "VG403", "VG213", allowed=("VG210", "VG211"))
def long_past_the_best_epoch(place: Place) -> Call:
    """50 epochs on 40 images a class: validation loss rises since epoch 19, and the last epoch was kept."""
    net, _, _, folder = _curves(place, keras.optimizers.Adam(0.003), epochs=50, each=40, colour="little")
    assert min(net.history["val_loss"]) < 0.9 * net.history["val_loss"][-1]
    return asking(str(net.path), str(folder), history=net.history)


@fault("VG401", "VG403", "VG213", allowed=("VG210", "VG211"))
def overfits_in_a_log_file(place: Place) -> Call:
    """Plain overfitting of a wide network, the curves in a CSVLogger's file."""
    net, train, val, _ = _curves(place, keras.optimizers.Adam(0.003), epochs=40, each=30, width=16, colour="less")

    def save(path: Path) -> None:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", *net.history])
            writer.writerows([epoch, *row] for epoch, row in enumerate(zip(*net.history.values(), strict=True)))

    log = place.once("training.csv", save)
    return asking(net.model, (unit(train.x), train.y), (unit(val.x), val.y), history=str(log))


@fault("VG404", "VG405", allowed=("VG208", "VG211", "VG213", "VG401", "VG403", "VG204", "VG503"))
def a_rate_at_which_the_loss_jumps(place: Place) -> Call:
    """SGD with momentum at 0.05: the loss jumps up and down from epoch to epoch and does not settle."""
    net, _, _, folder = _curves(
        place, keras.optimizers.SGD(0.05, momentum=0.9), epochs=15, colour="little", batch_size=16
    )
    steps = np.diff(net.history["val_loss"])
    assert np.mean(steps > 0) > 0.3
    return asking(str(net.path), str(folder), history=net.history)


@fault("VG405", "VG208", "VG402", allowed=("VG009", "VG202", "VG205", "VG211", "VG503"))
def a_rate_that_is_far_too_low(place: Place) -> Call:
    """Adam at 1e-7: after ten epochs the curves are as flat as at the start."""
    net, _, _, folder = _curves(place, keras.optimizers.Adam(1e-7), epochs=10, each=100)
    return asking(str(net.path), str(folder), history=net.history)


@healthy("VG406", "VG402", "VG408", "VG208")
def dropout_makes_validation_better(place: Place) -> Call:
    """Half of the units dropped in training: fit says 85 / 95%, which is as it should be."""
    net, _, _, folder = _curves(place, keras.optimizers.Adam(0.002), epochs=8, each=300, dropout=0.7, colour="wholly")
    assert net.history["val_accuracy"][-1] - net.history["accuracy"][-1] > 0.02
    return asking(str(net.path), str(folder), history=net.history)


@healthy("VG408", "VG404")
def curves_that_flutter(place: Place) -> Call:
    """80 validation images a class: the curve flutters by a point or two, as it must."""
    net, train, val, _ = _curves(place, keras.optimizers.Adam(0.002), epochs=12, each=400, colour="wholly")
    return asking(net.model, (unit(train.x), train.y), (unit(val.x), val.y), history=net.history)
