import dataclasses
import json
import math
from pathlib import Path

import pytest

from tests import samples
from valgap.ground import records
from valgap.ground.errors import SuiteError
from valgap.ground.records import Number
from valgap.results.provenance import Provenance
from valgap.stats.verdict import Verdict


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inner:
    x: Number
    why: str | None = None
    y: int


@dataclasses.dataclass(frozen=True)
class Outer:
    rows: tuple[Inner, ...]
    sure: float


def test_what_is_written_is_read_back_and_written_alike() -> None:
    for record in (samples.VERDICT, samples.PROVENANCE):
        text = records.text(record, indent=2)
        assert records.parse(type(record), text) == record
        assert records.text(records.parse(type(record), text), indent=2) == text


def test_null_stands_for_what_is_no_number_and_an_absent_text_has_no_key() -> None:
    text = records.text(Outer((Inner(x=math.nan, y=1), Inner(x=math.inf, why="so", y=2)), 0.5), indent=0)
    assert json.loads(text) == {"rows": [{"x": None, "y": 1}, {"x": None, "why": "so", "y": 2}], "sure": 0.5}
    first, second = records.parse(Outer, text).rows
    assert math.isnan(first.x)
    assert math.isnan(second.x)
    assert (first.why, second.why) == (None, "so")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"rows": []}', "sure: field required"),
        ('{"rows": [], "sure": null}', "sure: input should be a valid number"),
        ('{"rows": [], "sure": 1, "more": 1}', "more: unexpected keyword argument"),
        ('{"rows": [{"x": 1, "y": "1"}], "sure": 1}', r"rows\.0\.y: input should be a valid integer"),
        ('{"rows": [{"x": 1}], "sure": 1}', r"rows\.0\.y: field required"),
        ("null", "holds nothing but null"),
        ("{", "invalid JSON"),
    ],
)
def test_what_is_malformed_is_named_with_its_place_and_cure(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        records.parse(Outer, text)
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SuiteError, match=rf"a\.json cannot be read \(.*{says}.*\): do this"):
        records.read(Outer, tmp_path / "a.json", "do this")


def test_a_missing_file_is_called_missing(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"a\.json is missing: do this"):
        records.read(Verdict, tmp_path / "a.json", "do this")


def test_many_faults_are_counted() -> None:
    with pytest.raises(ValueError, match="and 4 more"):
        records.parse(Provenance, "{}")
