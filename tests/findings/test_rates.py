"""What measured rates do to a finding: made-up tables, worked by hand."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from valgap.findings import rates
from valgap.findings.finding import Finding, Severity
from valgap.findings.rates import Measured, Rate, Row
from valgap.ground.errors import SuiteError


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets the rows that were measured."""

    def given(*rows: Row) -> None:
        monkeypatch.setattr(rates, "read", lambda: Measured(0, ("a", "b"), rows))
        rates.precision.cache_clear()
        rates.false_alarms.cache_clear()

    yield given
    rates.precision.cache_clear()
    rates.false_alarms.cache_clear()


def finding(severity: Severity) -> Finding[int]:
    return Finding("VG999", "name", "Title", severity, 1, 2, "images", "One of two.", "It matters.")


def test_rates_of_all_sets_and_plants_are_pooled(measured: Callable[..., None]) -> None:
    measured(
        Row("VG999", "mirrored", "a", right=Rate(9, 10)), Row("VG999", "turned", "b", right=Rate(27, 30)),
        Row("VG998", "mirrored", "a", right=Rate(0, 50)),
    )  # fmt: skip
    assert rates.precision("VG999") == Rate(36, 40)
    assert "of ten such flags about 9 are right (36 of 40" in rates.sentence("VG999")


@pytest.mark.parametrize(
    ("count", "words"), [(40, "all are"), (39, "nearly all are"), (26, "about 6 are"), (4, "about 1")]
)
def test_tenths_in_words(measured: Callable[..., None], count: int, words: str) -> None:
    measured(Row("VG999", "mirrored", "a", right=Rate(count, 40)))
    assert words in rates.sentence("VG999")


def test_what_is_wrong_more_often_than_right_is_no_problem(measured: Callable[..., None]) -> None:
    measured(Row("VG999", "mirrored", "a", right=Rate(19, 40)))
    assert rates.told(finding("problem")).severity == "worth a look"
    measured(Row("VG999", "mirrored", "a", right=Rate(20, 40)))
    assert rates.told(finding("problem")).severity == "problem"
    measured(Row("VG999", "mirrored", "a", right=Rate(0, 9)))  # too few to say
    assert rates.told(finding("problem")).severity == "problem"


def test_a_finding_that_is_not_raised_keeps_its_words(measured: Callable[..., None]) -> None:
    measured(Row("VG999", "mirrored", "a", right=Rate(36, 40)))
    assert rates.told(finding("fine")) == finding("fine")
    assert rates.told(finding("worth a look")).found.startswith("One of two. Measured: ")


def test_without_flags_false_alarms_are_told(measured: Callable[..., None]) -> None:
    measured(Row("VG999", "mirrored", "a", Rate(1, 9), None, Rate(2, 100)))
    assert rates.sentence("VG999") == "Measured: raised on 2 of 100 sets without this fault."
    measured()
    assert rates.sentence("VG999") == ""


def test_the_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    found = Measured(3, ("a: 5 images",), (Row("VG999", "mirrored", "a", Rate(1, 2), None, Rate(0, 7)),))
    rates.write(found, tmp_path / "rates.json")
    assert rates.read(tmp_path / "rates.json") == found
    with pytest.raises(SuiteError, match=r"calibrate --findings"):
        rates.read(tmp_path / "none.json")


def test_what_is_installed_can_be_read() -> None:
    assert rates.read().seed >= 0


def test_a_finding_that_estimates_its_own_rate_is_told_no_other(measured: Callable[..., None]) -> None:
    assert {"VG108"} == rates.THEIR_OWN
    measured(Row("VG108", "uniform", "a", right=Rate(36, 40)))
    own = dataclasses.replace(finding("worth a look"), code="VG108")
    assert rates.told(own) == own
    measured(Row("VG108", "uniform", "a", right=Rate(4, 40)))
    assert rates.told(dataclasses.replace(own, severity="problem")).severity == "worth a look"
