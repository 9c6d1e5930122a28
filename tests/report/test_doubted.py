"""The section on labels that the networks doubt."""

import dataclasses

import pandas as pd

from tests.report import page_sample
from valgap.document.parts import Gallery, Section, Table
from valgap.report.doubted import doubted
from valgap.report.inputs import Inputs


def section(**tables: pd.DataFrame) -> Section:
    found: Inputs = page_sample.sample()
    return doubted(dataclasses.replace(found, tables=found.tables | tables))


def said(found: Section) -> str:
    return " ".join(str(part) for part in found.parts if isinstance(part, str))


def test_it_says_how_many_are_wrong_and_where_perhaps_none_is() -> None:
    text = said(section())
    assert "Of 900 images of the pool about 4.0% have a wrong label (2.0% to 7.0%)." in text
    assert "Of 600 images of the test set at most 5.0% have a wrong label, perhaps none." in text
    assert "Of the first 10 below about 9 are wrong (6 to 10)." in text
    assert "Of the first 50" not in text  # there are 12


def test_pictures_and_a_row_for_each_doubted_label() -> None:
    found = section()
    (gallery,) = [part for part in found.parts if isinstance(part, Gallery)]
    (table,) = [part for part in found.parts if isinstance(part, Table)]
    assert len(gallery.examples) == 2
    assert len(table.rows) == 12


def test_without_doubts_or_estimates_it_says_so() -> None:
    tables = page_sample.sample().tables
    unknown = tables["wrong_labels"].assign(wrong=float("nan"), low=float("nan"), high=float("nan"))
    assert "too few to estimate" in said(section(wrong_labels=unknown))
    assert "Of the first" not in said(section(wrong_labels=unknown))
    assert "doubt no label" in said(section(suspects=tables["suspects"][:0]))
