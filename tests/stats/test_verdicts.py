import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from valgap.stats import verdicts
from valgap.stats.intervals import Interval, over_replicates, over_replicates_and_examples
from valgap.stats.judging import word_for
from valgap.stats.verdicts import Contrast, adjusted_confidence, paired_contrast

MARGIN = 0.02


def contrast_of(difference: np.ndarray, confidence: float = 0.95) -> Contrast:
    return paired_contrast(difference, np.zeros_like(difference), confidence)


def of_sd(sd: float, n: int, confidence: float = 0.95) -> Contrast:
    """A contrast of n replicates whose paired differences have exactly this standard deviation."""
    values = np.arange(n, dtype=np.float64)
    return contrast_of(sd * (values - values.mean()) / np.std(values, ddof=1), confidence)


def found(interval: Interval) -> bool:
    return interval.low > 0 or interval.high < 0


def test_contrast_by_hand() -> None:
    contrast = paired_contrast(np.array([0.5, 0.7, 0.9]), np.array([0.4, 0.5, 0.6]), 0.95)
    half = 4.302652729911275 * 0.1 / math.sqrt(3)  # differences .1, .2, .3: t(.975, 2 df), sd .1
    assert contrast.interval.low == pytest.approx(0.2 - half, abs=1e-9)
    assert contrast.interval.high == pytest.approx(0.2 + half, abs=1e-9)
    assert (contrast.df, contrast.examples, contrast.wins) == (2, 0, "3/3")
    assert contrast.standard_error == pytest.approx(0.1 / math.sqrt(3))
    assert contrast.between == pytest.approx(0.01)
    assert contrast.correlation == pytest.approx(1)


def test_two_way_contrast_by_hand() -> None:
    contrast = contrast_of(np.array([[1.0, 2.0], [3.0, 8.0]]))
    # MS_rep 16, MS_ex 9, MS_res 4 over 2 x 2 cells: examples (9 - 4) / 4, replicates 16 / 2
    assert contrast.examples == pytest.approx(5 / 4)
    assert contrast.between == pytest.approx(8)
    assert contrast.standard_error**2 == pytest.approx(21 / 4)
    assert contrast.df == pytest.approx(21**2 / (16**2 + 9**2 + 4**2))


@given(
    st.integers(0, 2**32), st.integers(2, 6), st.integers(2, 6), st.sampled_from([0.0, 0.3, 3.0]), st.booleans()
)  # small tables reach both floors of the two-way variance
def test_two_way_contrast_agrees_with_its_interval(seed: int, n: int, examples: int, sd: float, discrete: bool) -> None:
    rng = np.random.default_rng(seed)
    difference = rng.normal(size=(n, examples)) + rng.normal(scale=sd, size=examples)
    difference = np.round(difference) if discrete else difference
    contrast, expected = contrast_of(difference, 0.99), over_replicates_and_examples(difference, 0.99)
    assert contrast.interval.mean == pytest.approx(expected.mean, abs=1e-12)
    assert contrast.interval.low == pytest.approx(expected.low, abs=1e-9)
    half = stats.t.ppf(0.995, contrast.df) * contrast.standard_error
    assert expected.high - expected.mean == pytest.approx(half, rel=1e-6, abs=1e-9)
    assert contrast.between / n + contrast.examples == pytest.approx(contrast.standard_error**2, abs=1e-12)


def test_variance_components_predict_the_variance_at_other_numbers_of_replicates() -> None:
    rng = np.random.default_rng(0)
    predicted = []
    for _ in range(1000):
        parts = (rng.normal(scale=sd, size=size) for sd, size in ((0.03, (8, 1)), (0.2, (1, 100)), (0.3, (8, 100))))
        contrast = contrast_of(sum(parts, np.zeros((8, 100))))
        predicted.append(contrast.between / 32 + contrast.examples)
    assert np.mean(predicted) == pytest.approx(0.03**2 / 32 + 0.2**2 / 100 + 0.3**2 / 3200, rel=0.03)


def test_two_way_contrast_covers_new_replicates_and_examples() -> None:
    rng, covered = np.random.default_rng(1), []
    for _ in range(2000):
        parts = (rng.normal(scale=sd, size=size) for sd, size in ((0.02, (12, 1)), (0.2, (1, 200)), (0.3, (12, 200))))
        interval = contrast_of(sum(parts, np.zeros((12, 200)))).interval
        covered.append(interval.low <= 0 <= interval.high)
    assert 0.935 <= np.mean(covered) <= 0.97  # standard error 0.5 pp


def test_only_group_means_cover_a_grouped_test_set() -> None:
    """40 patients of 5 images: the patient's effect is shared by images and replicates alike."""
    rng, covered = np.random.default_rng(2), []
    for _ in range(1500):
        patient = rng.normal(scale=0.08, size=(1, 40, 1))
        images = rng.normal(scale=0.015, size=(12, 1, 1)) + patient + rng.normal(scale=0.1, size=(12, 40, 5))
        by_group, by_image = contrast_of(images.mean(axis=2)), contrast_of(images.reshape(12, 200))
        each = (by_group.interval, by_image.interval, over_replicates(images.mean(axis=(1, 2))))
        covered.append([interval.low <= 0 <= interval.high for interval in each])
    by_group_rate, by_image_rate, replicates_rate = np.mean(covered, axis=0)
    assert 0.93 <= by_group_rate <= 0.97
    assert by_image_rate < 0.85
    assert replicates_rate < 0.7


def test_looks_spend_alpha_once() -> None:
    assert [verdicts.look_alpha(look) for look in range(3)] == pytest.approx([0.04, 0.008, 0.0016])
    assert sum(verdicts.look_alpha(look) for look in range(50)) == pytest.approx(verdicts.ALPHA)
    assert adjusted_confidence(4) == pytest.approx(0.99)
    assert adjusted_confidence(4, 1) == pytest.approx(0.998)
    with pytest.raises(ValueError, match="received 0"):
        adjusted_confidence(0)
    with pytest.raises(ValueError, match="received -1"):
        verdicts.look_alpha(-1)


@pytest.mark.parametrize("looks", [1, 2])
def test_at_most_5_percent_of_null_suites_raise_an_alarm(looks: int) -> None:
    """Three no-op arms against one baseline; inconclusive ones get 6 more replicates at the second look."""
    rng, suites, alarms, again = np.random.default_rng(looks), 2000, 0, 0
    for _ in range(suites):
        baseline = rng.normal(scale=0.014, size=12)
        alarm = False
        for arm in rng.normal(scale=0.014, size=(3, 12)):  # paired sd 2 pp
            first = 6 if looks == 2 else 12
            interval = paired_contrast(arm[:first], baseline[:first], adjusted_confidence(3)).interval
            if looks == 2 and word_for(interval, MARGIN) == "inconclusive":
                interval = paired_contrast(arm, baseline, adjusted_confidence(3, 1)).interval
                again += 1
            alarm |= found(interval)
        alarms += alarm
    assert 0.02 < alarms / suites <= 0.06
    assert again >= suites * (looks - 1)  # most contrasts of 6 replicates are inconclusive


def test_a_remedy_is_chosen_and_confirmed_on_different_replicates() -> None:
    """Choosing on validation among no-op strengths, validation and test sharing each replicate's luck."""
    rng, suites = np.random.default_rng(5), 1500
    elsewhere, pooled, each = {3: 0, 12: 0}, {3: 0, 12: 0}, {3: 0, 12: 0}

    def helps(treated: np.ndarray, control: np.ndarray) -> bool:
        return paired_contrast(treated, control, 0.95).interval.low > 0

    for strengths in (3, 12):
        for _ in range(suites):
            luck = rng.normal(scale=0.014, size=(strengths + 1, 12))  # the last row is the baseline
            validation, test = (luck + rng.normal(scale=0.005, size=luck.shape) for _ in range(2))
            on_block = int(validation[:-1, :6].mean(axis=1).argmax())
            on_all = int(validation[:-1].mean(axis=1).argmax())
            own = test[:-1][validation[:-1].argmax(axis=0), np.arange(12)]
            elsewhere[strengths] += helps(test[on_block, 6:], test[-1, 6:])
            pooled[strengths] += helps(test[on_all], test[-1])
            each[strengths] += helps(own, test[-1])
    assert max(elsewhere.values()) / suites <= 0.04  # nominal 2.5%, standard error 0.4 pp
    assert min(elsewhere.values()) > 0
    assert pooled[12] / suites > 0.08
    assert min(each.values()) / suites > 0.2


limits = st.floats(-0.1, 0.1)


@given(limits, limits, st.floats(0.001, 0.1))
def test_the_word_never_contradicts_the_interval(one: float, other: float, margin: float) -> None:
    low, high = min(one, other), max(one, other)
    word = word_for(Interval(12, (low + high) / 2, 0.01, low, high), margin)
    assert word.startswith("contributes") == (low > 0)
    if word == "contributes":
        assert (low + high) / 2 >= margin
    if word == "not to blame":
        assert low <= 0
        assert high < margin
    if word == "inconclusive":
        assert low <= 0
        assert high >= margin
    assert word != "unknown"


def test_arms_that_agree_bit_for_bit_have_no_effect() -> None:
    scores = np.array([0.79, 0.8, 0.81])
    for arm in (scores, scores[:, np.newaxis] * np.ones(4)):
        contrast = paired_contrast(arm, arm, 0.95)
        assert (contrast.interval.low, contrast.interval.high, contrast.standard_error) == (0, 0, 0)
        assert word_for(contrast.interval, MARGIN) == "not to blame"
        assert verdicts.minimum_detectable_effect(contrast) == 0
        assert verdicts.replicates_to_settle(contrast, MARGIN) == 2
    constant = contrast_of(np.full(6, 0.1)).interval
    assert (constant.low, constant.high) == (0.1, 0.1)


@pytest.mark.parametrize("scores", [np.array([0.8]), np.array([[0.0, 1.0]]), np.array([[0.0], [1.0]])])
def test_one_replicate_or_example_leaves_the_effect_unknown(scores: np.ndarray) -> None:
    contrast = paired_contrast(scores, scores * 0.5, 0.95)
    assert contrast.interval.mean == pytest.approx(scores.mean() / 2)
    assert word_for(contrast.interval, MARGIN) == "unknown"
    assert math.isnan(contrast.standard_error)
    assert math.isnan(verdicts.minimum_detectable_effect(contrast))
    assert math.isnan(verdicts.minimum_detectable_effect(contrast, 12))
    assert verdicts.replicates_to_settle(contrast, MARGIN) is None


@pytest.mark.parametrize(
    ("treated", "control", "words"),
    [
        (np.zeros(3), np.zeros(4), r"\(3,\), control \(4,\)"),
        (np.zeros(0), np.zeros(0), "no shared replicates"),
        (np.array([0.1, np.nan]), np.zeros(2), "not finite"),
        (np.zeros(2), np.array([0.1, np.inf]), "not finite"),
    ],
)
def test_scores_that_cannot_be_contrasted(treated: np.ndarray, control: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        paired_contrast(treated, control, 0.95)


def test_margin_is_never_under_two_test_images() -> None:
    assert verdicts.default_margin(0.02, 10_000) == 0.02
    assert verdicts.default_margin(0.02, 50) == 0.04
    with pytest.raises(ValueError, match="received 0"):
        verdicts.default_margin(0.02, 0)


def test_replicates_to_settle_by_table() -> None:
    """Half a standard deviation at alpha .05, power .8: 34 observations; .9: 44 (Cohen 1988, section 2.4)."""
    assert verdicts.replicates_to_settle(of_sd(0.02, 6), 0.01) == 34
    assert verdicts.replicates_to_settle(of_sd(0.02, 6), 0.01, power=0.9) == 44


@given(st.floats(0.005, 0.05), st.integers(2, 40), st.floats(0.005, 0.1), st.floats(0, 0.01))
def test_replicates_to_settle_is_the_fewest(sd: float, n: int, margin: float, examples: float) -> None:
    contrast = dataclasses.replace(of_sd(sd, n, 0.99), examples=examples**2)
    settled, effect = verdicts.replicates_to_settle(contrast, margin, 500), verdicts.minimum_detectable_effect
    if settled is None:
        assert effect(contrast, 500) > margin
    else:
        assert effect(contrast, settled) <= margin
        assert settled == 2 or effect(contrast, settled - 1) > margin


def test_shared_examples_may_be_too_few_for_any_number_of_replicates() -> None:
    contrast = dataclasses.replace(of_sd(0.02, 12), examples=0.01**2)
    assert verdicts.replicates_to_settle(contrast, 0.02) is None


@pytest.mark.parametrize(("n", "confidence"), [(3, 0.95), (12, 0.99), (30, 0.99)])
def test_the_minimum_detectable_effect_is_found_with_its_power(n: int, confidence: float) -> None:
    effect = verdicts.minimum_detectable_effect(of_sd(0.02, 12, confidence), n)
    draws = np.random.default_rng(n).normal(effect, 0.02, size=(20_000, n))
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * draws.std(axis=1, ddof=1) / math.sqrt(n)
    assert np.mean(np.abs(draws.mean(axis=1)) > half) == pytest.approx(0.8, abs=0.012)  # standard error 0.3 pp


def test_max_t_by_hand() -> None:
    """Two replicates, flips ++, +-, -+, --: cosines of (3, 1) are 4, 2, 2, 4 and of (1, -2) 1, 3, 3, 1."""
    # over their norms sqrt(10) and sqrt(5): 1.26, .63 and .45, 1.34, so maxima 1.26, 1.34, 1.34, 1.26
    assert verdicts.max_t_p(np.array([[3.0, 1.0], [1.0, -2.0]])).tolist() == [1.0, 1.0]
    assert verdicts.max_t_p(np.array([[3.0, 1.0]])).tolist() == [0.5]


@pytest.mark.parametrize("n", [8, 16])
def test_max_t_floor_and_constant_rows(n: int) -> None:
    differences = np.vstack([np.linspace(0.05, 0.06, n), np.zeros(n), np.full(n, 0.1), np.tile([1.0, -1.0], n // 2)])
    p = verdicts.max_t_p(differences)
    assert p[1] == 1
    assert p[3] == 1  # its mean is 0
    floor = 2 / 2**n if n == 8 else 1 / 4096
    assert p[0] >= p[2] >= floor
    np.testing.assert_array_equal(verdicts.max_t_p(differences[[0, 2, 3]]), p[[0, 2, 3]])
    if n == 8:
        assert verdicts.max_t_p(differences[:2]).tolist() == [floor, 1]
    else:
        assert verdicts.max_t_p(differences, 1)[1] == 1
        noisy = np.random.default_rng(0).normal(0.3, 1, size=(2, n))
        assert not np.array_equal(verdicts.max_t_p(noisy), verdicts.max_t_p(noisy, 1))


@pytest.mark.parametrize("n", [8, 14])
def test_max_t_is_nominal_over_the_family(n: int) -> None:
    rng = np.random.default_rng(6)
    arms = rng.normal(size=(1000, 6, n)) - rng.normal(size=(1000, 1, n))
    least = np.array([verdicts.max_t_p(suite, seed).min() for seed, suite in enumerate(arms)])
    for level in (0.05, 0.5):
        assert np.mean(least <= level) == pytest.approx(level, abs=4 * math.sqrt(level * (1 - level) / 1000))


@pytest.mark.parametrize("differences", [np.zeros((3, 0)), np.array([[0.1, np.nan]])])
def test_max_t_needs_numbers(differences: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite"):
        verdicts.max_t_p(differences)
