"""What programs read of a review: JSON by its published schema, and OpenMetrics, beside the Markdown of one result."""

import dataclasses
import datetime
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests import samples
from tests.review.test_review import HOSTILE, REVIEW, hostile_result, judged, side
from tests.scratch import ROOT
from valgap import cli
from valgap.document.numbers import CHANGE
from valgap.results.sides import Side
from valgap.review import document, judge, openmetrics, record, recording, result
from valgap.review.changes import Change, Variants
from valgap.review.judge import Judged
from valgap.review.result import Compared, Result
from valgap.stats.measures import MEASURES

SCHEMA = json.loads((ROOT / "docs/review.schema.json").read_text())
Draft202012Validator.check_schema(SCHEMA)
SAMPLE = re.compile(r'(\w+)(?:\{variant="((?:[^"\\\n]|\\["\\n])*)"\})? (-?[\d.]+(?:e-?\d+)?)')


def read(found: Result) -> dict[str, Any]:
    """The record as a program reads it: strict JSON that keeps to the schema."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = recording.text(found)
    assert text.isascii()
    content: dict[str, Any] = json.loads(text, parse_constant=refuse)
    Draft202012Validator(SCHEMA).validate(content)
    return content


def whole(*rows: Judged, **changed: Any) -> Result:
    """A review of variants of both sides."""
    declared: dict[str, dict[str, Any]] = {"baseline": {}, **{row.variant: {} for row in rows}}
    base, head = (side(declared, dict.fromkeys(declared, value)) for value in (0.6, 0.7))
    found = Compared(with_causes(base), with_causes(head), Variants([], [], [], set()), True, 0.02, rows)
    settings: dict[str, Any] = {"compared": found, "stale": (), "rules": REVIEW}
    return dataclasses.replace(hostile_result(), **settings | changed)


def with_causes(one: Side) -> Side:
    return dataclasses.replace(one, verdict=samples.VERDICT)


def test_the_record_has_the_numbers_of_the_markdown() -> None:
    row = judged([0.75, 0.86, 0.97], [0.70, 0.80, 0.90])
    found = whole(row)
    content, markdown = read(found), document.comment(found)
    (variant,) = content["variants"]
    assert row.contrast is not None
    interval = row.contrast.interval
    assert variant["effect"] == {
        "mean": interval.mean, "low": interval.low, "high": interval.high, "confidence": 0.95, "n": 3, "wins": "3/3"
    }  # fmt: skip
    assert (variant["name"], variant["word"], variant["detectable"]) == ("dropout", "improved", row.detectable)
    shown = f"| {CHANGE.bare(variant['effect']['mean'])} | {CHANGE.limits(interval.low, interval.high)} | 3 | 3/3 |"
    assert shown in markdown
    assert f"**{content['verdict']}**" in markdown
    assert variant["cost"]["head"] == {"parameters": 5, "steps": 10, "compute": 1.0}
    assert content["measure"] == {
        "name": "test_accuracy", "title": "test accuracy", "unit": "fraction", "higher_is_better": True, "margin": 0.02,
    }  # fmt: skip


def test_every_cause_is_told_of_both_sides() -> None:
    causes = {entry["cause"]: entry for entry in read(whole())["causes"]}
    assert list(causes) == ["split", "capacity", "regularization"]
    untested = {"verdict": "not applicable", "mean": None, "low": None, "high": None}
    assert causes["split"]["head"] == causes["split"]["base"] == untested
    assert causes["capacity"]["head"] == {"verdict": "contributes", "mean": 0.034, "low": 0.022, "high": 0.046}
    gone = whole()
    assert gone.compared is not None
    base = dataclasses.replace(gone.compared.base, verdict=dataclasses.replace(samples.VERDICT, causes=()))
    gone = dataclasses.replace(gone, compared=dataclasses.replace(gone.compared, base=base))
    assert [entry["base"] for entry in read(gone)["causes"]] == [None] * 3


def test_one_replicate_and_identical_bits_have_no_invented_numbers() -> None:
    content = read(whole(judged([0.7], [0.8]), Judged("same", "bit-identical")))
    one, same = content["variants"]
    assert (one["word"], one["effect"]["low"], one["detectable"]) == ("unknown", None, None)
    assert (same["word"], same["effect"], same["detectable"]) == ("bit-identical", None, None)


def test_a_confirmation_is_told_with_its_replicates() -> None:
    row = judged([0.75, 0.86, 0.97], [0.70, 0.80, 0.90])
    fresh, _ = judge.compare({9: 0.70, 10: 0.86}, {9: 0.71, 10: 0.80}, True, 0.95)
    (variant,) = read(whole(*judge.confirm({"dropout": fresh}, [row], REVIEW)))["variants"]
    assert variant["confirmation"]["stands"] is False
    assert variant["confirmation"]["effect"]["n"] == 2


@pytest.mark.parametrize(
    ("fail_on", "values", "stale", "outcome", "status"),
    [
        ((), [0.59, 0.58, 0.57], True, "off", 0),
        (("regression",), [0.75, 0.76, 0.77], True, "passed", 0),
        (("regression",), [0.59, 0.58, 0.57], False, "failed", 1),
        (("stale",), [0.75, 0.86, 0.97], True, "failed", 1),
        (("stale",), [0.75, 0.86, 0.97], False, "passed", 0),
    ],
)
def test_status_is_that_of_the_gate(fail_on: Any, values: list[float], stale: bool, outcome: str, status: int) -> None:
    rules = dataclasses.replace(REVIEW, fail_on=fail_on)
    found = whole(judged(values, [0.70, 0.70, 0.70], rules), rules=rules)
    found = dataclasses.replace(found, stale=hostile_result().stale if stale else ())
    content = read(found)
    assert (content["gate"]["outcome"], content["status"], found.status) == (outcome, status, status)
    assert content["freshness"]["fresh"] is not stale
    assert bool(content["gate"]["reasons"]) == (outcome == "failed")
    assert all(f"- {each['text']}\n" in document.comment(found) for each in content["gate"]["reasons"])


def test_nothing_to_compare_is_a_record_too() -> None:
    rules = dataclasses.replace(REVIEW, fail_on=("regression",))
    content = read(hostile_result(compared=None, why=HOSTILE, rules=rules, stale=()))
    assert (content["why"], content["variants"], content["status"]) == (HOSTILE, [], 0)
    assert content["gate"]["outcome"] == "nothing to compare"


def test_what_users_named_stands_as_they_wrote_it() -> None:
    content = read(hostile_result())
    assert content["variants"][0]["name"] == content["parameters"][0]["key"] == content["base"]["name"] == HOSTILE
    assert content["names"] == {"added": [HOSTILE], "removed": [HOSTILE], "redefined": [HOSTILE]}


def test_values_of_params_yaml_that_json_has_not_are_told_as_text() -> None:
    knot: list[object] = []
    knot.append(knot)
    odd = {"since": datetime.date(2026, 1, 2), 3: float("nan"), "knot": knot, "list": [1, None, {"a": True}]}
    (told,) = read(whole(parameters=(Change("data", "–", odd),)))["parameters"]
    assert "base" not in told
    assert (told["head"]["since"], told["head"]["3"]) == ("2026-01-02", None)
    assert told["head"]["list"] == [1, None, {"a": True}]


def test_the_schema_refuses_what_is_not_in_it() -> None:
    content = read(whole(judged([0.7], [0.8])))
    validator = Draft202012Validator(SCHEMA)
    for place in (content, content["variants"][0], content["variants"][0]["effect"], content["gate"]):
        place["more"] = 1
        assert not validator.is_valid(content)
        del place["more"]
    assert validator.is_valid(content)
    assert not validator.is_valid(content | {"schema": record.SCHEMA + 1})


def samples_of(text: str) -> dict[tuple[str, str], float]:
    """Samples by metric and variant; every line is a sample or a comment, and the end is marked."""
    *lines, end = text.splitlines()
    assert end == "# EOF"
    found = {}
    for line in lines:
        if not line.startswith("# "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, variant, value = match.groups()
            assert (name, variant) not in found, "a sample stands once"
            found[name, variant or ""] = float(value)
    return found


def test_metrics_are_the_means_of_the_head_and_the_changes() -> None:
    row = judged([0.75, 0.86, 0.97], [0.70, 0.80, 0.90])
    found = samples_of(openmetrics.text(whole(row)))
    assert found["valgap_test_accuracy", "dropout"] == pytest.approx(0.7)
    assert found["valgap_change", "dropout"] == pytest.approx(0.06)
    assert row.contrast is not None
    assert found["valgap_change_low", "dropout"] == pytest.approx(row.contrast.interval.low, rel=1e-5)
    assert found["valgap_review_status", ""] == 0


def test_metrics_have_no_sample_for_what_is_unknown_and_escape_names() -> None:
    one = dataclasses.replace(judged([0.7], [0.8]), variant='a"b\\c\nd')
    found = samples_of(openmetrics.text(whole(one)))
    assert found["valgap_change", 'a\\"b\\\\c\\nd'] == pytest.approx(-0.1)
    assert not [name for name, _ in found if name in ("valgap_change_low", "valgap_change_high")]
    nothing = samples_of(openmetrics.text(hostile_result(compared=None, why="none")))
    assert {name for name, _ in nothing} == {"valgap_review_status", "valgap_review_stale"}


def test_the_command_prints_the_form_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rules = dataclasses.replace(REVIEW, fail_on=("regression",))
    found = whole(judged([0.59, 0.58, 0.57], [0.70, 0.70, 0.70], rules), rules=rules)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(result, "read", lambda *_: found)
    monkeypatch.setattr("valgap.pipeline.freshness.check", list)
    printed = {}
    for form in ("markdown", "json", "openmetrics"):
        assert cli.run(["review", "--base", "HEAD", "--format", form, "--out", str(tmp_path)]) == 1, "the gate's"
        printed[form] = capsys.readouterr().out
    assert printed["markdown"] == document.comment(found)
    assert json.loads(printed["json"])["status"] == 1
    assert printed["json"] == (tmp_path / "review.json").read_text()
    assert printed["openmetrics"] == (tmp_path / "metrics.txt").read_text()
    assert cli.run(["review", "--format", "xml"]) == 2
    assert cli.run(["review", "--base", "no-such-revision", "--format", "json"]) == 1
    assert capsys.readouterr().out == "", "no record: why is on the error stream"


def gated(folder: Path, printed: str, status: int) -> tuple[int, str]:
    """Exit status and output of the lines in docs/machines.md, where `valgap` prints this and ends with that."""
    lines = (ROOT / "docs/machines.md").read_text().splitlines()
    start = lines.index("    import json, subprocess, sys")
    code = "\n".join(
        line.removeprefix("    ") for line in itertools.takewhile(lambda x: not x[:1].strip(), lines[start:])
    )
    assert len([line for line in code.splitlines() if line]) == 10
    (folder / "printed").write_text(printed)
    (folder / "valgap").write_text(f"#!/bin/sh\necho why >&2\ncat {folder}/printed\nexit {status}\n")
    (folder / "valgap").chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PATH": path}, text=True, capture_output=True)
    return done.returncode, done.stdout + done.stderr


def test_the_lines_of_the_documentation_gate_a_pull_request(tmp_path: Path) -> None:
    row = judged([0.75, 0.86, 0.97], [0.70, 0.80, 0.90])
    assert gated(tmp_path, recording.text(whole(row)), 0) == (0, "\n")
    worse = judged([0.59, 0.58, 0.57], [0.70, 0.70, 0.70])
    assert gated(tmp_path, recording.text(whole(worse)), 0) == (1, "dropout\n")
    blind = judged([0.71, 0.79, 0.90], [0.70, 0.80, 0.90])
    assert blind.word == "no change detected"
    assert gated(tmp_path, recording.text(whole(blind)), 0)[0] == (1 if blind.detectable > 0.02 else 0)
    stale = hostile_result().stale
    assert gated(tmp_path, recording.text(whole(row, stale=stale)), 0) == (1, "cure\n")
    assert gated(tmp_path, recording.text(whole(row)), 1)[0] == 1, "the gate's own"
    assert gated(tmp_path, "", 1) == (1, "why\n\n")


def test_names_of_measures_are_names_of_metrics() -> None:
    assert set(openmetrics.SHOWN) <= set(MEASURES)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in openmetrics.SHOWN)
