"""Findings in words: their codes, pages, order, and what others say more exactly."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.samples import NOTHING_FOUND
from tests.scratch import ROOT
from valgap.check import stated
from valgap.check.options import saw_of
from valgap.diagnostics.seen import Seen
from valgap.ground.errors import SuiteError

WORDS = {
    code
    for path in (ROOT / "valgap/check/faults").glob("*.yaml")
    for code in re.findall(r"^(VG\d{3}):", path.read_text(), re.MULTILINE)
}
EVIDENCE = {"best": 0.98, "plain": 0.3, "images": 200, "fed": None, "value": "bgr", "without": 0.3, "rivals": ()}


def codes(*seen: Seen, mute: tuple[str, ...] = (), weighty: set[str] | None = None) -> list[str]:
    return [each.code for each in stated.stated(seen, NOTHING_FOUND, mute, weighty or set())]


def test_every_code_has_a_page_with_its_title_and_a_way_to_mute_it() -> None:
    pages = {path.stem: path.read_text() for path in (ROOT / "docs/findings").glob("VG*.md")}
    audit = set(re.findall(r'"(VG1\d\d)"', "".join(p.read_text() for p in Path(ROOT / "valgap/findings").glob("*.py"))))
    assert set(pages) >= WORDS | audit
    for code, text in pages.items():
        assert text.startswith(f"# {code} "), code
        assert f"--mute {code}" in text, code


def test_every_word_of_a_rule_has_a_title_what_was_found_and_a_cure() -> None:
    import yaml

    for path in (ROOT / "valgap/check/faults").glob("*.yaml"):
        for code, texts in yaml.safe_load(path.read_text()).items():
            if code.startswith("VG") and path.stem != "audit":
                assert {"title", "found", "effect", "cure"} <= set(texts), f"{path.stem} {code}"


def test_problems_stand_before_hints_and_the_reading_before_scores() -> None:
    bgr = Seen("VG001", "worth a look", EVIDENCE)
    gap = {"train": 0.9, "held": 0.7, "split": "val", "gap": _Limits(), "balanced": False, "explained": []}
    blind = Seen("VG214", "worth a look", {"images": 20, "split": "val", "half": 0.2})
    seen = Seen("VG013", "problem", {"split": "val", "seen": 0.3, "fair": 0.9, "images": 10})
    found = codes(blind, Seen("VG213", "worth a look", gap), bgr, seen)
    assert found[:3] == ["VG013", "VG001", "VG213"]
    assert found.index("VG213") < found.index("VG214")


def test_muted_findings_and_those_that_others_say_more_exactly_are_left_out() -> None:
    chance = Seen(
        "VG009", "problem", {"accuracy": 0.1, "split": "train", "largest": 0.1, "tried": 28, "classes": 10}
    )  # fmt: skip
    initial = Seen("VG202", "problem", {"part": "all", "layers": 3, "initial": 3, "names": (), "weights": 5, "of": 5})
    assert "VG009" in codes(chance)
    assert "VG009" not in codes(chance, initial)
    assert "VG009" not in codes(chance, mute=("VG009",))
    assert stated.check_codes(["vg210", " VG001"]) == ("VG210", "VG001")
    with pytest.raises(SuiteError, match=r"--mute = VG999 is no finding's code \(allowed: VG001, "):
        stated.check_codes(["VG999"])


def test_a_finding_becomes_plain_values() -> None:
    (found,) = (
        each
        for each in stated.stated(
            [Seen("VG001", "worth a look", EVIDENCE | {"right": np.array([1, 2])})], NOTHING_FOUND, ()
        )
        if each.code == "VG001"
    )
    as_values = json.loads(json.dumps(found.to_dict()))
    assert as_values["values"]["right"] == [1, 2]
    assert as_values["title"] == "It takes channels as BGR"
    assert "98.0% of 200 training images, as RGB on 30.0%" in as_values["found"]


class _Limits:
    """A gap with limits."""

    mean, low, high = 0.2, 0.1, 0.3


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("0.99,0.32", (("train", 0.99, 2), ("val", 0.32, 2))),
        ((0.99, 0.3), (("train", 0.99, 2), ("val", 0.3, 1))),
        ("99%,31.5%", (("train", 0.99, 2), ("val", 0.315, 3))),
        ((99, 31), (("train", 0.99, 2), ("val", 0.31, 2))),
        ({"val": 0.5}, (("val", 0.5, 1),)),
        (None, ()),
    ],
)
def test_what_was_seen_is_read_with_its_decimals(said: object, meant: object) -> None:
    assert saw_of(said) == meant


@pytest.mark.parametrize("said", ["a,b", "0.9,0.8,0.7,0.6", (101, 0.5), (-0.1,), {"dev": 0.5}, ""])
def test_what_is_no_accuracy_is_refused_by_its_value(said: object) -> None:
    with pytest.raises(SuiteError, match="saw = "):
        saw_of(said)
