import dataclasses
import json
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from numpy.typing import NDArray

from tests.recipes import streams
from tests.scratch import ROOT, TOY, copy_repository, run
from tests.toys import Toys
from valgap.compute import pool
from valgap.compute.placement import Placement
from valgap.data.prepared import load_images
from valgap.export import command, saving
from valgap.export.command import CARD, MODEL, Exported
from valgap.export.training import train_until
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.recipe import Schedule
from valgap.pipeline import freshness
from valgap.training.examples import Examples
from valgap.training.network.contract import Logits
from valgap.training.pixels import Affine
from valgap.training.recipe import Recipe
from valgap.training.replicate import train_replicate
from valgap.training.subset import load_splits

# Keras 3.15.1 saves a variable of TensorFlow's in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SHAPE = (8, 8, 1)
UNIT = Affine(np.ones(1, np.float32), np.zeros(1, np.float32))  # pixels in [0, 1] as they are
PIXELS = np.random.default_rng(0).integers(0, 256, (20, *SHAPE), dtype=np.uint8)
EXAMPLES = Examples(PIXELS, np.zeros(20, np.int64))


# The saved model


def network(*extra: layers.Layer, last: str | None = None) -> keras.Model:
    keras.utils.set_random_seed(0)
    body = [layers.Conv2D(3, 3, activation="relu"), layers.Flatten(), layers.Dense(3, activation=last)]
    return keras.Sequential([keras.Input(SHAPE), *extra, *body])


def truth(model: keras.Model, softmax: bool) -> NDArray[np.float32]:
    outputs = model.predict(PIXELS / np.float32(255), verbose=0)
    return np.asarray(keras.ops.softmax(outputs) if softmax else outputs)


@pytest.mark.parametrize("kind", ["logits", "probabilities", "half precision"])
def test_saved_model_takes_pixels_and_gives_probabilities(kind: str, tmp_path: Path) -> None:
    model = network(
        layers.Dropout(0.5), layers.BatchNormalization(), last="softmax" if kind == "probabilities" else None
    )
    wrapped = model
    if kind != "logits":
        wrapped = Logits(model, "softmax" if kind == "probabilities" else "")
        wrapped(np.zeros((1, *SHAPE), np.float32))
    expected = truth(model, kind != "probabilities")
    saving.save(wrapped, SHAPE, UNIT, tmp_path / MODEL)
    saving.prove(tmp_path / MODEL, EXAMPLES, expected)
    loaded = keras.saving.load_model(tmp_path / MODEL, safe_mode=True)
    assert not loaded.compiled
    assert loaded.input_shape == (None, *SHAPE)
    for images in (PIXELS, PIXELS.astype(np.float32)):
        found = loaded.predict(images, verbose=0)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert saving.own_classes(tmp_path / MODEL) == ()
    with pytest.raises(SuiteError, match=r"probabilities of uint8 images that differ by up to 0\.\d+ from the trained"):
        saving.prove(tmp_path / MODEL, EXAMPLES, np.roll(expected, 1, axis=1))


class Unregistered(layers.Layer):  # type: ignore[misc]
    def call(self, images: Any) -> Any:
        return images / 2


class Own(layers.Layer):  # type: ignore[misc]
    """Registered within a test alone, as a user's module would."""

    def __init__(self, factor: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, images: Any) -> Any:
        return images * self.factor


class WithConfig(Own):
    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"factor": self.factor}


class Callback(layers.Layer):  # type: ignore[misc]
    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        super().__init__(**options)
        self.function = object()

    def call(self, images: Any) -> Any:
        return images


@pytest.fixture
def registered() -> Iterator[None]:
    for kind in (Own, WithConfig):
        keras.saving.register_keras_serializable("tests")(kind)
    yield
    for name in ("tests>Own", "tests>WithConfig"):
        del keras.saving.get_custom_objects()[name]


def test_registered_class_is_saved_and_named(registered: None, tmp_path: Path) -> None:
    model = network(WithConfig(0.5))
    saving.save(model, SHAPE, UNIT, tmp_path / MODEL)
    saving.prove(tmp_path / MODEL, EXAMPLES, truth(model, softmax=True))
    assert saving.own_classes(tmp_path / MODEL) == ("tests>WithConfig",)


def test_class_that_is_not_registered_is_named_with_the_cure(tmp_path: Path) -> None:
    model = network(Unregistered())
    saving.save(model, SHAPE, UNIT, tmp_path / MODEL)
    with pytest.raises(SuiteError, match=r"holds 'Unregistered', which Keras cannot .*@keras\.saving\.register_keras_"):
        saving.prove(tmp_path / MODEL, EXAMPLES, truth(model, softmax=True))


def test_class_without_a_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"holds 'Callback', which Keras cannot save and load back.*get_config\(\)"):
        saving.save(network(Callback(len)), SHAPE, UNIT, tmp_path / MODEL)


def test_config_that_forgets_something_is_found(registered: None, tmp_path: Path) -> None:
    class Forgetful(Own):
        def get_config(self) -> dict[str, Any]:
            return super(Own, self).get_config()

    Forgetful.__name__ = "Own"
    keras.saving.register_keras_serializable("tests")(Forgetful)
    model = network(Forgetful(0.1))
    saving.save(model, SHAPE, UNIT, tmp_path / MODEL)
    with pytest.raises(SuiteError, match=r"differ by up to .*get_config\(\) or its saved state is incomplete"):
        saving.prove(tmp_path / MODEL, EXAMPLES, truth(model, softmax=True))


def test_lambda_is_named(tmp_path: Path) -> None:
    model = network(layers.Lambda(lambda images: images * 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own, of the same
        saving.save(model, SHAPE, UNIT, tmp_path / MODEL)
    with pytest.raises(SuiteError, match="Lambda layer or another Python lambda"):
        saving.prove(tmp_path / MODEL, EXAMPLES, truth(model, softmax=True))


# What is trained


def test_early_stopping_gives_way_to_the_median_of_its_steps() -> None:
    train = dataclasses.replace(suite.load(ROOT / "params.yaml").train, schedule=Schedule("constant"))
    stopped = dataclasses.replace(train, early_stopping=True)
    for selected, steps in (([96, 192, 960], 192), ([96, 192], 144), ([3], 3)):
        settings, stop = command.chosen(stopped, selected)
        assert (settings.steps, stop, settings.early_stopping) == (steps, steps, False)
    settings, stop = command.chosen(train, [96, 192, 960])
    assert stop == train.steps
    same = dataclasses.replace(settings, curve_points=train.curve_points, evaluation_policies=train.evaluation_policies)
    assert same == train


def test_a_cosine_spans_the_steps_of_the_runs_wherever_it_is_stopped() -> None:
    train = suite.load(ROOT / "params.yaml").train
    cosine = dataclasses.replace(train, schedule=Schedule("cosine"), early_stopping=True)
    settings, stop = command.chosen(cosine, [96, 192, 960])
    assert (settings.steps, settings.schedule, stop) == (train.steps, Schedule("cosine"), 192)
    settings, stop = command.chosen(dataclasses.replace(cosine, early_stopping=False), [960])
    assert (settings.steps, stop) == (train.steps, train.steps)


@pytest.mark.parametrize(
    "changes", [{"schedule": Schedule("cosine")}, {"ema_momentum": 0.9, "class_remedy": "oversampling"}]
)
def test_the_exported_training_has_the_bits_of_a_run_up_to_its_stop(changes: dict[str, Any]) -> None:
    """A run of 12 steps whose early stopping restores the weights of step 4, the first of three points: the same."""
    params = suite.load(ROOT / "params.yaml")
    settings = dataclasses.replace(
        params.train, steps=12, batch_size=4, curve_points=3, evaluation_policies={}, early_stopping=True, **changes
    )
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    train = Examples(images, np.arange(20) % 2)
    # Validation labels are wrong in truth: the more is learned of the training images, the worse it gets.
    splits = {"train": train, "val": Examples(images, 1 - train.labels), "test": train}
    recipe = Recipe(params.model, settings, params.train, streams(0))
    run = train_replicate(recipe, 0, splits, 2)
    stop = run.facts.selected_step
    assert stop < 12
    expected = run.probabilities["test"]
    alike = dataclasses.replace(recipe, settings=dataclasses.replace(settings, early_stopping=False))
    _, _, found = train_until(alike, stop, 0, train, train, 2)
    np.testing.assert_array_equal(found, expected)


def make_project(folder: Path) -> None:
    """A scratch copy with results of two variants."""
    toy = TOY | {"train": TOY["train"] | {"steps": 30, "curve_points": 6}}
    copy_repository(folder, toy, ["baseline", "early_stopping"])
    run(folder, "dvc", "repro", "evaluate")


@pytest.fixture(scope="module")
def project(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toys.copy(make_project, tmp_path_factory.mktemp("project"))


@pytest.fixture
def within(project: Path, monkeypatch: pytest.MonkeyPatch) -> suite.Suite:
    """The project's parameters, from within it."""
    monkeypatch.chdir(project)
    return suite.load()


def pretend(monkeypatch: pytest.MonkeyPatch, made: list[tuple[Any, ...]]) -> None:
    """A worker that trains nothing: it notes its job and leaves a file."""

    def work(function: object, jobs: list[tuple[Any, ...]], placement: Placement) -> Iterator[Exported]:
        made.extend(jobs)
        Path(jobs[0][0]).write_text("model")
        count = len(jobs[0][-1]["test"])
        yield Exported(np.eye(10, dtype=np.float32)[np.zeros(count, np.int64)], 1234, ())

    monkeypatch.setattr(pool, "run_jobs", work)


def test_training_and_validation_list_are_joined(
    within: suite.Suite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    jobs: list[tuple[Any, ...]] = []
    pretend(monkeypatch, jobs)
    target = command.export(within, "early_stopping", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["early_stopping"]
    assert sorted(path.name for path in target.iterdir()) == [MODEL, CARD]
    ((_, recipe, stop, replicate, index),) = jobs
    splits, images = load_splits(0), load_images()
    assert set(index["train"]) == set(splits.train[0][:60]) | set(splits.val[0])
    assert len(index["train"]) == 110
    assert not set(index["train"]) & set(index["test"])
    assert np.array_equal(index["test"], splits.test[0])
    assert len(images[index["test"]]) == 100
    made = json.loads((paths.run_folder("early_stopping", 0) / paths.RUN).read_text())
    selected = [each["selected_step"] for each in made["replicates"]]
    settings = recipe.settings
    assert (settings.steps, stop, settings.early_stopping) == (*[round(np.median(selected))] * 2, False)
    assert (recipe.baseline, recipe.streams.seed, replicate) == (within.train, within.split.seed, 0)
    text = (target / CARD).read_text()
    assert "One run on 110 images, 60 of a training and 50 of a validation list" in text
    assert f"for {stop} optimizer steps, the median of the steps" in text


def test_suspects_of_both_lists_are_left_out_where_the_variant_leaves_them_out(
    within: suite.Suite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    jobs: list[tuple[Any, ...]] = []
    pretend(monkeypatch, jobs)
    splits = load_splits(0)
    suspects = np.sort(np.concatenate([splits.train[0][[0, 5]], splits.val[0][:3], splits.test[0][:1]]))
    suspecting = dataclasses.replace(splits, suspects=suspects)
    monkeypatch.setattr(command, "load_splits", lambda block: suspecting)
    cleaned = dataclasses.replace(within.variants["early_stopping"], suspects="leave_out")
    params = dataclasses.replace(within, variants=within.variants | {"early_stopping": cleaned})
    target = command.export(params, "early_stopping", tmp_path)
    index = jobs[0][-1]
    assert set(index["train"]) == (set(splits.train[0][:60]) | set(splits.val[0])) - set(suspects)
    assert np.array_equal(index["test"], splits.test[0])
    assert "One run on 105 images, 58 of a training and 47 of a validation list" in (target / CARD).read_text()


def test_failure_leaves_what_was_there_and_nothing_half_written(
    within: suite.Suite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pretend(monkeypatch, [])
    target = command.export(within, "baseline", tmp_path)
    first = (target / CARD).read_bytes()
    (tmp_path / ".baseline.partial").mkdir()
    (tmp_path / ".baseline.partial/left by a kill").touch()

    def fail(function: object, jobs: list[tuple[Any, ...]], *_: object) -> Iterator[Exported]:
        file = Path(jobs[0][0])
        assert not list(file.parent.iterdir())
        file.write_text("half")
        yield from ()
        raise SuiteError("no luck")

    with monkeypatch.context() as failing:
        failing.setattr(pool, "run_jobs", fail)
        for variant in ("baseline", "early_stopping"):
            with pytest.raises(SuiteError, match=f"variant {variant}: no luck"):
                command.export(within, variant, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["baseline"]
    assert (target / CARD).read_bytes() == first
    assert command.export(within, "baseline", tmp_path) == target
    assert (target / CARD).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["baseline"]
    with pytest.raises(SuiteError, match=r"--out = \S+model_card.md cannot be written"):
        command.export(within, "baseline", target / CARD)


def test_variant_that_was_not_trained_is_refused(within: suite.Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        SuiteError, match=r"--variant = 'absent' is not in params\.yaml \(declared: baseline, early_stopp"
    ):
        command.reported(within, "absent")
    other = dataclasses.replace(within, diffs=within.diffs | {"wide": {"width": 2}})
    with pytest.raises(SuiteError, match=r"--variant = wide is exploratory and not trained: split\.exploratory_blocks"):
        command.reported(other, "wide")
    monkeypatch.setattr(freshness, "check", list)
    new = dataclasses.replace(within, diffs=within.diffs | {"new": {}}, cells=within.cells | {"new": (0,)})
    with pytest.raises(
        SuiteError, match=r"--variant = new has no finished runs in reports/provenance.json; run `valgap repro`"
    ):
        command.reported(new, "new")


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("params.yaml", "  steps: 30", "  steps: 31", r"params\.yaml: train differs from dvc\.lock \(steps\)"),
        ("params.yaml", "  seed: 20240", "  seed: 20241", "params.yaml: split"),
        ("valgap/training/network/cnn.py", "units(32)", "units(33)", "valgap/training changed"),
        ("reports/summary.csv", "baseline", "baselime", "reports/summary.csv is not what the stage wrote"),
    ],
)
def test_stale_results_are_refused(project: Path, file: str, old: str, new: str, named: str) -> None:
    path = project / file
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    try:
        done = run(project, sys.executable, "-m", "valgap", "export", "--variant", "baseline", check=False)
    finally:
        path.write_text(before)
    assert done.returncode == 1
    assert done.stdout.startswith("error: the results are stale: ")
    assert named.replace("\\", "") in done.stdout
    assert "run `valgap repro` first" in done.stdout
    assert not (project / "export").exists()


def test_data_that_reports_were_not_made_from_are_refused(within: suite.Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "check", list)
    known = paths.MANIFEST.read_text()
    try:
        paths.MANIFEST.write_text(json.dumps(json.loads(known) | {"source_sha256": {"other": "0"}}))
        with pytest.raises(SuiteError, match="made from other data than data/prepared; run `valgap repro`"):
            command.reported(within, "baseline")
        paths.MANIFEST.unlink()
        with pytest.raises(SuiteError, match=r"cannot be read \(.*manifest\.json.*run `valgap repro`"):
            command.reported(within, "baseline")
    finally:
        paths.MANIFEST.write_text(known)


def test_command_leaves_a_model_to_use_elsewhere(project: Path, tmp_path: Path) -> None:
    done = run(
        project, sys.executable, "-m", "valgap", "export", "--variant", "early_stopping", "--out", str(tmp_path / "a")
    )
    folder = tmp_path / "a/early_stopping"
    assert f"wrote {folder / MODEL} and {folder / CARD}" in done.stdout
    model = keras.saving.load_model(folder / MODEL, safe_mode=True)
    images = np.load(project / "data/prepared/arrays/images.npy")
    labels = np.load(project / "data/prepared/arrays/labels.npy")
    test = np.load(project / "data/prepared/splits/0.npz")["test"][0]
    found = model.predict(images[test], verbose=0)
    right = int((found.argmax(axis=1) == labels[test]).sum())
    text = (folder / CARD).read_text()
    assert f"This model itself is right on {right}.0% (" in text  # of 100
    assert right > 30
    summary = pd.read_csv(project / "reports/summary.csv").set_index(["variant", "split", "metric"])
    mean = summary.loc[("early_stopping", "test", "accuracy"), "mean"]
    assert f"**Test accuracy {100 * mean:.1f}% (" in text
    assert "trained on the training part only" in text
    manifest = json.loads((project / "data/prepared/manifest.json").read_text())
    assert all(value in text for value in manifest["source_sha256"].values())
    assert all(f"{place} `{name}`" in text for place, name in enumerate(manifest["class_names"]))
    assert not re.search(r"\d{4}-\d\d-\d\d|\d\d:\d\d", text)  # the same run gives the same card


def test_folder_is_replaced_whole(tmp_path: Path) -> None:
    for name in ("new", "target"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    shutil.copytree(tmp_path / "target", tmp_path / ".target.old")
    command.replace(tmp_path / "new", tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (tmp_path / "target/file").read_text() == "new"
