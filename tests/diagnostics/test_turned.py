from pathlib import Path

import numpy as np
import pytest

from valgap.diagnostics.turned import turned
from valgap.document.prose import Prose
from valgap.findings.symmetries import SYMMETRIES, fitting


def rights(accuracies: list[float], count: int, seed: int) -> np.ndarray:
    """Images that are easy or hard alike under every symmetry, so that pairs hang together."""
    easy = np.random.default_rng(seed).random(count)
    return np.array([easy < accuracy for accuracy in accuracies])


def test_the_symmetry_that_restores_accuracy_is_named_with_what_it_brings() -> None:
    seen = turned(rights([0.4, 0.3, 0.3, 0.2, 0.9, 0.3, 0.3, 0.3], 400, 0), 0.2)
    assert seen is not None
    assert (seen.code, seen.severity) == ("VG120", "problem")
    assert seen.evidence["name"] == "turned by 90° to the left"
    assert seen.evidence["images"] == 400
    assert seen.evidence["gain"] == pytest.approx(seen.evidence["after"] - seen.evidence["before"])
    texts = Prose(Path("valgap/check/faults/data.yaml")).all("VG120", **seen.evidence)
    assert texts["title"] == "Validation images fit better when turned by 90° to the left"
    assert texts["found"].startswith("Of 400 validation images")


def test_symmetries_that_the_images_do_not_tell_apart_are_named_together() -> None:
    rows = rights([0.4, 0.3, 0.9, 0.89, 0.3, 0.3, 0.3, 0.3], 400, 1)
    seen = turned(rows, 0.2)
    assert seen is not None
    assert seen.evidence["name"] == "mirrored top to bottom or turned by 180°"
    clear = turned(rights([0.4, 0.3, 0.9, 0.7, 0.3, 0.3, 0.3, 0.3], 400, 1), 0.2)
    assert clear is not None
    assert clear.evidence["name"] == "mirrored top to bottom"


def test_upright_images_are_never_said_to_lie_otherwise() -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(1, 400))
        base = rng.uniform(0.3, 1)
        others = base - rng.uniform(-0.02, 0.5, 7)
        assert turned(rng.random((8, count)) < np.array([base, *others])[:, np.newaxis], 0.2) is None


def test_a_network_that_goes_by_chance_fits_nothing_better() -> None:
    alarms = 0
    for seed in range(500):
        rng = np.random.default_rng(seed)
        alarms += turned(rng.random((8, int(rng.integers(10, 300)))) < 0.2, 0.2) is not None
    assert alarms == 0


def test_below_chance_to_chance_is_no_cure() -> None:
    rows = np.random.default_rng(0).random((8, 600)) < 0.2
    rows[0] = False
    assert turned(rows, 0.2) is None


def test_a_gain_of_a_few_images_is_not_enough() -> None:
    rows = np.ones((8, 16), bool)
    rows[0, :8] = False  # 4 of 8 in each half: 2 ** -4 is not below 0.001
    assert turned(rows) is None
    assert turned(np.zeros((8, 0), bool)) is None
    assert turned(np.zeros((8, 1), bool)) is None


def test_another_number_of_symmetries_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must have 8 rows.*received shape \(7, 5\)"):
        turned(np.ones((7, 5), bool))


def test_symmetries_are_eight_and_undo_each_other() -> None:
    images = np.arange(2 * 4 * 4).reshape(2, 4, 4)
    assert len({each.of(images).tobytes() for each in SYMMETRIES}) == 8
    assert len({each.name for each in SYMMETRIES}) == 8
    np.testing.assert_array_equal(SYMMETRIES[0].of(images), images)
    np.testing.assert_array_equal(SYMMETRIES[1].of(images)[0, 0], images[0, 0, ::-1])
    np.testing.assert_array_equal(SYMMETRIES[2].of(images)[0], images[0, ::-1])
    np.testing.assert_array_equal(SYMMETRIES[4].of(SYMMETRIES[5].of(images)), images)
    np.testing.assert_array_equal(SYMMETRIES[4].of(images)[0], np.rot90(images[0]))
    assert all((each.inverse.of(each.of(images)) == images).all() for each in SYMMETRIES)
    assert [each.of(np.zeros((1, 2, 3))).shape for each in fitting(2, 3)] == [(1, 2, 3)] * 4
    assert len(fitting(5, 5)) == 8
