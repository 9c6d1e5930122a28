"""Several outputs, several labels, and outputs that are fewer or more than the folders."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from valgap.check import forward, outputs
from valgap.ground.errors import SuiteError

NAMES = ("ant", "bee", "cat")
MODEL = Path("m")
IMAGES = np.random.default_rng(0).random((4, 6, 6, 1), dtype=np.float32)


def two_outputs(as_dict: bool) -> keras.Model:
    image = keras.Input((6, 6, 1))
    flat = layers.Flatten()(image)
    species, age = layers.Dense(3, name="species")(flat), layers.Dense(1, name="age")(flat)
    return keras.Model(image, {"species": species, "age": age} if as_dict else [species, age])


@pytest.mark.parametrize("as_dict", [False, True])
def test_one_of_several_outputs_is_chosen_by_name_or_place(as_dict: bool) -> None:
    model = two_outputs(as_dict)
    takes = forward.input_of(model, MODEL)
    values = forward.named_outputs(model, model(IMAGES))
    assert sorted(values) == ["age", "species"]
    for asked in ("species", str([*values].index("species"))):
        found = forward.answer_function(model, takes, MODEL, asked)(IMAGES).outputs
        np.testing.assert_allclose(found, values["species"], atol=1e-6)
    assert forward.answer_function(model, takes, MODEL, "age")(IMAGES).outputs.shape == (4, 1)
    with pytest.raises(
        SuiteError, match=r"has 2 outputs: .*\d species \(3,\).*name that which says the class, --output \w+"
    ):
        forward.answer_function(model, takes, MODEL)(IMAGES)
    for absent in ("sex", "2", "-1"):
        with pytest.raises(SuiteError, match=rf"--output = {absent} is none of the outputs of MODEL = m: .*species"):
            forward.answer_function(model, takes, MODEL, absent)(IMAGES)


def test_outputs_of_a_subclass_go_by_their_place() -> None:
    class Two(keras.Model):  # type: ignore[misc]
        def call(self, images: object) -> object:
            mean = keras.ops.mean(images, axis=(1, 2))
            return mean, [mean, 2 * mean]

    named = forward.named_outputs(Two(), Two()(IMAGES))
    assert [*named] == ["output 0", "output 1", "output 2"]
    np.testing.assert_allclose(forward.chosen(named, "2", MODEL), 2 * named["output 0"])


@pytest.mark.parametrize(
    ("count", "classes", "fit"),
    [(3, 3, "fits"), (1, 2, "fits"), (1, 5, "one"), (6, 5, "more"), (4, 5, "fewer"), (1, 1, "fits"), (2, 1, "more")],
)
def test_outputs_are_compared_with_folders(count: int, classes: int, fit: str) -> None:
    assert outputs.fit_of(count, classes) == fit


def test_refusals_say_which_case_it_is() -> None:
    for count, words_of in (
        (1, r"gives 1 score an image, but DATA has 3 class folders \(ant, bee, cat\): a regression\?"),
        (5, r"gives 5 scores .*: 2 more than folders, and which output belongs to which folder is not known"),
        (2, "gives 2 scores .*: 1 of them it cannot name"),
    ):
        with pytest.raises(SuiteError, match=words_of):
            outputs.to_probabilities(np.zeros((2, count)), NAMES, MODEL)


def sigmoids(labels: np.ndarray, seed: int) -> np.ndarray:
    """Outputs of a model that is mostly right about labels (n, k) of 0 and 1."""
    noise = np.random.default_rng(seed).normal(0, 1.5, labels.shape)
    return np.asarray(1 / (1 + np.exp(-(6 * labels - 3 + noise))))


def test_several_labels_an_image_are_told_from_one() -> None:
    rng = np.random.default_rng(0)
    several = rng.random((200, 5)) < 0.4
    assert outputs.is_multi_label(sigmoids(several, 1))
    with pytest.raises(
        SuiteError, match=r"names two or more classes at once in \d+% of the images: a multi-label model"
    ):
        outputs.check_single_label(sigmoids(several, 1), MODEL)
    one = np.eye(5)[rng.integers(0, 5, 200)]
    assert not outputs.is_multi_label(sigmoids(one, 2))  # one sigmoid a class
    assert not outputs.is_multi_label(1 / (1 + np.exp(-rng.normal(0, 0.7, (200, 5)))))  # initial weights
    assert not outputs.is_multi_label(rng.normal(0, 3, (200, 5)))  # logits
    assert not outputs.is_multi_label(one)  # probabilities
    saturated = np.tile([1.0, 1.0, 0.0, 1.0, 0.0], (200, 1))
    assert not outputs.is_multi_label(saturated)  # the wrong range of pixels
    assert not outputs.is_multi_label(sigmoids(several, 1)[:, :1])
    outputs.check_single_label(sigmoids(one, 2), MODEL)
