"""The file: short, valid, with all that DVC reads and no more than differs, whatever was found."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from valgap.ground.params import suite
from valgap.ground.params.causes import CAUSES
from valgap.ground.params.experiment import Data, Model, Train
from valgap.ground.params.questions import FILL_IN, questions
from valgap.ground.params.split import Split
from valgap.init.arms import Arm, Facts, menu
from valgap.init.writing import LINES, Draft, Line, room_for_arms
from valgap.stats.hypotheses import MORE_STEPS
from valgap.stats.measures import primary_measure

FACTS = Facts(
    transforms=("shift", "zoom"), suspects=3, imbalance=4.0, smallest=100, resplit=True, kfold=False, pretrained=True,
    learning_rate=0.001,
)  # fmt: skip
BLOCKS = {"blocks": [0], "exploratory_blocks": []}
EVERY_LINE = (
    Line("source", "table"), Line("path", "photos"), Line("table", "labels.csv"), Line("group_column", "who", "why"),
    Line("image_size", [64, 64], "why"), Line("color", "grey", "why"), Line("on_unreadable", "skip", "2 of them"),
    Line("allowed_transforms", ["shift", "zoom"], "why"),
)  # fmt: skip


def draft(arms: tuple[Arm, ...] = menu(FACTS), **changes: Any) -> Draft:
    made = Draft(
        found=("Written by `valgap init --data photos`.", "Found: 3 images"),
        data=EVERY_LINE,
        split=Line("split", {"train_size": 900, "max_train_factor": 2, **BLOCKS}, "yours"),
        model=Line("model", {"builder": "cnn", "files": "valgap/training"}, "a CNN"),
        train=(Line("steps", 900, "about 30 epochs"), Line("batch_size", 16), Line("schedule", "cosine", "why")),
        arms=arms,
        steps=900,
        unequal=True,
    )
    return dataclasses.replace(made, **changes)


def loaded(text: str, folder: Path) -> suite.Suite:
    (folder / "params.yaml").write_text(text)
    return suite.load(folder / "params.yaml")


def test_the_longest_file_is_under_40_lines_and_has_an_arm_for_each_cause() -> None:
    room = room_for_arms(draft())
    shortened = draft(menu(FACTS)[:room])
    assert room >= len(CAUSES)
    assert len(shortened.text.splitlines()) <= LINES < 40


@pytest.mark.parametrize(
    ("imbalance", "transforms", "suspects", "pretrained"),
    [*itertools.product((1.0, 4.0), ((), ("shift", "zoom"), ("horizontal_flip", "rotation")), (0, 5), (False, True))],
)
def test_the_file_is_what_the_suite_reads(
    imbalance: float, transforms: tuple[str, ...], suspects: int, pretrained: bool, tmp_path: Path
) -> None:
    facts = Facts(transforms, suspects, imbalance, 100, True, False, pretrained, 0.001)
    data = (*EVERY_LINE[:-1], Line("allowed_transforms", list(transforms), "why"))
    made = draft(menu(facts), data=data)
    params = loaded(made.text, tmp_path)
    assert list(params.variants) == ["baseline", *(arm.name for arm in made.arms)]
    assert params.train.steps == 900
    assert params.variants["longer"].steps == MORE_STEPS * 900
    for arm in made.arms:
        assert params.cause_of(arm.name) == (arm.cause or None)
    assert list(params.causes) == [name for name in CAUSES if name in params.causes]
    assert set(params.causes) == set(CAUSES) - ({"imbalance"} if imbalance < 2 else set()) - (
        {"augmentation"} if not transforms else set()
    ) - ({"labels"} if not suspects else set())
    assert ("class_weights" in params.variants) == (imbalance > 2)
    assert primary_measure(params.review).metric


def test_only_what_differs_stands_in_the_file_and_what_dvc_reads() -> None:
    plain = draft(
        data=(Line("source", "folder"), Line("path", "photos"), Line("table", None), Line("color", "auto")),
        split=Line("split", {"val_size": 0.2, "block_size": 3, "blocks": [0, 1], "exploratory_blocks": []}),
        train=(Line("steps", 900), Line("batch_size", 32), Line("schedule", "constant")),
        unequal=False,
    ).raw
    assert plain["data"] == {"path": "photos"}
    assert plain["split"] == {"blocks": [0, 1], "exploratory_blocks": []}
    assert plain["model"] == {"builder": "cnn", "files": "valgap/training"}
    assert plain["train"] == {"steps": 900}
    assert "review" not in plain
    assert {"exploratory", "extra", "causes", "diagnosis", "variants"} <= set(plain)


def test_no_value_of_the_file_is_a_default_but_what_is_kept() -> None:
    raw = draft().raw
    for block, kind in (("data", Data), ("split", Split), ("model", Model), ("train", Train)):
        for key, value in raw[block].items():
            default = kind.__dataclass_fields__[key].default
            assert value != default or key in ("blocks", "exploratory_blocks", "files", "builder", "path")


def test_names_of_any_kind_are_safe_in_values_and_comments(tmp_path: Path) -> None:
    odd = "a: b # c 'd' \"e\"\n- é\u2028 {f}"
    made = draft(
        found=(f"Found: {odd}",), data=(Line("path", odd, odd), Line("group_pattern", r"(?i)(a\d+)[-_ ]", odd)),
        model=Line("model", {"builder": "cnn", "files": odd}, odd),
    )  # fmt: skip
    content = yaml.safe_load(made.text)
    assert content["data"] == {"path": odd, "group_pattern": r"(?i)(a\d+)[-_ ]"}
    assert content["model"]["files"] == odd


def test_a_question_is_found_again_with_its_words() -> None:
    made = draft(data=(Line("path", "photos"), Line("group_pattern", FILL_IN, "of one patient?")))
    (asked,) = questions(made.text)
    assert (asked.key, asked.comment) == ("data.group_pattern", "of one patient?")
