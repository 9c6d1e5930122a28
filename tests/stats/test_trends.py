import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from valgap.stats.intervals import Interval
from valgap.stats.trends import data_needed, divergence, paired_difference, price_of_data

EPOCHS = np.arange(1.0, 31.0)


def noisy(rng: np.random.Generator, replicates: int, curve: np.ndarray | float = 0.6) -> np.ndarray:
    """Validation losses: a level per replicate, noise per epoch half of which carries over to the next."""
    noise = rng.normal(scale=0.02, size=(replicates, 31))
    return curve + rng.normal(scale=0.05, size=(replicates, 1)) + noise[:, 1:] + 0.5 * noise[:, :-1]


def test_price_of_data_by_hand() -> None:
    accuracy = np.array([[0.70, 0.72, 0.74], [0.70, 0.73, 0.78]])
    # per doubling .02 and .04 (least squares of three equidistant points: half the difference of the ends)
    interval = price_of_data([500, 1000, 2000], accuracy)
    assert interval.mean == pytest.approx(0.03)
    half = 12.706204736432095 * (0.02 / math.sqrt(2)) / math.sqrt(2)  # t(.975, 1 df)
    assert interval.high - interval.mean == pytest.approx(half)
    assert price_of_data([500, 2000], accuracy[:, [0, 2]]).mean == pytest.approx(0.03)


@given(st.permutations(range(4)), st.floats(-0.1, 0.1))
def test_price_of_data_depends_on_neither_order_nor_level(order: list[int], level: float) -> None:
    sizes = np.array([100, 250, 1000, 3000])
    accuracy = np.random.default_rng(0).random((5, 4))
    moved = price_of_data(sizes[order].tolist(), accuracy[:, order] + level)
    assert moved.low == pytest.approx(price_of_data(sizes.tolist(), accuracy).low, abs=1e-12)


def test_price_of_data_needs_two_sizes() -> None:
    for sizes in ([500, 500], [500], [], [0, 500]):
        with pytest.raises(ValueError, match="two distinct"):
            price_of_data(sizes, np.zeros((3, len(sizes))))
    with pytest.raises(ValueError, match=r"\(replicates, 2\), received \(3, 3\)"):
        price_of_data([500, 1000], np.zeros((3, 3)))
    with pytest.raises(ValueError, match="finite"):
        price_of_data([500, 1000], np.full((3, 2), np.nan))


def test_data_needed_by_hand() -> None:
    needed = data_needed(1000, 0.04, Interval(12, 0.02, 0.01, 0.01, 0.04))
    assert needed == pytest.approx((4000, 2000, 16_000))  # two, one and four doublings
    assert data_needed(1000, 0.04, Interval(12, 0.02, 0.05, -0.01, 0.04)) == pytest.approx((4000, 2000, math.inf))
    assert data_needed(1000, 0.04, Interval(12, -0.02, 0.01, -0.03, -0.01)) == (math.inf,) * 3
    assert data_needed(1000, 0.0, Interval(12, -0.02, 0.01, -0.03, 0.01)) == (1000,) * 3
    assert data_needed(1000, 0.04, Interval(12, 1e-9, 0.0, 1e-300, 1.0))[0] == math.inf
    estimate, low, high = data_needed(1000, 0.04, Interval(1, 0.02, math.nan, math.nan, math.nan))
    assert estimate == pytest.approx(4000)
    assert math.isnan(low)
    assert math.isnan(high)


@given(st.floats(0, 0.2), st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=3))
def test_data_needed_is_ordered(gain: float, slopes: list[float]) -> None:
    lower, middle, upper = sorted(slopes)
    estimate, low, high = data_needed(700, gain, Interval(12, middle, 0.01, lower, upper))
    assert 700 <= low <= estimate <= high


def test_divergence_by_hand() -> None:
    falls_then_rises = np.array([0.9, 0.5, 0.6, 0.7])
    found = divergence(np.array([1.0, 2.0, 3.0, 4.0]), np.array([falls_then_rises, [0.9, 0.5, 0.7, 0.9]]))
    # the late points are epochs 2, 3, 4: slopes .1 and .2, t = .15 / (.0707 / sqrt 2) = 3 with 1 df
    assert found.slope.mean == pytest.approx(0.15)
    assert found.p == pytest.approx(0.2048, abs=1e-4)
    assert found.rising is False
    assert found.from_epoch is None
    assert divergence(np.array([1.0, 2.0, 3.0, 4.0]), np.array([falls_then_rises] * 2)).from_epoch == 2


@pytest.mark.parametrize("replicates", [6, 12])
def test_divergence_is_seldom_found_on_flat_noisy_curves(replicates: int) -> None:
    rng, sims = np.random.default_rng(0), 2000
    curves = [noisy(rng, replicates) for _ in range(sims)]
    found = [divergence(EPOCHS, curve) for curve in curves]
    assert 0.035 <= np.mean([one.p <= 0.05 for one in found]) <= 0.065  # standard error 0.5 pp
    assert 0.01 <= np.mean([bool(one.rising) for one in found]) <= 0.04  # one side of it
    assert np.mean([curve.mean(axis=0)[-1] > curve.mean(axis=0).min() for curve in curves]) > 0.9


def test_a_rising_curve_is_found() -> None:
    rng = np.random.default_rng(1)
    curve = 0.5 + 0.4 * np.exp(-EPOCHS / 2) + 0.01 * np.maximum(EPOCHS - 10, 0)
    found = [divergence(EPOCHS, noisy(rng, 6, curve)) for _ in range(200)]
    assert all(one.rising for one in found)
    assert found[0].slope.mean == pytest.approx(0.01, abs=0.002)
    assert np.median([one.from_epoch for one in found if one.from_epoch is not None]) == pytest.approx(9, abs=2)
    assert not any(divergence(EPOCHS, noisy(rng, 6, 2 * 0.5 - 0.01 * EPOCHS)).rising for _ in range(50))


def test_divergence_without_spread_or_replicates() -> None:
    flat = divergence(EPOCHS, np.full((4, 30), 0.1))
    assert (flat.slope.mean, flat.p, flat.rising) == (0, 1, False)
    identical = divergence(EPOCHS, np.tile(0.25 * EPOCHS, (4, 1)))
    assert identical.rising is True
    assert identical.p < 1e-6
    for unknown in (
        divergence(EPOCHS, np.tile(EPOCHS, (1, 1))),
        divergence(np.array([1.0]), np.ones((4, 1))),
        divergence(np.array([1.0, 5.0]), np.ones((4, 2))),
    ):
        assert unknown.rising is None
        assert unknown.from_epoch is None
        assert math.isnan(unknown.p)
        assert math.isnan(unknown.slope.low)
    with pytest.raises(ValueError, match="NaN"):
        divergence(EPOCHS, np.full((4, 30), np.nan))
    with pytest.raises(ValueError, match=r"received \(30,\)"):
        divergence(EPOCHS, np.ones(30))


def test_prediction_by_hand() -> None:
    placed = paired_difference(0.9 - np.array([0.7, 0.8, 0.9]))
    half = 4.302652729911275 * 0.1 * math.sqrt(4 / 3)  # t(.975, 2 df), sd .1
    assert placed.difference == pytest.approx(0.1)
    assert (placed.low, placed.high) == pytest.approx((-half, half))
    assert placed.outside is False
    assert paired_difference(0.2 - np.array([0.7, 0.8, 0.9])).outside is True


def test_the_given_split_is_one_more_draw() -> None:
    """8 re-splits: a t interval of their mean takes the given split for the truth and alarms on honest ones."""
    draws = np.random.default_rng(2).normal(0.8, 0.02, size=(4000, 9))
    outside = [paired_difference(row[0] - row[1:]).outside for row in draws]
    assert 0.04 <= np.mean(np.array(outside, bool)) <= 0.06  # standard error 0.3 pp
    one_sample = stats.ttest_1samp(draws[:, 1:] - draws[:, :1], 0, axis=1).pvalue
    assert np.mean(one_sample <= 0.05) > 0.3


def test_a_few_or_identical_resplits() -> None:
    assert paired_difference(0.8 - np.array([0.7])).outside is None
    assert paired_difference(0.1 - np.array([0.1, 0.1, 0.1])).outside is False
    assert paired_difference(0.2 - np.array([0.1, 0.1, 0.1])).outside is True
    for given_score, resplits in ((0.8, np.array([])), (math.nan, np.ones(3)), (0.8, np.array([0.7, np.nan]))):
        with pytest.raises(ValueError, match="finite scores"):
            paired_difference(given_score - resplits)
