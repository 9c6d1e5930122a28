import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.recipes import recipe
from tests.scratch import ROOT
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Augmentation, Model, Train
from valgap.ground.params.recipe import Optimizer, Schedule
from valgap.ground.params.suite import load
from valgap.training import machine as machine_module
from valgap.training.examples import Examples
from valgap.training.loop import Loss, batch_order, make_prediction, make_training, to_unit
from valgap.training.losses import balanced_positions, class_counts, make_loss
from valgap.training.mixing import make_augment
from valgap.training.network.builders import build_model
from valgap.training.network.structure import forward_flops
from valgap.training.optimizer import make_optimizer
from valgap.training.pairing import initial_state
from valgap.training.replicate import train_replicate, training_order, warped

PARAMS = load(ROOT / "params.yaml")
TOY = dataclasses.replace(PARAMS.train, schedule=Schedule("constant"), steps=8, batch_size=8, curve_points=4)
SHAPE = (12, 12, 1)
CNN = Model("cnn", "valgap/training", None)


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


def cross_entropy() -> Loss:
    return make_loss(TOY, tf.Variable(tf.ones(3)))


def test_source_cnn_is_the_one_of_the_source() -> None:
    model = build_model((28, 28, 1), 10, CNN, PARAMS.train)
    assert model.count_params() == 421_642
    assert model.output_shape == (None, 10)
    assert not model.losses
    kinds = [type(layer).__name__ for layer in build_model((28, 28, 1), 10, CNN, PARAMS.variants["dropout"]).layers]
    assert kinds == [
        "Conv2D", "MaxPooling2D", "Dropout", "Conv2D", "MaxPooling2D", "Dropout",
        "Flatten", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    penalised = build_model((28, 28, 1), 10, CNN, PARAMS.variants["l2"])
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
    train = make_training(models[0], optimizer, lambda batch, targets, seed: (to_unit(batch), targets), cross_entropy())
    losses = train(
        tf.constant(data.images), tf.one_hot(data.labels, 3), tf.constant(order), tf.constant(0), tf.constant(1)
    )
    models[1].compile(make(), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    stock = []
    for rows in order:
        models[1].reset_metrics()
        stock.append(models[1].train_on_batch(data.images[rows] / np.float32(255), data.labels[rows]))
    np.testing.assert_allclose(losses, np.array(stock).reshape(len(order)), rtol=1e-4)
    for ours, theirs in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def decaying(rate: float) -> keras.Optimizer:
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.3)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


@pytest.mark.parametrize(
    ("settings", "stock"), [({}, keras.optimizers.Adam), ({"weight_decay": 0.3}, decaying)], ids=["Adam", "AdamW"]
)
def test_fused_optimizer_takes_the_steps_of_keras(settings: dict, stock: Callable[[float], keras.Optimizer]) -> None:
    """To 2e-6 after 200 steps over five orders of gradients' magnitude, moments included; zero gradients as well."""
    rng = np.random.default_rng(3)
    start = rng.normal(size=(7, 5)).astype(np.float32)
    scales = np.float32(10) ** np.arange(-4, 1, dtype=np.float32)
    found = []
    for make in (lambda weights: make_optimizer(variant(**settings), weights), lambda weights: stock(0.001)):
        rng = np.random.default_rng(4)
        weights = [keras.Variable(start, name="kernel"), keras.Variable(start[0], name="bias")]
        optimizer = make(weights)
        optimizer.build(weights)
        for step in range(200):
            gradient = rng.normal(size=start.shape).astype(np.float32) * scales * (step % 3 > 0)
            optimizer.apply([tf.constant(gradient), tf.constant(gradient[1])], weights)
        found.append([variable.numpy() for variable in (*weights, *optimizer.variables)])
    ours, theirs = found
    assert [value.shape for value in ours] == [value.shape for value in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=2e-6)


def test_fused_optimizer_trains_an_embedding() -> None:
    """Whose gradient comes as slices, with repeated rows: as stock Adam on the same gradient as a dense array."""
    found: list[np.ndarray] = []
    for make in (lambda weights: make_optimizer(TOY, weights), lambda weights: keras.optimizers.Adam(0.001)):
        embedding = keras.Variable(np.ones((4, 2), np.float32), name="embeddings")
        optimizer = make([embedding])
        optimizer.build([embedding])
        for rows in ([0, 1, 1], [2, 0, 0]):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.gather(embedding.value, rows) ** 2)
            (gradient,) = tape.gradient(loss, [embedding.value])
            assert isinstance(gradient, tf.IndexedSlices)
            optimizer.apply([gradient if len(found) == 0 else tf.convert_to_tensor(gradient)], [embedding])
        found.append(embedding.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    assert (found[0][3] == 1).all()
    assert (found[0][:3] < 1).all()


def test_max_pooling_sends_a_gradient_to_the_first_of_equal_maxima() -> None:
    """By hand, positive ties included: flat backgrounds tie in a fifth of the windows of real images."""
    windows = {(3, 3, 3, 3): 0, (1, 3, 3, 0): 1, (1, 0, 3, 3): 2, (0, 1, 2, 3): 3, (0, 0, 0, 0): 0, (-1, -1, -2, -2): 0}
    images = np.array(list(windows), np.float32).reshape(1, -1, 2, 2).transpose(0, 2, 1, 3).reshape(1, 2, -1, 1)
    batch = tf.constant(np.tile(images, (2, 1, 1, 32)))  # channels as in the source's first layer
    pooling = keras.layers.MaxPooling2D()

    def gradient(values: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(values)
            pooled = pooling(values)
            total = tf.reduce_sum(pooled * tf.reshape(tf.range(1.0, len(windows) + 1), (1, 1, -1, 1)))
        return tape.gradient(total, values)

    expected = np.zeros((len(windows), 4), np.float32)
    for number, first in enumerate(windows.values()):
        expected[number, first] = number + 1
    received = tf.function(gradient)(batch).numpy()
    for image, channel in ((0, 0), (1, 31)):
        rows = received[image, :, :, channel].reshape(2, len(windows), 2).transpose(1, 0, 2).reshape(-1, 4)
        np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize("precision", ["tensor_float32", "mixed_bfloat16", "mixed_float16"])
def test_precision_is_that_of_the_parameter(precision: str) -> None:
    """Mixed ones compute otherwise, close by, leave float32 weights and say nothing to the next replicate."""
    whole = train_replicate(recipe(CNN, TOY, TOY), 0, SPLITS, 3)
    other = train_replicate(recipe(CNN, variant(precision=precision), TOY), 0, SPLITS, 3)
    differs = not np.array_equal(whole.probabilities["test"], other.probabilities["test"])
    assert differs == precision.startswith("mixed")  # a CPU has no TensorFloat-32
    np.testing.assert_allclose(whole.probabilities["test"], other.probabilities["test"], atol=0.05)
    assert {weight.dtype for weight in other.model.weights} == {"float32"}
    assert {layer.compute_dtype for layer in other.model.layers} == {
        precision.removeprefix("mixed_") if differs else "float32"
    }
    assert tf.config.experimental.tensor_float_32_execution_enabled() == (precision == "tensor_float32")
    assert other.probabilities["test"].dtype == np.float32
    again = train_replicate(recipe(CNN, TOY, TOY), 0, SPLITS, 3)
    assert np.array_equal(again.probabilities["test"], whole.probabilities["test"])
    assert not tf.config.experimental.tensor_float_32_execution_enabled()


def test_half_precision_trains_with_a_penalty_and_a_moving_average() -> None:
    for settings in ({"l2_penalty": 0.001, "weight_decay": 0.1}, {"ema_momentum": 0.5}, {"head_rate_factor": 2.0}):
        whole, half = (
            train_replicate(recipe(CNN, variant(precision=precision, **settings), TOY), 0, SPLITS, 3)
            for precision in ("float32", "mixed_float16")
        )
        np.testing.assert_allclose(whole.probabilities["val"], half.probabilities["val"], atol=0.05)


def test_segments_of_a_run_equal_one_long_run() -> None:
    data, order = SPLITS["train"], batch_order(40, 6, 8, np.random.default_rng(0))
    policy, results = Augmentation(rotation_degrees=30.0, horizontal_flip=True), []
    for boundaries in ([0, 6], [0, 2, 6]):
        keras.utils.set_random_seed(4)
        model, optimizer = small_network(), keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)
        whole, _ = make_augment(variant(augmentation=policy))

        def prepare(images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, whole: Any = whole) -> Any:
            return whole(to_unit(images), targets, seed)

        train = make_training(model, optimizer, prepare, cross_entropy())
        arrays = tf.constant(data.images), tf.one_hot(data.labels, 3)
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
    predict = make_prediction(lambda images: model(to_unit(images), training=False))
    found = predict(SPLITS["test"].batches())  # 130: one whole batch and a part
    expected = tf.nn.softmax(model(to_unit(SPLITS["test"].images), training=False))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_same_replicate_gives_the_same_bits_and_any_other_gives_others() -> None:
    settings = variant(dropout=(0.2, 0.2, 0.2), augmentation=Augmentation(rotation_degrees=10.0))

    def probabilities(seed: int, replicate: int) -> np.ndarray:
        return train_replicate(recipe(CNN, settings, TOY, seed), replicate, SPLITS, 3).probabilities["test"]

    first, other_replicate, other_seed = probabilities(1, 0), probabilities(1, 1), probabilities(2, 0)
    again = probabilities(1, 0)  # after others in the same process: nothing is carried over
    assert np.array_equal(first, again)
    machine_module.machine_of.cache_clear()
    assert np.array_equal(first, probabilities(1, 0))
    assert not np.array_equal(first, other_replicate)
    assert not np.array_equal(first, other_seed)


def test_variants_of_a_replicate_start_from_the_same_weights() -> None:
    kinds = {
        "baseline": TOY,
        "dropout": variant(dropout=(0.2, 0.2, 0.2)),
        "l2": variant(l2_penalty=0.1),
        "batch_norm": variant(batch_norm=True),
        "pooling": variant(head="pooling"),
    }
    states = {}
    for name, settings in kinds.items():
        state = initial_state(SHAPE, 3, recipe(CNN, settings, TOY, 11), 0)
        model = build_model(SHAPE, 3, CNN, settings)
        for variable, value in zip(model.variables, state, strict=True):
            variable.assign(value)
        states[name] = [w.numpy() for w in model.trainable_variables if w.name in ("kernel", "bias")]
    for name in ("dropout", "l2", "batch_norm"):
        for ours, base in zip(states[name], states["baseline"], strict=True):
            assert np.array_equal(ours, base), name
    for ours, base in zip(states["pooling"][:4], states["baseline"][:4], strict=True):  # both convolutions
        assert np.array_equal(ours, base)
    other = initial_state(SHAPE, 3, recipe(CNN, TOY, TOY, 13), 0)
    assert not np.array_equal(other[0], states["baseline"][0])


@pytest.mark.parametrize(
    "changes",
    [
        {"dropout": (0.5, 0.0, 0.0)},
        {"l1_penalty": 0.01},
        {"l2_penalty": 0.1},
        {"weight_decay": 10.0},
        {"label_smoothing": 0.1},
        {"ema_momentum": 0.9},
        {"schedule": Schedule("cosine")},
        {"optimizer": Optimizer("sgd", (("momentum", 0.9),))},
        {"normalize": "statistics"},
        {"width": 0.5},
        {"head": "pooling"},
        {"batch_norm": True},
        {"frozen": 0.5},
        {"head_rate_factor": 3.0},
        {"class_remedy": "class_weights"},
        {"class_remedy": "oversampling"},
        {"class_remedy": "focal"},
        {"class_remedy": "logit_adjustment"},
        {"augmentation": Augmentation(horizontal_flip=True)},
        {"augmentation": Augmentation(vertical_flip=True)},
        {"augmentation": Augmentation(right_angles=True)},
        {"rand_augment": 0.5},
        {"random_erasing": 0.5},
        {"mixup": 0.5},
        {"cutmix": 1.0},
        {"learning_rate": 0.01},
    ],
    ids=lambda changes: "-".join(f"{k}={v}"[:40] for k, v in changes.items()),
)
def test_knobs_bite_and_repeat(changes: dict[str, Any]) -> None:
    """Each changes the outcome, and the same replicate again, after another in between, gives the same bits."""
    base, settings = _baseline_probabilities(), variant(**changes)
    found = [
        train_replicate(recipe(CNN, settings, TOY), replicate, SPLITS, 3).probabilities["test"]
        for replicate in (0, 1, 0)
    ]
    assert not np.array_equal(found[0], base)
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])


def test_a_plateau_lowers_the_rate_after_each_epoch_that_stalls_and_forgets_it_in_the_next_replicate() -> None:
    """Losses that must fall by 10 nats never do: the rate is 0 from the second epoch on, and no weight moves."""
    stalls = Schedule("plateau", factor=1e-9, patience=1, min_delta=10.0)
    settings = variant(schedule=stalls, steps=20, curve_points=4)  # an epoch is 5 steps
    first, _, again = (train_replicate(recipe(CNN, settings, TOY), replicate, SPLITS, 3) for replicate in (0, 1, 0))
    losses = [point.val_nll for point in first.history]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[2], abs=1e-5)
    assert losses[1] == pytest.approx(losses[3], abs=1e-5)
    assert first.history == again.history


def test_what_is_not_learned_from_is_scored_all_the_same() -> None:
    """Leaving out images is training on the others alone, bit by bit; the training list that is scored stays whole."""
    learned = np.flatnonzero(np.arange(40) % 3 > 0)
    train = SPLITS["train"]
    others = SPLITS | {"train": Examples(train.images[learned], train.labels[learned])}
    for changes in ({}, {"class_remedy": "oversampling"}, {"class_remedy": "class_weights", "mixup": 0.5}):
        settings = variant(**changes)
        left = train_replicate(recipe(CNN, settings, TOY), 0, SPLITS, 3, learned)
        alone = train_replicate(recipe(CNN, settings, TOY), 0, others, 3)
        whole = train_replicate(recipe(CNN, settings, TOY), 0, SPLITS, 3, np.arange(40))
        for split in ("val", "test"):
            assert np.array_equal(left.probabilities[split], alone.probabilities[split])
        assert np.array_equal(left.probabilities["train"][learned], alone.probabilities["train"])
        assert len(left.probabilities["train"]) == 40
        assert not np.array_equal(left.probabilities["test"], whole.probabilities["test"])
        assert [point.epoch for point in left.history] == [point.epoch for point in whole.history]
    plain = train_replicate(recipe(CNN, TOY, TOY), 0, SPLITS, 3, np.arange(40))
    assert np.array_equal(plain.probabilities["test"], _baseline_probabilities())


@functools.cache
def _baseline_probabilities() -> np.ndarray:
    return train_replicate(recipe(CNN, TOY, TOY), 0, SPLITS, 3).probabilities["test"]


def test_knobs_of_the_network() -> None:
    shape = (28, 28, 1)
    assert build_model(shape, 10, CNN, dataclasses.replace(PARAMS.train, head="pooling")).count_params() == 19_466
    wide = build_model(shape, 10, CNN, dataclasses.replace(PARAMS.train, width=2.0))
    # 3*3*1*64+64, 3*3*64*128+128, 7*7*128*256+256, 256*10+10
    assert wide.count_params() == 640 + 73_856 + 1_605_888 + 2_570
    normed = build_model(shape, 10, CNN, dataclasses.replace(PARAMS.train, batch_norm=True))
    assert normed.count_params() == 421_642 + 4 * (32 + 64)
    l1 = build_model(shape, 10, CNN, dataclasses.replace(PARAMS.train, l1_penalty=0.01))
    kernels = [layer.kernel for layer in l1.layers if hasattr(layer, "kernel")][:-1]
    assert float(sum(l1.losses)) == pytest.approx(
        0.01 * sum(float(tf.reduce_sum(abs(k.numpy()))) for k in kernels), rel=1e-5
    )
    # 2 x multiply-adds of both convolutions and dense layers, and under 1% for the rest
    multiply_adds = 28 * 28 * 9 * 32 + 14 * 14 * 9 * 32 * 64 + 3136 * 128 + 128 * 10
    assert forward_flops(build_model(shape, 10, CNN, PARAMS.train), shape) == pytest.approx(2 * multiply_adds, rel=0.02)


def test_class_remedies_by_hand() -> None:
    counts = tf.Variable([30.0, 10.0])
    logits, targets = tf.constant([[0.3, -0.2], [0.1, 0.4]]), tf.constant([[1.0, 0.0], [0.0, 1.0]])
    nll = -np.log(np.exp([0.3, 0.4]) / np.exp([[0.3, -0.2], [0.1, 0.4]]).sum(axis=1))

    def loss(**changes: Any) -> float:
        return float(make_loss(variant(**changes), counts)(targets, logits))

    assert loss() == pytest.approx(nll.mean(), abs=1e-6)
    # weights n / (classes * count) = 2/3 and 2: of mean 1 over the 40 examples
    assert loss(class_remedy="class_weights") == pytest.approx((nll[0] * 2 / 3 + nll[1] * 2) / 2, abs=1e-6)
    assert loss(class_remedy="focal") == pytest.approx(np.mean((1 - np.exp(-nll)) ** 2 * nll), abs=1e-6)
    adjusted = np.array([[0.3, -0.2], [0.1, 0.4]]) + np.log([0.75, 0.25])
    expected = -np.log(np.exp(adjusted[[0, 1], [0, 1]]) / np.exp(adjusted).sum(axis=1))
    assert loss(class_remedy="logit_adjustment") == pytest.approx(expected.mean(), abs=1e-6)
    smooth = 0.9 * nll + 0.1 * -np.log(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).mean(axis=1)
    assert loss(label_smoothing=0.1) == pytest.approx(smooth.mean(), abs=1e-6)


def test_oversampling_makes_classes_equally_frequent() -> None:
    labels = np.array([0] * 7 + [1] * 2 + [2] * 3)
    positions = balanced_positions(labels, np.random.default_rng(0))
    assert np.bincount(labels[positions]).tolist() == [7, 7, 7]
    each = np.bincount(positions)
    assert set(each[:7]) == {1}
    assert set(each[7:9]) == {3, 4}
    order = training_order(
        labels, variant(class_remedy="oversampling", steps=21, batch_size=7), np.random.default_rng(0)
    )
    assert np.bincount(labels[order.ravel()]).tolist() == [49, 49, 49]
    assert class_counts(np.array([0, 0, 2]), 4).tolist() == [2, 1, 1, 1]  # absent classes weigh as one example


def test_weight_decay_is_decoupled_and_spares_biases() -> None:
    """Nor does it act on scales, whatever their name, or on biases of many dimensions."""
    shapes = {"kernel": (1, 1), "bias": (1,), "scale_of_mine": (1,), "bias_of_heads": (1, 1), "gamma": (1, 1)}
    stepped = []
    for settings in (variant(weight_decay=0.5), TOY):
        variables = [keras.Variable(np.full(shape, 2.0), name=name) for name, shape in shapes.items()]
        optimizer = make_optimizer(settings, variables)
        optimizer.build(variables)
        optimizer.apply([tf.fill(shape, 0.1) for shape in shapes.values()], variables)
        stepped.append([float(np.squeeze(variable.numpy())) for variable in variables])
    (kernel, *others), (kernel_plain, *others_plain) = stepped
    assert others == others_plain
    assert kernel_plain - kernel == pytest.approx(TOY.learning_rate * 0.5 * 2, rel=1e-3)


def test_cosine_schedule_ends_at_zero() -> None:
    rate = make_optimizer(variant(schedule=Schedule("cosine"), steps=100), [])._learning_rate
    assert float(rate(0)) == pytest.approx(TOY.learning_rate)
    assert float(rate(50)) == pytest.approx(TOY.learning_rate / 2)
    assert float(rate(100)) == pytest.approx(0)


def test_moving_average_is_scored_and_training_goes_on_from_the_raw_weights() -> None:
    """Weights of the averaged run are the average, by hand, of those that the plain run passes through."""
    momentum, steps = 0.5, 4
    averaged = train_replicate(
        recipe(CNN, variant(ema_momentum=momentum, steps=steps, curve_points=2), TOY), 0, SPLITS, 3
    ).model.get_weights()
    passed = [
        train_replicate(recipe(CNN, variant(steps=s, curve_points=1), TOY), 0, SPLITS, 3).model.get_weights()
        for s in range(1, steps + 1)
    ]
    expected = passed[0]
    for weights in passed[1:]:
        expected = [momentum * e + (1 - momentum) * w for e, w in zip(expected, weights, strict=True)]
    for ours, by_hand in zip(averaged, expected, strict=True):
        np.testing.assert_allclose(ours, by_hand, atol=1e-5)


@pytest.mark.parametrize(("changes", "tolerance"), [({"mixup": 0.4}, 1e-5), ({"cutmix": 1.0}, 0.03)])
def test_mixing_mixes_targets_as_it_mixes_images(changes: dict[str, float], tolerance: float) -> None:
    """Images of constant grey k / 10 and class k: an image's mean grey must be its target's mean class.

    A pasted rectangle ends between pixels: of 96 of them, at most two rows and columns.
    """
    classes = np.arange(10)
    images = np.broadcast_to((classes / 10).astype(np.float32)[:, None, None, None], (10, 96, 96, 1))
    mix, (state,) = make_augment(variant(**changes))
    state.assign([1, 0])
    mixed, targets = mix(tf.constant(images), tf.eye(10), tf.constant([1, 2]))
    np.testing.assert_allclose(tf.reduce_sum(targets, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(tf.reduce_mean(mixed, axis=(1, 2, 3)), targets.numpy() @ (classes / 10), atol=tolerance)
    assert np.sum(targets.numpy().max(axis=1) < 0.999) > 3


def test_random_operations_differ_between_the_images_of_a_batch() -> None:
    one = np.random.default_rng(0).random((1, 12, 12, 1), dtype=np.float32)
    mix, (state,) = make_augment(variant(rand_augment=0.5))
    state.assign([1, 0])
    made, _ = mix(tf.constant(np.repeat(one, 16, axis=0)), tf.eye(16), tf.constant([1, 2]))
    assert len({image.tobytes() for image in made.numpy()}) > 10
    assert made.shape == (16, 12, 12, 1)


def test_validation_under_a_policy_is_the_same_for_all_variants() -> None:
    policies = {"flip": Augmentation(horizontal_flip=True), "turn": Augmentation(right_angles=True)}
    trained = train_replicate(recipe(CNN, variant(evaluation_policies=policies), TOY), 0, SPLITS, 3)
    assert set(trained.probabilities) == {"train", "val", "test", "val_under_flip", "val_under_turn"}
    images = SPLITS["val"].images
    flipped = np.concatenate([*warped(SPLITS["val"], policies["flip"], 5)])
    alike = [
        np.array_equal(ours, image) or np.array_equal(ours, image[:, ::-1])
        for ours, image in zip(flipped, images, strict=True)
    ]
    assert all(alike)
    assert 5 < sum(np.array_equal(ours, image) for ours, image in zip(flipped, images, strict=True)) < 35
    turned = np.concatenate([*warped(SPLITS["val"], policies["turn"], 5)])
    counts = [
        sum(np.array_equal(ours, np.rot90(image, k)) for ours, image in zip(turned, images, strict=True))
        for k in range(4)
    ]
    assert sum(counts) == len(images)
    assert min(counts) > 2


def test_augmentation_never_reaches_scored_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the policy makes of training batches, curves and predictions see the images as they are."""
    seen: list[np.ndarray] = []

    def spying(logits: Any, batch: int | None) -> Any:
        predict = make_prediction(logits, batch)

        def spy(batches: Iterable[np.ndarray]) -> np.ndarray:
            seen.append(np.concatenate([*batches]))
            return predict([seen[-1]])

        return spy

    monkeypatch.setattr(machine_module, "make_prediction", spying)
    machine_module.machine_of.cache_clear()
    originals = {name: split.images.copy() for name, split in SPLITS.items()}
    wild = variant(augmentation=Augmentation(180.0, 0.5, 0.5, 10.0, 0.5, True), rand_augment=0.9, mixup=1.0)
    train_replicate(recipe(CNN, wild, TOY), 0, SPLITS, 3)
    machine_module.machine_of.cache_clear()
    scored = 2 * TOY.curve_points + 3
    assert len(seen) == scored + len(TOY.evaluation_policies)
    for images in [*seen[: scored - 3], *seen[-3 - len(TOY.evaluation_policies) :][:3]]:
        assert any(np.array_equal(images, original) for original in originals.values())
    for name, split in SPLITS.items():
        assert np.array_equal(split.images, originals[name])


def test_history_is_fair_and_ends_where_the_predictions_are() -> None:
    trained = train_replicate(recipe(CNN, variant(dropout=(0.5, 0.5, 0.5)), TOY), 0, SPLITS, 3)
    assert [point.step for point in trained.history] == [2, 4, 6, 8]
    assert [point.epoch for point in trained.history] == [0.4, 0.8, 1.2, 1.6]
    for split in ("train", "val"):
        p, y = trained.probabilities[split], SPLITS[split].labels
        last = dataclasses.asdict(trained.history[-1])
        assert last[f"{split}_accuracy"] == np.mean(p.argmax(axis=1) == y)
        assert last[f"{split}_nll"] == pytest.approx(-np.log(p[np.arange(len(y)), y]).mean(), rel=1e-5)


def test_early_stopping_restores_the_best_point_by_validation_nll() -> None:
    settings = variant(steps=80, curve_points=8, learning_rate=0.02)
    plain = train_replicate(recipe(CNN, settings, settings), 0, SPLITS, 3)
    stopped = train_replicate(recipe(CNN, dataclasses.replace(settings, early_stopping=True), settings), 0, SPLITS, 3)
    assert stopped.history == plain.history
    best = min(plain.history, key=lambda point: point.val_nll)
    assert best.step < 80, "the example must overfit for this test to mean anything"
    assert stopped.facts.selected_step == best.step
    p, y = stopped.probabilities["val"], SPLITS["val"].labels
    assert -np.log(p[np.arange(len(y)), y]).mean() == pytest.approx(best.val_nll, rel=1e-5)


def test_a_loss_that_is_not_finite_is_named() -> None:
    with pytest.raises(SuiteError, match=r"replicate 3: the training loss is (nan|inf) at step \d+ \(epoch \d+\.\d\)"):
        train_replicate(recipe(CNN, variant(learning_rate=1e38), TOY), 3, SPLITS, 3)


def test_weights_that_break_in_the_last_step_are_named() -> None:
    with pytest.raises(SuiteError, match=r"replicate 3: .* not finite after step 1"):
        train_replicate(recipe(CNN, variant(steps=1, curve_points=1, learning_rate=3e38), TOY), 3, SPLITS, 3)
