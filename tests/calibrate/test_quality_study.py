import dataclasses

import numpy as np
import pytest

from valgap.calibrate.findings import quality
from valgap.calibrate.findings.sets import digits, garments


def test_the_study_says_recall_precision_and_alarms_of_each_plant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "DRAWS", 2)
    monkeypatch.setattr(quality, "FILES", 10)
    sets = {each.name: dataclasses.replace(each, images=each.images[:600]) for each in (garments(), digits())}
    told: list[str] = []
    rows = quality.run(sets, 3, told.append)
    assert len(told) == 4
    found = {(row.what, row.set): row for row in rows}
    assert len(found) == len(rows)
    dark = found["dark, x 0.15", "garments"]
    assert dark.planted is not None
    assert dark.right is not None
    assert dark.planted.count == dark.planted.n == 24
    assert dark.right.count == 24
    assert ("blurred, sigma 2", "garments") in found
    assert ("blurred, sigma 2", "digits") not in found  # too small to judge
    alarms = [row.alarms for row in rows if row.code == "VG129" and row.alarms is not None]
    assert sum(rate.count for rate in alarms) == 0
    assert rows == quality.run(sets, 3, told.append)


def test_draws_are_of_different_images_each() -> None:
    drawn = list(quality._draws(digits(), 0))
    for chosen, bad in drawn:
        assert len(np.unique(chosen)) == quality.IMAGES
        assert len(bad) == round(quality.PLANTED * quality.IMAGES)
    assert not np.array_equal(drawn[0][0], drawn[1][0])
