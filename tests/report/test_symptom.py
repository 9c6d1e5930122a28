"""What the report begins with: whether the baseline reproduces what the user saw, and what to do where it does not."""

import ast
import dataclasses
import re
import shlex
from typing import Any, get_args

import pytest

from tests.report.page_sample import sample
from tests.report.situations import symptom
from valgap.document import markdown
from valgap.document.parts import Code, Document, Table
from valgap.report import document
from valgap.report.symptom import SUSPECTS
from valgap.report.symptom import symptom as parts
from valgap.stats.seen import Reproduction
from valgap.stats.words import OfSymptom


def text(found: Reproduction, **changes: Any) -> str:
    return markdown.write(Document("", "", parts(sample(symptom=found, **changes)), ())).replace("\\", "")


def commands(found: Reproduction) -> list[str]:
    return [part.text for part in parts(sample(symptom=found)) if isinstance(part, Code)]


def test_the_report_begins_with_it_and_says_nothing_where_nothing_was_seen() -> None:
    first = document.build(sample(symptom=symptom("reproduced"))).lead[0]
    assert isinstance(first, str)
    assert first.startswith("The baseline reproduces what you saw: your gap of 7.2 pp lies where one more run")
    assert "one more run" not in markdown.write(document.build(sample()))
    assert parts(sample()) == ()


@pytest.mark.parametrize("word", get_args(OfSymptom))
def test_no_word_is_without_its_sentence_and_what_is_unknown_is_not_printed(word: OfSymptom) -> None:
    found = text(symptom(word))
    assert len(found.split("\n\n")[1]) > 80
    assert "nan" not in found.lower()
    assert "None" not in found
    assert not re.search(r"\w [,.;:](?: |$)|[,.;:]{2}(?: |$)", found, re.MULTILINE)
    table = parts(sample(symptom=symptom(word)))[-1]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["training accuracy", "validation accuracy", "gap"]


@pytest.mark.parametrize("word", get_args(OfSymptom))
def test_the_users_code_is_a_suspect_only_where_the_baseline_is_better(word: OfSymptom) -> None:
    found = symptom(word)
    assert ("first suspect" in text(found)) is (word in SUSPECTS)
    assert bool(commands(found)) is (word in SUSPECTS)


def test_a_gap_that_vanishes_leads_to_a_check_of_the_users_own_datasets() -> None:
    found = text(symptom("vanishes"))
    assert (
        "your gap of 11.0 pp vanishes under clean training, where one more run is expected to have −2.0 to 4.0 pp"
        in found
    )
    assert (
        "If `params.yaml` has your images, network and recipe, training or evaluation code is the first suspect"
        in found
    )
    assert "the suite drew validation images of its own" in found
    (command,) = commands(symptom("vanishes"))
    assert command == "import valgap\n\nvalgap.check(model, train, val, saw=(0.882, 0.77))"


def test_commands_can_be_pasted_whatever_files_are_called() -> None:
    found = symptom("vanishes", "history", images="my photos")
    ast.parse(*commands(found))
    assert "history='logs/run 1.csv'" in commands(found)[0]
    shell = next(part for part in text(found).split("`") if part.startswith("valgap check my"))
    assert shlex.split(shell) == [
        "valgap", "check", "my.keras", "my photos", "--saw", "0.882,0.77", "--history", "logs/run 1.csv",
    ]  # fmt: skip


def test_a_model_that_was_scored_here_leaves_its_training_alone_in_doubt() -> None:
    found = symptom("vanishes", "model", images="photos")
    assert "your training code is the first suspect (your model was scored here, like the baseline)" in text(found)
    assert "`valgap check saved/best.keras photos --saw 0.882,0.77`" in text(found)
    assert "'saved/best.keras'" in commands(found)[0]


def test_a_given_split_is_no_suspect() -> None:
    drawn = sample(symptom=symptom("vanishes"))
    data = dataclasses.replace(drawn.provenance.data, given_validation=True)
    given = dataclasses.replace(drawn, provenance=dataclasses.replace(drawn.provenance, data=data))
    assert "split" in str(parts(drawn)[0])
    assert "split" not in str(parts(given)[0])


def test_a_training_accuracy_of_fit_is_said_to_be_measured_otherwise() -> None:
    found = text(symptom("validation alone"))
    assert "what `fit` measures during an epoch, with dropout, on augmented images" in found
    assert "with `scored_by: evaluate`" in found
    assert "scored_by" not in text(symptom("validation alone", "history"))
    assert "compared as equal" not in text(symptom("reproduced"))


def test_the_epoch_that_was_read_is_named() -> None:
    assert "What you saw in epoch 12 of 15 of `logs/run 1.csv`, and where" in text(symptom("reproduced", "history"))


def test_what_differs_beside_a_gap_that_is_reproduced_is_named() -> None:
    found = text(symptom("gap reproduced"))
    assert (
        "Your training accuracy of 78.0% is lower than the 85.0 to 91.0% that are expected: you train shorter" in found
    )
    assert "Your validation accuracy of 71.0% is lower than the 78.0 to 84.0% that are expected." in found
