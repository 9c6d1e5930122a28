"""How many labels are wrong: what the estimate is made of, and that it tells hard images from wrong labels."""

import numpy as np
import pytest

from valgap.findings.wrong_labels import FEWEST, Fitted, Limits, share_of, spread, tempered, wrong

IMAGES, CLASSES = 1500, 5


def predicted(seed: int, flipped: float, ambiguous: float = 0.08) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of a model that errs as often as it says, labels, and which of these are wrong."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(CLASSES, ambiguous), IMAGES)
    truth = (probabilities.cumsum(axis=1) > rng.random(IMAGES)[:, np.newaxis]).argmax(axis=1)
    changed = np.arange(IMAGES) < flipped * IMAGES
    labels = np.where(changed, (truth + rng.integers(1, CLASSES, IMAGES)) % CLASSES, truth)
    return probabilities, labels, changed


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_hard_images_are_not_taken_for_wrong_labels(seed: int) -> None:
    probabilities, labels, _ = predicted(seed, 0)
    assert np.mean(probabilities.argmax(axis=1) != labels) > 0.05
    found = wrong(probabilities, labels)
    assert found is not None
    assert found.share.low == 0
    assert found.share.mean < 0.01


def too_sure(probabilities: np.ndarray, power: float) -> np.ndarray:
    """As a network that knows its training images by heart gives them: in float32, where the faint ones are 0."""
    raised = probabilities**power
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32).astype(np.float64)


def test_a_model_that_errs_as_often_as_it_says_stays_as_it_is() -> None:
    probabilities, labels, _ = predicted(0, 0)
    softened = tempered(probabilities, labels)
    np.testing.assert_allclose(softened, probabilities, atol=0.03)
    unsure = probabilities**0.3 / np.sum(probabilities**0.3, axis=1, keepdims=True)
    np.testing.assert_allclose(tempered(unsure, labels), unsure, atol=0.02)  # never made surer


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_model_that_is_too_sure_is_made_as_sure_as_it_is_right(seed: int) -> None:
    probabilities, labels, _ = predicted(seed, 0, ambiguous=0.2)
    given = too_sure(probabilities, 60)
    softened = tempered(given, labels)
    accuracy = np.mean(given.argmax(axis=1) == labels)
    assert given.max(axis=1).mean() > accuracy + 0.25
    assert softened.max(axis=1).mean() == pytest.approx(accuracy, abs=0.04)
    np.testing.assert_array_equal(softened.argmax(axis=1), given.argmax(axis=1))
    raw, found = wrong(given, labels), wrong(softened, labels)
    assert raw is not None
    assert found is not None
    assert raw.share.low > 0.01  # what was called a problem, though no label is wrong
    assert found.share.low == 0


@pytest.mark.parametrize("flipped", [0.03, 0.1, 0.3])
def test_wrong_labels_are_found_by_a_model_that_is_too_sure(flipped: float) -> None:
    probabilities, labels, changed = predicted(4, flipped)
    found = wrong(tempered(too_sure(probabilities, 8), labels), labels)
    assert found is not None
    assert found.share.low <= flipped <= found.share.high
    assert changed[np.argsort(-found.posterior, kind="stable")[:40]].mean() >= 0.8


@pytest.mark.parametrize("flipped", [0.03, 0.1, 0.3])
def test_the_interval_holds_the_share_of_wrong_labels_and_the_first_flags_are_wrong(flipped: float) -> None:
    probabilities, labels, changed = predicted(4, flipped)
    found = wrong(probabilities, labels)
    assert found is not None
    assert found.share.low <= flipped <= found.share.high
    order = np.argsort(-found.posterior, kind="stable")
    for count in (10, 40):
        told, right = found.among(order[:count]), changed[order[:count]].sum()
        assert right >= 0.8 * count
        assert told.low <= right <= told.high


def test_the_limits_by_hand() -> None:
    # 1.1 x (.1 - .16 x .2); limits: .2 x .2 of ambiguity, 1.96 x sqrt(.1 x .9 / 10,000) = .0059 of luck: .0404 in all,
    # and upwards .6 x .1 that a rule may hide: .0723
    found = share_of(Fitted(np.zeros(10_000), share=0.1, ambiguity=0.2))
    assert found.mean == pytest.approx(0.0748, abs=1e-4)
    assert found.low == pytest.approx(0.0303, abs=1e-4)
    assert found.high == pytest.approx(0.1544, abs=1e-4)
    assert share_of(Fitted(np.zeros(10_000), share=0.02, ambiguity=0.2)).low == 0


def test_chances_are_spread_by_the_square_of_the_posterior_as_far_as_one_allows() -> None:
    posterior = np.array([0.5, 1.0, 1.0, 0.0])  # squares .25, 1, 1, 0
    np.testing.assert_allclose(spread(posterior, 0.25), [1 / 9, 4 / 9, 4 / 9, 0], atol=1e-6)
    np.testing.assert_allclose(spread(posterior, 0.5), [2 / 9, 8 / 9, 8 / 9, 0], atol=1e-6)
    np.testing.assert_allclose(spread(posterior, 0.75), [1, 1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(spread(posterior, 0), 0)
    np.testing.assert_allclose(spread(posterior, 1), 1)


@pytest.mark.parametrize("share", [0.001, 0.07, 0.5, 0.93])
def test_chances_sum_to_the_share_and_keep_the_order(share: float) -> None:
    posterior = np.random.default_rng(0).random(300) ** 6
    chances = spread(posterior, share)
    assert chances.sum() == pytest.approx(300 * share)
    assert (np.diff(chances[np.argsort(posterior)]) >= 0).all()
    assert chances.max() <= 1


def test_what_may_be_of_the_images_or_of_the_teacher_does_not_count_against_labels() -> None:
    probabilities, labels, _ = predicted(5, 0.1)
    plain, other, taught = (
        wrong(probabilities, labels),
        wrong(probabilities, labels, alike=False),
        wrong(probabilities, labels, taught=0.02),
    )
    assert plain is not None
    assert other is not None
    assert taught is not None
    assert (other.share.mean, other.share.low, other.share.high) == (plain.share.mean, 0, plain.share.high)
    assert taught.share.low == pytest.approx(plain.share.low - 0.01)
    assert other.likely[1].sum() == 0


def test_few_images_or_a_single_class_tell_nothing() -> None:
    probabilities, labels, _ = predicted(6, 0.1)
    assert wrong(probabilities[: FEWEST - 1], labels[: FEWEST - 1]) is None
    assert wrong(np.ones((FEWEST, 1)), np.zeros(FEWEST, np.int64)) is None


def test_many_images_are_judged_by_a_fit_to_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities, labels, changed = predicted(7, 0.1)
    whole = wrong(probabilities, labels)
    monkeypatch.setattr("valgap.findings.wrong_labels.CELLS", IMAGES * CLASSES // 3)
    part = wrong(probabilities, labels)
    assert whole is not None
    assert part is not None
    assert len(part.posterior) == IMAGES
    assert part.share.mean == pytest.approx(whole.share.mean, abs=0.02)
    assert part.share.low <= changed.mean() <= part.share.high


def test_certain_probabilities_are_no_obstacle() -> None:
    labels = np.arange(300) % 3
    probabilities = np.eye(3)[labels]
    labels[:30] = (labels[:30] + 1) % 3
    found = wrong(probabilities, labels)
    assert found is not None
    assert found.share.low <= 0.1 <= found.share.high
    assert np.isfinite(found.posterior).all()


def test_limits_add_and_scale() -> None:
    assert Limits(1, 0, 2) + Limits(2, 1, 3) == Limits(3, 1, 5)
    assert Limits(1, 0, 2).times(3) == Limits(3, 0, 6)
