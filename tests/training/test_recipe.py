"""A user's recipe: every optimizer and schedule trains as Keras's own does, on the same batches."""

import dataclasses
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from tests.scratch import ROOT
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Model, Train, variant_settings
from valgap.ground.params.recipe import Schedule
from valgap.ground.params.suite import load
from valgap.models.bites import Networks
from valgap.models.recipes import check_recipes
from valgap.training.examples import Examples
from valgap.training.loop import make_training, to_unit
from valgap.training.losses import make_loss
from valgap.training.network.contract import as_logits
from valgap.training.optimizer import FUSED, KINDS, make_optimizer
from valgap.training.pixels import Pixels, affine_of
from valgap.training.replicate import epoch_ends
from valgap.training.schedule import make_rate, plateau_of

TRAIN = load(ROOT / "params.yaml").train
STEPS, BATCH, SIDE = 50, 8, 10
RNG = np.random.default_rng(7)
IMAGES = RNG.integers(0, 256, (STEPS * BATCH, SIDE, SIDE, 3), dtype=np.uint8)
UNIT = IMAGES / np.float32(255)
LABELS = RNG.integers(0, 2, STEPS * BATCH)
DIVIDING = """
import keras

def build(input_shape, classes, knobs):
    first = [keras.Input(input_shape), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(4, 3)]
    return keras.Sequential([*first, keras.layers.Flatten(), keras.layers.Dense(classes)])
"""


def examples(images: np.ndarray) -> Examples:
    """Images whose labels do not matter."""
    return Examples(images, np.zeros(len(images), np.int64))


OPTIMIZERS: list[Any] = [
    *sorted(KINDS),
    {"name": "sgd", "momentum": 0.9},
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    {"name": "SGD", "momentum": 0.5, "clipvalue": 0.01},
    {"name": "adam", "amsgrad": True},
    {"name": "adam", "clipnorm": 0.05, "beta_1": 0.8},
    {"name": "adam", "global_clipnorm": 0.1, "epsilon": 0.001},
    {"name": "adamw", "weight_decay": 0.1},
    {"name": "rmsprop", "rho": 0.8, "momentum": 0.3, "centered": True},
]
SCHEDULES: dict[str, tuple[Any, Any]] = {
    "cosine": ("cosine", keras.optimizers.schedules.CosineDecay(0.01, STEPS)),
    "cosine to a tenth": ({"name": "cosine", "alpha": 0.1}, keras.optimizers.schedules.CosineDecay(0.01, STEPS, 0.1)),
    "warm-up and cosine": (
        {"name": "cosine", "warmup_steps": 10},
        keras.optimizers.schedules.CosineDecay(0.0, STEPS - 10, warmup_target=0.01, warmup_steps=10),
    ),
    "step": (
        {"name": "step", "at": [0.4, 0.8], "factor": 0.1},
        keras.optimizers.schedules.PiecewiseConstantDecay([20, 40], [0.01, 0.001, 0.0001]),
    ),
    "exponential": (
        {"name": "exponential", "decay_steps": 7, "decay_rate": 0.5},
        keras.optimizers.schedules.ExponentialDecay(0.01, 7, 0.5),
    ),
    "staircase": (
        {"name": "exponential", "decay_steps": 7, "decay_rate": 0.5, "staircase": True},
        keras.optimizers.schedules.ExponentialDecay(0.01, 7, 0.5, staircase=True),
    ),
}


def settings(**said: Any) -> Train:
    """Settings as a params.yaml that says these alone gives them."""
    return variant_settings({"steps": STEPS, "batch_size": BATCH, "learning_rate": 0.01}, {"mine": said}, "mine")


def network(last: str | None = None, outputs: int = 2, seed: int = 3) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(outputs, activation=last),
        ]
    )


def ours(said: Train, model: keras.Model) -> list[NDArray[np.float32]]:
    """Weights after STEPS steps of the suite's loop, over the images in their order."""
    trained = as_logits(model, (SIDE, SIDE, 3), 2, "mine")
    optimizer, pixels = make_optimizer(said, trained.trainable_variables), Pixels(said, 3)
    optimizer.build(trained.trainable_variables)
    pixels.set(affine_of(said, examples(IMAGES)))
    loss = make_loss(said, tf.Variable(tf.ones(2)))
    train = make_training(trained, optimizer, lambda images, targets, seed: (pixels(to_unit(images)), targets), loss)
    order = tf.constant(np.arange(len(IMAGES), dtype=np.int32).reshape(STEPS, BATCH))
    train(tf.constant(IMAGES), tf.one_hot(LABELS, 2), order, tf.constant(0), tf.constant(1))
    return [np.asarray(value) for value in model.get_weights()]


def by_fit(
    model: keras.Model, optimizer: Any, loss: Any, images: Any = UNIT, targets: Any = LABELS
) -> list[NDArray[np.float32]]:
    """Weights after an epoch of Keras's own fit on the same batches."""
    model.compile(optimizer=optimizer, loss=loss)
    model.fit(images, targets, batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
    return [np.asarray(value) for value in model.get_weights()]


def stock(said: Any, rate: Any = 0.01) -> keras.Optimizer:
    """Keras's own optimizer of that name and arguments."""
    found = {"name": said} if isinstance(said, str) else dict(said)
    return KINDS[found.pop("name").lower()](rate, **found)


def assert_alike(mine: list[Any], others: list[Any], precision: float = 1e-5) -> None:
    for value, other in zip(mine, others, strict=True):
        np.testing.assert_allclose(value, other, atol=precision)


@pytest.mark.parametrize("said", OPTIMIZERS, ids=str)
def test_an_optimizer_trains_as_in_fit(said: Any) -> None:
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert_alike(ours(settings(optimizer=said), network()), by_fit(network(), stock(said), cross_entropy))


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_trains_as_in_fit(name: str) -> None:
    said, schedule = SCHEDULES[name]
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    mine = ours(settings(optimizer="sgd", schedule=said), network())
    assert_alike(mine, by_fit(network(), stock("sgd", schedule), cross_entropy))


def test_the_fast_loop_has_its_kernels() -> None:
    for said in ("adam", "adamw", "SGD", {"name": "sgd", "momentum": 0.9}):
        assert type(make_optimizer(settings(optimizer=said), [])) in FUSED.values()


@pytest.mark.parametrize("last", ["sigmoid", None])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_one_output_for_two_classes_trains_as_binary_cross_entropy_in_fit(last: str | None, smoothing: float) -> None:
    binary = keras.losses.BinaryCrossentropy(from_logits=last is None, label_smoothing=smoothing)
    mine = ours(settings(optimizer="rmsprop", label_smoothing=smoothing), network(last, 1))
    assert_alike(mine, by_fit(network(last, 1), stock("rmsprop"), binary, targets=LABELS[:, None]))


def test_probabilities_of_one_sigmoid_are_of_both_classes() -> None:
    model = network("sigmoid", 1)
    second = model.predict(UNIT[:8], verbose=0)[:, 0]
    logits = as_logits(model, (SIDE, SIDE, 3), 2, "mine")(UNIT[:8])
    np.testing.assert_allclose(tf.nn.softmax(logits), np.stack([1 - second, second], 1), atol=1e-6)


@pytest.mark.filterwarnings("ignore:[\\s\\S]*softmax over")
def test_softmax_over_one_output_is_refused() -> None:
    with pytest.raises(SuiteError, match="1 for every image, as softmax over one output is; end it with sigmoid"):
        as_logits(network("softmax", 1), (SIDE, SIDE, 3), 2, "mine")


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_pixels_are_those_of_keras_applications(mode: str) -> None:
    said = settings(normalize=mode)
    pixels = Pixels(said, 3)
    pixels.set(affine_of(said, examples(IMAGES)))
    theirs = keras.applications.imagenet_utils.preprocess_input(IMAGES[:16].astype(np.float32), mode=mode)
    np.testing.assert_allclose(pixels(tf.constant(UNIT[:16])), theirs, atol=2e-5)


def test_pixels_of_statistics_have_mean_0_and_deviation_1_in_each_channel() -> None:
    images = np.stack([IMAGES[..., 0], IMAGES[..., 0] // 4, np.full_like(IMAGES[..., 0], 9)], -1)
    said = settings(normalize="statistics")
    pixels = Pixels(said, 3)
    pixels.set(affine_of(said, examples(images)))
    values = np.asarray(pixels(tf.constant(images / np.float32(255))))
    np.testing.assert_allclose(values.mean(axis=(0, 1, 2)), 0, atol=1e-2)  # of one colour all is 0, but for rounding
    np.testing.assert_allclose(values[..., :2].std(axis=(0, 1, 2)), 1, atol=1e-4)
    assert affine_of(settings(normalize="pixels"), examples(images)).factor.tolist() == [255, 255, 255]


def test_pixels_of_0_to_255_train_as_in_fit() -> None:
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    theirs = by_fit(network(), stock("adam"), cross_entropy, IMAGES.astype(np.float32))
    assert_alike(ours(settings(normalize="pixels"), network()), theirs, 1e-4)  # inputs are 255 times as large


def test_means_of_three_colours_are_refused_of_grey_images() -> None:
    with pytest.raises(SuiteError, match="normalize = torch: it has means of three colours, and the images have 1"):
        affine_of(settings(normalize="torch"), examples(IMAGES[..., :1]))


def test_a_plateau_falls_as_kerass_callback_lets_it() -> None:
    """By hand: patience 2, factor 0.5: the losses stall at the 4th and 5th epoch, and at the 6th and 7th again."""
    said = settings(schedule={"name": "plateau", "factor": 0.5, "patience": 2, "min_rate": 0.003})
    rate = make_rate(said)
    plateau = plateau_of(rate)
    assert plateau is not None
    for _ in range(2):  # the second replicate begins anew
        rates = []
        for loss in (3.0, 2.0, 1.0, 1.0, 1.5, 1.2, 1.1, 1.0, 1.0):
            plateau.observe(loss)
            rates.append(round(float(rate(0)), 4))
        assert rates == [0.01, 0.01, 0.01, 0.01, 0.005, 0.005, 0.003, 0.003, 0.003]
        plateau.reset()


def test_a_warm_up_rises_in_a_straight_line_before_any_schedule() -> None:
    for said in ("constant", "step", "plateau"):
        more = {"at": [0.5]} if said == "step" else {}
        rate = make_rate(settings(schedule={"name": said, "warmup_steps": 10, **more}))
        assert [round(float(rate(step)), 4) for step in (0, 5, 10, 11)] == [0, 0.005, 0.01, 0.01]


def test_an_epoch_is_a_pass_over_the_images_that_are_learned() -> None:
    said = dataclasses.replace(TRAIN, steps=10, batch_size=8, curve_points=1)
    assert epoch_ends(said, 20) == [2, 5, 8]  # 2.5 steps each, and the last epoch ends with the run
    assert epoch_ends(said, 100) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("adamm", "train.optimizer = adamm: keras.optimizers has none of that name; name one that it has: adam"),
        ({"name": "sgd", "beta_1": 0.9}, "it takes no beta_1; it takes learning_rate, momentum"),
        ({"name": "sgd", "momentum": 7}, "SGD refuses its arguments"),
    ],
)
def test_an_optimizer_that_keras_lacks_or_refuses_is_named(said: Any, words: str) -> None:
    with pytest.raises(SuiteError, match=words.replace("(", r"\(")):
        make_optimizer(settings(optimizer=said), [])


def test_two_weight_decays_are_two_answers() -> None:
    said = settings(optimizer={"name": "adamw", "weight_decay": 0.1}, weight_decay=0.2)
    with pytest.raises(SuiteError, match="two answers; keep one"):
        make_optimizer(said, [])


def test_schedules_are_said_as_params_yaml_says_them() -> None:
    assert Schedule("cosine").said == "cosine"
    assert settings(schedule={"name": "step", "at": [0.5]}).schedule.said == {"name": "step", "at": (0.5,)}


def test_all_recipes_are_looked_at_before_any_training() -> None:
    variants = {"baseline": settings(), "misspelt": settings(optimizer="adamm"), "again": settings(optimizer="adamm")}
    check_recipes((SIDE, SIDE, 3), {"baseline": settings(normalize="torch")})
    with pytest.raises(SuiteError, match=r"^variant misspelt, again: train.optimizer = adamm: keras.optimizers has"):
        check_recipes((SIDE, SIDE, 3), variants)
    with pytest.raises(SuiteError, match=r"^variant baseline: train.normalize = caffe: it has means of three colours"):
        check_recipes((SIDE, SIDE, 1), {"baseline": settings(normalize="caffe")})


def test_a_network_that_divides_by_255_is_right_where_it_is_given_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage `models` refuses it of images in [0, 1] alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("dividing.py").write_text(DIVIDING)
    architecture = Model("dividing:build", "dividing.py")
    for normalize in ("pixels", "unit"):
        with (
            pytest.raises(SuiteError, match=r"set train\.normalize to pixels") if normalize == "unit" else nullcontext()
        ):
            Networks((SIDE, SIDE, 3), 2, architecture).describe(settings(normalize=normalize))
