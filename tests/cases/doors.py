"""Folders and model files as people have them, and what must be refused with the true reason."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from PIL import Image

from tests.cases.case import Call, Place, asking, fault, healthy
from tests.cases.material import Images, garments, write
from tests.cases.network import Trained, compiled, fitted, network, shares, trained, unit

Write = Callable[[Path, Images, Images], None]


def _easy() -> tuple[Images, Images]:
    return garments("train", 200, colour="wholly"), garments("val", 80, colour="wholly")


def _net(place: Place) -> Trained:
    """One sound model for all doors."""
    train, val = _easy()
    net = trained(
        place,
        "sound",
        lambda: fitted(compiled(network(5, width=12)), unit(train.x), train.y, (unit(val.x), val.y), epochs=10),
        shared=True,
    )
    place.user_sees(lambda: shares(net.model, train, val))
    place.fair(place.numbers["train"], place.numbers["val"])
    return net


def _laid_out(place: Place, lay: Write) -> Call:
    net = _net(place)
    return asking(str(net.path), str(place.once("photos", lambda part: lay(part, *_easy()))))


def _lone(place: Place) -> str:
    """The usual folder."""
    train, val = _easy()
    return str(place.once("photos", lambda part: write(part, {"train": train, "val": val}), shared=True))


@healthy("VG115")
def training_set_and_test_set(place: Place) -> Call:
    """A course's folders: training_set/ and test_set/ hold the same class folders, and are no two classes."""
    return _laid_out(place, lambda part, train, val: write(part, {"training_set": train, "test_set": val}))


@healthy("VG115")
def class_folders_alone(place: Place) -> Call:
    """Class folders without splits: scored, and no gap is told."""
    return _laid_out(place, lambda part, train, val: write(part, {"": train}))


@healthy("VG115", "VG109")
def train_in_train(place: Place) -> Call:
    """An unpacked archive: train/train/<class> and valid/valid/<class>, with the junk of a Mac and of Windows."""

    def lay(part: Path, train: Images, val: Images) -> None:
        write(part / "train", {"train": train})
        write(part / "valid", {"valid": val})
        for name in ("train/.DS_Store", "valid/Thumbs.db", "train/train/.ipynb_checkpoints/x.png"):
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"\0")

    return _laid_out(place, lay)


@healthy("VG115", "VG109")
def seg_train_and_seg_pred(place: Place) -> Call:
    """One level too high, Intel's names, and a folder of unlabelled images beside."""

    def lay(part: Path, train: Images, val: Images) -> None:
        write(part / "dataset", {"seg_train": train, "seg_test": val})
        (part / "dataset/seg_pred").mkdir()
        for number, image in enumerate(val.x[:20]):
            Image.fromarray(image).save(part / f"dataset/seg_pred/{number}.png")

    return _laid_out(place, lay)


@healthy("VG115")
def tiff_files(place: Place) -> Call:
    """A microscope's TIFF files."""

    def lay(part: Path, train: Images, val: Images) -> None:
        write(part, {"train": train, "val": val}, lambda image, path: Image.fromarray(image).save(f"{path}.tif"))

    return _laid_out(place, lay)


@healthy("VG115")
def an_old_h5_file(place: Place) -> Call:
    """The model as .h5, whose name has no suffix."""
    path = place.once("model", lambda part: _as_h5(_net(place).model, part))
    return asking(str(path), _lone(place), saw=_net(place).saw)


def _as_h5(model: Any, part: Path) -> None:
    model.save(part.with_suffix(".h5"))
    part.with_suffix(".h5").rename(part)


@healthy("VG115")
def a_saved_model_folder(place: Place) -> Call:
    """`model.export(folder)`: a SavedModel, which layers.TFSMLayer can run."""
    path = place.once("exported", lambda part: _net(place).model.export(part, verbose=False))
    return asking(str(path), _lone(place))


@healthy("VG115")
def two_outputs_of_which_one_counts(place: Place) -> Call:
    """A network with a second output for the brightness; `output=0` asks about the first."""
    return asking(_with_two_outputs(place), _lone(place), output="0")


def _with_two_outputs(place: Place) -> Any:
    """The sound model with a second output, trained, that tells bright pictures from dark ones."""

    def make() -> Any:
        train, _ = _easy()
        model = _net(place).model
        keras.utils.set_random_seed(5)
        other = layers.Dense(2, activation="softmax", name="brightness")(model.layers[-2].output)
        both = keras.Model(model.inputs, [model.outputs[0], other])
        both.compile("adam", ["sparse_categorical_crossentropy"] * 2)
        bright = (train.x.mean((1, 2, 3)) > np.median(train.x.mean((1, 2, 3)))).astype(int)
        return fitted(both, unit(train.x), [train.y, bright], epochs=3)

    return trained(place, "two", make, shared=True).model


@healthy("VG115", "VG002")
def lambda_of_keras_itself(place: Place) -> Call:
    """`Lambda(preprocess_input)` of MobileNetV2 inside the model, and the module that defines it named."""
    path, folder = _with_lambda(place)
    return asking(str(path), folder, module="keras.applications.mobilenet_v2")


@fault(refused=r"keras\.applications\.mobilenet_v2")
def lambda_of_keras_unsaid(place: Place) -> Call:
    """The same, and nobody says where `preprocess_input` comes from: it is Keras's own, and the module can be named."""
    path, folder = _with_lambda(place)
    return asking(str(path), folder)


def _with_lambda(place: Place) -> tuple[Path, str]:
    train, val = _easy()

    def make() -> Any:
        first = [layers.Lambda(keras.applications.mobilenet_v2.preprocess_input)]
        model = compiled(network(5, first=first))
        return fitted(model, train.x.astype(np.float32), train.y, (val.x.astype(np.float32), val.y), epochs=8)

    def save(part: Path) -> None:
        model, _ = make()
        model.save(part.with_suffix(".saving.keras"))
        part.with_suffix(".saving.keras").rename(part)

    return place.once("lambda.keras", save), _lone(place)


@fault(refused=r"weights alone|only (the )?weights|weights only|holds (its |the )?weights")
def weights_alone(place: Place) -> Call:
    """`model.save_weights("my.weights.h5")`: no network in the file."""

    def save(part: Path) -> None:
        whole = part.with_name("whole.weights.h5")
        _net(place).model.save_weights(whole)
        whole.rename(part)

    return asking(str(place.once("weights.h5", save)), _lone(place))


@fault(refused=r"Keras 2")
def a_file_of_keras_two(place: Place) -> Call:
    """A .keras file of Keras 2.15 that tf_keras, where it is installed, cannot read either: the version says why."""

    def save(part: Path) -> None:
        with zipfile.ZipFile(_net(place).path) as new, zipfile.ZipFile(part, "w") as old:
            for name in new.namelist():
                content = new.read(name)
                if name == "metadata.json":
                    content = json.dumps({"keras_version": "2.15.0", "date_saved": "2024-02-01@10:00:00"}).encode()
                if name == "config.json":
                    content = content.replace(b'"batch_shape"', b'"batch_input_shape"')
                old.writestr(name, content)

    return asking(str(place.once("old.keras", save)), _lone(place))


@fault(refused=r"regression|one number|1 number|single number")
def a_regression_of_five_grades(place: Place) -> Call:
    """One linear output that predicts a grade from 0 to 4, with a folder for each grade."""
    train, _ = _easy()

    def save(part: Path) -> None:
        model = compiled(network(1, last=None), "mse")
        fitted(model, unit(train.x), train.y.astype(np.float32), epochs=3)
        model.save(part.with_suffix(".saving.keras"))
        part.with_suffix(".saving.keras").rename(part)

    return asking(str(place.once("grade.keras", save)), _lone(place))


@fault("VG310", "VG203", allowed=("VG209", "VG011"), refused=r"multi-?label")
def five_sigmoids_of_many_labels(place: Place) -> Call:
    """Five sigmoids trained with several labels an image, asked about with one class folder an image."""
    train, _ = _easy()
    rng = np.random.default_rng(3)

    def save(part: Path) -> None:
        many = np.maximum(keras.utils.to_categorical(train.y, 5), rng.random((len(train), 5)) < 0.4)
        model = compiled(network(5, last="sigmoid"), "binary_crossentropy", metric=keras.metrics.BinaryAccuracy())
        fitted(model, unit(train.x), many, epochs=6)
        model.save(part.with_suffix(".saving.keras"))
        part.with_suffix(".saving.keras").rename(part)

    return asking(str(place.once("many.keras", save)), _lone(place))


@fault(refused=r"output")
def two_outputs_and_none_chosen(place: Place) -> Call:
    """A network with two outputs, and nobody says which of them names the class."""
    return asking(_with_two_outputs(place), _lone(place))


@fault("VG105", "VG310", refused=r"\b(6|six)\b")
def six_outputs_for_five_folders(place: Place) -> Call:
    """A model of six classes, and folders of five of them: the sixth score is of no folder."""
    net = _net(place)
    last = net.model.layers[-1]
    model = compiled(
        keras.Sequential(
            [keras.Input((32, 32, 3)), *net.model.layers[:-1], layers.Dense(6, activation="softmax", name="six")]
        )
    )
    kernel, bias = last.get_weights()
    model.layers[-1].set_weights([np.pad(kernel, ((0, 0), (0, 1))), np.append(bias, -9.0)])
    return asking(model, _lone(place))
