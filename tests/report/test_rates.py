"""The method section quotes how often such a diagnosis was right, of the causes that the report judges."""

import dataclasses
from pathlib import Path

import pytest

from tests.calibrate.trials import named, planted, trial
from tests.report.page_sample import sample
from tests.scratch import ROOT
from valgap.calibrate import score
from valgap.document.parts import Table
from valgap.ground import paths
from valgap.report import inputs as reading
from valgap.report.background import rates
from valgap.results.calibration import Calibration, write_calibration


def calibration(*halves: str) -> Calibration:
    """Of each half: three of four trials with too large a network named, and one of two healthy ones alarmed."""
    found = []
    for half in halves:
        found += [trial("big", planted("dense_head", 0.1), names=(named("capacity"),), half=half)] * 3
        found += [trial("missed", planted("dense_head", 0.1), half=half)]
        found += [trial("calm", half=half), trial("alarmed", names=(named("capacity"),), half=half)]
    return score.calibration(found, "c")


def test_says_the_rates_of_the_judged_half_with_their_counts() -> None:
    said, table = rates(dataclasses.replace(sample(), calibration=calibration("rules", "judged")))
    assert isinstance(said, str)
    assert isinstance(table, Table)
    for part in ("on 6 small trials", "first in 75% (30 to 95; 3/4)", "nothing in 25%", "any cause was named in 50%"):
        assert part in said
    (capacity,) = (row for row in table.rows if row[0] == "excess capacity")
    assert capacity[2:] == ("75% (30 to 95; 3/4)", "75% (30 to 95; 3/4)")


def test_of_the_other_half_where_none_was_judged() -> None:
    said, *_ = rates(dataclasses.replace(sample(), calibration=calibration("rules")))
    assert "on 6 small trials" in str(said)


def test_says_nothing_where_nothing_was_measured() -> None:
    assert rates(sample()) == ()


def test_the_library_brings_its_own_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading.RATES == ROOT / paths.CALIBRATION
    monkeypatch.setattr(reading, "RATES", tmp_path / "rates.json")
    assert reading.calibration() is None
    write_calibration(calibration("judged"), tmp_path / "rates.json")
    found = reading.calibration()
    assert found is not None
    assert found.halves["judged"].trials == 6
