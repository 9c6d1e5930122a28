"""The section on segments that the baseline is worse at."""

import dataclasses

import pandas as pd

from tests.report import page_sample
from valgap.document.parts import Gallery, Section, Table
from valgap.report.segments import segments

SAMPLE = page_sample.sample()
ROWS = SAMPLE.tables["segments"]


def section(rows: pd.DataFrame) -> Section:
    return segments(dataclasses.replace(SAMPLE, tables=SAMPLE.tables | {"segments": rows}))


def said(found: Section) -> str:
    return " ".join(str(part) for part in found.parts if isinstance(part, str))


def test_a_weak_segment_is_told_with_its_numbers_and_shown() -> None:
    found = section(ROWS)
    assert "dark images, 61.0% of 200 right (54.0% to 67.0%), elsewhere 84.0%." in said(found)
    assert "sharp or noisy" not in said(found)
    (gallery,) = [part for part in found.parts if isinstance(part, Gallery)]
    assert [(each.caption, len(each.pictures)) for each in gallery.examples] == [("dark images", 2)]
    (table,) = [part for part in found.parts if isinstance(part, Table)]
    assert [row[0] for row in table.rows] == ["dark images", "sharp or noisy images"]


def test_without_a_weak_one_it_says_so_and_lists_what_was_judged() -> None:
    found = section(ROWS[1:])
    assert "No segment of the test images is recognised less often than its classes are" in said(found)
    assert not [part for part in found.parts if isinstance(part, Gallery)]


def test_too_few_images_are_said() -> None:
    assert said(section(ROWS[:0])) == "Too few test images to look for segments that it is worse at."
