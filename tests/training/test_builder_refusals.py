import dataclasses
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.builders import FUNCTIONAL, HEADER, SEQUENTIAL, write
from tests.scratch import ROOT
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Model, Train
from valgap.ground.params.schema import parse, read_yaml
from valgap.models.bites import check_variants
from valgap.training.network.builders import build_model

TRAIN = parse(Train, read_yaml(ROOT / "params.yaml")["train"], "train")
SHAPE = (12, 12, 1)


def refused(architecture: Model, words: str, classes: int = 3, shape: tuple[int, int, int] = SHAPE) -> None:
    """The stage refuses it, naming the builder, what happened and the cure: `what ... cure`, in this order."""
    with pytest.raises(SuiteError) as found:
        check_variants(shape, classes, architecture, TRAIN, {"baseline": TRAIN}, print)
    text = str(found.value)
    assert text.startswith(f"model.builder = {architecture.builder}: ")
    assert re.search(".*".join(map(re.escape, words.split(" ... "))), text), text


def returning(expression: str) -> str:
    """A builder of one expression."""
    return f"\ndef build(input_shape, classes, knobs):\n    return {expression}\n"


def sequential(*layers: str) -> str:
    return returning(f"keras.Sequential([keras.Input(input_shape), {', '.join(layers)}])")


NET = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = layers.Dense(3)

"""
CASES = {  # a builder, and what is said of it
    "no_model": (returning("[1, 2]"), "returned builtins.list, which is no keras.Model ... return the model"),
    "nothing": (returning("None"), "returned builtins.NoneType, which is no keras.Model ... return the model"),
    "raises": (
        returning("1 / len(knobs.dropout[:0])"),
        "raised ZeroDivisionError: division by zero (mine/ ... .py:11) ... valgap/training/network/contract.py",
    ),
    "signature": (
        "\ndef build(input_shape):\n    return None\n",
        "takes 1 positional argument but 3 were given ... valgap/training/network/contract.py",
    ),
    "divides": (
        sequential("layers.Rescaling(1 / 255)", "layers.Conv2D(4, 3)", "layers.Flatten()", "layers.Dense(classes)"),
        "its layer rescaling ... (Rescaling) divides pixels by about 255 ... images in [0, 1] ... leave that layer out",
    ),
    "divides_as_imagenet_does": (
        sequential("layers.Normalization(mean=120.0, variance=3600.0)", "layers.Flatten()", "layers.Dense(classes)"),
        "(Normalization) divides pixels by about 60 ... or set train.normalize to pixels",
    ),
    "keras_refuses": (
        sequential("layers.Conv2D(4, 99)", "layers.Flatten()", "layers.Dense(classes)"),
        "raised ValueError: ... (mine/ ... .py:11) ... valgap/training/network/contract.py",
    ),
    "compiled": (
        "\ndef build(input_shape, classes, knobs):\n"
        "    model = keras.Sequential([layers.Flatten(), layers.Dense(classes)])\n"
        "    model.compile('adam', 'mse')\n    return model\n",
        "returned a compiled model ... leave out compile()",
    ),
    "no_weights": (
        sequential("layers.Flatten()", "layers.Lambda(lambda v: v[:, :3])"),
        "no trainable weights ... build layers that have some",
    ),
    "all_frozen": (
        sequential("layers.Flatten()", "layers.Dense(classes, trainable=False)"),
        "no trainable weights ... freeze not all",
    ),
    "too_many_classes": (
        sequential("layers.Flatten()", "layers.Dense(10)"),
        "returns (4, 10) for 4 images of 3 classes ... end it with Dense(classes): (n, 3)",
    ),
    "spatial": (
        sequential("layers.Conv2D(3, 1)"),
        "returns (4, 12, 12, 3) for 4 images ... end it with Flatten or a global average",
    ),
    "not_finite": (
        sequential("layers.Flatten()", "layers.Dense(classes)", "layers.Lambda(lambda v: v / 0.0)"),
        "outputs are not finite ... division by zero",
    ),
    "sigmoids": (
        sequential("layers.Flatten()", "layers.Dense(classes, 'sigmoid')"),
        "one sigmoid a class ... end it with Dense(classes), or with softmax",
    ),
    "input_shape": (
        returning("keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(classes)])"),
        "takes images (32, 32, 3) where the suite's are (12, 12, 1) ... make its keras.Input of the input_shape",
    ),
    "input_rank": (
        returning("keras.Sequential([keras.Input((144,)), layers.Dense(classes)])"),
        "takes images (144,) where the suite's are (12, 12, 1) ... make its keras.Input of the input_shape",
    ),
    "subclassed_input": (
        NET + "    def call(self, images):\n        return self.out(ops.reshape(images, (-1, 28 * 28)))\n"
        + returning("Net()"),
        "its model fails on images (12, 12, 1): ... make it take batches of the input_shape",
    ),
    "two_outputs": (
        "\ndef build(input_shape, classes, knobs):\n    images = keras.Input(input_shape)\n"
        "    flat = layers.Flatten()(images)\n"
        "    return keras.Model(images, [layers.Dense(classes)(flat), layers.Dense(2)(flat)])\n",
        "its model has 2 outputs ... build one of one input and one output",
    ),
    "two_inputs": (
        "\ndef build(input_shape, classes, knobs):\n    images, more = keras.Input(input_shape), keras.Input((2,))\n"
        "    flat = layers.Concatenate()([layers.Flatten()(images), more])\n"
        "    return keras.Model([images, more], layers.Dense(classes)(flat))\n",
        "its model has 2 inputs ... build one of one input and one output",
    ),
    "subclassed_two_outputs": (
        NET + "    def call(self, images):\n        return {'a': self.out(layers.Flatten()(images)), 'b': images}\n"
        + returning("Net()"),
        "returns 2 outputs in a dict ... return one",
    ),
    "classes_for_logits": (
        sequential("layers.Flatten()", "layers.Dense(classes)", "layers.Lambda(lambda v: ops.cast(v, 'int32'))"),
        "outputs are of type int32 ... return logits, not classes",
    ),
    "other_weights_each_time": (
        "\nimport secrets\n"
        + sequential("layers.Flatten()", "layers.Dense(classes, kernel_initializer=keras.initializers.RandomNormal("
                     "seed=secrets.randbelow(2**30)))"),
        "two builds under the same seed differ in the initial ... kernel ... by Keras's initializers",
    ),
    "other_network_each_time": (
        "\nimport itertools\nCOUNT = itertools.count(1)\n"
        + sequential("layers.Flatten()", "layers.Dense(next(COUNT))", "layers.Dense(classes)"),
        "built two different networks under the same seed ... by Keras's initializers",
    ),
    "one_model_for_all": (
        "\nMODEL = keras.Sequential([keras.Input((12, 12, 1)), layers.Flatten(), layers.Dense(3)])\n"
        + returning("MODEL"),
        "returned the same model twice ... build a new one in each call",
    ),
    "unseeded_noise": (
        "\nclass Noise(keras.Layer):\n    def call(self, values, training=False):\n"
        "        return values + keras.random.normal(ops.shape(values)) if training else values\n"
        + sequential("layers.Flatten()", "Noise()", "layers.Dense(classes)"),
        "outputs in training differ from call to call ... by Keras's seeded layers",
    ),
    "no_gradient": (
        NET.rstrip("\n") + "\n        self.unused = layers.Dense(3)\n\n"
        "    def call(self, images):\n        flat = layers.Flatten()(images)\n"
        "        self.unused(flat)\n        return self.out(flat)\n" + returning("Net()"),
        "2 trainable variables play no part in its outputs: ... leave out their layers",
    ),
    "gradient_not_finite": (
        sequential("layers.Flatten()", "layers.Dense(classes, kernel_initializer='zeros')",
                   "layers.Lambda(lambda v: ops.sqrt(ops.abs(v)))"),
        "gradients of its loss are not finite ... square root",
    ),
    "not_for_graphs": (
        NET + "    def call(self, images):\n        return self.out(images.numpy().reshape(-1, 144))\n"
        + returning("Net()"),
        "fails in a TensorFlow graph ... in call use keras.ops, not NumPy",
    ),
    "download": (
        returning("keras.applications.MobileNetV2(weights='imagenet', classes=1000)"),
        "it downloads mobilenet_v2 ... name them in model.weights",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_breaks_the_contract_is_refused_with_its_cure(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, words = CASES[case]
    refused(write(monkeypatch, tmp_path, code), words)


def test_division_that_a_multiplication_takes_back_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ("layers.Rescaling(255.0)", "layers.Rescaling(1 / 127.5, -1)", "layers.Conv2D(4, 3)")
    builder = sequential(*first, "layers.Flatten()", "layers.Dense(classes)")
    check_variants(SHAPE, 3, write(monkeypatch, tmp_path, builder), TRAIN, {"baseline": TRAIN}, print)


def test_one_sigmoid_is_for_two_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = write(monkeypatch, tmp_path, sequential("layers.Flatten()", "layers.Dense(1, 'sigmoid')"))
    assert build_model(SHAPE, 2, architecture, TRAIN).activation == "sigmoid"
    refused(architecture, "returns (4, 1) for 4 images of 3 classes", classes=3)


def test_logits_that_happen_to_lie_in_the_unit_interval_are_logits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = sequential(
        "layers.Flatten()", "layers.Dense(classes, kernel_initializer='zeros', bias_initializer='ones')",
        "layers.Lambda(lambda v: v / 4)",
    )  # fmt: skip
    model = build_model(SHAPE, 2, write(monkeypatch, tmp_path, code), TRAIN)
    assert np.array_equal(model(np.zeros((1, *SHAPE), np.float32)), [[0.25, 0.25]])


def test_module_or_function_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = "there is no module no_such_folder in ... name it as Python imports it from the repository's root"
    refused(Model("no_such_folder.nets:build", "mine", None), words)
    there = write(monkeypatch, tmp_path, SEQUENTIAL.replace("def build", "def build_network"))
    refused(there, "has no function build ... did you mean build_network?")
    module = there.builder.partition(":")[0]
    refused(Model(f"{module}:zzz", "mine", None), "has no function zzz ... define def zzz(input_shape, classes, knobs)")
    refused(Model(f"{module}.deeper:build", "mine", None), f"there is no module {module}.deeper")


def test_package_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import no_such_package.layers\n" + SEQUENTIAL
    what = "it imports no_such_package, which is not installed ... (mine/ ... .py:9)"
    words = f"{what} ... requirements-train.in ... make lock"
    refused(write(monkeypatch, tmp_path, code), words)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def build(:", "its import raised SyntaxError: ... (mine/ ... .py:9) ... python -c 'import"),
        ("raise RuntimeError('no luck')", "its import raised RuntimeError: no luck (mine/ ... .py:9)"),
        ("from keras import no_such_name", "its import raised ImportError: ... no_such_name"),
    ],
)
def test_import_that_fails_says_where(code: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(write(monkeypatch, tmp_path, code), words)


def test_code_outside_model_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of it would retrain nothing."""
    (tmp_path / "other").mkdir()
    inside = write(monkeypatch, tmp_path, SEQUENTIAL)
    refused(
        dataclasses.replace(inside, files="other"), "it reads mine/ ... outside model.files = other ... set model.files"
    )
    (tmp_path / "other/blocks_of_mine.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    reaching = write(monkeypatch, tmp_path, "import blocks_of_mine\n" + SEQUENTIAL)
    refused(reaching, "it reads other/blocks_of_mine.py, outside model.files = mine ... set model.files")
    importing = "import scipy.signal\nfrom valgap.training.network.contract import Knobs\n" + SEQUENTIAL
    build_model(SHAPE, 3, write(monkeypatch, tmp_path, importing), TRAIN)


def test_weights_that_are_not_there_or_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = write(monkeypatch, tmp_path, SEQUENTIAL)
    (tmp_path / "outside.h5").write_bytes(b"x")
    for weights, words in (
        ("none.weights.h5", r"model.weights = none.weights.h5 is no file below model.files = mine; put it there"),
        ("../outside.h5", r"model.weights = ../outside.h5 leads out of model.files = mine; put it below"),
    ):
        with pytest.raises(SuiteError, match=re.escape(words)):
            build_model(SHAPE, 3, dataclasses.replace(architecture, weights=weights), TRAIN)
    (tmp_path / "mine/some.weights.h5").write_bytes(b"x")
    refused(dataclasses.replace(architecture, weights="some.weights.h5"), "sets no kernel ... load knobs.weights")
    cnn = Model("cnn", "mine", "some.weights.h5")
    refused(cnn, "it reads no model.weights, received some.weights.h5 ... write null")


def test_weights_that_a_builder_loads_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loading = FUNCTIONAL.replace(
        "    return keras.Model(images, layers.Dense(classes)(values))",
        "    base = keras.Model(images, values)\n    base.load_weights(knobs.weights)\n"
        "    return keras.Model(images, layers.Dense(classes)(base(images)))",
    )
    architecture = dataclasses.replace(write(monkeypatch, tmp_path, loading), weights="base.weights.h5")
    namespace: dict[str, object] = {}
    exec(HEADER + loading.replace("    base.load_weights(knobs.weights)\n", ""), namespace)
    from valgap.training.network.contract import Knobs

    knobs = Knobs((0.0, 0.0, 0.0), 1.0, "flatten", False, None)
    model = namespace["build"](SHAPE, 3, knobs)  # type: ignore[operator]
    (base,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    save(base, tmp_path / "mine/base.weights.h5")
    lines: list[str] = []
    check_variants(SHAPE, 3, architecture, TRAIN, {"baseline": TRAIN}, lines.append)
    assert lines
    loaded = build_model(SHAPE, 3, architecture, TRAIN)
    assert np.array_equal(loaded.weights[0].numpy(), base.weights[0].numpy())


def save(model: keras.Model, path: Path) -> None:
    """Keras 3.15.1 hands its variables to NumPy 2.4 in an old way when it saves them."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array__ implementation")
        model.save_weights(path)


def test_applications_are_refused_without_an_answer_on_weights(tmp_path: Path) -> None:
    mobile = Model("applications:MobileNet", str(tmp_path), None)
    shape = (32, 32, 3)
    words = "never silently trained from scratch ... save_weights('MobileNet.weights.h5') ... or write `random`"
    refused(mobile, words, shape=shape)
    unknown = Model("applications:MobileNetV9", str(tmp_path), "random")
    refused(unknown, "keras.applications has no MobileNetV9 ... name one that it has: MobileNetV", shape=shape)
    refused(
        Model("applications:MobileNet", str(tmp_path), "random"), "at least 32x32 ... set data.image_size", shape=SHAPE
    )


def test_applications_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    shape = (32, 32, 3)
    vgg = keras.Sequential([keras.Input(shape), keras.layers.Conv2D(4, 3)])
    save(vgg, tmp_path / "other.weights.h5")
    (tmp_path / "damaged.weights.h5").write_bytes(b"no hdf5")
    (tmp_path / "text.txt").write_text("no weights")
    for name in ("other.weights.h5", "damaged.weights.h5", "text.txt"):
        mobile = Model("applications:MobileNet", str(tmp_path), name)
        refused(
            mobile,
            f"model.weights = {name} does not fit it: ... save them with keras.applications.MobileNet",
            shape=shape,
        )
