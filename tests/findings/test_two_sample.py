import math

import numpy as np
import pytest

from valgap.findings import two_sample
from valgap.findings.two_sample import pixel_features, two_sample_auc


def patients(rng: np.random.Generator, train: int, val: int, each: int, dimensions: int) -> tuple[np.ndarray, ...]:
    """Features, sides and groups of patients whose images resemble one another; no shift between the sides."""
    groups = np.repeat(np.arange(train + val), each)
    features = rng.normal(size=(train + val, dimensions))[groups] + rng.normal(
        scale=0.3, size=(len(groups), dimensions)
    )
    return features, groups >= train, groups


def test_shifted_brightness_is_found() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 4)
    is_validation = groups >= 20
    brightness = rng.normal(100, 8, size=30)[groups] + 40 * is_validation
    images = rng.normal(brightness[:, np.newaxis, np.newaxis, np.newaxis], 25, size=(120, 16, 16, 3))
    features = pixel_features(np.clip(images, 0, 255).astype(np.uint8))
    found = two_sample_auc(features, is_validation, groups, seed=0, permutations=60, folds=3)
    assert found.p is not None
    assert found.p <= 0.02
    assert found.auc > 0.8
    assert found.groups == 30


def test_patients_are_no_shift_but_look_like_one_where_images_are_folded_singly() -> None:
    grouped, single, p = [], [], []
    for seed in range(6):
        features, sides, groups = patients(np.random.default_rng(seed), 20, 10, 8, 20)
        found = two_sample_auc(features, sides, groups, seed, permutations=20, folds=3)
        alone = two_sample_auc(features, sides, np.arange(len(sides)), seed, permutations=0, folds=3)
        assert found.p is not None
        grouped.append(found.auc)
        single.append(alone.auc)
        p.append(found.p)
    assert np.mean(single) > 0.85
    assert np.mean(grouped) == pytest.approx(0.5, abs=0.12)
    assert np.median(p) > 0.1


def test_false_alarms_are_nominal() -> None:
    alarms = []
    for seed in range(60):
        features, sides, groups = patients(np.random.default_rng(seed), 12, 8, 3, 3)
        p = two_sample_auc(features, sides, groups, seed, permutations=19, folds=2).p
        assert p is not None
        alarms.append(p <= 0.05)
    assert np.mean(alarms) <= 0.12  # nominal 5%: 60 draws, standard error 3 pp


def test_the_seed_draws_folds_and_permutations() -> None:
    features, sides, groups = patients(np.random.default_rng(1), 10, 6, 2, 2)
    first, again, other = (two_sample_auc(features, sides, groups, seed, 10, 2) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_names_and_order_of_groups_do_not_bear_on_the_test_of_a_clear_shift() -> None:
    features, sides, groups = patients(np.random.default_rng(2), 8, 8, 2, 2)
    order = np.random.default_rng(3).permutation(len(groups))
    found = two_sample_auc((features + 9 * sides[:, np.newaxis])[order], sides[order], -7 * groups[order], 0, 19, 2)
    assert found.auc == 1
    assert found.p is not None
    assert 1 / 20 <= found.p <= 2 / 20


def test_too_few_groups_tell_nothing() -> None:
    features, sides, groups = patients(np.random.default_rng(0), 20, 4, 3, 2)
    for data in ((features, sides, groups), (features, ~sides, groups), (features, np.zeros(72, bool), groups)):
        found = two_sample_auc(*data, seed=0)
        assert math.isnan(found.auc)
        assert found.p is None
        assert found.groups == 24


def test_arguments_that_cannot_be_tested() -> None:
    features, sides, groups = patients(np.random.default_rng(0), 6, 6, 2, 2)
    with pytest.raises(ValueError, match=r"groups lie on both sides of the split: \[0\] of 1"):
        two_sample_auc(features, sides, np.where(groups == 11, 0, groups), seed=0)
    with pytest.raises(ValueError, match="lengths differ: 24 features, 23 sides"):
        two_sample_auc(features, sides[1:], groups, seed=0)
    with pytest.raises(ValueError, match="received 1"):
        two_sample_auc(features, sides, groups, seed=0, folds=1)
    with pytest.raises(ValueError, match="finite"):
        two_sample_auc(np.full_like(features, np.nan), sides, groups, seed=0)


def test_pixel_features_by_hand() -> None:
    image = np.zeros((1, 16, 16, 1), np.uint8)
    image[0, :2, :2, 0] = [[255, 0], [0, 255]]
    features = pixel_features(image)
    assert features.shape == (1, 64)
    assert features[0, 0] == pytest.approx(0.5)
    assert features[0, 1:].tolist() == [0] * 63
    small = np.arange(12, dtype=np.uint8).reshape(1, 2, 3, 2)  # under 8 x 8: every pixel is a feature
    np.testing.assert_allclose(pixel_features(small), np.arange(12)[np.newaxis] / 255)


@pytest.mark.parametrize("side", [1, 8, 13, 28])
def test_pixel_features_keep_a_constant_image(side: int) -> None:
    images = np.full((2, side, side, 3), 255, np.uint8)
    images[1, ..., 1] = 51
    features = pixel_features(images).reshape(2, -1, 3)
    assert features.shape[1] == min(side, two_sample.CELLS) ** 2
    np.testing.assert_allclose(features[0], 1)
    np.testing.assert_allclose(features[1], np.tile([1, 0.2, 1], (features.shape[1], 1)))
    assert features.max() <= 1
