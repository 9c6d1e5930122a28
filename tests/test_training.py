import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from stages.errors import SuiteError
from stages.model import replicate as replicate_module
from stages.model.augment import augment
from stages.model.cnn import build_model, initial_state
from stages.model.loop import batch_order, make_prediction, make_training, to_unit
from stages.model.replicate import Examples, train_replicate
from stages.params.experiment import Augmentation, Train
from stages.params.suite import load
from tests.scratch import ROOT

PARAMS = load(ROOT / "params.yaml")
TOY = dataclasses.replace(PARAMS.train, steps=8, batch_size=8, curve_points=4)
SHAPE = (12, 12, 1)


def variant(**changes: object) -> Train:
    return dataclasses.replace(TOY, **changes)  # type: ignore[arg-type]


def examples(seed: int, count: int = 40) -> Examples:
    """Noise with a bright corner that tells the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.integers(0, 60, (count, *SHAPE), dtype=np.uint8)
    images[np.arange(count), labels * 3, labels * 3] = 255
    return Examples(images, labels)


SPLITS = {"train": examples(0), "val": examples(1), "test": examples(2, 130)}


def small_network() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def test_source_cnn_is_the_one_of_the_source() -> None:
    model = build_model((28, 28, 1), 10, PARAMS.train)
    assert model.count_params() == 421_642
    assert model.output_shape == (None, 10)
    assert not model.losses
    kinds = [type(layer).__name__ for layer in build_model((28, 28, 1), 10, PARAMS.variants["dropout"]).layers]
    assert kinds == [
        "Conv2D", "MaxPooling2D", "Dropout", "Conv2D", "MaxPooling2D", "Dropout",
        "Flatten", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    penalised = build_model((28, 28, 1), 10, PARAMS.variants["l2"])
    kernels = [penalised.layers[i].kernel for i in (0, 2, 5)]
    assert float(sum(penalised.losses)) == pytest.approx(
        0.001 * sum(float(tf.reduce_sum(k**2)) for k in kernels), rel=1e-5
    )


@pytest.mark.parametrize(
    "make", [keras.optimizers.Adam, lambda: keras.optimizers.SGD(0.05, momentum=0.9), keras.optimizers.AdamW]
)
def test_loop_takes_the_steps_that_stock_keras_takes(make) -> None:
    """Also with batch normalisation, a penalty and other optimizers: weights agree to 1e-5 after 12 steps."""
    data, order = SPLITS["train"], batch_order(40, 12, 8, np.random.default_rng(0))
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(4)
        models.append(small_network())
    optimizer = make()
    optimizer.build(models[0].trainable_variables)
    train = make_training(models[0], optimizer, lambda batch, seed: batch)
    losses = train(
        tf.constant(data.images), tf.constant(data.labels), tf.constant(order), tf.constant(0), tf.constant(1)
    )
    models[1].compile(make(), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    stock = []
    for rows in order:
        models[1].reset_metrics()
        stock.append(models[1].train_on_batch(data.images[rows] / np.float32(255), data.labels[rows]))
    np.testing.assert_allclose(losses, np.array(stock).reshape(len(order)), rtol=1e-4)
    for ours, theirs in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_segments_of_a_run_equal_one_long_run() -> None:
    data, order = SPLITS["train"], batch_order(40, 6, 8, np.random.default_rng(0))
    policy, results = Augmentation(rotation_degrees=30.0, horizontal_flip=True), []
    for boundaries in ([0, 6], [0, 2, 6]):
        keras.utils.set_random_seed(4)
        model, optimizer = small_network(), keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)
        train = make_training(model, optimizer, lambda batch, seed: augment(batch, policy, seed))
        arrays = tf.constant(data.images), tf.constant(data.labels)
        for start, stop in itertools.pairwise(boundaries):
            train(*arrays, tf.constant(order[start:stop]), tf.constant(start), tf.constant(9))
        results.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    assert np.array_equal(results[0], results[1])


def test_batch_order_is_whole_passes_end_to_end() -> None:
    order = batch_order(10, steps=7, batch_size=4, rng=np.random.default_rng(0))
    assert order.shape == (7, 4)
    stream = order.ravel()
    assert sorted(stream[:10]) == sorted(stream[10:20]) == list(range(10))
    assert len(set(stream[20:])) == 8


def test_prediction_scores_every_example_in_order() -> None:
    model = small_network()
    found = make_prediction(model)(SPLITS["test"].images)  # 130: one whole batch and a part
    expected = tf.nn.softmax(model(to_unit(SPLITS["test"].images), training=False))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_same_replicate_gives_the_same_bits_and_any_other_gives_others() -> None:
    settings = variant(dropout=(0.2, 0.2, 0.2), augmentation=Augmentation(rotation_degrees=10.0))

    def probabilities(seed: int, replicate: int) -> np.ndarray:
        return train_replicate(settings, TOY, seed, replicate, SPLITS, 3).probabilities["test"]

    first, other_replicate, other_seed = probabilities(1, 0), probabilities(1, 1), probabilities(2, 0)
    again = probabilities(1, 0)  # after others in the same process: nothing is carried over
    assert np.array_equal(first, again)
    replicate_module._machine.cache_clear()
    assert np.array_equal(first, probabilities(1, 0))
    assert not np.array_equal(first, other_replicate)
    assert not np.array_equal(first, other_seed)


def test_variants_of_a_replicate_start_from_the_same_weights() -> None:
    kinds = {"baseline": TOY, "dropout": variant(dropout=(0.2, 0.2, 0.2)), "l2": variant(l2_penalty=0.1)}
    states = {}
    for name, settings in kinds.items():
        state = initial_state(SHAPE, 3, settings, TOY, weights_seed=11, dropout_seed=12)
        model = build_model(SHAPE, 3, settings)
        for variable, value in zip(model.variables, state, strict=True):
            variable.assign(value)
        states[name] = model.get_weights()
    for name in ("dropout", "l2"):
        for ours, base in zip(states[name], states["baseline"], strict=True):
            assert np.array_equal(ours, base), name
    other = initial_state(SHAPE, 3, TOY, TOY, weights_seed=13, dropout_seed=12)
    assert not np.array_equal(other[0], states["baseline"][0])


def test_knobs_bite() -> None:
    base = train_replicate(TOY, TOY, 1, 0, SPLITS, 3).probabilities["test"]
    for changed in (
        variant(dropout=(0.5, 0.0, 0.0)),
        variant(l2_penalty=0.1),
        variant(augmentation=Augmentation(horizontal_flip=True)),
        variant(learning_rate=0.01),
    ):
        assert not np.array_equal(train_replicate(changed, TOY, 1, 0, SPLITS, 3).probabilities["test"], base)


def test_augmentation_never_reaches_scored_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the policy makes of training batches, curves and predictions see the images as they are."""
    seen: list[np.ndarray] = []

    def spying(model: keras.Model):
        predict = make_prediction(model)

        def spy(images: np.ndarray) -> np.ndarray:
            seen.append(images.copy())
            return predict(images)

        return spy

    monkeypatch.setattr(replicate_module, "make_prediction", spying)
    replicate_module._machine.cache_clear()
    originals = {name: split.images.copy() for name, split in SPLITS.items()}
    wild = variant(augmentation=Augmentation(180.0, 0.5, 0.5, 10.0, 0.5, True))
    train_replicate(wild, TOY, 1, 0, SPLITS, 3)
    replicate_module._machine.cache_clear()
    assert len(seen) == 2 * TOY.curve_points + 3
    for images in seen:
        assert any(np.array_equal(images, original) for original in originals.values())
    for name, split in SPLITS.items():
        assert np.array_equal(split.images, originals[name])


def test_history_is_fair_and_ends_where_the_predictions_are() -> None:
    trained = train_replicate(variant(dropout=(0.5, 0.5, 0.5)), TOY, 1, 0, SPLITS, 3)
    assert [row["step"] for row in trained.history] == [2, 4, 6, 8]
    assert [row["epoch"] for row in trained.history] == [0.4, 0.8, 1.2, 1.6]
    for split in ("train", "val"):
        p, y = trained.probabilities[split], SPLITS[split].labels
        assert trained.history[-1][f"{split}_accuracy"] == np.mean(p.argmax(axis=1) == y)
        assert trained.history[-1][f"{split}_nll"] == pytest.approx(-np.log(p[np.arange(len(y)), y]).mean(), rel=1e-5)


def test_early_stopping_restores_the_best_point_by_validation_nll() -> None:
    settings = variant(steps=80, curve_points=8, learning_rate=0.02)
    plain = train_replicate(settings, settings, 1, 0, SPLITS, 3)
    stopped = train_replicate(dataclasses.replace(settings, early_stopping=True), settings, 1, 0, SPLITS, 3)
    assert stopped.history == plain.history
    best = min(plain.history, key=lambda row: row["val_nll"])
    assert best["step"] < 80, "the example must overfit for this test to mean anything"
    assert stopped.facts["selected_step"] == best["step"]
    p, y = stopped.probabilities["val"], SPLITS["val"].labels
    assert -np.log(p[np.arange(len(y)), y]).mean() == pytest.approx(best["val_nll"], rel=1e-5)


def test_a_loss_that_is_not_finite_is_named() -> None:
    with pytest.raises(SuiteError, match=r"replicate 3: the training loss is (nan|inf) at step \d+ \(epoch \d+\.\d\)"):
        train_replicate(variant(learning_rate=1e38), TOY, 1, 3, SPLITS, 3)


def test_weights_that_break_in_the_last_step_are_named() -> None:
    with pytest.raises(SuiteError, match=r"replicate 3: .* not finite after step 1"):
        train_replicate(variant(steps=1, curve_points=1, learning_rate=3e38), TOY, 1, 3, SPLITS, 3)
