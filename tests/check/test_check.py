import copy
import dataclasses
import html.parser
import importlib
import math
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray
from PIL import Image
from scipy import stats

from tests.samples import NOTHING_FOUND, audit_of
from tests.scratch import ROOT, user_environment
from valgap.check import files, forward, loading, outputs, run, stated, words
from valgap.check.document import Checked, build
from valgap.check.judging import look as judged
from valgap.check.options import Options
from valgap.check.prediction import POOL, Predicted
from valgap.check.result import Result, assemble, is_unequal
from valgap.check.stated import Stated
from valgap.data.sources.images import Dropped, Files, Images
from valgap.diagnostics.reading.decision import Decision
from valgap.diagnostics.reading.readings import PLAIN, Reading
from valgap.findings import neighbours
from valgap.findings.audit import audit
from valgap.findings.finding import Example, Finding, Picture, Severity
from valgap.findings.leakage import leaked
from valgap.findings.look import look
from valgap.ground.errors import SuiteError
from valgap.stats import intervals, shares

# Keras 3.15.1 saves a variable of TensorFlow's in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

NAMES = ("ant", "bee", "cat")
SIDE = 12
Mask = NDArray[np.bool_]


def draw(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Noise with a patch whose place tells the class, and sometimes one in a second place."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.integers(0, 90, (count, SIDE, SIDE, 1), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 * label : 4 * label + 3, 2:9] += 30
    return images, labels


def write_folder(root: Path, splits: dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]) -> Path:
    for split, (images, labels) in splits.items():
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            path = root / split / NAMES[label] / f"case{number // 3}_{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(path)
    return root


def network(*first: layers.Layer, last: str | None = None) -> keras.Model:
    body = [layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
    return keras.Sequential([keras.Input((SIDE, SIDE, 1)), *first, *body, layers.Dense(3, activation=last)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 training and 45 validation images, of which 6 are training images too."""
    train, val = draw(90, 0), draw(45, 1)
    val[0][:6] = train[0][:6]
    return write_folder(tmp_path_factory.mktemp("data") / "images", {"train": train, "val": val})


@pytest.fixture(scope="module")
def trained() -> list[NDArray[np.float32]]:
    """Weights of `network`, trained on images in [0, 1]."""
    images, labels = draw(90, 0)
    keras.utils.set_random_seed(0)
    model = network()
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images / np.float32(255), labels, epochs=12, verbose=0)
    weights: list[NDArray[np.float32]] = model.get_weights()
    return weights


def saved(path: Path, trained: list[NDArray[np.float32]], *first: layers.Layer, last: str | None = None) -> Path:
    model = network(*first, last=last)
    model.set_weights(trained)
    model.save(path)
    return path


def predicted(path: Path, folder: Path, tmp_path: Path, module: str | None = None, **options: Any) -> Predicted:
    tmp_path.mkdir(parents=True, exist_ok=True)
    said, layout = Options(module=module, **options), run.layout_of({"train": str(folder)})
    return files.in_hand(loading.load_model(path, module), path, layout, said, tmp_path / "pixels.npy")


# Intervals


@pytest.mark.parametrize(("right", "images"), [(0, 5), (7, 9), (24, 30), (30, 30), (990, 1000)])
def test_shares_of_images_have_wilsons_limits(right: int, images: int) -> None:
    found = shares.share(np.arange(images) < right, None)
    known = stats.binomtest(right, images).proportion_ci(method="wilson")
    assert [found.low, found.high] == pytest.approx([known.low, known.high], abs=1e-12)
    assert (found.right, found.images, found.mean) == (right, images, right / images)


def test_groups_that_agree_throughout_count_as_their_number() -> None:
    right, groups = np.repeat([True, True, False, False], 5), np.repeat(np.arange(4), 5)
    found = shares.share(right, groups)
    assert found.design == pytest.approx(20 / 3)  # var of 1, 1, 0, 0 is 1/3; (1/3) / 4 over .25 / 20
    assert (found.low, found.high) == pytest.approx(intervals.wilson(0.5, 3, stats.t.ppf(0.975, 3)))
    assert found.low < shares.share(right, None).low
    unknown = shares.share(np.ones(20, np.bool_), groups)
    assert unknown.design is None
    assert unknown.low == pytest.approx(intervals.wilson(1, 4, stats.t.ppf(0.975, 3))[0])
    assert shares.share(np.ones(20, np.bool_), groups, design=2.0).low > unknown.low
    assert math.isnan(shares.share(right, np.zeros(20, np.int64)).low)


@pytest.mark.parametrize(  # Newcombe 1998, table II, method 10
    ("first", "second", "limits"),
    [((56, 70), (48, 80), (0.0524, 0.3339)), ((9, 10), (3, 10), (0.1705, 0.8090)), ((10, 10), (0, 20), (0.6791, 1.0))],
)
def test_difference_has_newcombes_limits(
    first: tuple[int, int], second: tuple[int, int], limits: tuple[float, float]
) -> None:
    sides = [shares.share(np.arange(images) < right, None) for right, images in (first, second)]
    found = shares.difference([sides[0]], [sides[1]])
    assert (found.low, found.high) == pytest.approx(limits, abs=2e-4)
    assert found.mean == pytest.approx(first[0] / first[1] - second[0] / second[1])


def test_limits_of_a_gap_cover_it() -> None:
    rng = np.random.default_rng(0)

    def covered(groups: int | None, size: int, truth: tuple[float, float]) -> float:
        hits = []
        for _ in range(600):
            sides, design = [], None
            for probability, factor in ((truth[1], 1), (truth[0], 3)):
                count = (groups or 60) * factor
                member = np.repeat(np.arange(count), size)
                chance = (
                    rng.beta(probability * 3, (1 - probability) * 3, count) if groups else np.full(count, probability)
                )
                found = shares.share(rng.random(count * size) < chance[member], member if groups else None, design)
                design = found.design
                sides.append(found)
            gap = shares.difference([sides[1]], [sides[0]])
            hits.append(gap.low <= truth[0] - truth[1] <= gap.high)
        return float(np.mean(hits))

    assert covered(None, 1, (0.97, 0.85)) >= 0.93
    assert covered(20, 10, (0.97, 0.85)) >= 0.90
    assert covered(20, 10, (0.9, 0.9)) >= 0.90


def test_balanced_gap_is_the_mean_over_classes_that_both_have() -> None:
    labels = np.repeat([0, 1, 2], [80, 10, 10])
    train = shares.scores(np.eye(3, dtype=np.float32)[labels], labels, None)
    held = np.repeat([0, 1], [40, 10])
    claimed = np.eye(3, dtype=np.float32)[np.where(np.arange(50) < 45, held, 0)]
    val = shares.scores(claimed, held, None)
    assert shares.gap(train, val, balanced=True).mean == pytest.approx(0.25)  # recalls 1 and .5
    assert shares.gap(train, val, balanced=False).mean == pytest.approx(0.1)
    assert val.recalls[2] is None
    assert val.mistaken == 1
    assert val.excess.mean == pytest.approx(0.1)


# The order of classes


def test_the_order_that_agrees_with_most_predictions_is_found() -> None:
    counts = np.array([[1, 19, 0], [0, 0, 20], [18, 1, 1]])
    assert shares.matching_order(counts).tolist() == [1, 2, 0]
    two_of_ten = np.diag(np.full(10, 30))[[1, 0, *range(2, 10)]]
    assert shares.matching_order(two_of_ten).tolist() == [1, 0, *range(2, 10)]
    constant = np.array([[20, 0], [20, 0]])
    assert shares.matching_order(constant).tolist() == [0, 1]


def test_classes_are_unequal_beyond_the_luck_of_a_draw() -> None:
    assert is_unequal([900, 100])
    assert not is_unequal([150, 100, 149])
    assert not is_unequal([16, 10])
    assert not is_unequal([40])


# What outputs mean


def test_outputs_are_told_by_their_values() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (40, 3))
    soft, kind = outputs.to_probabilities(logits, NAMES, Path("m"))
    assert kind == "logits"
    np.testing.assert_allclose(soft, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    again, kind = outputs.to_probabilities(soft.astype(np.float16), NAMES, Path("m"))
    assert kind == "probabilities"
    np.testing.assert_allclose(again, soft, atol=2e-3)
    np.testing.assert_allclose(again.sum(axis=1), 1)
    sigmoids = 1 / (1 + np.exp(-logits))
    one, kind = outputs.to_probabilities(sigmoids, NAMES, Path("m"))
    assert kind.startswith("one sigmoid a class")
    assert (one.argmax(axis=1) == logits.argmax(axis=1)).all()
    np.testing.assert_allclose(one.sum(axis=1), 1)


def test_one_output_is_the_second_of_two_classes() -> None:
    found, kind = outputs.to_probabilities(np.array([[0.25], [1.0]]), ("a", "b"), Path("m"))
    assert kind == "one probability, of the second class"
    np.testing.assert_allclose(found, np.array([[0.75, 0.25], [0, 1]]))
    found, kind = outputs.to_probabilities(np.array([[0.0], [5.0]]), ("a", "b"), Path("m"))
    assert kind == "one logit, of the second class"
    np.testing.assert_allclose(found[:, 1], np.array([0.5, 1 / (1 + math.exp(-5))]))


def test_outputs_that_do_not_fit_the_folders_are_refused() -> None:
    with pytest.raises(SuiteError, match=r"MODEL = m gives 4 scores an image, but DATA has 3 class folders \(ant, bee"):
        outputs.to_probabilities(np.zeros((2, 4)), NAMES, Path("m"))
    with pytest.raises(
        SuiteError, match=r"gives 1 score an image, but DATA has 3 class folders \(.*\): a regression\?"
    ):
        outputs.to_probabilities(np.zeros((2, 1)), NAMES, Path("m"))


def test_range_is_chosen_whatever_the_order_of_classes() -> None:
    labels = np.arange(30) % 3
    good = np.eye(3)[(labels + 1) % 3] * 0.97 + 0.01  # sure, and wrong as the folders are sorted
    unsure = np.full((30, 3), 1 / 3)
    broken = np.full((30, 3), math.nan)
    trials = {
        name: outputs.trial(values, labels, values, labels)
        for name, values in (("0-1", good), ("0-255", unsure), ("-1-1", broken))
    }
    assert outputs.best_range(trials, 3, Path("m")) == "0-1"
    assert [trials["0-1"].accuracy, trials["0-1"].nll] == pytest.approx([0, -math.log(0.98)])
    assert math.isnan(trials["-1-1"].accuracy)
    with pytest.raises(SuiteError, match="not finite, whatever the range"):
        outputs.best_range({"-1-1": trials["-1-1"]}, 3, Path("m"))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ((1.0, 0.01, 0.8), (1.0, 0.0, 60.0)),  # overfitted on [0, 1], pixels 255 times as large: surer, and worse
        ((1.0, 0.4, 0.6), (1.0, 0.0, 20.0)),  # likewise with smoothed labels
        ((1.0, 0.0, 5.0), (0.9, 2.1, 2.2)),  # overfitted on [0, 255], pixels of nearly 0: unsure of everything
        ((0.9, 0.3, math.nan), (0.9, 0.5, math.nan)),  # nothing held out
    ],
)
def test_range_of_an_overfitted_model_is_found(
    right: tuple[float, float, float], wrong: tuple[float, float, float]
) -> None:
    for trials in ({"0-1": right, "0-255": wrong}, {"0-255": wrong, "0-1": right}):
        assert (
            outputs.best_range({name: outputs.Trial(*each, mistakes=3) for name, each in trials.items()}, 10, Path("m"))
            == "0-1"
        )


def test_large_pixels_are_not_taken_for_making_a_perfect_model_surer() -> None:
    sure = outputs.Trial(1.0, 0.0, 0.0)
    assert outputs.best_range({"0-1": outputs.Trial(1.0, 0.3, 0.3), "0-255": sure}, 10, Path("m")) == "0-1"
    assert outputs.best_range({"0-1": outputs.Trial(0.9, 0.3, 0.3, 0.0, 8), "0-255": sure}, 10, Path("m")) == "0-255"
    assert outputs.best_range({"0-1": outputs.Trial(1.0, 2.2, 2.2), "0-255": sure}, 10, Path("m")) == "0-255"
    assert outputs.best_range({"0-1": outputs.Trial(1.0, 0.3, 0.3), "-1-1": sure}, 10, Path("m")) == "-1-1"


def test_range_is_one_in_which_training_images_are_right() -> None:
    right, wrong = outputs.Trial(1.0, 0.06, 0.11), outputs.Trial(0.97, 0.07, 0.08, 0.03, 12)
    assert outputs.best_range({"0-1": right, "-1-1": wrong}, 2, Path("m")) == "0-1"
    sure = outputs.Trial(0.9, 0.2, 0.2, 0.1, 40)
    assert outputs.best_range({"0-1": outputs.Trial(1.0, 9.0, 9.0), "-1-1": sure}, 2, Path("m")) == "-1-1"


# Real models on real files


def test_value_range_and_outputs_are_found(folder: Path, tmp_path: Path, trained: list[NDArray[np.float32]]) -> None:
    models = {
        "0-1": saved(tmp_path / "unit.keras", trained),
        "0-255": saved(tmp_path / "pixels.keras", trained, layers.Rescaling(1 / 255), last="softmax"),
        "-1-1": saved(tmp_path / "signed.h5", trained, layers.Rescaling(0.5, 0.5)),
    }
    found = {name: predicted(path, folder, tmp_path / name) for name, path in models.items()}
    for name, each in found.items():
        assert each.reading == Reading(scale=name)  # type: ignore[arg-type]
        assert each.decision.named == ()
        assert set(each.ranges) == set(PLAIN)
        assert each.rows == (90, 45)
        assert each.ranges[name].accuracy == max(trial.accuracy for trial in each.ranges.values()) > 0.9  # type: ignore[index]
        np.testing.assert_allclose(each.probabilities, found["0-1"].probabilities, atol=1e-5)
    assert [found[name].kind for name in models] == ["logits", "probabilities", "logits"]
    given = predicted(models["0-1"], folder, tmp_path / "given", value_range="0-255")
    assert (given.fed, given.reading.scale, given.ranges) == ("0-255", "0-255", {})


def test_every_image_is_scored_in_inference_mode(
    folder: Path, tmp_path: Path, trained: list[NDArray[np.float32]]
) -> None:
    first = [layers.RandomFlip(seed=0), layers.RandomRotation(0.5, seed=0), layers.Dropout(0.9)]
    found = predicted(saved(tmp_path / "noisy.keras", trained, *first), folder, tmp_path)
    plain = predicted(saved(tmp_path / "plain.keras", trained), folder, tmp_path / "plain")
    np.testing.assert_array_equal(found.probabilities, plain.probabilities)
    assert found.probabilities.shape == (135, 3)
    assert found.splits.tolist() == ["train"] * 90 + ["val"] * 45
    assert found.images.class_names == NAMES
    assert found.parameters == sum(weights.size for weights in trained)
    assert np.load(tmp_path / "pixels.npy").shape == (135, SIDE, SIDE, 1)
    reference = network()
    reference.set_weights(trained)
    pixels = np.load(tmp_path / "pixels.npy").astype(np.float32) / 255
    np.testing.assert_allclose(found.probabilities, keras.ops.softmax(reference.predict(pixels, verbose=0)), atol=1e-5)


def test_images_come_as_the_model_takes_them(folder: Path, tmp_path: Path) -> None:
    def shapes(*input_shape: int | None, batch: int | None = None) -> tuple[int, ...]:
        image = keras.Input(input_shape, batch_size=batch)
        channels = len(input_shape) == 3
        pooled = (layers.GlobalAveragePooling2D if channels else layers.GlobalAveragePooling1D)()(image)
        path = tmp_path / "model.keras"
        keras.Model(image, layers.Dense(3)(pooled)).save(path)
        target = tmp_path / str(len(list(tmp_path.iterdir())))
        found = predicted(path, folder, target)
        assert np.isfinite(found.probabilities).all()
        return np.load(target / "pixels.npy").shape[1:]

    assert shapes(8, 6, 3) == (8, 6, 3)
    assert shapes(None, None, 1) == (SIDE, SIDE, 1)
    assert shapes(SIDE, SIDE) == (SIDE, SIDE, 1)  # grey without a channel axis
    assert shapes(SIDE, SIDE, 1, batch=7) == (SIDE, SIDE, 1)


OWN = """
import keras

@keras.saving.register_keras_serializable("own")
class Registered(keras.layers.Layer):
    def call(self, x):
        return 2 * x

class Plain(keras.layers.Layer):
    def call(self, x):
        return x / 2

class Whole(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.flat, self.dense = keras.layers.Flatten(), keras.layers.Dense(3)

    def call(self, x):
        return self.dense(self.flat(x))
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of a user's own layers."""
    (tmp_path / "own_layers.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("own_layers")
    yield module
    _forget(module)


def _forget(module: Any) -> None:
    """As in a fresh process."""
    sys.modules.pop(module.__name__, None)
    for key in [key for key, value in keras.saving.get_custom_objects().items() if value is module.Registered]:
        del keras.saving.get_custom_objects()[key]


@pytest.mark.parametrize("name", ["Registered", "Plain"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_own_layers_need_their_module(
    own: Any, name: str, suffix: str, folder: Path, tmp_path: Path, trained: list[NDArray[np.float32]]
) -> None:
    path = saved(tmp_path / f"own{suffix}", trained, getattr(own, name)())
    _forget(own)
    with pytest.raises(SuiteError, match=rf"needs '{name}', which Keras does not have: .* --module package\.module"):
        loading.load_model(path, None)
    with pytest.raises(
        SuiteError, match=rf"needs '{name}', which --module = tests.scratch neither defines nor registers"
    ):
        loading.load_model(path, "tests.scratch")
    assert predicted(path, folder, tmp_path / "found", "own_layers").probabilities.shape == (135, 3)


def test_subclassed_model_is_read_as_it_was_built(own: Any, folder: Path, tmp_path: Path) -> None:
    model = own.Whole()
    model(np.zeros((2, SIDE, 6, 3)))
    model.save(tmp_path / "whole.keras")
    found = predicted(tmp_path / "whole.keras", folder, tmp_path / "found", "own_layers")
    assert found.probabilities.shape == (135, 3)
    assert np.load(tmp_path / "found/pixels.npy").shape == (135, SIDE, 6, 3)
    assert forward.input_of(own.Whole(), Path("m")) == forward.Takes(None, None, None, None)


def test_names_that_a_module_imported_do_not_stand_in_for_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[NDArray[np.float32]]
) -> None:
    (tmp_path / "borrowing.py").write_text("from scipy.special import softmax\nfrom keras.layers import Dense\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert loading.custom_objects("borrowing") == {}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (None, "ModuleNotFoundError"),
        ("import absent_package", "No module named 'absent_package'"),
        ("1 / 0", "division"),
    ],
)
def test_module_that_cannot_be_imported_is_named(
    code: str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_{abs(hash(code)) % 1000}"
    if code is not None:
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SuiteError, match=rf"--module = {name} cannot be imported: .*{reason}.*dotted name"):
        loading.custom_objects(name)


def test_python_lambda_is_refused(tmp_path: Path, trained: list[NDArray[np.float32]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own, of the same
        path = saved(tmp_path / "lambda.keras", trained, layers.Lambda(lambda images: images * 2))
    with pytest.raises(SuiteError, match=r"Lambda layer, whose Python code Keras's safe mode does not run.*own"):
        loading.load_model(path, None)


@pytest.fixture(scope="module")
def no_models(tmp_path_factory: pytest.TempPathFactory, trained: list[NDArray[np.float32]]) -> Path:
    """A folder of what is no model."""
    found, model = tmp_path_factory.mktemp("no_models"), network()
    model.save_weights(found / "some.weights.h5")
    (found / "folder").mkdir()
    for name in ("junk.keras", "junk.h5", "notes.txt"):
        (found / name).write_text("no model")
    (found / "empty.keras").touch()
    whole = saved(found / "cut.keras", trained).read_bytes()
    (found / "cut.keras").write_bytes(whole[: len(whole) // 2])
    return found


@pytest.mark.parametrize(
    ("name", "words_of"),
    {
        "absent.keras": r"MODEL = \S+ does not exist",
        "folder": "is a folder, which holds no saved_model.pb",
        "some.weights.h5": "holds weights alone, no network",
        "notes.txt": r"is not a saved model \(allowed: a \.keras file, an HDF5 file or a SavedModel folder\)",
        "junk.keras": r"is no model that Keras can load: it begins neither as a \.keras nor as an HDF5 file does",
        "junk.h5": "is no model that Keras can load",
        "empty.keras": "is empty: it was not written to its end",
        "cut.keras": r"is no model that Keras can load, but a \.keras file that is cut off or damaged",
    }.items(),
)
def test_files_that_are_no_model_are_named(no_models: Path, name: str, words_of: str) -> None:
    with pytest.raises(SuiteError, match=words_of):
        loading.load_model(no_models / name, None)


def test_models_of_other_things_are_refused(folder: Path, tmp_path: Path) -> None:
    image, other = keras.Input((SIDE, SIDE, 1)), keras.Input((SIDE, SIDE, 1))
    flat = layers.Flatten()(image)
    both = layers.Concatenate()([flat, layers.Flatten()(other)])
    row, first = keras.Input((SIDE * SIDE,)), keras.Input((3, SIDE, SIDE))
    five = keras.Input((SIDE, SIDE, 5))
    for model, words_of in (
        (keras.Model([image, other], layers.Dense(3)(both)), "has 2 inputs"),
        (keras.Model(image, [layers.Dense(3)(flat), layers.Dense(2)(flat)]), "has 2 outputs"),
        (
            keras.Model(image, layers.Conv2D(3, 3)(image)),
            r"gives \(10, 10, 3\) an image, not one number for each class",
        ),
        (keras.Model(image, layers.Dense(4)(flat)), "gives 4 scores an image, but DATA has 3 class folders"),
        (keras.Model(row, layers.Dense(3)(row)), r"takes \(None, 144\), which is no batch of images"),
        (keras.Model(first, layers.Dense(3)(layers.Flatten()(first))), "channels first"),
        (keras.Model(five, layers.Dense(3)(layers.Flatten()(five))), r"takes \(None, 12, 12, 5\), which is no batch"),
    ):
        model.save(tmp_path / "model.keras")
        with pytest.raises(SuiteError, match=words_of):
            predicted(tmp_path / "model.keras", folder, tmp_path / "read")


def test_values_that_are_not_finite_are_a_finding_whatever_the_range(folder: Path, tmp_path: Path) -> None:
    image = keras.Input((SIDE, SIDE, 1))
    keras.Model(image, layers.Dense(3)(layers.Flatten()(image)) + np.float32(np.inf)).save(tmp_path / "model.keras")
    for value_range in (None, "0-1"):
        found = predicted(tmp_path / "model.keras", folder, tmp_path / "read", value_range=value_range)
        assert ("VG207", "problem") in [(each.code, each.severity) for each in found.seen]


def test_one_output_in_a_dict_is_taken(folder: Path, tmp_path: Path) -> None:
    image = keras.Input((SIDE, SIDE, 1))
    keras.Model(image, {"species": layers.Dense(3)(layers.Flatten()(image))}).save(tmp_path / "model.keras")
    assert predicted(tmp_path / "model.keras", folder, tmp_path / "read").probabilities.shape == (135, 3)


def test_images_of_several_sizes_need_a_model_of_one(tmp_path: Path, trained: list[NDArray[np.float32]]) -> None:
    root = write_folder(tmp_path / "images", {"train": draw(12, 0), "val": draw(6, 1)})
    Image.new("L", (20, 16)).save(root / "train/ant/large.png")
    image = keras.Input((None, None, 1))
    keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(image))).save(tmp_path / "any.keras")
    with pytest.raises(SuiteError, match=r"^the model's input = any size: images have 2 sizes,.*; resize them as"):
        predicted(tmp_path / "any.keras", root, tmp_path / "read")
    found = predicted(saved(tmp_path / "one.keras", trained), root, tmp_path / "read")
    assert found.probabilities.shape == (19, 3)


def test_class_folders_alone_are_scored_and_have_no_gap(tmp_path: Path, trained: list[NDArray[np.float32]]) -> None:
    root = write_folder(tmp_path / "images", {"": draw(30, 1)})
    found = predicted(saved(tmp_path / "model.keras", trained), root, tmp_path / "read")
    assert (found.reading.scale, found.rows) == ("0-1", (30, 0))
    assert math.isnan(found.ranges["0-1"].held_out_nll)
    result = assemble(found, NOTHING_FOUND, np.zeros(30, np.bool_))
    assert verdict(result).startswith("No gap can be told from one split.")
    assert "which fits 30 all images best" not in shown(result)
    assert "which fits 30 images best" in shown(result)


def test_errors_of_the_folder_speak_of_data(tmp_path: Path, trained: list[NDArray[np.float32]]) -> None:
    path = saved(tmp_path / "model.keras", trained)
    with pytest.raises(SuiteError, match=r"^DATA = .*absent"):
        predicted(path, tmp_path / "absent", tmp_path)
    root = write_folder(tmp_path / "images", {"": draw(12, 1)})
    with pytest.raises(SuiteError, match=r"^--groups = 'x\(y\)': it does not match the paths of 12 images"):
        predicted(path, root, tmp_path / "read", groups="x(y)")


# Put together


def predictions(
    images: Images, splits: NDArray[np.str_], probabilities: NDArray[np.float32], at_chance: bool = False
) -> Predicted:
    """What was predicted under the plain reading, with nothing else to say."""
    order = np.arange(probabilities.shape[1])
    decision = Decision(Reading(), order, "sorted", (), None, 0.9, 0.9, False, at_chance, (), (), 100)
    return Predicted(images, splits, probabilities, "probabilities", decision, {}, (0, 0), 1234, None)


def images_of(labels: NDArray[np.int64], given: list[str], **fields: Any) -> Images:
    names = tuple(f"{split}/{number}.png" for number, split in enumerate(given))
    rows = np.random.default_rng(0).integers(0, 256, (len(labels), 6, 6, 1), dtype=np.uint8)
    content: dict[str, Any] = {"images": rows, "class_names": NAMES, "names": names, "sha256": {}} | fields
    return Images(labels=labels, given=np.array(given), **content)


def result_of(
    right: dict[str, Mask],
    confidence: float = 0.9,
    hit: int = 0,
    balanced: bool = False,
    audited: bool = False,
    **fields: Any,
) -> Result:
    """Splits in which some images are right, with the confidence, and a class after the right one is named else."""
    labels = np.concatenate(
        [np.arange(len(mask)) % 3 * (1 - balanced * (np.arange(len(mask)) % 10 > 0)) for mask in right.values()]
    )
    given = [split for split, mask in right.items() for _ in mask]
    named = np.where(np.concatenate(list(right.values())), labels, (labels + 1) % 3)
    probabilities = np.full((len(labels), 3), (1 - confidence) / 2, np.float32)
    probabilities[np.arange(len(labels)), named] = confidence
    images = images_of(labels, ["" if split == POOL else split for split in given], **fields)
    bare = dataclasses.replace(images, images=images.images[:0])
    found = predictions(bare, np.array(given), probabilities)
    marked = np.zeros(len(labels), np.bool_)
    marked[np.flatnonzero(np.array(given) == "val")[:hit]] = True
    return assemble(found, audit(look(images, found.splits, 0)) if audited else NOTHING_FOUND, marked)


def findings_of(result: Result) -> tuple[Stated, ...]:
    return stated.stated(judged(result), result.audit, ())


def document_of(result: Result, model: str = "m", data: str = "d", groups: str | None = None) -> Checked:
    found = findings_of(result)
    return Checked(build(result, found, model, data, groups, files=True), found)


def shown(result: Result, groups: str | None = None) -> str:
    return document_of(result, groups=groups).markdown()


def verdict(result: Result) -> str:
    return words.verdict(result, findings_of(result))


def steps(result: Result) -> list[str]:
    return words.steps(result, findings_of(result))


def text_of(result: Result, code: str) -> str:
    (found,) = (each for each in findings_of(result) if each.code == code)
    return found.found


def share_of(images: int, right: float) -> Mask:
    return np.arange(images) * 7919 % images < round(right * images)


def titles(result: Result) -> list[str]:
    return [each.title for each in findings_of(result) if each.severity in ("problem", "worth a look")]


def test_gap_is_called_real_only_beyond_the_luck_of_the_images() -> None:
    real = result_of({"train": share_of(600, 1.0), "val": share_of(300, 0.8)})
    assert real.gap is not None
    assert real.gap.mean == pytest.approx(0.2)
    assert verdict(real).startswith("Accuracy is 100.0% on training and 80.0% on validation images: the gap, 20.0")
    assert verdict(real).endswith("is real.")
    assert any("valgap repro" in step for step in steps(real))
    luck = result_of({"train": share_of(600, 0.95), "val": share_of(60, 0.9)})
    assert verdict(luck).endswith("is within the luck of the images.")
    assert "What it can miss" in titles(luck)
    assert not any("valgap repro" in step for step in steps(luck))
    small = result_of({"train": share_of(6000, 1.0), "val": share_of(3000, 0.99)})
    assert verdict(small).endswith("is real, but small.")
    easier = result_of({"train": share_of(600, 0.7), "val": share_of(600, 0.95)})
    assert verdict(easier).endswith("the validation images are easier than the training images.")


def test_underfitting_is_told_from_a_gap() -> None:
    assert "Underfits" in titles(result_of({"train": share_of(600, 0.7), "val": share_of(300, 0.6)}))
    assert "Underfits" not in titles(result_of({"train": share_of(600, 0.85), "val": share_of(300, 0.6)}))
    assert "Underfits" not in titles(result_of({"train": share_of(600, 0.95), "val": share_of(300, 0.94)}))


def test_confidence_beyond_accuracy_is_told() -> None:
    sure = result_of({"train": share_of(300, 1.0), "val": share_of(300, 0.7)}, confidence=0.9)
    text = text_of(sure, "VG210")
    assert "claims 90.0% on average and is right on 70.0%: 20.0 pp" in text
    assert "On its 90 mistakes it is 90.0% sure" in text
    assert any("test_nll" in step for step in steps(sure))
    modest = result_of({"train": share_of(300, 1.0), "val": share_of(300, 0.7)}, confidence=0.7)
    assert "Too sure" not in titles(modest)


def test_chance_stops_all_advice() -> None:
    result = result_of({"train": share_of(300, 1 / 3), "val": share_of(300, 1 / 3)})
    decision = dataclasses.replace(result.predicted.decision, at_chance=True)
    random = dataclasses.replace(result, predicted=dataclasses.replace(result.predicted, decision=decision))
    assert titles(random)[0] == "No better than chance"
    assert verdict(random) == "No better than chance."
    assert not any("valgap repro" in step for step in steps(random))
    assert "--preprocess" in steps(random)[0]


def test_another_order_stands_before_everything(
    folder: Path, tmp_path: Path, trained: list[NDArray[np.float32]]
) -> None:
    kernel, bias = trained[-2:]
    turned = [*trained[:-2], kernel[:, [1, 2, 0]], bias[[1, 2, 0]]]  # outputs: bee, cat, ant
    found = predicted(saved(tmp_path / "turned.keras", turned), folder, tmp_path)
    result = assemble(found, NOTHING_FOUND, np.zeros(135, np.bool_))
    assert found.reading == Reading()
    assert found.decision.order.tolist() == [2, 0, 1]
    assert result.scores["train"].accuracy.mean > 0.9
    assert titles(result)[0] == "Its outputs stand in another order than the folders"
    assert "Outputs 0, 1, …: 0 `bee`, 1 `cat`, 2 `ant`" in text_of(result, "VG008")
    assert steps(result)[0].startswith("Its outputs stand in another order")
    assert not any("valgap repro" in step for step in steps(result))


def test_scores_without_leaked_images_stand_beside_the_others() -> None:
    result = result_of({"train": share_of(90, 1.0), "val": np.arange(60) < 36}, hit=20)
    assert result.leaked == 20
    assert result.clean is not None
    assert result.clean.accuracy.mean == pytest.approx(16 / 40)
    assert "without duplicates of training" in shown(result)
    duplicates = finding("exact_across", "problem")
    leaky = dataclasses.replace(result, audit=audit_of(dataclasses.replace(duplicates, code="VG102")))
    lead = "Leaving them out, validation accuracy is 40.0% (26.3 to 55.4) instead of 60.0%."
    assert lead in shown(leaky)
    assert "duplicates" in steps(leaky)[0]
    nothing_left = result_of({"train": share_of(90, 1.0), "val": share_of(60, 0.6)}, hit=60)
    assert nothing_left.clean is None
    assert result_of({"train": share_of(90, 1.0), "val": share_of(60, 0.6)}).leaked == 0


def test_duplicates_in_training_are_found() -> None:
    labels = np.arange(40) % 3
    images = images_of(labels, ["train"] * 20 + ["val"] * 20)
    pixels = images.images.copy()
    pixels[25], pixels[26] = pixels[3], pixels[27]  # one of training, one within validation
    nearly = pixels[4].astype(np.int64)
    nearly[0, 0] = 255 - nearly[0, 0] // 2
    pixels[30] = np.clip(pixels[5].astype(np.int64) * 0.97, 0, 255)
    changed = dataclasses.replace(images, images=pixels)
    assert np.flatnonzero(leaked(look(changed, changed.given, 0))).tolist() == [25, 30]
    assert not leaked(look(changed, np.full(40, POOL), 0)).any()


def test_near_duplicates_are_searched_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.arange(40) % 3
    images = images_of(labels, ["train"] * 20 + ["val"] * 20)
    bare = dataclasses.replace(images, images=images.images[:0])
    probabilities = np.full((40, 3), 1 / 3, np.float32)
    found = predictions(bare, images.given, probabilities)

    def run_jobs(work: Any, jobs: list[Any], place: Any, *boxed: Any) -> list[Predicted]:
        np.save(jobs[0][3], images.images)
        return [found]

    def search(*asked: Any) -> neighbours.Similar:
        searches.append(asked)
        return original(*asked)

    searches: list[Any] = []
    original = neighbours.search
    monkeypatch.setattr(neighbours, "search", search)
    monkeypatch.setattr("valgap.compute.pool.run_jobs", run_jobs)
    network().save(tmp_path / "model.keras")
    folder = write_folder(tmp_path / "photos", {"train": draw(12, 0), "val": draw(6, 1)})
    run.check(tmp_path / "model.keras", {"train": folder}, Options(), apart=True)
    assert len(searches) == 1


def test_one_split_has_no_gap() -> None:
    result = result_of({POOL: share_of(60, 0.8)})
    assert (result.gap, result.held_out) == (None, None)
    assert verdict(result).startswith("No gap can be told from one split. Accuracy is 80.0% (")
    assert any("`train/` and `val/`" in step for step in steps(result))
    assert "val_size: 0.2" in words.params_yaml(result, "images", None)


def test_without_validation_the_gap_is_to_test_images() -> None:
    result = result_of({"train": share_of(300, 1.0), "test": share_of(300, 0.8)})
    assert result.held_out == "test"
    assert "the gap is that to the test images" in shown(result)


def test_unequal_classes_are_judged_by_balanced_accuracy() -> None:
    result = result_of({"train": share_of(600, 1.0), "val": share_of(300, 0.8)}, balanced=True)
    assert result.balanced
    assert verdict(result).startswith("Balanced accuracy is 100.0%")
    text = shown(result)
    assert "balanced acc. %" in text
    assert "class_remedy" in text


def test_two_classes_have_an_area_under_the_curve(tmp_path: Path) -> None:
    labels = np.arange(40) % 2
    images = images_of(labels, ["train"] * 20 + ["val"] * 20, class_names=("no", "yes"))
    second = np.where(np.arange(40) % 4 == 0, 0.6, labels * 0.5 + 0.2).astype(np.float32)
    found = predictions(images, images.given, np.stack([1 - second, second], axis=1))
    result = assemble(found, audit(look(images, images.given, 0)), np.zeros(40, np.bool_))
    text = shown(result)
    assert "| AUROC % |" in text
    assert "| `yes` | 100.0 (72.2 to 100.0) of 10 |" in text


def test_groups_widen_the_intervals_and_are_counted() -> None:
    right = {"train": share_of(300, 1.0), "val": np.arange(300) // 30 % 2 == 0}
    alone = result_of(right)
    grouped = result_of(right, groups=np.arange(600) // 30)
    assert alone.gap is not None
    assert grouped.gap is not None
    assert grouped.gap.mean == alone.gap.mean
    assert grouped.gap.low < alone.gap.low - 0.1
    text = shown(grouped, "(.)")
    assert "95% over groups of images" in text
    assert "- **Groups.** 20" in text


# The document

HOSTILE = "<script>alert(1)</script>|`x`\n[a](b)"


class Tags(html.parser.HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.words += data


def file_facts(images: int, resized: int) -> Files:
    """PNG files of 6 x 6 pixels, the first of another size."""
    size = np.where(np.arange(images)[:, np.newaxis] < resized, 9, 6) * np.ones(2, np.int64)
    nothing = np.zeros(images, np.int64)
    return Files(np.full(images, "PNG"), np.full(images, "L"), size, nothing, nothing.astype(np.bool_))


def hostile_result() -> Result:
    names = (HOSTILE, f"{HOSTILE}2", "plain")
    return result_of(
        {"train": share_of(90, 1.0), "val": share_of(60, 0.6)}, hit=5, audited=True, class_names=names,
        names=tuple(f"{HOSTILE}{number}.png" for number in range(150)), dropped=(Dropped(HOSTILE, HOSTILE),),
        files=file_facts(150, resized=50),
    )  # fmt: skip


def hostile_document() -> Checked:
    return document_of(hostile_result(), f"{HOSTILE}.keras", f"folder {HOSTILE}", "(.)")


def test_page_holds_no_markup_of_the_users() -> None:
    page = Tags(hostile_document().html())
    assert {tag for tag, _ in page.found}.isdisjoint({"script", "a b", "iframe"})
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)
    sources = [attributes["src"] for tag, attributes in page.found if tag == "img"]
    assert sources
    assert all(str(source).startswith("data:image/png;base64,") for source in sources)
    links = [attributes["href"] for tag, attributes in page.found if "href" in attributes]
    assert links[:2] == ["data:,", "#main"]
    assert all(str(link).startswith("#data-") for link in links[2:])
    assert "<script>alert(1)</script>" in page.words
    assert "50 had another size and were resized (bilinear, stretched images)" in page.words
    policy = [attributes["content"] for _, attributes in page.found if "http-equiv" in attributes]
    assert policy == [
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'none'; base-uri 'none'; "
        "form-action 'none'"
    ]


def test_terminal_gets_no_markup_of_the_users() -> None:
    text = hostile_document().markdown()
    tables = [line for line in text.splitlines() if line.startswith("|")]
    widths = [line.replace("\\|", "").count("|") for line in tables]
    assert set(widths) == {6, 4}  # scores and classes: no name adds a cell
    outside = text.partition("```")[0].replace("\\`", "").split("`")[::2]
    assert not any("<script>" in part for part in outside)


def finding(name: str, severity: Severity, png: str = "") -> Finding[Picture]:
    example = Example("c", (Picture(png, "n.png", "ant", "val"),))
    return Finding("VG100", name, f"T {name}", severity, 1, 2, "images", f"F {name}.", "E.", (example,))


def with_findings(*found: Finding[Picture], **fields: Any) -> Result:
    result = result_of({"train": share_of(30, 1.0), "val": share_of(30, 0.6)}, **fields)
    return dataclasses.replace(result, audit=audit_of(*found))


def test_page_with_a_picture_that_is_none_shows_its_name() -> None:
    result = with_findings(finding("n", "problem", 'x"><script>'))
    page = document_of(result).html()
    assert [tag for tag, _ in Tags(page).found if tag in ("img", "script")] == []
    assert "n.png" in page
    assert "T n" in titles(result)


def test_what_could_not_be_checked_is_not_called_fine() -> None:
    checked = document_of(with_findings(finding("a", "fine"), finding("b", "unknown")))
    assert "Looked at and fine: t a." in checked.markdown()
    assert "- **T b (VG100).** F b." in checked.markdown().partition("Could not be checked:")[2]
    page = " ".join(Tags(checked.html()).words.split())
    assert "Looked at and fine: t a. Could not be checked: T b (VG100). F b." in page


def test_images_too_few_to_tell_are_not_called_fine() -> None:
    few = result_of({"train": np.ones(4, np.bool_), "val": np.ones(4, np.bool_)}, audited=True)
    fine, _, unknown = shown(few).partition("Could not be checked:")
    assert "- **Suspected label errors (VG108).** It takes two classes" in unknown
    assert "suspected label errors" not in fine.rpartition("Looked at and fine:")[2]


def test_showing_a_check_leaves_the_audit_as_it_is() -> None:
    result = hostile_result()
    before = copy.deepcopy(result.audit)
    checked = document_of(result)
    assert checked.markdown() == checked.markdown()
    assert checked.html() == checked.html()
    assert result.audit == before


def test_findings_speak_of_this_commands_flags() -> None:
    alone, grouped = (hostile_result(), with_findings(finding("groups", "problem"), groups=np.arange(60)))
    assert "`--groups` declares them" in shown(alone)
    assert "declares them" not in shown(grouped, "(.)")
    for text in (shown(alone), shown(grouped, "(.)")):
        assert not re.search(r"data\\?\.(group|image|resize)|[A-Z]+=", text)


def test_a_notebook_shows_the_page_and_a_terminal_the_text() -> None:
    checked = hostile_document()
    assert repr(checked) == checked.markdown()
    ((tag, attributes),) = Tags(checked._repr_html_()).found
    assert (tag, attributes["srcdoc"]) == ("iframe", checked.html())


def test_lines_of_params_yaml_are_valid_for_the_suite(tmp_path: Path) -> None:
    from valgap.ground.params.experiment import Data, Model
    from valgap.ground.params.schema import parse, read_yaml
    from valgap.ground.params.split import Split

    lines = words.params_yaml(hostile_result(), f"folder {HOSTILE}", "(.)")
    (tmp_path / "params.yaml").write_text(words.params_yaml(hostile_result(), "photos/a b.csv", None))
    of_table = read_yaml(tmp_path / "params.yaml")["data"]
    assert [of_table[key] for key in ("source", "path", "table")] == ["table", "photos", "a b.csv"]
    (tmp_path / "params.yaml").write_text(lines)
    raw = read_yaml(tmp_path / "params.yaml")
    base = read_yaml(ROOT / "params.yaml")
    data = parse(Data, base["data"] | raw["data"], "data")
    assert (data.source, data.path, data.table, data.group_pattern) == ("folder", f"folder {HOSTILE}", None, "(.)")
    assert (data.image_size, data.color) == ((6, 6), "grey")
    assert parse(Split, base["split"] | raw["split"], "split").val_size == "all"
    assert parse(Model, base["model"] | raw["model"], "model").builder == "package.module:function"


def test_documents_appear_whole(tmp_path: Path) -> None:
    document = hostile_document()
    document.save(tmp_path / "a/b")
    assert sorted(path.name for path in (tmp_path / "a/b").iterdir()) == ["check.html", "check.md"]
    assert (tmp_path / "a/b/check.md").read_text() == document.markdown()
    for name in ("one.html", "one.md"):
        document.save(tmp_path / "c" / name)
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["one.html", "one.md"]
    assert (tmp_path / "c/one.html").read_text() == document.html()
    (tmp_path / "file").write_text("")
    with pytest.raises(SuiteError, match=r"--out = \S+file cannot be written"):
        document.save(tmp_path / "file")


# The command


def run_check(*words_of: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "valgap", "check", *words_of], cwd=cwd, env=user_environment(), text=True,
        capture_output=True,
    )  # fmt: skip


def test_command_checks_a_model_and_stays_free_of_tensorflow(
    folder: Path, tmp_path: Path, own: Any, trained: list[NDArray[np.float32]]
) -> None:
    model = saved(tmp_path / "model.keras", trained, own.Registered())
    program = (
        "import sys; from valgap.cli import run; assert not run(sys.argv[1:]);"
        "assert not {'tensorflow', 'keras', 'altair', 'vl_convert', 'dvc'} & set(sys.modules)"
    )
    environment = user_environment() | {"PYTHONPATH": f"{tmp_path}"}
    arguments = [str(model), str(folder), "--module=own_layers", "--groups=case([0-9]+)_", f"--out={tmp_path / 'out'}"]
    done = subprocess.run(
        [sys.executable, "-c", program, "check", *arguments], cwd=ROOT, env=environment, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    said = [
        line for line in done.stderr.splitlines() if not line.startswith("note: the model is loaded with the network")
    ]
    assert said == []
    assert done.stdout == (tmp_path / "out/check.md").read_text()
    assert "6 of 45 val images are pixel for pixel the same as" in done.stdout
    assert "Exact duplicates across splits" in done.stdout
    assert "- **Groups.** " in done.stdout
    assert (tmp_path / "out/check.html").read_text().count("<img") > 0


def test_command_ends_with_1_on_what_can_be_mended_and_2_on_usage(folder: Path, tmp_path: Path) -> None:
    done = run_check(str(tmp_path / "absent.keras"), str(folder))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: MODEL = {tmp_path / 'absent.keras'} does not exist\n"
    assert run_check(str(folder)).returncode == 2
    done = run_check("model.keras", str(folder), "--range=0-2")
    assert done.returncode == 2
    assert "is not one of '0-1', '-1-1', '0-255'" in done.stderr
