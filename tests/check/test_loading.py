"""Files of models: what they are is told by what is in them, and the reason for a refusal is true."""

import json
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.applications import mobilenet_v2, resnet50

from valgap.check import forward, loading
from valgap.check.loading import keras2, refusals, saved_model
from valgap.check.loading.compiled import Compiled, read
from valgap.check.loading.files import File, look_into
from valgap.check.loading.substitution import substituted
from valgap.ground.errors import SuiteError

# Keras 3.15.1 saves a variable of TensorFlow's in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SIDE = 8
IMAGES = np.random.default_rng(0).random((5, SIDE, SIDE, 3), dtype=np.float32)


def network(*first: layers.Layer) -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), *first, layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Flatten(),
         layers.Dense(3, activation="softmax")]
    )  # fmt: skip


def outputs(model: Any, path: Path) -> Any:
    return forward.answer_function(model, forward.input_of(model, path), path)(IMAGES).outputs


@pytest.mark.parametrize(
    "name", ["model.keras", "model.h5", "model.hdf5", "model", "model.bin", "swapped.h5", "my.keras.bak"]
)
def test_files_are_told_by_what_is_in_them(name: str, tmp_path: Path) -> None:
    model = network()
    saved = tmp_path / ("saved.h5" if name in ("model.h5", "model.hdf5", "model.bin") else "saved.keras")
    model.save(saved)
    path = saved.rename(tmp_path / name)
    found = look_into(path)
    assert found.version == keras.__version__
    assert not found.of_keras2
    np.testing.assert_allclose(outputs(loading.load_model(path, None), path), model(IMAGES), atol=1e-6)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_unpacked_model_and_links_are_followed(tmp_path: Path) -> None:
    model = network()
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        archive.extractall(tmp_path / "unpacked")
    (tmp_path / "link").symlink_to(tmp_path / "model.keras")
    for name in ("unpacked", "link"):
        path = tmp_path / name
        np.testing.assert_allclose(outputs(loading.load_model(path, None), path), model(IMAGES), atol=1e-6)


def test_saved_model_folders_are_run(tmp_path: Path) -> None:
    model = network()
    model.export(tmp_path / "exported", verbose=False)
    path = tmp_path / "exported"
    loaded = loading.load_model(path, None)
    assert forward.input_of(loaded, path) == forward.Takes(None, SIDE, SIDE, 3)
    np.testing.assert_allclose(outputs(loaded, path), model(IMAGES), atol=1e-6)
    assert loading.compiled_in_file(path) is None


def of_a_file(images: Any) -> Any:
    length = tf.strings.length(tf.io.read_file("/etc/hostname"))
    return tf.reduce_mean(images, axis=(1, 2)) + tf.cast(length, tf.float32)


def of_a_print(images: Any) -> Any:
    tf.print("seen", output_stream="file:///tmp/never-written-by-a-test")
    return images


IMAGE = tf.TensorSpec((None, 4, 4, 3), tf.float32)
ROWS = [tf.TensorSpec((None, 3), tf.float32, name=name) for name in ("first", "second")]


@pytest.mark.parametrize(
    ("function", "takes", "words_of"),
    [
        (of_a_print, [IMAGE], r"operations that reach outside of it \(PrintV2\): it is not run"),
        (of_a_file, [IMAGE], r"operations that reach outside of it \(ReadFile\): it is not run"),
        (lambda texts: tf.strings.length(texts), [tf.TensorSpec((None,), tf.string)], "takes string, such as encoded"),
        (lambda first, second: first + second, ROWS, r"takes 2 inputs \(first \(None, 3\), second \(None, 3\)\)"),
    ],
)
def test_saved_models_of_other_things_are_refused(
    function: Any, takes: list[Any], words_of: str, tmp_path: Path
) -> None:
    module = tf.Module()
    module.called = tf.function(function, input_signature=takes)
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.called)
    with pytest.raises(SuiteError, match=words_of):
        loading.load_model(tmp_path / "saved", None)


def test_operations_that_reach_outside_are_told_by_what_they_take() -> None:
    """Over all operations of the TensorFlow that is installed; those that a person knows are named."""
    every = {name for name in dir(tf.raw_ops) if not name.startswith("_")}
    outside = {name for name in every if saved_model.reaches(name)}
    assert outside >= {
        "ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "EagerPyFunc", "Save", "SaveSlices", "WholeFileReaderV2",
        "CreateSummaryFileWriter", "CreateSummaryDbWriter", "WriteSummary", "WriteRawProtoSummary", "DebugIdentityV2",
        "CacheDatasetV2", "SnapshotDatasetV2", "SqlDataset", "TextLineDataset", "TFRecordDatasetV2", "LoadDataset",
        "DataServiceDatasetV4", "TextLineReaderV2", "LMDBReader", "GenerateVocabRemapping", "RemoteCall", "RecordInput",
        "LoadAndRemapMatrix", "FixedUnigramCandidateSampler", "DecodeProtoV2", "DatasetToTFRecord",
    }  # fmt: skip
    assert not outside & {
        "MatMul", "Conv2D", "VarHandleOp", "ReadVariableOp", "StatefulPartitionedCall", "While", "If", "RandomUniform",
        "LookupTableFindV2", "HashTableV2", "ResizeBilinear", "DecodeJpeg", "StringSplitV2", "RegexReplace", "Cast",
        "Assert", "CudnnRNNV3", "DataFormatVecPermute", "InTopKV2", "TensorListStack", "XlaCallModule",
    }  # fmt: skip
    assert len(outside) < 100 < len(every)


def test_saved_model_that_is_incomplete_is_named(tmp_path: Path) -> None:
    network().export(tmp_path / "saved", verbose=False)
    for each in (tmp_path / "saved/variables").iterdir():
        each.unlink()
    with pytest.raises(
        SuiteError, match=r"is a SavedModel that TensorFlow \S+ cannot load .*copy the whole folder again"
    ):
        loading.load_model(tmp_path / "saved", None)
    (tmp_path / "saved/saved_model.pb").write_bytes(b"\xff\xff\xff")
    with pytest.raises(SuiteError, match=r"whose saved_model\.pb is damaged"):
        loading.load_model(tmp_path / "saved", None)


def weights_of_keras2(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["dense"]
        file.attrs["keras_version"] = "2.15.0"


def checkpoint(path: Path) -> None:
    for suffix in (".index", ".data-00000-of-00001"):
        path.with_name(f"{path.name}{suffix}").write_bytes(b"x")


def archive(*names: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(name, "")

    return write


def table(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros(3)


def weights_of_keras3(path: Path) -> None:
    network().save_weights(path.with_name("a.weights.h5"))
    path.with_name("a.weights.h5").rename(path)


def bytes_of(content: bytes | str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content.encode() if isinstance(content, str) else content)


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "weights of keras 3": ("w.h5", weights_of_keras3, "weights alone, no network"),
    "weights of keras 2": ("weights.h5", weights_of_keras2, "weights alone, no network"),
    "checkpoint": ("ckpt", checkpoint, "names a checkpoint of TensorFlow, which holds weights alone"),
    "data": ("images.h5", table, "an HDF5 file without a network in it"),
    "graph": ("frozen.pb", bytes_of(b"\n\x01"), "a frozen graph of TensorFlow"),
    "graph of a folder": ("saved_model.pb", bytes_of(b"\n\x01"), "give the folder that holds it"),
    "tflite": ("net.bin", bytes_of(b"\x1c\0\0\0TFL3" + bytes(20)), "is a TensorFlow Lite model"),
    "onnx": ("net.onnx", bytes_of(b"\x08\x07"), "is an ONNX model"),
    "pickle": ("net.pkl", bytes_of(b"\x80\x04."), "a pickle, which is not opened"),
    "torch": ("net.pt", archive("net/data.pkl"), "a file of PyTorch"),
    "archived folder": ("net.zip", archive("net/saved_model.pb"), "an archive of a SavedModel folder: unpack it"),
    "archive": ("photos.keras", archive("a.jpg"), r"an archive without a config\.json"),
    "architecture": ("net.json", bytes_of('{"class_name": "Sequential"}'), "describes a network without its weights"),
    "pointer": ("net.keras", bytes_of("version https://git-lfs.github.com/spec/v1\n"), "a pointer of Git LFS"),
    "page": ("net.h5", bytes_of("\n<!doctype html>"), "a web page"),
    "pipe": ("pipe.keras", os.mkfifo, "no regular file but a pipe"),
    "device": ("link.keras", lambda path: path.symlink_to("/dev/zero"), "no regular file but a pipe, a device"),
    "dangling": ("link.keras", lambda path: path.symlink_to("absent"), "does not exist"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_model_is_called_by_its_name(name: str, tmp_path: Path) -> None:
    file, write, words_of = REFUSED[name]
    write(tmp_path / file)
    for refused in (lambda path: loading.load_model(path, None), loading.check_file):
        with pytest.raises(SuiteError, match=words_of):
            refused(tmp_path / file)


# Keras's own preprocessing in a Lambda layer


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_preprocessing_of_keras_needs_the_name_of_its_network(suffix: str, tmp_path: Path) -> None:
    model = network(layers.Lambda(mobilenet_v2.preprocess_input))
    path = tmp_path / f"model{suffix}"
    model.save(path)
    with pytest.raises(
        SuiteError,
        match=r"it is keras\.applications\.<network>\.preprocess_input.*--module keras\.applications\.mobilenet_v2",
    ):
        loading.load_model(path, None)
    expected = np.asarray(model(IMAGES * 255))
    for module in ("keras.applications.mobilenet_v2", "tensorflow.keras.applications.mobilenet_v2"):
        loaded = loading.load_model(path, module)
        np.testing.assert_allclose(np.asarray(loaded(IMAGES * 255)), expected, atol=1e-5)
    other = loading.load_model(path, "keras.applications.resnet50")
    assert not np.allclose(np.asarray(other(IMAGES * 255)), expected, atol=1e-2)
    with pytest.raises(SuiteError, match=r"which --module = tests\.scratch does not define"):
        loading.load_model(path, "tests.scratch")


def test_network_in_the_file_names_its_preprocessing(tmp_path: Path) -> None:
    image = keras.Input((32, 32, 3))
    base = resnet50.ResNet50(weights=None, include_top=False, pooling="avg", input_shape=(32, 32, 3))
    keras.Model(image, layers.Dense(2)(base(layers.Lambda(resnet50.preprocess_input)(image)))).save(
        tmp_path / "m.keras"
    )
    with pytest.raises(SuiteError, match=r"seems to be that, --module keras\.applications\.resnet$"):
        loading.load_model(tmp_path / "m.keras", None)
    assert refusals.application({"name": "EfficientNetB0"}) == "efficientnet"
    assert refusals.application({"layers": [{"config": {"name": "mobilenetv2_1.00_224"}}]}) == "mobilenet_v2"
    assert refusals.application({"name": "sequential"}) is None


# Keras 2. What needs tf_keras itself stands in test_keras2.py.


def file_of_keras2(path: Path, layer: dict[str, Any] | None = None) -> Path:
    """An HDF5 file as Keras 2.15 describes a network that Keras 3 does not know."""
    layer = layer or {"class_name": "TFOpLambda", "config": {"name": "t", "function": "math.truediv"}, "name": "t"}
    inputs = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 8, 8, 3], "name": "i"}, "name": "i"}
    parts = [inputs | {"inbound_nodes": []}, layer | {"inbound_nodes": [[["i", 0, 0, {}]]]}]
    ends = {"input_layers": [["i", 0, 0]], "output_layers": [["t", 0, 0]]}
    config = {"class_name": "Functional", "config": {"name": "m", "layers": parts} | ends}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"
        file.create_group("model_weights").attrs["layer_names"] = []
    return path


def test_without_tf_keras_a_model_of_keras_2_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras2, "installed", lambda: False)
    path = file_of_keras2(tmp_path / "old.h5")
    assert look_into(path).of_keras2
    with pytest.raises(SuiteError, match=r"saved by Keras 2\.15\.0, .*: pip install tf_keras, which is Keras 2"):
        loading.load_model(path, None)
    with zipfile.ZipFile(tmp_path / "old.keras", "w") as file:
        file.writestr("metadata.json", json.dumps({"keras_version": "2.13.1"}))
        file.writestr(
            "config.json",
            json.dumps({"module": "keras.src.engine.functional", "class_name": "Functional", "config": {}}),
        )
        file.writestr("model.weights.h5", b"")
    with pytest.raises(SuiteError, match=r"saved by Keras 2\.13\.1, .*: pip install tf_keras"):
        loading.load_model(tmp_path / "old.keras", None)
    own = file_of_keras2(tmp_path / "own.h5", {"class_name": "Mine", "config": {"name": "t"}, "name": "t"})
    with pytest.raises(SuiteError, match=r"needs 'Mine', which Keras 2\.15\.0, which saved it, does not have: name"):
        loading.load_model(own, None)


LAMBDA = {"class_name": "Lambda", "name": "t", "config": {"function": ["4wEA", None, None], "function_type": "lambda"}}


def test_code_in_a_file_of_keras_2_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    def refuse(config: Any, module: str | None = None) -> None:
        keras2.refuse_code(File(tmp_path / "m.h5", "h5", "2.15.0", config), module)

    with pytest.raises(SuiteError, match="Lambda layer, whose Python code"):
        refuse({"layers": [LAMBDA]})
    with pytest.raises(SuiteError, match="Lambda layer, whose Python code"):
        refuse({"layers": [{"class_name": "__lambda__", "config": {"value": "4wEA"}}]})
    function = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    with pytest.raises(SuiteError, match=r"needs 'system' of os, which Keras does not have"):
        refuse({"function": function})
    for module in ("keras.utils", "tf_keras.src.utils.data_utils", "keras.saving", "subprocess"):
        with pytest.raises(SuiteError, match="not imported on the word of a file: if it is yours"):
            refuse(function | {"module": module})
    with pytest.raises(SuiteError, match=r"calls tf\.io\.write_file, which reaches outside"):
        refuse({"class_name": "TFOpLambda", "config": {"function": "io.write_file"}})
    for module in ("keras.layers", "keras.src.engine.functional", "tf_keras.src.models", "builtins", "mine.layers"):
        refuse(function | {"module": module}, "mine")
    refuse({"class_name": "TFOpLambda", "config": {"function": "math.truediv"}})


def test_code_of_keras_own_preprocessing_is_replaced_by_its_name() -> None:
    part = LAMBDA["config"] | {"module": "keras.src.applications.vgg16"}  # type: ignore[operator]
    config = {"layers": [{"class_name": "Lambda", "config": part}]}
    changed, names = substituted(config)
    assert names == {"vgg16_preprocess_input": "vgg16"}
    assert not refusals.python_code_in(changed)
    assert refusals.python_code_in(config)  # as it was
    for other in ("__main__", "keras.src.applications", "keras.applications.vgg16.evil", "evil.applications.vgg16"):
        assert substituted({"config": part | {"module": other}})[1] == {}


# How it was compiled


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_compile_configuration_is_read_from_files_and_models(suffix: str, tmp_path: Path) -> None:
    model = network()
    model.save(tmp_path / f"none{suffix}")
    assert loading.compiled_in_file(tmp_path / f"none{suffix}") is None
    assert loading.compiled_of(model) is None
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        keras.optimizers.SGD(0.5), loss, metrics=["accuracy", keras.metrics.BinaryAccuracy(), keras.metrics.Accuracy()]
    )
    model.save(tmp_path / f"model{suffix}")
    found = loading.compiled_in_file(tmp_path / f"model{suffix}")
    metrics = ("accuracy", "binary_accuracy", "Accuracy")
    assert found == Compiled("sparse_categorical_crossentropy", True, metrics, "sgd", 0.5)
    assert loading.compiled_of(model) == found


def test_names_of_losses_are_keras_own() -> None:
    def loss(value: Any) -> tuple[str | None, bool | None]:
        found = read({"loss": value})
        return found.loss, found.from_logits

    assert loss("mse") == ("mean_squared_error", None)
    assert loss("binary_crossentropy") == ("binary_crossentropy", False)
    assert loss(keras.losses.BinaryCrossentropy(from_logits=True)) == ("binary_crossentropy", True)
    assert loss(keras.losses.categorical_crossentropy) == ("categorical_crossentropy", False)
    assert loss({"dense": "mse"}) == ("mean_squared_error", None)
    assert loss(["mse", "mse"]) == ("mean_squared_error", None)
    assert loss({"a": "mse", "b": "binary_crossentropy"}) == (None, None)
    assert loss({"class_name": "function", "config": "my>own_loss"}) == ("own_loss", None)
    assert loss(None) == (None, None)
    schedule = {"class_name": "Adam", "config": {"learning_rate": {"class_name": "CosineDecay", "config": {}}}}
    assert read({"optimizer": schedule}) == Compiled(optimizer="adam")
    wrapped = {"class_name": "MeanMetricWrapper", "config": {"name": "acc", "fn": "sparse_categorical_accuracy"}}
    assert read({"metrics": [[wrapped], ["acc"]]}).metrics == ("sparse_categorical_accuracy", "accuracy")


def test_model_in_hand_with_a_loss_of_its_own_is_read() -> None:
    def own(labels: Any, values: Any) -> Any:
        return keras.ops.mean(keras.ops.square(labels - values), axis=-1)

    model = network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.compile("adam", own, metrics=["mae"])
        found = loading.compiled_of(model)
    assert found is not None
    assert (found.loss, found.from_logits, found.optimizer) == ("own", None, "adam")
    assert found.metrics == ("mean_absolute_error",)
