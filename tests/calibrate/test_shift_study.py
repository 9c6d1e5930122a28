"""What is planted in the study of shifts: no strength changes nothing, more costs more, and the study finds it."""

import dataclasses

import numpy as np
import pytest

from valgap.calibrate.findings import shift
from valgap.calibrate.findings.corrupted import CORRUPTIONS, drawn, strength_of, tilted
from valgap.calibrate.findings.sets import digits

IMAGES = np.random.default_rng(0).integers(20, 200, (5, 8, 8, 1), dtype=np.uint8)


@pytest.mark.parametrize("kind", [*CORRUPTIONS])
def test_a_corruption_of_no_strength_changes_nothing_and_a_stronger_one_more(kind: str) -> None:
    def change(strength: float) -> float:
        changed = CORRUPTIONS[kind](IMAGES, strength, np.random.default_rng(0))
        assert changed.dtype == np.uint8
        return float(np.abs(changed.astype(float) - IMAGES).mean())

    assert change(0) <= 0.5
    assert change(0) < change(0.3) < change(0.9)


def test_the_strength_is_the_one_that_costs_so_much() -> None:
    assert strength_of(lambda strength: 0.5 * strength, 0.1) == pytest.approx(0.2, abs=0.01)
    assert strength_of(lambda _: 0.05, 0.1) is None


def test_a_tilted_mix_costs_what_was_asked() -> None:
    counts, recalls = np.array([100.0, 100.0, 200.0]), np.array([0.95, 0.9, 0.6])
    shares = tilted(counts, recalls, 0.05)
    assert shares is not None
    assert shares.sum() == pytest.approx(1)
    assert counts / counts.sum() @ recalls - shares @ recalls == pytest.approx(0.05, abs=0.01)
    assert tilted(counts, recalls, 0.5) is None
    labels = np.repeat([0, 1, 2], 300)
    found = np.bincount(labels[drawn(labels, shares, 300, np.random.default_rng(0))], minlength=3) / 300
    np.testing.assert_allclose(found, shares, atol=0.08)


def test_the_study_finds_what_it_plants_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"STEPS": 150, "CLEAN": 4, "DRAWS": 2, "TRIED": 300}.items():
        monkeypatch.setattr(shift, name, value)
    some = digits()
    few = dataclasses.replace(some, images=some.images[:900], labels=some.labels[:900])
    told: list[str] = []
    rows = {(row.code, row.what): row for row in shift.run({"digits": few}, 0, told.append)}
    clean = rows["VG123", "no shift"].alarms
    assert clean is not None
    assert (clean.count, clean.n) == (0, 4)
    found = [row.planted for (code, what), row in rows.items() if code == "VG123" and "costs" in what]
    assert found
    assert all(each is not None and each.count == each.n == 2 for each in found)
    assert told
