"""Models that Keras 2 saved, loaded by tf_keras: a development dependency, so nothing here is skipped without it."""

import importlib
import inspect
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.scratch import ROOT
from valgap.check import forward, loading
from valgap.check.loading import names
from valgap.diagnostics.model import initial, inside, losses, modes, units
from valgap.ground.errors import SuiteError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

SIDE = 8
IMAGES = np.random.default_rng(0).random((6, SIDE, SIDE, 3), dtype=np.float32)
SUFFIXES = [".h5", ".keras", ""]


@pytest.fixture(scope="module")
def keras2() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("tf_keras")


def saved(model: Any, folder: Path, suffix: str) -> Path:
    path = folder / f"model{suffix or '.keras'}"
    model.save(path)
    return path if suffix else path.rename(folder / "model")


def outputs(model: Any, path: Path) -> Any:
    return forward.answer_function(model, forward.input_of(model, path), path)(IMAGES).outputs


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_networks_of_keras_2_are_scored_as_they_were(keras2: Any, suffix: str, tmp_path: Path) -> None:
    image = keras2.Input((SIDE, SIDE, 3))
    base = keras2.Sequential([keras2.layers.Conv2D(3, 3), keras2.layers.BatchNormalization(), keras2.layers.ReLU()])
    values = keras2.layers.Dropout(0.5)(base(keras2.applications.mobilenet_v2.preprocess_input(image)))
    model = keras2.Model(image, keras2.layers.Dense(3)(keras2.layers.Flatten()(values)))
    loss = keras2.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras2.optimizers.Adam(0.5), loss, metrics=["accuracy"])
    path = saved(model, tmp_path, suffix)
    loaded = loading.load_model(path, None)
    assert isinstance(loaded, keras2.Model)
    assert forward.input_of(loaded, path) == forward.Takes(None, SIDE, SIDE, 3)
    np.testing.assert_allclose(outputs(loaded, path), model(IMAGES, training=False), atol=1e-5)
    found = loading.compiled_in_file(path)
    assert found is not None
    assert (found.loss, found.from_logits) == ("sparse_categorical_crossentropy", True)
    assert (found.optimizer, found.learning_rate) == ("adam", 0.5)
    in_hand = loading.compiled_of(model)
    assert in_hand is not None
    assert (in_hand.loss, in_hand.from_logits, in_hand.learning_rate) == (found.loss, True, 0.5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_preprocessing_of_keras_2_is_its_own_again(keras2: Any, suffix: str, tmp_path: Path) -> None:
    image = keras2.Input((SIDE, SIDE, 3))
    values = keras2.layers.Lambda(keras2.applications.resnet50.preprocess_input)(image)
    model = keras2.Model(image, keras2.layers.Dense(3)(keras2.layers.Flatten()(values)))
    path = saved(model, tmp_path, suffix)
    for module in (None, "keras.applications.resnet50"):
        loaded = loading.load_model(path, module)
        np.testing.assert_allclose(outputs(loaded, path), model(IMAGES), atol=1e-3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_python_code_of_keras_2_is_not_run(keras2: Any, suffix: str, tmp_path: Path) -> None:
    image = keras2.Input((SIDE, SIDE, 3))
    values = keras2.layers.Flatten()(keras2.layers.Lambda(lambda pixels: pixels / 255)(image))
    path = saved(keras2.Model(image, keras2.layers.Dense(3)(values)), tmp_path, suffix)
    with pytest.raises(SuiteError, match="Lambda layer, whose Python code Keras's safe mode does not run"):
        loading.load_model(path, None)


OWN = """
from tensorflow import keras

class Double(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""
MAKE = """
import own_layers
from tensorflow import keras
layers = [own_layers.Double(), keras.layers.Flatten(), keras.layers.Dense(2)]
keras.Sequential([keras.Input((8, 8, 3)), *layers]).save({!r})
"""
LOAD = """
from pathlib import Path
from valgap.check import loading
try:
    loading.load_model(Path({0!r}), None)
except Exception as error:
    assert "needs 'Double'" in str(error), error
    assert "--module package.module" in str(error), error
print(type(loading.load_model(Path({0!r}), "own_layers")).__module__.partition(".")[0])
"""


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_own_layers_of_keras_2_need_no_variable_of_the_environment(suffix: str, tmp_path: Path) -> None:
    """In processes of their own: TensorFlow decides once a process which Keras `tensorflow.keras` is."""
    (tmp_path / "own_layers.py").write_text(OWN)
    path = str(tmp_path / f"model{suffix}")
    environment = dict(os.environ, PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}", TF_CPP_MIN_LOG_LEVEL="3")
    environment.pop("TF_USE_LEGACY_KERAS", None)
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MAKE.format(path)],
        env=environment | {"TF_USE_LEGACY_KERAS": "1"},
        check=True,
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD.format(path)],
        env=environment,
        text=True,
        capture_output=True,
    )
    assert done.stdout.split() == ["tf_keras"], done.stderr


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_rules_look_into_networks_of_keras_2(keras2: Any, suffix: str, tmp_path: Path) -> None:
    keras2.utils.set_random_seed(0)
    layers = keras2.layers
    image = keras2.Input((SIDE, SIDE, 3))
    base = keras2.Sequential([layers.Conv2D(8, 3), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.5)])
    values = layers.Flatten()(base(layers.Rescaling(1 / 255)(image)))
    network = keras2.Model(image, layers.Dense(3, activation="softmax")(values))
    model = loading.load_model(saved(network, tmp_path, suffix), None)
    before = [np.array(variable.numpy()) for variable in model.variables]
    found = initial.initial_weights(initial.look(model))
    assert found is not None
    assert (found.severity, found.evidence["part"]) == ("problem", "all")
    pixels = inside.inside(model)
    assert pixels is not None
    assert (round(1 / pixels.scale), pixels.kind) == (255, "Rescaling")
    assert losses.last_of(model, np.asarray(model(IMAGES))) == losses.Last("softmax", 3)
    training = modes.training_mode(model, [255 * IMAGES])
    np.testing.assert_array_equal(training, modes.training_mode(model, [255 * IMAGES]))  # dropout is off
    assert not np.allclose(training, model(255 * IMAGES, training=False), atol=1e-3)
    assert [each.units for each in units.firing(model, [IMAGES])] == [8]
    assert units.not_finite(model, IMAGES) is None
    for one, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(one, variable.numpy())
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(IMAGES, np.arange(6) % 3)
    assert initial.initial_weights(initial.look(model)) is None


def test_a_base_that_was_called_in_training_mode_makes_images_hang_together(keras2: Any) -> None:
    image = keras2.Input((SIDE, SIDE, 3))
    base = keras2.Sequential([keras2.layers.Conv2D(4, 3), keras2.layers.BatchNormalization()])
    mixed = np.concatenate([IMAGES[:3], 5 * IMAGES[3:]])
    for training in (True, False):
        model = keras2.Model(image, keras2.layers.Flatten()(base(image, training=training)))
        assert modes.depends_on_others(model, mixed) is training


def test_features_of_keras_2_are_those_before_its_last_layer(keras2: Any) -> None:
    image = keras2.Input((SIDE, SIDE, 3))
    base = keras2.Sequential([keras2.layers.Conv2D(4, 3), keras2.layers.GlobalAveragePooling2D()])
    model = keras2.Model(image, keras2.layers.Dense(3, "softmax")(keras2.layers.Dropout(0.5)(base(image))))
    path = Path("m")
    found = forward.answer_function(model, forward.input_of(model, path), path)(IMAGES)
    np.testing.assert_allclose(found.outputs, model(IMAGES, training=False), atol=1e-5)
    assert found.late is not None
    np.testing.assert_allclose(found.late, base(IMAGES), atol=1e-5)


@pytest.mark.parametrize("function", ["compat.v1.gfile.DeleteRecursively", "load_op_library", "keras.utils.get_file"])
def test_operations_that_reach_outside_are_not_called_while_a_file_is_loaded(
    keras2: Any, function: str, tmp_path: Path
) -> None:
    image = keras2.Input((SIDE, SIDE, 3))
    path = saved(keras2.Model(image, keras2.layers.Flatten()(image / 255)), tmp_path, ".h5")
    kept = tmp_path / "kept"
    kept.mkdir()
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"]
        assert "math.truediv" in text
        config = json.loads(text.replace("math.truediv", function))
        (layer,) = (each for each in config["config"]["layers"] if each["class_name"] == "TFOpLambda")
        layer["inbound_nodes"] = [["_CONSTANT_VALUE", -1, str(kept), {}]]
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(SuiteError, match=f"calls tf.{function}, which may reach outside"):
        loading.load_model(path, None)
    assert kept.is_dir()


def test_classes_and_functions_of_keras_2_are_told_as_those_of_keras_3(keras2: Any) -> None:
    known = names.names_of("tf_keras")
    for name, value in vars(keras2.layers).items():
        if inspect.isclass(value) and issubclass(value, keras2.layers.Layer) and name != "DenseFeatures":
            assert known.is_class(None, name), name
            assert known.is_class("keras.layers", name), name
    assert known.is_class("keras.src.engine.functional", "Functional")
    assert known.is_class(None, "BatchNormalizationV1")
    for part in ("callbacks", "datasets", "utils", "saving", "experimental", "preprocessing", "export"):
        for name in vars(getattr(keras2, part)):
            assert not known.is_class(f"keras.{part}", name), name
            assert not known.is_function(f"keras.{part}", name), name
    for name in ("get_file", "plot_model", "ModelCheckpoint", "load_model", "deserialize", "get", "ExportArchive"):
        assert known.is_other(name), name
