"""The section that shows where a network of the baseline looks."""

import dataclasses

from tests.report import page_sample
from valgap.document.parts import Gallery, Section, Table
from valgap.report.looks import looks

SAMPLE = page_sample.sample()


def gallery_of(section: Section) -> Gallery:
    (found,) = [part for part in section.parts if isinstance(part, Gallery)]
    return found


def test_an_image_stands_beside_its_map_and_alone_where_no_place_counts() -> None:
    first, second = gallery_of(looks(SAMPLE)).examples
    assert [picture.remark for picture in first.pictures][1] == "most counts: upper left"
    assert first.caption.endswith("90.0%; 50.0% with its upper left covered")
    assert len(second.pictures) == 1
    assert second.caption.endswith("70.0%, whatever is covered")
    (table,) = [part for part in looks(SAMPLE).parts if isinstance(part, Table)]
    assert [row[3] for row in table.rows] == ["upper left", "no place"]


def test_without_rows_it_says_why() -> None:
    none = dataclasses.replace(SAMPLE, tables=SAMPLE.tables | {"looks": SAMPLE.tables["looks"][:0]})
    assert "gets no test image wrong" in str(looks(none).parts[0])
    assert "once all cells are trained" in str(looks(dataclasses.replace(none, trained=(3, 9))).parts[0])
