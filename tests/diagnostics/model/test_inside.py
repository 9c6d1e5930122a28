"""What a model does to pixels itself, and pixels that are divided twice."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from keras.applications import mobilenet_v2, resnet50

from tests.diagnostics.model.networks import SIDE, network, values
from valgap.diagnostics.model.divided import divided_twice
from valgap.diagnostics.model.inside import Inside, inside


class Own(keras.layers.Layer):  # type: ignore[misc]
    def call(self, images: Any) -> Any:
        return images / 255 - 0.5


class Each(keras.layers.Layer):  # type: ignore[misc]
    """Standardises each image."""

    def call(self, images: Any) -> Any:
        spread = keras.ops.std(images, axis=(1, 2, 3), keepdims=True)
        return (images - keras.ops.mean(images, axis=(1, 2, 3), keepdims=True)) / keras.ops.maximum(spread, 1e-3)


@pytest.mark.parametrize(
    ("first", "scale", "offset", "kind"),
    [
        ([layers.Rescaling(1 / 255)], 1 / 255, 0, "Rescaling"),
        ([layers.Rescaling(1 / 127.5, -1)], 1 / 127.5, -1, "Rescaling"),
        ([layers.RandomFlip(), layers.Resizing(6, 6), layers.Rescaling(1 / 255)], 1 / 255, 0, "Rescaling"),
        ([layers.Normalization(mean=120.0, variance=3600.0)], 1 / 60, -2, "Normalization"),
        ([layers.Rescaling(255.0), layers.Rescaling(1 / 127.5, -1)], 2, -1, "Rescaling"),
        ([Own()], 1 / 255, -0.5, "Own"),
    ],
)
def test_what_layers_do_to_pixels_is_measured(first: list[Any], scale: float, offset: float, kind: str) -> None:
    model = network(*first)
    before = values(model)
    found = inside(model)
    assert found is not None
    assert found.scale == pytest.approx(scale, rel=1e-3)
    assert found.offset == pytest.approx(offset, abs=1e-4)
    assert found.kind == kind
    assert found.divides is (scale < 0.03)
    for one, other in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("first", [[], [layers.RandomFlip()], [Each()], [layers.BatchNormalization()]])
def test_models_that_divide_nothing_or_learnt_their_scale(first: list[Any]) -> None:
    assert inside(network(*first)) is None


def test_operations_of_keras_applications_are_measured() -> None:
    image = keras.Input((SIDE, SIDE, 3))
    for preprocess, scale in ((mobilenet_v2.preprocess_input, 1 / 127.5), (resnet50.preprocess_input, 1.0)):
        model = keras.Model(image, layers.Flatten()(layers.Conv2D(2, 3)(preprocess(image))))
        found = inside(model)
        assert found is not None
        assert found.scale == pytest.approx(scale, rel=1e-3)
        assert found.divides is (scale < 0.03)


def test_subclasses_and_models_without_a_kernel() -> None:
    class Whole(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.steps = [layers.Rescaling(1 / 255), layers.Conv2D(2, 3), layers.Flatten()]

        def call(self, images: Any) -> Any:
            for step in self.steps:
                images = step(images)
            return images

    model = Whole()
    model(np.zeros((1, SIDE, SIDE, 1), np.float32))
    found = inside(model, (SIDE, SIDE, 1))
    assert found is not None
    assert found.divides
    assert inside(keras.Sequential([keras.Input((SIDE, SIDE, 1)), layers.Rescaling(1 / 255), layers.Flatten()])) is None


def right(share: float) -> Any:
    return np.arange(400) < round(400 * share)


def test_pixels_divided_twice_are_told_by_both_accuracies() -> None:
    found = Inside(1 / 255, 0, "rescaling", "Rescaling")
    seen = divided_twice(found, right(0.6), right(0.2))
    assert seen is not None
    assert (seen.code, seen.severity, seen.evidence["trained"]) == ("VG206", "problem", True)
    well = divided_twice(found, right(0.97), right(0.3))
    assert well is not None
    assert well.severity == "worth a look"  # it learnt in spite of it
    assert divided_twice(found, right(0.2), right(0.95)) is None  # as it should be
    assert divided_twice(found, right(0.2), right(0.2)) is None
    fed = divided_twice(found, right(0.2), right(0.95), fed="0-1")
    assert fed is not None
    assert (fed.severity, fed.evidence["trained"]) == ("problem", False)
    assert divided_twice(found, right(0.2), right(0.95), fed="0-255") is None
    nothing = divided_twice(found, right(0.2), right(0.2), fed="-1-1")  # it learnt nothing, and is fed small pixels
    assert nothing is not None
    assert (nothing.severity, nothing.evidence["trained"]) == ("problem", None)
    both = divided_twice(found, right(0.95), right(0.95), fed="0-1")
    assert both is not None
    assert both.severity == "worth a look"
    assert divided_twice(None, right(0.6), right(0.2)) is None
    assert divided_twice(Inside(2, -1, "r", "Rescaling"), right(0.6), right(0.2)) is None
