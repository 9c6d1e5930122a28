"""What users pass to `fit`: generators, tf.data sets and arrays of the cases' images, and a sound model of them."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from tests.cases.case import Call, Place, asking
from tests.cases.material import Images, garments, write
from tests.cases.network import Trained, compiled, fitted, network, right, shares, trained, unit

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
            compiled(network(len(train.names), train.x.shape[1:], width=12, **options)),
            unit(train.x), train.y, (unit(val.x), val.y), epochs=epochs,
        ),
    )  # fmt: skip


def files(place: Place, train: Images, val: Images) -> Path:
    """Their folder."""
    return place.once("photos", lambda part: write(part, {"train": train, "val": val}))


def photos(place: Place, each: int = 160, each_val: int = 60, **options: Any) -> tuple[Images, Images, Path]:
    """Garments for training and validation, and their folder."""
    train, val = drawn(each, each_val, **options)
    return train, val, files(place, train, val)


def asked(
    place: Place, net: Trained, train: Images, val: Images, *, other: Images | None = None, **options: Any
) -> Call:
    """Ask with the folder of these splits; `other` are fresh images of the training kind."""
    folder = files(place, train, val)
    seen = place.user_sees(
        lambda: {
            "train": right(net.model, unit(train.x), train.y),
            "val": right(net.model, unit(val.x), val.y),
            **({} if other is None else {"fresh images": right(net.model, unit(other.x), other.y)}),
        }
    )
    place.fair(seen["train"], min(seen["val"], seen.get("fresh images", 1.0)))
    return asking(str(net.path), str(folder), **options)


def scored(place: Place, net: Trained, train: Images, val: Images, **more: float) -> dict[str, float]:
    """What `fit` printed and what fair scoring finds."""
    return place.user_sees(
        lambda: {
            "fit train": net.history["accuracy"][-1],
            "fit val": net.history["val_accuracy"][-1],
            "train": right(net.model, unit(train.x), train.y),
            "val": right(net.model, unit(val.x), val.y),
            **more,
        }
    )


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
            numbers |= shares(model, *fair)
        return numbers

    seen = place.user_sees(compute)
    if fair:
        place.fair(seen["train"], seen["val"])
    return seen
