"""`valgap.check` on the very objects that are passed to `fit`: faults that only they give away, and no trace left."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

import valgap
from valgap.check.stated import Stated

SIDE, KINDS = 12, 3
Pixels = NDArray[np.float32]
Labels = NDArray[np.int64]


def draw(count: int, seed: int) -> tuple[Pixels, Labels]:
    """Coloured noise, 0 to 255, with a patch whose place and colour tell the class."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % KINDS)
    images = rng.integers(0, 150, (count, SIDE, SIDE, 3)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[4 * label : 4 * label + 3, 2:10, label] += 90
    return images, labels


def network() -> keras.Model:
    body = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), *body, layers.Dense(KINDS, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def trained() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = network()
    images, labels = draw(300, 0)
    model.fit(images / 255, labels, epochs=8, verbose=0)
    return model


def serious(findings: tuple[Stated, ...]) -> list[str]:
    return [each.code for each in findings if each.severity == "problem"]


def test_sound_objects_of_every_kind_give_the_same_scores_and_no_problem(trained: keras.Model) -> None:
    (x, y), (x_val, y_val) = draw(300, 0), draw(150, 1)
    pair = (x / 255, y), (x_val / 255, y_val)
    one_hot = tuple((a, keras.utils.to_categorical(b, KINDS)) for a, b in pair)
    sets = tuple(tf.data.Dataset.from_tensor_slices(each).batch(32) for each in pair)
    endless = sets[0].shuffle(10).repeat(), sets[1].repeat()
    found = [
        valgap.check(trained, *pair),
        valgap.check(trained, *one_hot),
        valgap.check(trained, *sets),
        valgap.check(trained, *(each.unbatch() for each in sets)),
    ]
    headlines = {each.to_dict()["headline"] for each in found}
    assert len(headlines) == 1
    assert all(serious(each.findings) == [] for each in (*found, valgap.check(trained, *endless, steps=4)))


def test_another_preprocessing_in_validation_is_named_first_and_explains_what_was_seen(trained: keras.Model) -> None:
    (x, y), (x_val, y_val) = draw(300, 0), draw(150, 1)
    fed = x_val / 255 / 30
    seen = float(trained.evaluate(fed, y_val, verbose=0)[1])
    assert seen < 0.7
    report = valgap.check(trained, (x / 255, y), (fed, y_val), saw=(0.99, round(seen, 3)))
    assert report.findings[0].code == "VG301"
    assert "are not preprocessed alike" in report.to_dict()["headline"]
    assert not any("valgap repro" in step for step in report.markdown().partition("### Next")[2].splitlines()[:8])


def test_channels_labels_and_order_are_told_apart(trained: keras.Model) -> None:
    (x, y), (x_val, y_val) = draw(300, 0), draw(150, 1)
    train = (x / 255, y)
    swapped = valgap.check(trained, train, (x_val[..., ::-1] / 255, y_val))
    assert swapped.findings[0].code == "VG302"
    renamed = valgap.check(trained, train, (x_val / 255, (y_val + 1) % KINDS))
    assert renamed.findings[0].code == "VG305"
    mixed = valgap.check(trained, train, (x_val / 255, np.random.default_rng(0).permutation(y_val)))
    assert mixed.findings[0].code == "VG304"


def test_the_model_the_seeds_and_the_policy_are_left_as_they_were(trained: keras.Model) -> None:
    (x, y), (x_val, y_val) = draw(60, 0), draw(30, 1)
    variables = [*trained.variables, *trained.optimizer.variables]
    before = [np.asarray(each).copy() for each in variables]
    keras.utils.set_random_seed(3)
    expected = np.random.rand(), float(tf.random.uniform(()))
    keras.utils.set_random_seed(3)
    valgap.check(trained, (x / 255, y), (x_val / 255, y_val))
    assert (np.random.rand(), float(tf.random.uniform(()))) == expected
    assert keras.config.dtype_policy().name == "float32"
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)
    assert trained.optimizer is not None


def test_a_history_says_since_when_it_overfits(trained: keras.Model) -> None:
    (x, y), (x_val, y_val) = draw(300, 0), draw(150, 1)
    epochs = np.arange(20)
    history = {"loss": 1.0 * 0.8**epochs, "val_loss": 0.5 + 0.004 * (epochs - 6.0) ** 2}
    report = valgap.check(trained, (x / 255, y), (x_val / 255, y_val), history=history)
    assert any(each.code == "VG401" and "epoch 7" in each.title for each in report.findings)


def test_what_cannot_be_used_is_named(trained: keras.Model) -> None:
    x, y = draw(30, 0)
    with pytest.raises(valgap.SuiteError, match="train is an array of images without labels"):
        valgap.check(trained, x)
    with pytest.raises(valgap.SuiteError, match="steps"):
        valgap.check(trained, tf.data.Dataset.from_tensor_slices((x, y)).batch(5).repeat())
    with pytest.raises(valgap.SuiteError, match=r"fails on images of shape \(8, 12, 3\)"):
        valgap.check(trained, (x / 255, y), (x[:, :8] / 255, y))
