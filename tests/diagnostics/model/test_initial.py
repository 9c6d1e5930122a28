"""Initial weights are told from trained ones, also after one step."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.diagnostics.model.networks import SIDE, network, trained
from valgap.diagnostics.model import initial
from valgap.diagnostics.model.initial import Draws

INITIALIZERS = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
                keras.initializers.RandomNormal(stddev=0.1), keras.initializers.RandomUniform(-0.2, 0.2),
                keras.initializers.VarianceScaling(0.5, "fan_out", "untruncated_normal")]  # fmt: skip


@pytest.mark.parametrize(
    "initializer", INITIALIZERS, ids=lambda each: each if isinstance(each, str) else type(each).__name__
)
def test_draws_of_an_initializer_are_known_again(initializer: Any) -> None:
    for seed in range(5):
        keras.utils.set_random_seed(seed)
        layer = layers.Conv2D(8, 3, kernel_initializer=initializer)
        layer.build((None, SIDE, SIDE, 8))
        assert initial.is_drawn(layer, layer.kernel)
        layer.kernel.assign(layer.kernel * 2)
        assert not initial.is_drawn(layer, layer.kernel)


def test_draws_are_judged_by_bounds_and_form() -> None:
    uniform = np.random.default_rng(0).uniform(-1, 1, 2000)
    assert Draws("uniform", 0, 1, 1).fits(uniform)
    assert not Draws("uniform", 0, 0.9, 1).fits(uniform)  # beyond the bound
    assert not Draws("uniform", 0, 2, 1).fits(uniform)  # within, of another form
    assert not Draws("normal", 0, 1, 2).fits(uniform)


@pytest.mark.parametrize("norm", [False, True])
def test_networks_are_initial_until_their_first_step(norm: bool) -> None:
    model = network(norm=norm)
    found = initial.initial_weights(initial.look(model))
    assert found is not None
    assert (found.code, found.severity, found.evidence["part"]) == ("VG202", "problem", "all")
    assert initial.initial_weights(initial.look(trained(model, 1, rate=1e-4))) is None


def test_kernels_alone_are_worth_a_look() -> None:
    model = network(norm=False, bias=False)
    found = initial.initial_weights(initial.look(model))
    assert found is not None
    assert found.severity == "worth a look"
    assert initial.initial_weights(initial.look(trained(model, 1))) is None


def test_head_and_base_are_told() -> None:
    model = trained(network(), 2)
    model.layers[-1].set_weights(network().layers[-1].get_weights())
    head = initial.initial_weights(initial.look(model))
    assert head is not None
    assert (head.severity, head.evidence["part"], head.evidence["initial"]) == ("problem", "head", 1)
    image = keras.Input((SIDE, SIDE, 1))
    base = keras.Sequential([layers.Conv2D(16, 3), layers.ReLU(), layers.Conv2D(16, 3), layers.GlobalMaxPooling2D()])
    base.trainable = False
    frozen = keras.Model(image, layers.Dense(3, activation="softmax")(base(image)))
    found = initial.initial_weights(initial.look(trained(frozen, 2)))
    assert found is not None
    assert (found.severity, found.evidence["part"], found.evidence["initial"]) == ("problem", "base", 2)
    assert found.evidence["weights"] == 9 * 16 + 9 * 16 * 16


def test_biases_that_start_elsewhere_are_asked_of_their_initializer() -> None:
    keras.utils.set_random_seed(0)
    start = keras.initializers.Constant(-2.0)
    model = keras.Sequential([keras.Input((64,)), layers.Dense(8, bias_initializer=start)])
    assert initial.look(model)[0].start is True
    model.layers[0].bias.assign(np.zeros(8))
    assert initial.look(model)[0].start is False
    drawn = keras.Sequential([keras.Input((64,)), layers.Dense(8, bias_initializer="random_normal")])
    assert initial.look(drawn)[0].start is None


def test_nothing_is_said_of_a_model_without_kernels() -> None:
    assert initial.initial_weights(initial.look(keras.Sequential([keras.Input((3,)), layers.ReLU()]))) is None
    assert initial.initial_weights([]) is None
