"""Networks with a fault in what they are, how they were compiled, or how their training went."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tests.cases.case import Call, Place, asking, fault, healthy
from tests.cases.feeding import photos, scored
from tests.cases.material import TEN, Images
from tests.cases.network import compiled, fitted, network, right, trained, unit

Garments = tuple[Images, Images]


def _lagging(place: Place, steps: int, momentum: float, saw: bool, colour: Any = "less") -> Call:
    train, val, folder = photos(place, 160, 60, colour=colour)

    def make() -> tuple[Any, Any]:
        model = compiled(network(5, batch_norm=momentum, width=12), optimizer=keras.optimizers.Adam(0.003))
        epochs = steps // 10
        return fitted(model, unit(train.x), train.y, (unit(val.x), val.y), epochs=epochs, batch_size=80)

    net = trained(place, "net", make)
    seen = scored(place, net, train, val)
    assert seen["fit train"] - seen["train"] > 0.15
    return asking(str(net.path), str(folder), **({"saw": net.saw} if saw else {}))


@fault("VG201", allowed=("VG211", "VG012"))
def batch_norm_after_thirty_steps(place: Place) -> Call:
    """Batch normalisation after 30 steps: the moving statistics lag. fit says 90%, evaluate on the same images 20%."""
    return _lagging(place, 30, 0.99, saw=True)


@fault("VG201", allowed=("VG211", "VG012"))
def batch_norm_after_sixty_steps(place: Place) -> Call:
    """The same after 60 steps on other colours, and nobody says what fit printed."""
    return _lagging(place, 60, 0.99, saw=False, colour="much")


@fault("VG201", allowed=("VG211", "VG012"))
def batch_norm_of_slow_momentum(place: Place) -> Call:
    """`BatchNormalization(momentum=0.999)` copied from a large network, 200 steps of training."""
    return _lagging(place, 200, 0.999, saw=True)


def _saved(model: Any, part: Path) -> None:
    """Save a model at a path whose suffix Keras would refuse."""
    model.save(part.with_suffix(".saving.keras"))
    part.with_suffix(".saving.keras").rename(part)


@fault("VG202", allowed=("VG009", "VG205", "VG211"))
def weights_never_loaded(place: Place) -> Call:
    """The network was built again and `load_weights` forgotten: 10 classes, initial weights, 10%."""
    _, val, folder = photos(place, 40, 30, names=TEN)
    model = network(10, width=12, seed=3)
    place.user_sees(lambda: {"val": right(compiled(model), unit(val.x), val.y)})
    path = place.once("initial.keras", lambda part: _saved(compiled(model), part))
    return asking(str(path), str(folder), saw="0.11,0.10")


@fault("VG202", allowed=("VG009", "VG205", "VG211"))
def weights_never_loaded_batch_norm(place: Place) -> Call:
    """The same with batch normalisation and five classes, in memory: `from_config` makes a model without weights."""
    _, val, folder = photos(place, 80, 40, colour="much")
    model = network(5, width=12, batch_norm=True, seed=4)
    place.user_sees(lambda: {"val": right(compiled(model), unit(val.x), val.y)})
    return asking(compiled(model), folder / "train", folder / "val")


@fault("VG202", allowed=("VG009", "VG205", "VG211"))
def head_never_trained(place: Place) -> Call:
    """`load_weights(skip_mismatch=True)` filled all but the last layer, whose classes differ: the head is initial."""
    train, val, folder = photos(place, colour="less")
    net = trained(
        place, "net", lambda: fitted(compiled(network(5)), unit(train.x), train.y, (unit(val.x), val.y), epochs=10)
    )

    def make(path: Path) -> None:
        model = net.model
        keras.utils.set_random_seed(8)
        model = keras.Sequential([keras.Input((32, 32, 3)), *model.layers[:-1], layers.Dense(5, activation="softmax")])
        _saved(compiled(model), path)

    path = place.once("head.keras", make)
    model = keras.models.load_model(path)
    seen = place.user_sees(
        lambda: {
            "old head": right(net.model, unit(val.x), val.y),
            "new head": right(model, unit(val.x), val.y),
        }
    )
    assert seen["new head"] < 0.45
    return asking(str(path), str(folder))


class _AlwaysShaken(layers.Layer):  # type: ignore[misc]
    """Augmentation as its author wrote it: `training=True`, for "it is only used in training"."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.turn = layers.RandomRotation(0.25)
        self.shift = layers.RandomTranslation(0.3, 0.3)

    def call(self, images: Any) -> Any:
        """Turned and shifted, whatever the mode."""
        return self.shift(self.turn(images, training=True), training=True)


def _always_random(place: Place, first: Any, **options: Any) -> Call:
    train, val, folder = photos(place, 160, 60, colour="less")
    model = compiled(network(5, first=[first], **options))
    fitted(model, unit(train.x), train.y, (unit(val.x), val.y), epochs=10)
    seen = place.user_sees(
        lambda: {"train": right(model, unit(train.x), train.y), "val": right(model, unit(val.x), val.y)}
    )
    return asking(model, folder / "train", folder / "val", saw=(seen["train"], seen["val"]))


@fault("VG215", allowed=("VG012",))
def brightness_drawn_in_a_lambda(place: Place) -> Call:
    """`Lambda(lambda x: tf.image.random_brightness(x, 0.5))` at the front: `predict` draws a brightness, too."""
    return _always_random(place, layers.Lambda(lambda x: tf.image.random_brightness(x, 0.5)))


@fault("VG215", allowed=("VG012",))
def augmentation_called_in_training_mode(place: Place) -> Call:
    """A layer of one's own that calls RandomRotation with `training=True`, before batch normalisation."""
    return _always_random(place, _AlwaysShaken(), batch_norm=0.9)


@healthy()
def augmentation_that_rests_in_inference(place: Place) -> Call:
    """RandomFlip, RandomTranslation, noise and dropout of Keras in the model: all rest when it is asked."""
    first = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1)])
    return _always_random(place, first, dropout=0.3)


def _of_a_loss(place: Place, last: str | None, loss: Any, *, classes: int = 10, **options: Any) -> Call:
    names = TEN if classes == 10 else TEN[:classes]
    train, val, folder = photos(place, 80, 40, names=names, colour="less")
    one_hot = keras.utils.to_categorical

    def make() -> tuple[Any, Any]:
        model = compiled(network(options.get("outputs", len(names)), last=last), loss)
        y, y_val = (one_hot(part.y) if options.get("one_hot") else part.y for part in (train, val))
        return fitted(model, unit(train.x), y, (unit(val.x), y_val), epochs=options.get("epochs", 6))

    net = trained(place, "net", make)
    seen = scored(place, net, train, val)
    if "at_most" in options:
        assert seen["val"] < options["at_most"]
    return asking(str(net.path), str(folder), saw=net.saw)


@fault("VG203", allowed=("VG009", "VG204", "VG205", "VG208", "VG211", "VG405"))
def linear_output_without_from_logits(place: Place) -> Call:
    """A last layer without activation, the loss by its name: SparseCategoricalCrossentropy expects probabilities."""
    return _of_a_loss(place, None, "sparse_categorical_crossentropy", at_most=0.5)


@fault("VG203", allowed=("VG009", "VG204", "VG205", "VG208", "VG211", "VG405"))
def relu_as_the_last_activation(place: Place) -> Call:
    """`Dense(10, activation="relu")` with categorical cross-entropy: scores that are no probabilities."""
    return _of_a_loss(place, "relu", "categorical_crossentropy", one_hot=True, at_most=0.5)


@fault("VG203", "VG205", allowed=("VG009", "VG208", "VG211", "VG405"))
def softmax_of_one_output(place: Place) -> Call:
    """`Dense(1, activation="softmax")` with binary_crossentropy says 1 of every image: 50% for ever."""
    return _of_a_loss(place, "softmax", "binary_crossentropy", classes=2, outputs=1, at_most=0.6)


@fault("VG203", allowed=("VG213", "VG208"))
def logits_loss_over_a_tanh(place: Place) -> Call:
    """`Dense(10, activation="tanh")` with from_logits=True: scores cannot leave [-1, 1], the loss stays at 0.9."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return _of_a_loss(place, "tanh", loss, epochs=10)


def _counted_by_output() -> Any:
    """Binary accuracy, which Keras 2 meant by "accuracy" beside binary_crossentropy, and many still write."""
    return keras.metrics.BinaryAccuracy(name="accuracy")


@fault("VG209", "VG011", allowed=("VG203", "VG208", "VG211"))
def binary_crossentropy_of_ten_classes(place: Place) -> Call:
    """binary_crossentropy and its binary accuracy over ten one-hot classes: fit says 90 / 90%, 16% are right."""
    train, val, folder = photos(place, 80, 40, names=TEN)

    def make() -> tuple[Any, Any]:
        model = compiled(network(10), "binary_crossentropy", keras.optimizers.Adam(0.0005), _counted_by_output())
        y, y_val = (keras.utils.to_categorical(part.y) for part in (train, val))
        return fitted(model, unit(train.x), y, (unit(val.x), y_val), epochs=4)

    net = trained(place, "net", make)
    seen = scored(place, net, train, val)
    assert seen["fit val"] - seen["val"] > 0.3
    return asking(str(net.path), str(folder), saw=net.saw)


@fault("VG209", "VG011", allowed=("VG203", "VG208", "VG211"))
def binary_accuracy_of_five_sigmoids(place: Place) -> Call:
    """Five sigmoids, binary_crossentropy, metrics BinaryAccuracy: fit says 87%, one image in two is named rightly."""
    train, val, folder = photos(place, 160, 60)

    def make() -> tuple[Any, Any]:
        model = compiled(
            network(5, last="sigmoid"), "binary_crossentropy", keras.optimizers.Adam(0.001), _counted_by_output()
        )
        y, y_val = (keras.utils.to_categorical(part.y) for part in (train, val))
        return fitted(model, unit(train.x), y, (unit(val.x), y_val), epochs=3)

    net = trained(place, "net", make)
    seen = scored(place, net, train, val)
    assert seen["fit val"] - seen["val"] > 0.1
    return asking(net.model, folder / "train", folder / "val", history=net.history)
