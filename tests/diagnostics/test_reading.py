"""One test among all readings, on answers that are worked out by hand: no network is needed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from valgap.diagnostics.model.modes import Statistics
from valgap.diagnostics.reading import fingerprint, orders
from valgap.diagnostics.reading.answers import Answers, Part, beats
from valgap.diagnostics.reading.decision import Decision
from valgap.diagnostics.reading.readings import (
    CAFFE_MEAN,
    PLAIN,
    Reading,
    apply,
    space,
    statistics,
)
from valgap.diagnostics.reading.search import Search

CLASSES = 5


def shuffled(count: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).permutation(np.arange(count) % CLASSES)


CHOOSE = shuffled(200, 0)
LABELS: dict[Part, NDArray[np.int64]] = {
    "small": CHOOSE[:100], "choose": CHOOSE, "confirm": shuffled(200, 1), "held": shuffled(100, 2)
}  # fmt: skip


def answers(
    right: Mapping[Reading, float],
    otherwise: float = 0.2,
    turned: int = 0,
    names: Mapping[str, tuple[int, ...]] | None = None,
) -> Answers:
    """A model that is right on a share of images under some readings, with its outputs turned by some places."""

    def evaluate(reading: Reading, part: Part) -> NDArray[np.float64]:
        labels = LABELS[part]
        rng = np.random.default_rng(sum(map(ord, repr(reading))) + len(labels))
        wrong = rng.random(len(labels)) >= right.get(reading, otherwise)
        guess = np.where(wrong, (labels + rng.integers(1, CLASSES, len(labels))) % CLASSES, labels)
        return np.eye(CLASSES)[(guess + turned) % CLASSES] * 0.9 + 0.02

    return Answers(evaluate, LABELS, CLASSES, orders.known(CLASSES, names or {}))


def decide(found: Answers, training: Answers | None = None, **options: Any) -> Decision:
    return Search(found, training, space(3, **options)).decide(Reading())


def test_a_plain_reading_that_convinces_ends_the_search() -> None:
    found = answers({Reading(): 0.99})
    decision = decide(found)
    assert decision.named == ()
    assert (decision.reading, decision.order_name, decision.at_chance) == (Reading(), "sorted", False)
    assert len(decision.tried) <= len(PLAIN) + 5


@pytest.mark.parametrize(
    ("true", "factors"),
    [
        (Reading(channels="bgr"), {"channels"}),
        (Reading(scale="caffe", channels="bgr"), {"channels", "scale"}),
        (Reading(inverted=True), {"inverted"}),
        (Reading(upright=True), {"upright"}),
        (Reading(alpha="white"), {"alpha"}),
        (Reading(filter="nearest"), {"filter"}),
        (Reading(aspect="crop", filter="nearest"), {"aspect", "filter"}),
    ],
)
def test_what_explains_nearly_all_images_is_named_with_its_factors(true: Reading, factors: set[str]) -> None:
    decision = decide(answers({true: 0.98}), turned=True, transparent=True, resized=True, reshaped=True)
    assert {each.factor for each in decision.named} == factors
    assert decision.reading == true
    assert decision.best > 0.9 > decision.plain


def test_a_factor_that_changes_nothing_is_put_back() -> None:
    both = {Reading(channels=channels, scale="0-1"): 0.9 for channels in ("rgb", "bgr")}
    assert decide(answers(both)).reading.channels == "rgb"


def test_what_explains_half_of_the_images_is_no_name() -> None:
    decision = decide(answers({Reading(channels="bgr"): 0.55}))
    assert decision.named == ()
    assert decision.better
    assert decision.reading == Reading(channels="bgr")


def test_rivals_that_do_as_well_are_listed() -> None:
    decision = decide(answers({Reading(scale="image"): 0.95, Reading(scale="channel"): 0.95}))
    (named,) = decision.named
    assert named.factor == "scale"
    assert {named.value, *named.rivals} == {"image", "channel"}


def test_orders_are_claimed_where_they_explain_all_and_known_ones_by_name() -> None:
    by_output = {"natural": (*range(1, CLASSES), 0)}
    turned = decide(answers({Reading(): 0.97}, turned=4, names=by_output))
    assert [(each.factor, each.value) for each in turned.named] == [("order", "natural")]
    assert turned.order.tolist() == [4, 0, 1, 2, 3]
    other = decide(answers({Reading(): 0.97}, turned=2))
    assert [(each.factor, each.value) for each in other.named] == [("order", "matched")]


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_a_random_network_gets_no_order_and_no_name(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(CLASSES, 0.5), CLASSES)  # of each class: how often each output is named

    def evaluate(reading: Reading, part: Part) -> NDArray[np.float64]:
        own = np.random.default_rng([seed, *map(ord, repr(reading) + part)])
        return np.eye(CLASSES)[[own.choice(CLASSES, p=table[label]) for label in LABELS[part]]]

    decision = decide(Answers(evaluate, LABELS, CLASSES, orders.known(CLASSES, {})))
    right = float(np.mean(table.max(axis=1)))
    assert right > 0.75 or decision.named == ()


def test_near_chance_nothing_is_named() -> None:
    decision = decide(answers({}, otherwise=0.2))
    assert decision.at_chance
    assert decision.named == ()


def test_chance_of_unequal_classes_is_told_by_recall() -> None:
    labels = {part: (np.arange(len(each)) % 20 == 0).astype(np.int64) for part, each in LABELS.items()}

    def right(part: Part) -> NDArray[np.float64]:
        return np.eye(2)[labels[part]]

    able = Answers(lambda _, part: right(part), labels, 2, orders.known(2, {}))
    blind = Answers(lambda _, part: np.eye(2)[labels[part] * 0], labels, 2, orders.known(2, {}))
    sorted_order = np.arange(2)
    assert not able.at_chance(Reading(), sorted_order)
    assert blind.at_chance(Reading(), sorted_order)


def test_statistics_that_lag_are_no_other_scale() -> None:
    inference = answers({Reading(scale="image"): 0.9, Reading(): 0.6})
    training = answers({Reading(scale=scale): 0.99 for scale in PLAIN})
    decision = decide(inference, training)
    assert decision.lag is not None
    assert decision.lag.training > 0.95 > 0.7 > decision.lag.inference
    assert decision.named == ()
    as_good = answers({Reading(scale=scale): 0.9 for scale in PLAIN})
    assert decide(inference, as_good).named == ()  # cannot be told apart: no name


def test_the_sign_test_asks_for_a_gain_and_for_certainty() -> None:
    right, other = np.ones(100, np.bool_), np.arange(100) >= 12
    assert beats(right, other, 1e-3, 0.05)  # 12 won, none lost: p = 2^-12
    assert not beats(right, other, 1e-4, 0.05)
    assert not beats(right, other, 1e-3, 0.13)
    assert not beats(other, right, 0.5, 0.0)


def test_preprocessing_is_that_of_keras() -> None:
    from keras.applications import imagenet_utils

    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    known = statistics(pixels)
    for mode, reading in (
        ("caffe", Reading(scale="caffe", channels="bgr")),
        ("torch", Reading(scale="torch")),
        ("tf", Reading(scale="-1-1")),
    ):
        theirs = imagenet_utils.preprocess_input(pixels.astype(np.float32), data_format="channels_last", mode=mode)
        np.testing.assert_allclose(apply(reading, pixels, known), theirs, atol=2e-5)
    assert CAFFE_MEAN[0] > CAFFE_MEAN[2]


def test_standardised_pixels_have_mean_0_and_spread_1() -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (8, 6, 6, 3), dtype=np.uint8)
    known = statistics(pixels)
    by_channel = apply(Reading(scale="channel", channels="bgr", inverted=True), pixels, known)
    np.testing.assert_allclose(by_channel.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(by_channel.std(axis=(0, 1, 2)), 1, atol=1e-4)
    by_image = apply(Reading(scale="image"), pixels, known).reshape(8, -1)
    np.testing.assert_allclose(by_image.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(by_image.std(axis=1), 1, atol=1e-4)
    fed = apply(Reading(scale="fed"), pixels, statistics(pixels, (0.5, -3.0)))
    np.testing.assert_allclose(fed, pixels * 0.5 - 3.0)


def test_moving_statistics_on_their_way_are_known_again() -> None:
    rng = np.random.default_rng(0)
    mean, variance = rng.normal(0, 2, 16), rng.uniform(0.5, 4, 16)
    share = 0.4

    def seen(by: float) -> Statistics:
        return Statistics("bn", mean + by, variance, share * mean, 1 - share + share * variance, False)

    assert fingerprint.distance(seen(0)) == pytest.approx((0, share), abs=1e-3)
    found = fingerprint.read({Reading(): seen(0.02), Reading(scale="torch"): seen(1.0)})
    assert found is not None
    assert found.simplest() == Reading()
    assert found.share == pytest.approx(share, abs=0.03)
    alike = {Reading(): seen(0.02), Reading(scale="-1-1"): seen(0.02)}
    assert fingerprint.read(alike) is None
    assert fingerprint.read({Reading(): seen(3.0)}) is None
