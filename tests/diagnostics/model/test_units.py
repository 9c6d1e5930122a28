"""Units that never fire, one class for all, values that are not finite."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.diagnostics.model.networks import SIDE, network, patches, values
from valgap.diagnostics.model.units import Firing, dead_units, firing, not_finite, one_class

IMAGES = patches(40, 1)[0]


def test_units_that_never_fire_are_counted_over_all_batches() -> None:
    model = keras.Sequential(
        [keras.Input((2,)), layers.Dense(3, activation="relu"), layers.Dense(2), layers.ReLU(), layers.Dense(2),
         layers.ReLU(negative_slope=0.1)]
    )  # fmt: skip
    model.layers[0].set_weights([np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.array([0.0, 0, -1])])
    model.layers[1].set_weights([np.full((3, 2), -1.0), np.zeros(2)])
    before = values(model)
    batches = [np.array([[1.0, 0]], np.float32), np.array([[0, 1.0]], np.float32)]
    found = firing(model, batches)
    assert [(each.units, each.dead) for each in found] == [(3, 1), (2, 2)]
    assert firing(model, batches[:1])[0].dead == 2
    for one, other in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(one, other)


def test_filters_count_as_dead_where_no_place_fires() -> None:
    model = network(norm=False)
    model.layers[0].bias.assign([0, 0, -100, 0])
    (found,) = firing(model, [IMAGES])
    assert (found.units, found.dead) == (4, 1)


def test_a_dead_layer_is_a_problem_and_a_mostly_dead_one_worth_a_look() -> None:
    def seen(*dead: tuple[int, int], images: int = 200) -> Any:
        return dead_units([Firing(f"layer{n}", of, count) for n, (count, of) in enumerate(dead)], images)

    assert seen((3, 16), (10, 16)) is None
    found = seen((0, 16), (16, 16))
    assert (found.code, found.severity, found.evidence["layer"]) == ("VG204", "problem", "layer1")
    most = seen((2, 16), (13, 16))
    assert (most.severity, most.evidence["dead"]) == ("worth a look", 13)
    assert seen((13, 16), images=50) is None  # too few images to tell
    assert seen((3, 4)) is None  # too few units
    assert seen() is None


def test_one_class_for_all_images() -> None:
    labels = np.arange(300) % 3
    found = one_class(np.full(300, 1), labels, ("ant", "bee", "cat"))
    assert found is not None
    assert (found.code, found.severity, found.evidence["name"], found.evidence["share"]) == (
        "VG205",
        "problem",
        "bee",
        1,
    )
    assert found.evidence["own"] == pytest.approx(1 / 3)
    assert one_class(labels, labels, ("ant", "bee", "cat")) is None
    assert one_class(np.zeros(300, np.int64), np.zeros(300, np.int64), ("ant", "bee")) is None
    assert one_class(np.zeros(300, np.int64), (np.arange(300) < 3).astype(np.int64), ("ant", "bee")) is None  # 1%
    few = one_class(np.zeros(300, np.int64), (np.arange(300) < 15).astype(np.int64), ("ant", "bee"))
    assert few is not None  # nobody names the bees
    assert one_class(np.zeros(20, np.int64), np.arange(20) % 2, ("ant", "bee")) is None


def test_weights_and_outputs_that_are_not_finite_name_their_layer() -> None:
    model = network()
    assert not_finite(model, IMAGES) is None
    kernel = model.layers[0].kernel.numpy()
    kernel[0, 0, 0, :2] = [np.nan, np.inf]
    model.layers[0].kernel.assign(kernel)
    found = not_finite(model)
    assert found is not None
    assert found.code == "VG207"
    assert (found.evidence["weight"], found.evidence["count"]) == ("kernel", 2)
    assert found.evidence["layer"] == model.layers[0].name
    image = keras.Input((SIDE, SIDE, 1))
    broken = layers.Activation(lambda x: x / (keras.ops.max(x, axis=(1, 2, 3), keepdims=True) - 1), name="divided")(
        image
    )
    other = keras.Model(image, layers.Dense(2)(layers.Flatten()(broken)))
    ones = IMAGES.copy()
    ones[:3] = 1
    seen = not_finite(other, ones)
    assert seen is not None
    assert (seen.evidence["what"], seen.evidence["layer"], seen.evidence["count"]) == ("outputs", "divided", 3)
    assert not_finite(other, IMAGES / np.float32(2)) is None
