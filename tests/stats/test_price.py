import math

import pytest

from valgap.stats.intervals import Interval
from valgap.stats.price import FARTHEST, images_needed


def gain(mean: float, low: float, high: float) -> Interval:
    return Interval(12, mean, 0.01, low, high)


def test_images_for_a_gain_by_hand() -> None:
    found = images_needed(1000, 0.05, 0.2, gain(0.05, 0.04, 0.1))  # one doubling; half of one
    assert found.reach == "within reach"
    assert found.images == 2000
    assert found.low == pytest.approx(1000 * 2**0.5)
    assert found.high == pytest.approx(1000 * 2**2.5)  # 4 pp a doubling, of which half may be left


@pytest.mark.parametrize(
    ("slope", "headroom", "reach"),
    [
        (gain(0.02, math.nan, math.nan), 0.2, "unknown"),  # one replicate: nothing is known of the slope
        (gain(-0.02, -0.03, -0.01), 0.2, "out of reach"),  # known, and no data helps
        (gain(0.0, -0.01, 0.01), 0.2, "out of reach"),
        (gain(0.001, -0.01, 0.01), 0.2, "out of reach"),  # 2**50 times the images
        (gain(0.05, 0.04, 0.06), 0.01, "more than is left to gain"),
        (gain(-0.02, -0.03, -0.01), 0.01, "more than is left to gain"),
    ],
)
def test_what_is_unknown_is_not_what_is_out_of_reach(slope: Interval, headroom: float, reach: str) -> None:
    found = images_needed(1000, 0.05, headroom, slope)
    assert found.reach == reach
    assert all(math.isnan(value) for value in (found.images, found.low, found.high))


def test_the_trend_is_followed_no_farther_than_tenfold() -> None:
    assert FARTHEST == 10
    near, far = (0.05 / math.log2(FARTHEST * factor) for factor in (0.99, 1.01))
    assert images_needed(1000, 0.05, 0.2, gain(near, near, near)).reach == "within reach"
    assert images_needed(1000, 0.05, 0.2, gain(far, far, far)).reach == "out of reach"
    unbounded = images_needed(1000, 0.05, 0.2, gain(0.05, far, 0.06))
    assert unbounded.reach == "within reach"
    assert math.isnan(unbounded.high)
