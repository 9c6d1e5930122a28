"""Models that learnt from other numbers than those in the files: channel order, ranges, standardisation, inversion."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tests.cases.case import Call, Place, asking, fault, healthy
from tests.cases.material import FIVE, TEN, Colour, Images, digits, garments, write
from tests.cases.network import Pixels, compiled, fitted, network, right, signed, trained, unit

Prepare = Callable[[Pixels], Pixels]


def _read_otherwise(
    place: Place,
    prepare: Prepare,
    *,
    plain: Prepare = unit,
    colour: Colour = "little",
    batch_norm: bool = False,
    names: tuple[str, ...] = FIVE,
    saw: bool = True,
    at_most: float = 0.75,
) -> Call:
    """A model that learnt from `prepare`d pixels, asked about with its folder; `plain` ones are what others feed it."""
    train, val = (garments(split, each, names, colour=colour) for split, each in (("train", 160), ("val", 60)))
    folder = place.once("photos", lambda part: write(part, {"train": train, "val": val}))
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(len(train.names), batch_norm=batch_norm, width=12)),
            prepare(train.x), train.y, (prepare(val.x), val.y), epochs=14,
        ),
    )  # fmt: skip
    seen = place.user_sees(
        lambda: {
            "train": right(net.model, prepare(train.x), train.y),
            "val": right(net.model, prepare(val.x), val.y),
            "val otherwise": right(net.model, plain(val.x), val.y),
        }
    )
    assert seen["train"] > 0.85
    assert seen["val otherwise"] < at_most
    place.fair(seen["train"], seen["val"])
    return asking(str(net.path), str(folder), **({"saw": net.saw} if saw else {}))


def bgr(x: Pixels) -> Pixels:
    """What cv2.imread gives, divided by 255."""
    return unit(x[..., ::-1])


def caffe(x: Pixels) -> Pixels:
    """`keras.applications.resnet50.preprocess_input`: BGR less the mean of ImageNet."""
    return keras.applications.resnet50.preprocess_input(x.astype(np.float32))


def torch(x: Pixels) -> Pixels:
    """`keras.applications.densenet.preprocess_input`: standardised by ImageNet's channels."""
    return keras.applications.densenet.preprocess_input(x.astype(np.float32))


def each_image(x: Pixels) -> Pixels:
    """`tf.image.per_image_standardization`."""
    return tf.image.per_image_standardization(x.astype(np.float32)).numpy()


@fault("VG001")
def bgr_where_colour_is_nearly_all(place: Place) -> Call:
    """Trained on cv2.imread arrays, BGR: fit says 99 / 98%, and 40% on the same images as RGB."""
    return _read_otherwise(place, bgr, colour="much")


@fault("VG001")
def bgr_where_colour_counts(place: Place) -> Call:
    """Trained on cv2.imread arrays, BGR; colour tells the class of seven in ten. Nobody says what fit printed."""
    return _read_otherwise(place, bgr, colour="less", saw=False, at_most=0.85)


@fault("VG001")
def bgr_of_ten_classes(place: Place) -> Call:
    """Ten classes trained on cv2.imread arrays, BGR, with batch normalisation."""
    return _read_otherwise(place, bgr, colour="much", names=TEN, batch_norm=True)


@healthy("VG001", "VG014")
def bgr_where_colour_is_nothing(place: Place) -> Call:
    """Trained on BGR arrays of grey garments, where the order of channels changes nothing."""
    train, val = (garments(split, each, colour="grey") for split, each in (("train", 160), ("val", 100)))
    colour = [Images(np.repeat(images.x, 3, -1), images.y, images.names) for images in (train, val)]
    folder = place.once("photos", lambda part: write(part, dict(zip(("train", "val"), colour, strict=True))))
    (one, other) = colour
    net = trained(
        place,
        "net",
        lambda: fitted(compiled(network(5)), bgr(one.x), one.y, (bgr(other.x), other.y), epochs=8),
    )
    place.user_sees(
        lambda: {
            f"{name} as RGB": right(net.model, unit(part.x), part.y) for name, part in zip("tv", colour, strict=True)
        }
    )
    return asking(str(net.path), str(folder), saw=net.saw)


@fault("VG002", allowed=("VG001",))
def caffe_with_batch_norm(place: Place) -> Call:
    """`resnet50.preprocess_input` outside the model, batch normalisation inside; pixels / 255 give chance."""
    return _read_otherwise(place, caffe, batch_norm=True)


@fault("VG002", allowed=("VG001",))
def caffe_without_batch_norm(place: Place) -> Call:
    """`resnet50.preprocess_input` outside a plain model of coloured garments; whoever deploys it divides by 255."""
    return _read_otherwise(place, caffe, colour="less", saw=False)


@fault("VG002")
def torch_mode(place: Place) -> Call:
    """`densenet.preprocess_input` outside the model, pixels divided by 255 at the other end."""
    return _read_otherwise(place, torch, saw=False, at_most=0.8)


@fault("VG002")
def standardised_by_image(place: Place) -> Call:
    """`tf.image.per_image_standardization` in training, forgotten in the script that predicts."""
    return _read_otherwise(place, each_image, at_most=0.8)


@fault("VG002")
def standardised_by_the_training_set(place: Place) -> Call:
    """`(x - x_train.mean()) / x_train.std()` in training; the numbers were never saved, pixels / 255 are fed later."""
    train = garments("train", 160)
    mean, spread = train.x.mean(), train.x.std()
    return _read_otherwise(place, lambda x: (x.astype(np.float32) - mean) / spread, saw=False, at_most=0.8)


@fault("VG002")
def centred_by_image(place: Place) -> Call:
    """ImageDataGenerator(samplewise_center, samplewise_std_normalization) in training, rescale alone in validation."""

    def prepare(x: Pixels) -> Pixels:
        data = tf.keras.preprocessing.image.ImageDataGenerator(
            samplewise_center=True, samplewise_std_normalization=True
        )
        return np.stack([data.standardize(image.astype(np.float32)) for image in x])

    return _read_otherwise(place, prepare, saw=False, batch_norm=True)


def _digits(place: Place, change_train: Prepare, change_val: Prepare, fed: Prepare) -> tuple[Call, dict[str, float]]:
    """A model of white digits on black, asked about with a folder of `change_train` and `change_val` digits."""
    train, val = digits()
    files = {"train": train.changed(change_train), "val": val.changed(change_val)}
    folder = place.once("digits", lambda part: write(part, files))
    net = trained(
        place,
        "net",
        lambda: fitted(
            compiled(network(10, (32, 32, 1))), fed(train.x), train.y, (fed(val.x), val.y), epochs=10
        ),
    )  # fmt: skip
    seen = place.user_sees(
        lambda: {
            "train": right(net.model, fed(train.x), train.y),
            "train files": right(net.model, fed(files["train"].x), train.y),
            "val files": right(net.model, fed(files["val"].x), val.y),
        }
    )
    return asking(str(net.path), str(folder), saw=f"{seen['train']:.2f},{seen['val files']:.2f}"), seen


def _same(x: Pixels) -> Pixels:
    return x


def _inverted(x: Pixels) -> Pixels:
    return 255 - x


@fault("VG007")
def digits_on_white_paper(place: Place) -> Call:
    """A model of white digits on black, tried on scans of black ink on white paper: 97% there, 10% here."""
    call, seen = _digits(place, _inverted, _inverted, unit)
    assert seen["train files"] < 0.4
    return call


@fault("VG007", "VG107", "VG106", allowed=("VG120",))
def digits_on_white_paper_in_validation(place: Place) -> Call:
    """Trained on white digits on black; the validation photos are ink on paper: fit says 97 / 7%."""
    call, seen = _digits(place, _same, _inverted, unit)
    assert seen["val files"] < 0.4
    return call


@fault("VG010", "VG301")
def minus_one_to_one_against_zero_to_one(place: Place) -> Call:
    """The training generator makes x / 127.5 - 1, the validation generator x / 255: fit says 99 / 30%."""
    return _preprocessed_alike_not(place, signed, unit, batch_norm=True)


@fault("VG010", "VG301")
def caffe_against_rescale(place: Place) -> Call:
    """`preprocessing_function=preprocess_input` in the training generator, `rescale=1/255` in the validation one."""
    return _preprocessed_alike_not(place, caffe, unit)


@fault("VG010", "VG301")
def rescale_forgotten_in_validation(place: Place) -> Call:
    """`rescale=1/255` in the training generator of a tanh network, no rescale in the validation generator."""
    return _preprocessed_alike_not(place, unit, lambda x: x.astype(np.float32), activation="tanh")


def _preprocessed_alike_not(
    place: Place, one: Prepare, other: Prepare, *, activation: str = "relu", batch_norm: bool = False
) -> Call:
    train, val = garments("train", 200, colour="less"), garments("val", 60, colour="less")
    folder = place.once("photos", lambda part: write(part, {"train": train, "val": val}))

    def make() -> tuple[object, object]:
        model = network(5, width=12, batch_norm=batch_norm)
        for layer in model.layers:
            if getattr(layer, "activation", None) is keras.activations.relu:
                layer.activation = keras.activations.get(activation)
        return fitted(compiled(model), one(train.x), train.y, (other(val.x), val.y), epochs=12)

    net = trained(place, "net", make)
    seen = place.user_sees(
        lambda: {
            "train": right(net.model, one(train.x), train.y),
            "val": right(net.model, other(val.x), val.y),
            "val alike": right(net.model, one(val.x), val.y),
        }
    )
    assert seen["val alike"] - seen["val"] > 0.2
    place.fair(seen["train"], seen["val alike"])
    return asking(str(net.path), str(folder), saw=net.saw)
