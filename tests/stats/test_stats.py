import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from valgap.stats import intervals, metrics
from valgap.stats.references import majority_class, nearest_neighbour

P = np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.3, 0.3, 0.4], [0.6, 0.4, 0.0]], np.float32)
Y = np.array([0, 0, 2, 2])


def test_scores_by_hand() -> None:
    scores = {name: metric.score(P, Y) for name, metric in metrics.METRICS.items()}
    assert scores["accuracy"] == 0.5
    tiny = float(np.finfo(np.float32).tiny)
    assert scores["nll"] == pytest.approx(
        -(math.log(0.7) + math.log(0.4) + math.log(0.4) + math.log(tiny)) / 4, abs=1e-6
    )
    # each confidence (.7, .5, .4, .6) is alone in its bin: mean of |1-.7|, |0-.5|, |1-.4|, |0-.6|
    assert scores["ece"] == pytest.approx((0.3 + 0.5 + 0.6 + 0.6) / 4, abs=1e-6)
    assert scores["balanced_accuracy"] == 0.5  # recall 1/2 of class 0, 1/2 of class 2; class 1 is absent


def test_calibration_error_lets_errors_within_a_bin_cancel() -> None:
    p = np.array([[0.75, 0.25]] * 4, np.float32)
    assert metrics.expected_calibration_error(p, np.array([0, 0, 0, 1])) == pytest.approx(0)
    assert metrics.expected_calibration_error(p, np.array([0, 0, 0, 0])) == pytest.approx(0.25)
    sure = np.array([[1.0, 0.0]], np.float32)
    assert metrics.expected_calibration_error(sure, np.array([1])) == 1.0


def test_confusion_and_recall_by_hand() -> None:
    counts = metrics.confusion(P.argmax(axis=1), Y, 3)
    assert counts.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 1]]
    np.testing.assert_array_equal(metrics.recall(counts), [0.5, np.nan, 0.5])


@given(st.integers(0, 2**32))
def test_scores_do_not_depend_on_the_order_of_examples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(4), 50).astype(np.float32)
    y, order = rng.integers(0, 4, 50), rng.permutation(50)
    for metric in metrics.METRICS.values():
        assert metric.score(p[order], y[order]) == pytest.approx(metric.score(p, y), abs=1e-12)
        if metric.each is not None:
            assert metric.each(p, y).mean() == pytest.approx(metric.score(p, y), abs=1e-12)


def test_interval_by_hand() -> None:
    interval = intervals.over_replicates(np.array([1.0, 2.0, 3.0]))
    half = 4.302652729911275 * 1.0 / math.sqrt(3)  # t(.975, 2 df), sd 1 with ddof 1
    assert (interval.n, interval.mean, interval.sd) == (3, 2.0, 1.0)
    assert interval.low == pytest.approx(2 - half, abs=1e-9)
    assert interval.high == pytest.approx(2 + half, abs=1e-9)


def test_two_way_interval_by_hand() -> None:
    values = np.array([[1.0, 2.0], [3.0, 8.0]])
    # rows 1.5, 5.5 and columns 2, 5 around 3.5: MS_rep 16, MS_ex 9, MS_res 4
    interval = intervals.over_replicates_and_examples(values)
    df = (16 + 9 - 4) ** 2 / (16**2 + 9**2 + 4**2)
    half = stats.t.ppf(0.975, df) * math.sqrt((16 + 9 - 4) / 4)
    assert interval.mean == 3.5
    assert interval.high - interval.mean == pytest.approx(half, rel=1e-12)


def test_two_way_variance_is_at_least_that_of_either_factor() -> None:
    rng = np.random.default_rng(0)
    rows_only = rng.normal(size=(8, 1)) + rng.normal(scale=1e-6, size=(8, 50))
    two_way, one_way = (
        intervals.over_replicates_and_examples(rows_only),
        intervals.over_replicates(rows_only.mean(axis=1)),
    )
    assert two_way.high - two_way.low >= (one_way.high - one_way.low) * (1 - 1e-6)


def test_a_single_replicate_has_no_interval() -> None:
    for interval in (
        intervals.over_replicates(np.array([0.5])),
        intervals.over_replicates_and_examples(np.array([[0.0, 1.0]])),
    ):
        assert interval.mean == 0.5
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    with pytest.raises(ValueError, match="at least one replicate"):
        intervals.over_replicates(np.array([]))


@pytest.mark.parametrize(("replicates", "examples", "sds"), [(12, 200, (0.02, 0.3, 0.3)), (12, 200, (0.03, 0.1, 0.3))])
def test_two_way_intervals_cover_95_percent(replicates: int, examples: int, sds: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(3000):
        row, column, rest = (rng.normal(scale=sd, size=size) for sd, size in zip(
            sds, ((replicates, 1), (1, examples), (replicates, examples)), strict=True))  # fmt: skip
        interval = intervals.over_replicates_and_examples(row + column + rest)
        covered.append(interval.low <= 0 <= interval.high)
    assert 0.94 <= np.mean(covered) <= 0.975  # 3,000 draws: standard error 0.4 pp; slightly conservative by its floor


def test_adjusted_intervals_raise_a_false_alarm_in_at_most_5_percent_of_suites() -> None:
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(2000):
        baseline = rng.normal(size=12)
        found = [
            intervals.over_replicates(rng.normal(size=12) - baseline, 1 - 0.05 / 5) for _ in range(5)
        ]  # five no-op variants, correlated through their common baseline
        alarms += any(interval.low > 0 or interval.high < 0 for interval in found)
    assert alarms / 2000 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)


def test_wins_and_correlation() -> None:
    assert intervals.wins(np.array([1.0, 0.0, -1.0, 2.0])) == "2/4"
    assert intervals.correlation(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])) == pytest.approx(1)
    assert math.isnan(intervals.correlation(np.array([1.0, 1.0]), np.array([1.0, 2.0])))


def test_references_by_hand() -> None:
    train = np.array([[[[0]]], [[[100]]], [[[250]]]], np.uint8)
    labels = np.array([4, 1, 4])
    images = np.array([[[[40]]], [[[60]]], [[[255]]]], np.uint8)
    assert nearest_neighbour(train, labels, images).tolist() == [4, 1, 4]
    assert majority_class(train, labels, images).tolist() == [4, 4, 4]


def test_nearest_neighbours_do_not_depend_on_how_many_are_asked_at_once() -> None:
    rng = np.random.default_rng(0)
    train, images = (rng.integers(0, 256, (count, 5, 4, 3), dtype=np.uint8) for count in (60, 1203))
    labels = rng.integers(0, 7, 60)
    distance = ((images[:, np.newaxis].astype(int) - train.astype(int)) ** 2).sum(axis=(2, 3, 4))
    assert np.array_equal(nearest_neighbour(train, labels, images), labels[distance.argmin(axis=1)])


def test_of_large_images_every_second_pixel_is_compared() -> None:
    train = np.zeros((2, 100, 80, 1), np.uint8)
    train[0, 1::2], train[1, ::2] = 255, 10  # the first differs where it is not looked at
    assert nearest_neighbour(train, np.array([3, 4]), np.zeros((1, 100, 80, 1), np.uint8)).tolist() == [3]


def test_auroc_by_hand() -> None:
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5], [0.2, 0.8]], np.float32)
    assert metrics.auroc(p, np.array([0, 1, 0, 1])) == 0.75  # of four pairs one is the wrong way round
    assert metrics.auroc(np.full((4, 2), 0.5, np.float32), np.array([0, 1, 0, 1])) == 0.5
    assert math.isnan(metrics.auroc(p, np.zeros(4, np.int64)))
    assert "auroc" in metrics.metrics_for(2)
    assert "auroc" not in metrics.metrics_for(3)


def test_values_by_group_by_hand() -> None:
    values = np.array([[1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]])
    groups = np.array([7, 7, 7, 9])
    # row means 3/4 and 1/2; deviations summed by group 3/4, -3/4 and 1/2, -1/2; times G/N = 2/4
    np.testing.assert_allclose(intervals.by_group(values, groups), [[1.125, 0.375], [0.75, 0.25]])
    np.testing.assert_array_equal(intervals.by_group(values, np.array([3, 1, 2, 0])), values)


@given(st.integers(0, 2**32))
def test_grouping_keeps_every_replicates_mean(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, groups = rng.random((5, 40)), rng.integers(0, 12, 40)
    grouped = intervals.by_group(values, groups)
    assert grouped.shape == (5, len(np.unique(groups)))
    np.testing.assert_allclose(grouped.mean(axis=1), values.mean(axis=1))


def test_intervals_that_count_groups_cover_where_those_that_count_images_do_not() -> None:
    """600 test images of 60 patients of unequal sizes, alike within: coverage of the true mean over new patients."""
    rng, suites, covered, naive = np.random.default_rng(0), 600, 0, 0
    for _ in range(suites):
        groups = rng.choice(60, 600, p=rng.dirichlet(np.full(60, 5.0)))
        values = 0.8 + rng.normal(0, 0.1, 60)[groups] + rng.normal(0, 0.02, (6, 1)) + rng.normal(0, 0.1, (6, 600))
        for grouped in (True, False):
            counted = intervals.by_group(values, groups) if grouped else values
            found = intervals.over_replicates_and_examples(counted)
            inside = found.low <= 0.8 <= found.high
            covered, naive = covered + (grouped and inside), naive + (not grouped and inside)
    assert 0.92 <= covered / suites <= 0.98
    assert naive / suites < 0.85


def test_interval_of_folds_by_hand() -> None:
    plain, folds = (intervals.over_replicates(np.array([1.0, 2.0, 3.0]), redrawn=r) for r in (0.0, 0.25))
    assert (folds.high - 2) / (plain.high - 2) == pytest.approx(math.sqrt((1 / 3 + 1 / 4) / (1 / 3)))


def test_the_correction_of_folds_raises_few_false_alarms_where_a_plain_t_raises_many() -> None:
    """Two learners without a true difference, 15 replicates of five folds: their differences share training images."""
    rng, suites, alarms, naive = np.random.default_rng(1), 2000, 0, 0
    for _ in range(suites):
        # a difference per image and a part that all replicates share through what they train on (Nadeau and Bengio)
        shared = rng.normal(0, math.sqrt(0.2))
        differences = shared + rng.normal(0, math.sqrt(0.8), 15)
        found, plain = (intervals.over_replicates(differences, redrawn=r) for r in (0.25, 0.0))
        alarms += not found.low <= 0 <= found.high
        naive += not plain.low <= 0 <= plain.high
    assert alarms / suites <= 0.06
    assert naive / suites > 0.2
