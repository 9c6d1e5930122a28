"""What a model's file may ask Keras for: every exported name is tried, and healthy networks of all kinds still load."""

import inspect
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from keras.src import api_export

from valgap.check import loading
from valgap.check.loading import allowed, names, nodes, tensorflow2
from valgap.check.loading.files import File
from valgap.check.loading.own import custom_objects
from valgap.ground.errors import SuiteError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SIDE = 8
IMAGES = np.random.default_rng(0).random((3, SIDE, SIDE, 3), dtype=np.float32)
EXPORTED = sorted(name for name in api_export.REGISTERED_NAMES_TO_OBJS if not name.startswith("keras._"))
# What networks may call, as a person reads it; the code under test finds its own.
PARTS = ("activations", "constraints", "initializers", "losses", "metrics", "ops", "regularizers")
MAKERS = ("get", "serialize", "deserialize")
HOW = ("a Lambda layer", "an activation", "an activation in HDF5")


def value(name: str) -> Any:
    return api_export.REGISTERED_NAMES_TO_OBJS[name]


def may_be_called(name: str) -> bool:
    part, last = name.split(".")[1], name.rpartition(".")[2]
    return part in PARTS and last not in MAKERS and callable(value(name)) and not inspect.isclass(value(name))


def naming(name: str, how: str) -> dict[str, Any]:
    """A description of a network that names a function of Keras."""
    module, _, last = name.rpartition(".")
    function = {"module": module, "class_name": "function", "config": last, "registered_name": last}
    kind, config = ("Lambda", {"function": function}) if how == HOW[0] else ("Activation", {"activation": function})
    layer: dict[str, Any] = {"class_name": kind, "config": {"name": "x"} | config, "name": "x"}
    if how != HOW[2]:
        layer |= {"module": "keras.layers", "registered_name": None}
    return {"class_name": "Sequential", "module": "keras", "registered_name": None, "config": {"layers": [layer]}}


def refuse(config: dict[str, Any], module: str | None = None, root: str = "keras") -> None:
    """As the loader does; UnknownNameError is a refusal too, in Keras's words."""
    file = File(Path("m.keras"), "keras", keras.__version__, config)
    allowed.refuse(file, custom_objects(module), module, names.names_of(root))


REFUSALS = (SuiteError, allowed.UnknownNameError)


@pytest.mark.parametrize("how", HOW)
def test_every_exported_name_is_called_only_where_networks_call_it(how: str) -> None:
    """Over all names of the Keras that is installed, so that what a release adds is refused until it is known."""
    assert len(EXPORTED) > 900
    assert sum(map(may_be_called, EXPORTED)) > 300
    wrong = []
    for name in EXPORTED:
        if not callable(value(name)):
            continue
        try:
            refuse(naming(name, how))
            taken = True
        except REFUSALS:
            taken = False
        if taken != may_be_called(name):
            wrong.append((name, taken))
    assert wrong == []


def test_every_exported_name_is_refused_by_its_name_alone_unless_networks_call_it() -> None:
    """Under `builtins`, no module and other disguises, where Keras looks a name up among its own."""
    called = {name.rpartition(".")[2] for name in EXPORTED if may_be_called(name)}
    for name in EXPORTED:
        last = name.rpartition(".")[2]
        if last in called or not callable(value(name)):
            continue
        for module in ("builtins", None, "", "keras.src", "keras.activations", "keras._legacy", "keras.legacy"):
            function = {"module": module, "class_name": "function", "config": last, "registered_name": "function"}
            with pytest.raises(REFUSALS):
                refuse({"activation": function})
            with pytest.raises(REFUSALS):
                refuse({"activation": function | {"config": "relu", "registered_name": last}})


def test_classes_are_those_of_networks() -> None:
    """Layers, networks, what belongs to them: no callback, no editor, nothing around a program of another library."""
    rooms = ("layers", "models", "optimizers", "dtype_policies", "quantizers", "mixed_precision", "random", *PARTS)
    around = ("TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper")
    taken = []
    for name in EXPORTED:
        if not inspect.isclass(value(name)):
            continue
        module, _, last = name.rpartition(".")
        part = {"class_name": last, "module": module, "config": {"name": "x"}, "registered_name": None}
        try:
            refuse({"layers": [part]})
            taken.append(name)
        except REFUSALS:
            assert name.split(".")[1] not in rooms or last in around, name
        own = value(name)  # as its source calls it, which is how Keras describes what it does not export
        if last in around or not own.__module__.startswith(tuple(f"keras.src.{room}" for room in rooms)):
            with pytest.raises(REFUSALS):
                refuse({"layers": [part | {"module": own.__module__, "class_name": own.__name__}]})
    assert {name.split(".")[1] for name in taken if name.count(".") > 1} <= set(rooms)
    assert len([name for name in taken if name.startswith("keras.layers.")]) > 130


def test_no_class_that_is_taken_has_an_argument_that_names_a_file() -> None:
    """A layer of a new release that reads a file, or asks for one, fails here until it is looked at."""
    looked_at = {"vocabulary", "idf_weights"}  # refused where they are texts
    assert looked_at <= set(allowed.FILES)
    words = ("path", "file", "url", "dir", "uri", "vocab", "module", "host", "checkpoint", "weights")
    harmless = {"weights", "label_weights", "loss_weights", "tie_weights", "vocabulary_dtype", "vocabulary_size"}
    for name in EXPORTED:
        module, _, last = name.rpartition(".")
        if not inspect.isclass(value(name)) or not names.names_of("keras").is_class(module, last):
            continue
        for argument in inspect.signature(value(name).__init__).parameters:
            if argument in harmless | looked_at:
                continue
            assert not any(word in argument for word in words), (name, argument)


def test_functions_that_hdf5_names_by_a_text_are_harmless_or_refused() -> None:
    """Keras looks every text of an HDF5 description up among the functions of its layers' module."""
    library = vars(sys.modules["keras.src.layers"])
    merging = {"add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract", "Input"}
    found = {name for name, each in library.items() if inspect.isfunction(each)}
    assert {"serialize", "deserialize"} <= found
    for name in found - merging:
        with pytest.raises(SuiteError, match="no part of a network"):
            refuse({"class_name": "Activation", "config": {"activation": name, "name": "x"}, "name": "x"})
    refuse({"class_name": "Activation", "config": {"activation": "relu", "name": "deserialize"}, "name": "x"})


# The tricks themselves, on files, with a marker that a SavedModel touches when it is loaded


class Touching(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]
    """Writes a file when whatever holds it is loaded."""

    def __init__(self, marker: str) -> None:
        super().__init__()
        self.marker = marker

    def _create_resource(self) -> Any:
        return tf.raw_ops.VarHandleOp(shape=(), dtype=tf.float32, shared_name="touching")

    def _initialize(self) -> None:
        tf.io.write_file(self.marker, "touched")

    def _destroy_resource(self) -> None:
        pass


@pytest.fixture(scope="module")
def touching(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A SavedModel, and the marker that loading it makes."""
    folder = tmp_path_factory.mktemp("touching")
    module, marker = tf.Module(), folder / "marker"
    module.resource = Touching(str(marker))
    module.serve = tf.function(lambda images: images, input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3))])
    tf.saved_model.save(module, str(folder / "saved"), signatures=module.serve)
    marker.unlink(missing_ok=True)
    tf.saved_model.load(str(folder / "saved"))
    assert marker.exists(), "the trap is none"
    marker.unlink()
    return folder / "saved", marker


def good(folder: Path, suffix: str) -> Path:
    image = keras.Input((SIDE, SIDE, 3))
    path = folder / f"model{suffix}"
    keras.Model(image, layers.Dense(2)(layers.Flatten()(image))).save(path)
    return path


def with_layer(path: Path, layer: dict[str, Any]) -> None:
    """Put a description of one more layer into a file, and leave the rest as it is."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            config["config"]["layers"].append({key: each for key, each in layer.items() if key != "module"})
            file.attrs["model_config"] = json.dumps(config)
        return
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(content["config.json"])
    config["config"]["layers"].append(layer)
    content["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in content.items():
            archive.writestr(name, each)


def calling(module: str, name: str, *inputs: Any) -> dict[str, Any]:
    """A Lambda layer that calls a function or class of Keras with constants, as the file alone can ask for."""
    function = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    return {
        "module": "keras.layers", "class_name": "Lambda", "name": "x", "registered_name": None,
        "config": {"name": "x", "arguments": {}, "function": function},
        "build_config": {"input_shape": [None, SIDE, SIDE, 3]},
        "inbound_nodes": [{"args": [], "kwargs": {"inputs": each}} for each in inputs],
    }  # fmt: skip


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("module", "name"),
    [("keras.layers", "TFSMLayer"), ("keras", "layers.TFSMLayer"), ("keras.src.export.tfsm_layer", "TFSMLayer"),
     ("keras.src.layers", "TFSMLayer")],
)  # fmt: skip
def test_a_saved_model_named_in_a_file_is_not_loaded(
    module: str, name: str, suffix: str, touching: tuple[Path, Path], tmp_path: Path
) -> None:
    saved, marker = touching
    path = good(tmp_path, suffix)
    with_layer(path, calling(module, name, str(saved)))
    with pytest.raises(SuiteError, match=r"TFSMLayer"):
        loading.load_model(path, None)
    as_layer = calling(module, name)["config"]["function"] | {
        "class_name": "TFSMLayer", "config": {"filepath": str(saved), "name": "x"}, "name": "x", "inbound_nodes": []
    }  # fmt: skip
    path = good(tmp_path, suffix)
    with_layer(path, as_layer)
    with pytest.raises(SuiteError, match="TFSMLayer"):
        loading.load_model(path, None)
    assert not marker.exists()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("module", "name", "given"),
    [("keras.datasets.imdb", "load_data", "x.npz"), ("keras.datasets.mnist", "load_data", "x.npz"),
     ("keras.utils", "plot_model", "x.png"), ("keras.utils", "get_file", "x"), ("keras.saving", "load_model", "x"),
     ("keras.config", "set_backend", "torch"), ("keras.applications", "MobileNetV2", [32, 32, 3])],
)  # fmt: skip
def test_functions_that_reach_outside_are_not_called(
    module: str, name: str, given: Any, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []
    monkeypatch.setitem(api_export.REGISTERED_NAMES_TO_OBJS, f"{module}.{name}", lambda *_, **__: called.append(name))
    path = good(tmp_path, suffix)
    with_layer(path, calling(module, name, given))
    with pytest.raises(SuiteError, match=f"names '{module}.{name}', which is no part of a network"):
        loading.load_model(path, None)
    assert called == []


TEXTS: list[Any] = [
    "text", ["text"], {"a": ["b"]}, {"class_name": "__bytes__", "config": {"value": "text"}},
    {"class_name": "__tensor__", "config": {"value": "text", "dtype": "string"}},
    {"class_name": "__tensor__", "config": {"value": [0], "dtype": "string"}},
    {"class_name": "__numpy__", "config": {"value": ["text"], "dtype": "<U4"}},
    {"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}},
    {"class_name": "__keras_tensor__", "config": {"shape": [1], "dtype": "float32", "keras_history": "text"}},
    {"class_name": "__slice__", "config": {"start": "text", "stop": 1, "step": 1}},
    ["text", 0, 0], {"y": ["text", 0, 0]},
]  # fmt: skip


@pytest.mark.parametrize("given", TEXTS, ids=str)
def test_texts_are_no_inputs_of_a_layer(given: Any) -> None:
    part = calling("keras.activations", "relu", given)
    with pytest.raises(SuiteError, match="as an input, not numbers"):
        refuse({"layers": [part]})


def test_numbers_and_other_layers_outputs_are_inputs() -> None:
    tensor = {"shape": [None, 8], "dtype": "float32", "keras_history": ["layer", 0, 0]}
    for given in (
        255.0, None, [1, 2], True, {"class_name": "__keras_tensor__", "config": tensor},
        {"class_name": "__tensor__", "config": {"value": [1.0], "dtype": "float32"}},
        {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "<f4"}}, {"class_name": "__ellipsis__"},
    ):  # fmt: skip
        assert list(nodes.texts([{"args": [given], "kwargs": {"training": None}}])) == []
    for node in (["layer", 0, 0, {"training": False, "y": ["other", 0, 0]}], ["_CONSTANT_VALUE", -1, 255.0, {}]):
        assert list(nodes.texts([[node]])) == []  # as Keras 2 writes them
    for node in (["layer", 0, 0, {"mode": "text"}], ["_CONSTANT_VALUE", -1, "text", {}], ["layer", "text", 0]):
        assert list(nodes.texts([[node]]))


@pytest.mark.parametrize(
    ("kind", "config"),
    [("StringLookup", {"vocabulary": "/etc/passwd"}), ("IntegerLookup", {"vocabulary": "labels.txt"}),
     ("TextVectorization", {"vocabulary": "labels.txt"}), ("TextVectorization", {"idf_weights": "w.npy"})],
)  # fmt: skip
def test_vocabularies_in_files_are_not_read(kind: str, config: dict[str, Any]) -> None:
    with pytest.raises(SuiteError, match="would read"):
        refuse({"layers": [{"class_name": kind, "module": "keras.layers", "config": config}]})
    refuse({"layers": [{"class_name": kind, "module": "keras.layers", "config": {"vocabulary": ["a", "b"]}}]})


def test_what_is_refused_is_found_wherever_it_lies() -> None:
    """In networks within networks, wrappers, lists, and under what a nested network was compiled with."""
    inside = calling("keras.utils", "plot_model")
    for config in (
        naming("keras.utils.plot_model", HOW[0]),
        {"layers": [{"class_name": "Sequential", "module": "keras", "config": {"layers": [inside]}}]},
        {"layers": [{"class_name": "TimeDistributed", "module": "keras.layers", "config": {"layer": inside}}]},
        {"layers": [{"class_name": "Bidirectional", "module": "keras.layers", "config": {"layer": inside}}]},
        {"config": {"compile_config": {"loss": inside["config"]["function"]}}},
        {"config": [[[{"deep": [inside]}]]]},
    ):  # fmt: skip
        with pytest.raises(SuiteError, match="plot_model"):
            refuse(config)
    refuse({"compile_config": {"loss": inside["config"]["function"]}})  # which is not read
    for odd in ({"class_name": ["TFSMLayer"]}, {"class_name": "Dense", "module": ["keras.layers"]}):
        with pytest.raises(SuiteError):
            refuse({"layers": [odd | {"config": {}}]})


# Healthy networks


def lines(*parts: Any) -> keras.Model:
    return keras.Sequential([keras.Input((SIDE, SIDE, 3)), *parts, layers.Flatten(), layers.Dense(2)])


def computed() -> keras.Model:
    """Operations of every kind between layers."""
    image = keras.Input((SIDE, SIDE, 3))
    values = (image / 255.0 - 0.5) * 2 + ops.mean(image, axis=(1, 2), keepdims=True)
    values = ops.image.resize(values, (6, 6), interpolation="bilinear")[:, 1:, ..., :]
    values = ops.pad(ops.cast(values, "float32"), ((0, 0), (1, 1), (0, 0), (0, 0)), mode="reflect")
    values = ops.concatenate([values, ops.relu(-values), ops.einsum("nhwc->nhwc", values)], axis=-1)
    values = ops.where(values > 0, values, ops.zeros_like(values)) + np.array([1.0], np.float32)
    return keras.Model(image, layers.Dense(2)(layers.Flatten()(ops.clip(values, 0, 1))))


def nested() -> keras.Model:
    image = keras.Input((SIDE, SIDE, 3))
    base = keras.Sequential([layers.Conv2D(4, 3, kernel_regularizer=keras.regularizers.L2(1e-4)), layers.ReLU()])
    base.compile("adam", "mse", metrics=["mae"])
    inner = keras.Input((6, 6, 4))
    second = keras.Model(inner, layers.BatchNormalization(dtype="mixed_bfloat16")(inner), name="second")
    values = layers.TimeDistributed(layers.Bidirectional(layers.LSTM(2)))(second(base(image, training=False)))
    return keras.Model(image, layers.Dense(2, kernel_constraint="max_norm")(layers.Flatten()(values)))


def attention() -> keras.Model:
    image = keras.Input((SIDE, SIDE, 3))
    values = layers.Reshape((64, 3))(image)
    values = layers.MultiHeadAttention(2, 2)(values, values) + layers.Embedding(64, 3)(ops.arange(64))
    values = layers.LayerNormalization()(layers.GroupQueryAttention(2, 4, 2)(values, values))
    return keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling1D()(values)))


def of_policies() -> keras.Model:
    return lines(
        layers.Conv2D(4, 3, dtype="mixed_float16", kernel_initializer=keras.initializers.HeNormal(3)),
        layers.SpectralNormalization(layers.Conv2D(2, 3)), layers.Activation(keras.activations.mish),
        layers.Activation("swish"), layers.PReLU(alpha_initializer=keras.initializers.Constant(0.1)),
    )  # fmt: skip


def augmenting() -> keras.Model:
    return lines(
        layers.Resizing(SIDE, SIDE), layers.Rescaling(1 / 255), layers.RandomFlip(), layers.RandomRotation(0.1),
        layers.RandomZoom(0.1), layers.RandomContrast(0.1), layers.GaussianNoise(0.1), layers.RandomBrightness(0.1),
        layers.Pipeline([layers.RandomTranslation(0.1, 0.1), layers.CenterCrop(6, 6)]),
        layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 1.0, 1.0]), layers.ZeroPadding2D(1),
    )  # fmt: skip


def of_functions() -> keras.Model:
    return lines(layers.Lambda(keras.activations.relu), layers.Activation(keras.activations.sigmoid))


def application() -> keras.Model:
    base = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, include_top=False, pooling="avg")
    return keras.Sequential([keras.Input((32, 32, 3)), base, layers.Dense(2)])


HEALTHY: dict[str, Any] = {
    "operations": computed, "nested": nested, "attention": attention, "policies": of_policies,
    "augmenting": augmenting, "functions": of_functions, "application": application,
}  # fmt: skip


UNREADABLE = {("operations", ".h5"), ("attention", ".h5"), ("augmenting", ".h5")}  # by Keras itself


def saved_and_loaded(model: keras.Model, path: Path) -> keras.Model:
    model.save(path)
    return keras.saving.load_model(path, compile=False)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_networks_are_loaded_as_keras_loads_them(name: str, suffix: str, tmp_path: Path) -> None:
    model = HEALTHY[name]()
    path = tmp_path / f"model{suffix}"
    if (name, suffix) in UNREADABLE:
        with pytest.raises((TypeError, ValueError)):
            saved_and_loaded(model, path)
        return
    model.save(path)
    images = IMAGES if model.input_shape[1] == SIDE else np.zeros((1, 32, 32, 3), np.float32)
    loaded = loading.load_model(path, None)
    np.testing.assert_allclose(loaded(images, training=False), model(images, training=False), atol=1e-3)


def test_layers_that_applications_define_are_known() -> None:
    model = keras.applications.ConvNeXtTiny(weights=None, include_top=False, input_shape=(32, 32, 3))
    refuse(keras.saving.serialize_keras_object(model))


def every_layer() -> Iterator[tuple[str, Any]]:
    """Each class of keras.layers that can be made without arguments, and described."""
    for name, kind in vars(layers).items():
        if inspect.isclass(kind) and issubclass(kind, layers.Layer):
            try:
                yield name, keras.saving.serialize_keras_object(kind())
            except Exception:
                continue


def test_descriptions_of_all_layers_that_need_no_argument_are_taken() -> None:
    found = dict(every_layer())
    assert len(found) > 60
    for description in found.values():
        refuse({"layers": [description]})
        legacy = {"class_name": description["class_name"], "config": description["config"], "name": "x"}
        refuse({"layers": [legacy]})


def test_own_layers_take_texts_and_own_functions_are_called_by_the_name_of_their_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_allowed.py").write_text(
        "import keras\n"
        "def halved(x):\n    return x / 2\n"
        "class Mode(keras.layers.Layer):\n    def call(self, x, mode='a'):\n        return x + (mode == 'b')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import own_allowed  # type: ignore[import-not-found]

    image = keras.Input((SIDE, SIDE, 3))
    values = own_allowed.Mode(name="m")(layers.Lambda(own_allowed.halved)(image), mode="b")
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(values)))
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"model{suffix}"
        model.save(path)
        with pytest.raises(SuiteError, match="which Keras does not have: name the module that defines it"):
            loading.load_model(path, None)
        loaded = loading.load_model(path, "own_allowed")
        np.testing.assert_allclose(loaded(IMAGES), model(IMAGES), atol=1e-5)


def test_a_module_of_keras_gives_its_preprocessing_alone() -> None:
    known = custom_objects("keras.applications.mobilenet_v2")
    assert list(known) == ["preprocess_input"]
    assert custom_objects("keras.utils") == {}
    for name in ("MobileNetV2", "decode_predictions"):  # which fetch files
        with pytest.raises(REFUSALS):
            refuse({"layers": [calling("builtins", name)]}, "keras.applications.mobilenet_v2")


# Keras 2


def test_operations_of_tensorflow_in_files_of_keras_2_compute_alone() -> None:
    for name in ("math.truediv", "nn.relu", "__operators__.getitem", "compat.v1.shape", "cast", "image.resize",
                 "keras.backend.mean", "math.reduce_mean", "compat.v1.squeeze", "linalg.matmul"):  # fmt: skip
        assert tensorflow2.is_operation(name), name
    for name in ("io.read_file", "io.gfile.remove", "gfile.Remove", "compat.v1.gfile.DeleteRecursively", "py_function",
                 "compat.v1.py_func", "load_op_library", "raw_ops.WriteFile", "keras.utils.get_file", "print",
                 "keras.backend.set_image_data_format", "keras.activations.deserialize", "summary.create_file_writer",
                 "data.Dataset", "numpy_function", "saved_model.load", "while_loop", "lookup.TextFileInitializer",
                 "debugging.enable_dump_debug_info", "distribute.Server", "compat.v1.Session"):  # fmt: skip
        assert not tensorflow2.is_operation(name), name
