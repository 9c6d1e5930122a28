"""The picture of the first screen: parts of the error that add up, or bars that are not stacked."""

import dataclasses

import pytest

from tests.report.situations import situations
from valgap.report.inputs import Inputs
from valgap.report.picture import picture
from valgap.report.shortfall import gap_apart, shortfall
from valgap.stats.verdict import Estimate, Shares

SITUATIONS = situations()


def changed(name: str, **changes: object) -> Inputs:
    given = SITUATIONS[name]
    return dataclasses.replace(given, verdict=dataclasses.replace(given.verdict, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SITUATIONS)
def test_parts_that_are_stacked_add_up_to_the_error(name: str) -> None:
    found = shortfall(SITUATIONS[name])
    assert found.rest >= 0
    if found.is_whole:
        assert sum(piece.mean for piece in found.pieces) + found.rest == pytest.approx(found.error)


def test_shares_are_stacked_largest_first_with_the_rest() -> None:
    found = shortfall(SITUATIONS["two"])
    assert [(piece.title, piece.mean) for piece in found.pieces] == [
        ("improper augmentation", 0.14), ("class imbalance", 0.09),
    ]  # fmt: skip
    assert found.is_whole
    assert found.rest == 0.12


def test_effects_measured_in_turn_add_up() -> None:
    found = shortfall(changed("two", shares=None, data=None))
    assert [(piece.title, piece.mean) for piece in found.pieces] == [
        ("improper augmentation", 0.154), ("class imbalance", 0.076),
    ]  # fmt: skip
    assert found.is_whole
    assert not shortfall(changed("two", shares=None)).is_whole, "a doubling is measured alone"


def test_causes_measured_alone_are_not_stacked_and_said_to_overlap() -> None:
    given = SITUATIONS["alone"]
    assert not shortfall(given).is_whole
    shown = picture(given)
    assert "Measured alone: they may overlap." in shown.caption
    assert "left if these add up" in shown.panels[0].alt
    assert "overlap" not in picture(SITUATIONS["two"]).caption


def test_effects_that_add_up_to_more_than_the_error_leave_nothing() -> None:
    assert shortfall(changed("alone", score=0.9)).rest == 0


def test_a_negative_share_is_not_drawn_as_a_part() -> None:
    shares = SITUATIONS["two"].verdict.shares
    assert shares
    odd = dataclasses.replace(shares, shares={**shares.shares, "imbalance": Estimate(-0.01, -0.03, 0.01)})
    assert isinstance(odd, Shares)
    assert not shortfall(changed("two", shares=odd)).is_whole


def test_one_cause_is_a_part_of_the_whole() -> None:
    found = shortfall(SITUATIONS["undertrained"])
    assert [piece.title for piece in found.pieces] == ["training not finished, or its rate"]
    assert found.is_whole
    assert found.rest == pytest.approx(0.2 - 0.072)


def test_a_doubling_stands_apart_from_shares() -> None:
    panels = {panel.name: panel for panel in picture(SITUATIONS["two"]).panels}
    assert "measured alone" in panels["doubling"].alt
    assert "doubling" not in {panel.name for panel in picture(changed("two", data=None)).panels}


def test_nothing_is_explained_where_no_cause_is_shown() -> None:
    shown = picture(SITUATIONS["healthy"])
    assert "no tested cause is shown to have a part of it" in shown.caption
    assert shown.panels[0].alt == "Error of 20.0 pp: not explained by what was tested, 20.0 pp."


def test_the_part_of_the_split_stands_apart_where_a_split_was_given() -> None:
    names = {name: [panel.name for panel in picture(given).panels] for name, given in SITUATIONS.items()}
    assert [name for name, panels in names.items() if "gap-parts" in panels] == ["split"]
    alt = picture(SITUATIONS["split"]).panels[-1].alt
    assert "9.5 pp (8.5 to 10.5) from test to validation" in alt


@pytest.mark.parametrize("name", SITUATIONS)
def test_colours_differ_and_every_number_is_in_a_table(name: str) -> None:
    shown = picture(SITUATIONS[name])
    looks = [look for _, look in shown.legend]
    assert len(set(looks)) == len(looks)
    table = " ".join(cell for each in shown.tables for row in each.rows for cell in row)
    found = shortfall(SITUATIONS[name])
    for piece in (*found.pieces, *found.beside, *gap_apart(SITUATIONS[name])):
        assert piece.title in table
        assert f"{100 * piece.mean:.1f}" in table
