"""Preflight: seconds on a copy name what keeps a model from learning, and leave the model as it is."""

import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from valgap.check.preflight import one_batch, preflight
from valgap.check.short_training import rate_of
from valgap.diagnostics.pipeline import early
from valgap.ground.errors import SuiteError

LOSS = "sparse_categorical_crossentropy"


def images(count: int = 64) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 4
    made = rng.uniform(0, 0.4, (count, 10, 10, 1)) + 0.15 * labels[:, np.newaxis, np.newaxis, np.newaxis]
    return made.astype(np.float32), labels


def network(rate: float = 3e-3, loss: Any = LOSS, outputs: int = 4, **last: Any) -> Any:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((10, 10, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(outputs, **({"activation": "softmax"} | last)),
        ]
    )
    model.compile(keras.optimizers.Adam(rate), loss)
    return model


def codes(model: Any, data: Any, severity: str = "problem", **settings: Any) -> list[str]:
    found = preflight(model, data, **settings)
    assert found.markdown().count("n/a") == 0 or not np.isfinite(found.start.loss)
    return [each.code for each in found.seen if each.severity == severity]


def test_a_sound_model_is_told_so_and_stays_as_it_was() -> None:
    model = network()
    model.fit(*images(), epochs=1, verbose=0)
    weights = [np.array(each) for each in model.get_weights()]
    slots, steps = [each.numpy() for each in model.optimizer.variables], int(model.optimizer.iterations)
    random.seed(2), np.random.seed(2), tf.random.set_seed(2)
    expected = (random.random(), np.random.random(), float(tf.random.uniform(())))
    random.seed(2), np.random.seed(2), tf.random.set_seed(2)
    x, y = images()
    found = preflight(model, (x, np.eye(4)[y].argmax(axis=1)), val=(x[:40], y[:40]), seconds=60)
    assert found.seen == ()
    assert (random.random(), np.random.random(), float(tf.random.uniform(()))) == expected
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(slots, model.optimizer.variables, strict=True))
    assert int(model.optimizer.iterations) == steps
    assert float(model.optimizer.learning_rate) == pytest.approx(3e-3)
    assert repr(found) == found.markdown()
    assert "Nothing stands out" in repr(found)
    assert "The same on 40 validation images" in repr(found)


def test_one_hot_labels_and_two_classes_by_one_output_are_taken() -> None:
    x, y = images()
    model = network(loss="categorical_crossentropy")
    assert codes(model, tf.data.Dataset.from_tensor_slices((x, np.eye(4)[y])).batch(16), seconds=60) == []
    model = network(loss="binary_crossentropy", outputs=1, activation="sigmoid")
    found = preflight(model, (x, y % 2), seconds=60)
    assert found.start.expected == pytest.approx(np.log(2))
    assert [each.code for each in found.seen if each.severity == "problem"] == []


def test_a_rate_that_is_far_too_high_is_named_with_one_that_works() -> None:
    found = preflight(network(rate=3.0), images(), seconds=60)
    (seen,) = [each for each in found.seen if each.severity == "problem"]
    assert (seen.code, seen.evidence["kind"], seen.evidence["rate"]) == ("VG503", "high", 3.0)
    assert found.curve.suggested is not None
    assert 1e-5 < found.curve.suggested < 0.3
    assert "Compile with about" in found.markdown()


def test_pixels_without_scaling_show_in_the_first_loss() -> None:
    x, y = images()
    assert "VG501" in codes(network(), (x * 255, y), seconds=60)


def test_nothing_to_train_and_nan_are_named_without_training() -> None:
    model = network()
    model.trainable = False
    assert codes(model, images(), seconds=60) == ["VG504"]
    x, y = images()
    x[3] = np.nan
    assert codes(network(), (x, y), seconds=60) == ["VG504"]


def test_a_network_that_cannot_learn_a_batch_is_named() -> None:
    x, y = images()
    assert codes(network(), (np.full_like(x, 0.5), y), seconds=60) == ["VG502"]  # one and the same image


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: keras.Sequential([keras.layers.Input((10, 10, 1)), keras.layers.Flatten()]), "is not compiled"),
        (lambda: keras.layers.Dense(1), "give a keras.Model"),
        (lambda: network(loss="categorical_crossentropy"), "cannot be computed on what train gives"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_a_cure(model: Any, words: str) -> None:
    with pytest.raises(SuiteError, match=words):
        preflight(model(), images())


def test_time_must_be_left() -> None:
    with pytest.raises(SuiteError, match="seconds = 0 leaves no time"):
        preflight(network(), images(), seconds=0)


def test_the_highest_rate_of_a_schedule_counts() -> None:
    schedule = keras.optimizers.schedules.CosineDecay(0.0, 1000, warmup_target=0.01, warmup_steps=100)
    assert rate_of(keras.optimizers.Adam(schedule)) == pytest.approx(0.01)
    assert rate_of(keras.optimizers.SGD(0.5)) == pytest.approx(0.5)


def test_one_batch_holds_as_many_of_each_class_as_there_are() -> None:
    rows = one_batch(np.repeat([0, 1, 2], [200, 8, 2]))
    counts = np.bincount(np.repeat([0, 1, 2], [200, 8, 2])[rows])
    assert len(rows) == 32
    assert counts.tolist() == [22, 8, 2]


# Rules


def test_a_range_of_rates_is_read_off_the_losses() -> None:
    rates = np.logspace(-6, 0, 61).tolist()
    losses = [2.0] * 30 + np.linspace(2, 0.5, 15).tolist() + np.linspace(0.5, 9, 16).tolist()
    curve = early.curve_of(rates, losses, 1e-3)
    assert curve.low is not None
    assert curve.high is not None
    assert rates[30] <= curve.low <= rates[38]
    assert rates[44] <= curve.high <= rates[48]
    assert early.curve_of(rates, [2.0] * 61, 1e-3).suggested is None
    assert early.blown([1.0] * 12 + [9.0] * 3)
    assert not early.blown([1.0] * 15)


def test_trained_weights_are_not_judged_by_their_first_loss() -> None:
    start = early.Start(200, 9.0, np.log(10), 0.1, 0.1, 10)
    assert (start.trained, early.initial(start) is not None) == (False, True)
    start = early.Start(200, 9.0, np.log(10), 0.4, 0.1, 10)
    assert (start.trained, early.initial(start)) == (True, None)
    assert early.initial(early.Start(200, 2.4, np.log(10), 0.1, 0.1, 10)) is None
    assert early.initial(early.Start(200, 9.0, None, 0.1, 0.1, 10)) is None


def test_time_that_ran_out_is_no_failure() -> None:
    failed = early.Heart(32, 0.1, 2.3, 2.3, 120, 1e-3, 0.1, True)
    assert early.memory(failed) is not None
    assert early.memory(early.Heart(32, 0.1, 2.3, 2.3, 40, 1e-3, 0.1, False)) is None
    saved = early.Heart(32, 1.0, 2.3, 0.1, 20, 1e-2, 0.1, False, "adam")
    assert early.memory(early.Heart(32, 0.1, 2.3, 2.3, 120, 1e-3, 0.1, True, "compiled", (saved,))) is None


def test_missing_gradients_are_told_from_broken_ones() -> None:
    names = ["a", "b"]
    assert early.gradient(names, [False] * 2, [False] * 2, [False] * 2, 1.0) is None
    for kind, flags, severity in (
        ("missing", ([True, False], [False] * 2, [False] * 2), "worth a look"),
        ("broken", ([False] * 2, [True, False], [False] * 2), "problem"),
        ("zero", ([False] * 2, [False] * 2, [True, True]), "problem"),
        ("zero", ([False] * 2, [False] * 2, [True, False]), "worth a look"),
    ):
        seen = early.gradient(names, *flags, 1.0)
        assert seen is not None
        assert (seen.evidence["kind"], seen.severity) == (kind, severity)


def test_every_text_of_a_code_is_there() -> None:
    import yaml

    folder = Path(__file__).parents[2] / "valgap/check/faults"
    for name, numbers in (("pipeline", range(301, 313)), ("preflight", range(501, 505))):
        texts = yaml.safe_load((folder / f"{name}.yaml").read_text())
        assert [key for key in texts if key.startswith("VG")] == [f"VG{number}" for number in numbers]
        for key in texts:
            if key.startswith("VG"):
                assert list(texts[key]) == ["title", "found", "effect", "cure"]
                assert (folder.parents[2] / f"docs/findings/{key}.md").read_text().startswith(f"# {key} ")
