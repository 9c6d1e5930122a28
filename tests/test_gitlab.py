"""The pipeline for GitLab: its form, that it runs what the workflows run, and its scripts, run here."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scratch import ROOT
from tests.test_workflows import HOSTILE, MARKER, bash, mentions, script, steps, tool

FILE = ROOT / ".gitlab-ci.yml"
KEYWORDS = {"stages", "variables", "workflow", "default"}
# Stands for the server: records how it was called, answers who asks and which notes there are.
FAKE_CURL = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> calls
case "$*" in
  *--request*) ;;
  */user) echo '{"id": 7, "username": "project_1_bot"}' ;;
  */notes*) cat notes.json ;;
  *) exit 22 ;;
esac
"""


def jobs() -> dict[str, dict[str, Any]]:
    content: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return {name: job for name, job in content.items() if name not in KEYWORDS}


def scripts(job: str) -> str:
    return "\n".join(jobs()[job]["script"])


def test_it_has_the_form_that_gitlab_defines() -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(FILE))
    assert done.returncode == 0, done.stdout


def test_the_check_would_find_a_fault(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text(FILE.read_text().replace("    when: always\n", "    when: perhaps\n", 1))
    assert tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(tmp_path / "bad.yml")).returncode == 1


def test_it_runs_what_the_workflows_run() -> None:
    def targets(texts: list[str]) -> set[str]:
        commands = [line for text in texts for line in re.findall(r"^\s*make\b([^|>\n]*)", text, flags=re.MULTILINE)]
        return {word for line in commands for word in re.sub(r"-C \S+|--\S+|\S+=\S+", "", line).split()} - {"status"}

    here = {name: targets(jobs()[name]["script"]) for name in jobs()}
    assert here == {
        "test": {"setup", "test", "test-slow"},
        "review": {"setup", "review", "report"},
        "exact": {"setup", "smoke"},
        "note": set(),
        "repro": {"self-check", "repro", "review"},
    }
    there = targets([step.get("run", "") for _, step in steps()])
    assert set().union(*here.values()) <= there


@pytest.mark.parametrize("name", jobs())
def test_scripts_are_bash(name: str) -> None:
    done = subprocess.run(["bash", "-n", "-c", scripts(name)], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_the_review_is_in_the_artifacts_whatever_happens_and_its_numbers_are_a_report() -> None:
    artifacts = jobs()["review"]["artifacts"]
    assert artifacts["when"] == "always"
    assert {"review.md", "review/", "reports/"} <= set(artifacts["paths"])
    assert artifacts["reports"] == {"metrics": "review/metrics.txt"}
    assert " OUT=review " in scripts("review")


def test_a_failing_gate_fails_the_job_after_the_report_is_made(tmp_path: Path) -> None:
    (tmp_path / "make").write_text('#!/bin/sh\necho "$*" >> calls\ncase "$*" in *review*) echo "# R"; exit 2;; esac\n')
    (tmp_path / "make").chmod(0o755)
    done = bash(
        scripts("review"), tmp_path, check=False,
        PATH=f"{tmp_path}:{os.environ['PATH']}", CI_MERGE_REQUEST_DIFF_BASE_SHA="c0ffee", CI_JOB_URL="https://e.org/1",
    )  # fmt: skip
    assert done.returncode == 2
    assert (tmp_path / "review.md").read_text() == "# R\n"
    assert (tmp_path / "calls").read_text().splitlines() == [
        "setup", "--silent review BASE=c0ffee OUT=review LINK=https://e.org/1/artifacts/browse", "report",
    ]  # fmt: skip


def test_digests_are_compared_as_on_github() -> None:
    (compared,) = re.findall(r"digest\(\) .*?(?=\} > exact.md)", script("review", "exact", "Compare"), flags=re.DOTALL)
    assert compared in scripts("exact")


def test_training_is_by_hand_in_an_image_by_digest_and_never_of_the_default_branch() -> None:
    repro = jobs()["repro"]
    (rule,) = repro["rules"]
    assert rule["when"] == "manual"
    assert "$GPU_IMAGE =~ /@sha256:/" in rule["if"]
    assert "$CI_MERGE_REQUEST_SOURCE_BRANCH_NAME != $CI_DEFAULT_BRANCH" in rule["if"]
    assert repro["tags"] == ["linux", "gpu"]
    assert repro["cache"]["key"] == "dvc-$CI_MERGE_REQUEST_IID"  # of one merge request
    assert set(repro["artifacts"]["paths"]) == {"dvc.lock", "reports/"}


def note(folder: Path, notes: str, review: str | None) -> tuple[list[str], str]:
    """The calls that the noting job makes, and the note that it leaves."""
    (folder / "curl").write_text(FAKE_CURL)
    (folder / "curl").chmod(0o755)
    (folder / "notes.json").write_text(notes)
    for name, text in (("review.md", review), ("exact.md", "### Exact tier\n")):
        if text is not None:
            (folder / name).write_text(text)
    bash(
        scripts("note"), folder,
        PATH=f"{folder}{os.pathsep}{os.environ['PATH']}", REVIEW_TOKEN="t", CI_API_V4_URL="https://e.org/api/v4",
        CI_PROJECT_ID="3", CI_MERGE_REQUEST_IID="5", CI_PIPELINE_URL="https://e.org/p",
    )  # fmt: skip
    return (folder / "calls").read_text().splitlines(), (folder / "note.md").read_text()


def a_note(number: int, author: int, body: str = MARKER) -> str:
    return f'{{"id": {number}, "author": {{"id": {author}}}, "body": "{body}"}}'


def test_the_first_note_is_posted(tmp_path: Path) -> None:
    calls, body = note(tmp_path, "[]", "# Review\n")
    assert body.splitlines()[:2] == [MARKER, "# Review"]
    assert "### Exact tier" in body
    assert calls[-1].endswith(
        "--request POST --data-urlencode body@note.md https://e.org/api/v4/projects/3/merge_requests/5/notes"
    )


def test_later_notes_replace_its_own_and_nobody_elses(tmp_path: Path) -> None:
    others = [a_note(40, 1), a_note(41, 7, "thanks"), a_note(42, 7, f"{MARKER} old"), a_note(43, 7)]
    calls, _ = note(tmp_path, f"[{', '.join(others)}]", "# Review\n")
    assert "--request PUT" in calls[-1]
    assert calls[-1].endswith("/notes/42")


def test_the_note_says_what_was_not_made(tmp_path: Path) -> None:
    _, body = note(tmp_path, "[]", None)
    assert "review.md was not made: [the pipeline](https://e.org/p)." in body


def test_the_note_mentions_and_commands_nobody(tmp_path: Path) -> None:
    _, body = note(tmp_path, "[]", HOSTILE)
    assert mentions(body) == set()
    assert not re.search(r"^\s*/", body, flags=re.MULTILINE)
    assert "\\/merge" in body
    assert "`train@dropout-0`, explore@a-1" in body
    assert "</details>" in body


def test_the_noting_job_runs_only_where_a_token_is_and_checks_nothing_out() -> None:
    job = jobs()["note"]
    assert [rule["if"] for rule in job["rules"]] == ['$CI_PIPELINE_SOURCE == "merge_request_event" && $REVIEW_TOKEN']
    assert job["variables"] == {"GIT_STRATEGY": "none"}
