"""What params.yaml still asks is named all at once, by every stage, before anything else is said of it."""

from pathlib import Path

import pytest

from tests.scratch import ROOT
from valgap.ground.params.questions import ALLOWED, Question, questions
from valgap.ground.params.schema import ParamsError
from valgap.ground.params.suite import load

SHIPPED = (ROOT / "params.yaml").read_text()


def asking(folder: Path, *changes: tuple[str, str]) -> Path:
    text = SHIPPED
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "params.yaml").write_text(text)
    return folder / "params.yaml"


def test_a_file_without_a_question_is_read(tmp_path: Path) -> None:
    assert questions(SHIPPED) == []
    load(asking(tmp_path))


def test_all_questions_are_named_at_once_with_place_and_allowed_answers(tmp_path: Path) -> None:
    path = asking(
        tmp_path,
        ("  group_pattern: null ", "  group_pattern: FILL_IN "),
        ("  weights: null ", "  weights: FILL_IN "),
        ("  learning_rate: 0.001 ", "  learning_rate: -1 "),
    )
    with pytest.raises(ParamsError) as caught:
        load(path)
    said = str(caught.value)
    lines = path.read_text().splitlines()
    for key in ("data.group_pattern", "model.weights"):
        place = next(number for number, line in enumerate(lines, 1) if f"{key.split('.')[1]}: FILL_IN" in line)
        comment = lines[place - 1].partition("# ")[2]
        assert f"line {place}: {key} = FILL_IN; write {ALLOWED[key]} ({comment})" in said
    assert "2 questions wait" in said
    assert "learning_rate" not in said


def test_a_question_is_found_in_any_form_and_a_word_in_a_comment_is_none() -> None:
    text = "# FILL_IN everything\ndata: {path: photos, group_pattern: FILL_IN}  # who?\nmodel:\n  weights: 'FILL_IN'\n"
    text += "variants:\n  odd: {dropout: [0, FILL_IN, 0]}\n  FILL_IN_not: {}\n"
    assert questions(text) == [
        Question(2, "data.group_pattern", "who?"),
        Question(4, "model.weights", ""),
        Question(6, "variants.odd.dropout", ""),
    ]


def test_an_unknown_key_is_answered_as_its_comment_says() -> None:
    (found,) = questions("train:\n  learning_rate: FILL_IN  # yours, such as 0.001\n")
    assert found.allowed == "yours, such as 0.001"
