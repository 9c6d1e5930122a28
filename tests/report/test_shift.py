"""The section on shift between splits, and what the row of the split says of class shares."""

import dataclasses

import pandas as pd

from tests.report import page_sample
from tests.samples import SPLIT
from valgap.document import markdown
from valgap.document.parts import Document, Section
from valgap.report.inputs import Inputs
from valgap.report.shift import shift
from valgap.report.suspects import causes

SAMPLE = page_sample.sample()
ROWS = SAMPLE.tables["shift"]


def section(rows: pd.DataFrame) -> Section:
    return shift(dataclasses.replace(SAMPLE, tables=SAMPLE.tables | {"shift": rows}))


def text(rows: pd.DataFrame) -> str:
    return markdown.write(Document("", "", (), (section(rows),)))


def evidence(shown: Inputs) -> str:
    [found] = [row[2] for row in causes(shown).rows if row[0] == SPLIT.title]
    return str(found)


def test_what_is_alike_and_which_shares_differ() -> None:
    said = text(ROWS)
    assert "are of one kind, as far as 300 and 500 of them tell (p = 0.42); at the same shares of classes" in said
    assert "is 20.0% of them instead of 6.5%. That makes −3.1 pp (−5.0 to −1.2) of the accuracy there" in said
    assert said.count("Classes are met in other shares") == 1
    assert "| class shares: test and training | 500 and 900 | 0.004 | −3.1 pp (−5.0 to −1.2) |" in said
    assert "| answers: validation and test | 300 and 500 | 0.420 | +1.0 pp (−2.0 to +4.0) |  |  |  | no |" in said


def test_answers_that_differ_are_priced() -> None:
    said = text(ROWS.assign(differ=1, p=0.005))
    assert "are not of one kind (p = 0.005; VG123); at the same shares of classes" in said
    assert "accuracy on validation images is +1.0 pp (−2.0 to +4.0) from that on test images" in said


def test_a_small_p_is_not_shown_as_none() -> None:
    assert "| class shares: test and training | 500 and 900 | under 0.001 |" in text(ROWS.assign(p=0.0004))


def test_what_could_not_be_compared_is_said() -> None:
    assert "cannot be compared by what the baseline answers" in text(ROWS[1:])
    assert "too few validation or test images" in text(ROWS.assign(p=float("nan"), differ=0))
    assert len(section(ROWS[:0]).parts) == 1


def test_the_row_of_the_split_has_what_class_shares_are_worth() -> None:
    shown = dataclasses.replace(SAMPLE, verdict=dataclasses.replace(SAMPLE.verdict, causes=(SPLIT,)))
    assert "classes are met in other shares among test images than in training, which makes −3.1 pp" in evidence(shown)
    assert "other shares" not in evidence(
        dataclasses.replace(shown, tables=SAMPLE.tables | {"shift": ROWS.assign(differ=0)})
    )
