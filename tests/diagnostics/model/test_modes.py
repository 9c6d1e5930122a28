"""Training mode without a trace, and what accuracy in both modes says."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.diagnostics.model.networks import SIDE, network, patches, trained, values
from valgap.diagnostics.model import modes, normalisation
from valgap.diagnostics.model.modes import Statistics

IMAGES = patches(48, 1)[0]
BATCHES = [IMAGES[:24], IMAGES[24:]]


class Own(keras.layers.Layer):  # type: ignore[misc]
    """Draws noise in training, from a generator of its own, and from Keras's."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(0)
        self.norm = layers.BatchNormalization()

    def call(self, images: Any, training: bool | None = None) -> Any:
        if training:
            images = images + keras.random.normal((1,), seed=self.seeds) + keras.random.normal((1,))
        return self.norm(images, training=training)


def nested() -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, 1))
    base = keras.Sequential([layers.Conv2D(3, 3), layers.BatchNormalization(), layers.GaussianNoise(1.0)])
    hidden = layers.RandomFlip()(Own()(base(image)))
    return keras.Model(image, layers.Dense(3)(layers.Dropout(0.5)(layers.Flatten()(hidden))))


@pytest.mark.parametrize("make", [network, nested])
def test_training_mode_leaves_no_trace(make: Any) -> None:
    model = make()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(IMAGES, patches(48, 1)[1])
    keras.random.normal((1,))  # now there is a global generator
    before, optimizer = values(model), [np.array(v.numpy()) for v in model.optimizer.variables]
    seed = keras.src.backend.common.global_state.get_global_attribute("global_seed_generator").state.numpy()
    policy, inference = keras.config.dtype_policy(), np.asarray(model(IMAGES, training=False))
    found = modes.training_mode(model, BATCHES)
    assert found.shape == (48, 3)
    again = modes.training_mode(model, BATCHES)
    np.testing.assert_array_equal(found, again)  # dropout, noise and flips are off
    assert not np.allclose(found, inference, atol=1e-3)
    modes.statistics(model, BATCHES)
    modes.re_estimated(model, BATCHES, lambda: model(IMAGES, training=False))
    for one, other in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, variable in zip(optimizer, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, variable.numpy())
    now = keras.src.backend.common.global_state.get_global_attribute("global_seed_generator").state.numpy()
    np.testing.assert_array_equal(seed, now)
    assert keras.config.dtype_policy() == policy
    assert all("call" not in vars(layer) for layer in model._flatten_layers())
    np.testing.assert_array_equal(np.asarray(model(IMAGES, training=False)), inference)


def test_trace_is_removed_where_a_pass_fails() -> None:
    model = network()
    before = values(model)
    with pytest.raises(Exception, match=r"shape|incompatible|dimension"):
        modes.training_mode(model, [IMAGES, IMAGES[:, :4]])
    for one, other in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert all("call" not in vars(layer) for layer in model._flatten_layers())


def test_batch_statistics_are_those_of_the_batch() -> None:
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), layers.BatchNormalization(epsilon=0), layers.Flatten()])
    found = modes.training_mode(model, BATCHES)
    expected = [((batch - batch.mean()) / batch.std()).reshape(len(batch), -1) for batch in BATCHES]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-4)
    (kept,) = modes.statistics(model, BATCHES)
    assert kept.mean == pytest.approx([IMAGES.mean()], abs=1e-5)
    assert (kept.moving_mean.tolist(), kept.moving_variance.tolist(), kept.frozen) == ([0.0], [1.0], False)
    scored = modes.re_estimated(model, BATCHES, lambda: np.asarray(model(IMAGES, training=False)))
    assert scored.mean() == pytest.approx(0, abs=1e-4)
    assert scored.std() == pytest.approx(1, abs=0.02)


def test_frozen_normalisation_runs_alike_in_both_modes() -> None:
    model = network()
    assert modes.has_batch_statistics(model)
    model.layers[1].trainable = False
    assert not modes.has_batch_statistics(model)
    np.testing.assert_allclose(modes.training_mode(model, BATCHES), model(IMAGES), atol=1e-6)
    assert [each.frozen for each in modes.statistics(model, BATCHES)] == [True]
    assert not modes.has_batch_statistics(network(norm=False))


def test_one_of_several_outputs_is_taken() -> None:
    image = keras.Input((SIDE, SIDE, 1))
    flat = layers.Flatten()(layers.BatchNormalization()(image))
    model = keras.Model(image, {"a": layers.Dense(2)(flat), "b": layers.Dense(3)(flat)})
    assert modes.training_mode(model, BATCHES, lambda outputs: outputs["b"]).shape == (48, 3)


def test_company_in_the_batch_is_noticed() -> None:
    class Base(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, training: bool) -> None:
            super().__init__()
            self.norm, self.training = layers.BatchNormalization(), training

        def call(self, images: Any) -> Any:
            return self.norm(images, training=self.training)

    def built(training: bool) -> keras.Model:
        image = keras.Input((SIDE, SIDE, 1))
        return keras.Model(image, layers.Flatten()(Base(training)(image)))

    mixed = np.concatenate([IMAGES[:8], 5 * IMAGES[8:16]])
    for training in (True, False):
        model = built(training)
        before = values(model)
        assert modes.depends_on_others(model, mixed) is training
        for one, other in zip(before, values(model), strict=True):
            np.testing.assert_array_equal(one, other)


# The rule


def stats_of(distance: float, channels: int = 4) -> Statistics:
    """Of a layer whose moving mean lies `distance` standard deviations from the batches'."""
    zeros, ones = np.zeros(channels), np.ones(channels)
    return Statistics("norm", distance * np.sqrt(ones + normalisation.EPSILON), ones, zeros, ones, False)


def right(share: float, images: int = 300) -> Any:
    return np.arange(images) < round(share * images)


def test_distance_is_in_standard_deviations() -> None:
    assert normalisation.distance(stats_of(0.7)) == pytest.approx(0.7)
    ones = np.ones(3)
    double = Statistics("norm", 0 * ones, 4 * ones, 0 * ones, ones, False)
    assert normalisation.distance(double) == pytest.approx(np.log(2), abs=1e-3)


def test_modes_are_compared_image_by_image() -> None:
    found = normalisation.paired(np.array([True] * 8 + [False] * 2), np.array([True] * 3 + [False] * 7))
    assert (found.training, found.inference, found.images) == (0.8, 0.3, 10)
    assert found.p == pytest.approx(0.5**5)  # five gained, none lost
    with pytest.raises(ValueError, match="3 images in training mode and 2"):
        normalisation.paired(right(1, 3), right(1, 2))


def test_modes_are_compared_under_the_reading_that_training_mode_likes() -> None:
    training = {"0-1": 0.94, "-1-1": 0.74, "0-255": 0.93}
    assert normalisation.reading_to_judge(training, {"0-1": 0.2, "-1-1": 0.57, "0-255": 0.1}) == "0-1"
    assert normalisation.reading_to_judge(training, {"0-1": 0.2, "-1-1": 0.57, "0-255": 0.8}) == "0-255"


def test_lagging_statistics_are_a_problem_only_where_all_layers_lag() -> None:
    far = (right(0.99), right(0.53))
    found = normalisation.lagging(*far, [stats_of(2), stats_of(1), stats_of(1.5)], re_estimated=0.98)
    assert found is not None
    assert (found.code, found.severity) == ("VG201", "problem")
    assert found.evidence["difference"] == pytest.approx(0.46)
    first_alone = normalisation.lagging(*far, [stats_of(5), stats_of(0.05), stats_of(0.1)])
    assert first_alone is None  # pixels of another range
    one = normalisation.lagging(*far, [stats_of(2)])
    assert one is not None
    assert one.severity == "worth a look"  # one layer cannot tell
    assert normalisation.lagging(right(0.99), right(0.97), [stats_of(2), stats_of(1)]) is None
    assert normalisation.lagging(right(0.5), right(0.99), [stats_of(2), stats_of(1)]) is None
    few = normalisation.lagging(right(0.9, 20), right(0.5, 20), [stats_of(2), stats_of(1)])
    assert few is not None
    assert few.severity == "worth a look"
    frozen = normalisation.lagging(*far, [stats_of(2), stats_of(1)], frozen_layers=["conv1", "conv2"])
    assert frozen is not None
    assert (frozen.code, frozen.evidence["frozen"]) == ("VG212", 2)


def test_outputs_that_hang_on_the_batch_are_a_problem() -> None:
    found = normalisation.batch_decides(0.3, 100, ["norm"])
    assert found is not None
    assert (found.code, found.severity) == ("VG212", "problem")
    assert normalisation.batch_decides(0.3, 0, ["norm"]) is None
    assert normalisation.batch_decides(0.3, 10, []) is None


def test_lag_of_a_trained_network_is_seen_and_mended() -> None:
    images, labels = patches(96, 3)
    keras.utils.set_random_seed(0)  # layers draw the seeds of their weights when they are made
    first = (layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(momentum=0.8), layers.ReLU())
    model = trained(network(*first, momentum=0.8), 60)
    for layer in (model.layers[1], model.layers[4]):  # off by six standard deviations, up and down
        spread = np.sqrt(layer.moving_variance.numpy()) * [6, -6, 6, -6]
        layer.moving_mean.assign(layer.moving_mean.numpy() + spread)
    batches = [images[start : start + 32] for start in range(0, 96, 32)]
    training = modes.training_mode(model, batches).argmax(axis=1) == labels
    inference = np.asarray(model(images)).argmax(axis=1) == labels
    mended = modes.re_estimated(model, batches, lambda: np.asarray(model(images)).argmax(axis=1) == labels)
    assert training.mean() > 0.95
    assert mended.mean() > 0.95
    assert inference.mean() < 0.85
    found = normalisation.lagging(training, inference, modes.statistics(model, batches), float(mended.mean()))
    assert found is not None
    assert found.code == "VG201"
