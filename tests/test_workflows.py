"""The workflows in .github/workflows: their form, their rights, and the scripts inside them, run here."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scratch import ROOT

FOLDER = ROOT / ".github/workflows"
FILES = sorted(FOLDER.glob("*.y*ml"))
WRITERS = {  # the only jobs that may write, and what
    ("review", "comment"): "pull-requests", ("repro", "push"): "contents", ("images", "publish"): "packages",
}  # fmt: skip
COMMIT = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
MAJOR = re.compile(r"[\w.-]+/[\w./-]+@v\d+")
MARKER = "<!-- review of the results -->"
# Stands for GitHub's client: records its calls; a GET answers with the comments' ids that the test prepared.
FAKE_GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> calls
[[ "$*" == *--method* ]] || cat ids
"""


def load(path: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true; BaseLoader leaves every scalar the text that it is.
    content: dict[str, Any] = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    return content


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path.stem, name, job) for path in FILES for name, job in load(path)["jobs"].items()]


def steps() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{file}/{name}", step) for file, name, job in jobs() for step in job["steps"]]


def script(file: str, job: str, step: str) -> str:
    """What the named step runs."""
    (found,) = (s["run"] for s in load(FOLDER / f"{file}.yml")["jobs"][job]["steps"] if s.get("name") == step)
    return str(found)


def bash(text: str, folder: Path, *, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as GitHub does with `shell: bash`."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
        cwd=folder, env=os.environ | environment, text=True, capture_output=True, check=check,
    )  # fmt: skip


def tool(*command: str) -> subprocess.CompletedProcess[str]:
    """Run one of the locked tools, those next to this interpreter first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["env", f"PATH={path}", *command], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def test_tests_review_and_training_have_a_workflow() -> None:
    assert [path.name for path in FILES] == [
        "audit.yml", "images.yml", "oldest.yml", "repro.yml", "review.yml", "tests.yml", "verify.yml",
    ]  # fmt: skip
    assert len(steps()) > 20


def test_workflows_have_the_form_that_github_defines() -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, FILES))
    assert done.returncode == 0, done.stdout


def test_audit_of_the_workflows_finds_nothing() -> None:
    done = tool("zizmor", "--offline", "--no-progress", "--color=never", str(FOLDER))
    assert done.returncode == 0, done.stdout
    assert all(path.name in done.stdout for path in FILES), done.stdout  # it did read them


def test_audit_would_find_an_injection(tmp_path: Path) -> None:
    text = (FOLDER / "tests.yml").read_text()
    bad = tmp_path / ".github/workflows/bad.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text(text.replace("run: make setup", "run: echo ${{ github.event.pull_request.title }}", 1))
    done = tool("zizmor", "--offline", "--no-progress", "--color=never", str(bad))
    assert done.returncode != 0
    assert "template-injection" in done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_privileged_trigger_and_read_only_from_the_top(path: Path) -> None:
    workflow = load(path)
    assert set(workflow["on"]) <= {"push", "pull_request", "workflow_dispatch", "schedule"}
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["defaults"]["run"]["shell"] == "bash"  # or a failure before a pipe goes unseen
    assert "group" in workflow["concurrency"]


def test_only_named_jobs_may_write_and_they_run_nothing_of_the_branch() -> None:
    writers = {}
    for file, name, job in jobs():
        assert int(job["timeout-minutes"]) > 0, name
        if "permissions" in job:
            (writers[file, name],) = (what for what, right in job["permissions"].items() if right == "write")
            assert set(job["permissions"].values()) <= {"read", "write"}
            text = re.sub(r"'[^']*'", "''", "\n".join(step.get("run", "") for step in job["steps"]))
            commands = set(re.findall(r"(?:^|&&|[|;]|[$][(]|then|do)\s*(?:\w+=\S+ )?([\w./]+)", text, re.MULTILINE))
            assert commands & {"git", "gh", "echo"}
            assert not commands & {"make", "python", "python3", "dvc", "pip", "bash", "sh", "source", "."}
            assert not [word for word in commands if "/" in word]
            assert job["runs-on"].startswith("ubuntu-")
    assert writers == WRITERS


def test_the_job_that_comments_checks_nothing_out() -> None:
    comment = load(FOLDER / "review.yml")["jobs"]["comment"]
    assert [step["uses"].split("@")[0] for step in comment["steps"] if "uses" in step] == ["actions/download-artifact"]
    assert comment["steps"][1]["env"]["NUMBER"] == "${{ github.event.pull_request.number }}"
    assert "github.event.pull_request.head.repo.full_name == github.repository" in comment["if"]


def test_no_fork_reaches_the_self_hosted_runner() -> None:
    train = load(FOLDER / "repro.yml")["jobs"]["train"]
    assert "self-hosted" in train["runs-on"]
    assert train["container"]["image"] == "${{ vars.GPU_IMAGE }}"
    assert train["if"].startswith("contains(vars.GPU_IMAGE, '@sha256:') && (")  # pinned; the audit is told so
    _, by_hand, labelled = train["if"].split("(github.event_name == ")
    assert "github.ref_name != github.event.repository.default_branch" in by_hand
    assert "github.event.pull_request.head.ref != github.event.repository.default_branch" in labelled
    assert "github.event.pull_request.head.repo.full_name == github.repository" in train["if"]
    assert load(FOLDER / "repro.yml")["on"]["pull_request"] == {"types": ["labeled"]}
    others = [job for _, name, job in jobs() if name != "train"]
    assert not any("self-hosted" in job["runs-on"] for job in others)


def test_what_one_branch_trained_is_not_believed_on_another() -> None:
    """The run cache is the branch's alone; what is shared is taken by dvc.lock's hashes, which are checked."""
    train = load(FOLDER / "repro.yml")["jobs"]["train"]
    shared, own = (volume.rsplit(":", 1) for volume in train["container"]["volumes"])
    assert own[0].endswith("/branches/${{ github.head_ref || github.ref_name }}/.remote")
    assert (shared[1], own[1]) == ("/srv/shared", "/srv/branch")
    assert not own[0].startswith(shared[0]), "the one does not hold the other"
    text = script("repro", "train", "Take what earlier runs kept") + script("repro", "train", "Keep the cache")
    assert "dvc remote modify --local shared verify true" in text
    for line in text.splitlines():
        assert ("--run-cache" in line) == ("--remote branch" in line), line


@pytest.mark.parametrize("name", ["main", "a/b", "x.y", "feature@2"])
def test_no_part_of_a_branch_begins_with_a_dot(name: str) -> None:
    """Hence .remote of one branch is no folder within another's."""
    assert tool("git", "check-ref-format", "--branch", name).returncode == 0
    for bad in (f"{name}/.remote", f"{name}/../x", f"{name}:/etc"):
        assert tool("git", "check-ref-format", "--branch", bad).returncode != 0


@pytest.mark.slow
def test_a_remote_that_is_verified_gives_nothing_forged(tmp_path: Path) -> None:
    commands = """
        git init -q && dvc init -q && mkdir runs && echo honest > runs/p.npz && dvc add -q runs
        dvc remote add -q --default shared ../shared && dvc push -q
        forged=$(find ../shared -type f ! -name '*.dir') && chmod u+w "$forged" && echo forged > "$forged"
        chmod 444 "$forged" && rm -rf runs .dvc/cache
    """
    folder = tmp_path / "clone"
    folder.mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    bash(commands, folder, PATH=path)
    bash("dvc remote modify --local shared verify true; dvc pull --allow-missing || true", folder, PATH=path)
    assert not (folder / "runs/p.npz").exists()
    bash("dvc remote modify --local shared verify false; dvc pull", folder, PATH=path)
    assert (folder / "runs/p.npz").read_text() == "forged\n", "as it would be without"


def test_checkouts_keep_no_token() -> None:
    checkouts = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) >= 5
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


def test_actions_are_pinned_and_say_to_what() -> None:
    lines = [line.strip() for path in FILES for line in path.read_text().splitlines() if "uses:" in line]
    assert len(lines) > 10
    pins: dict[str, set[str]] = {}
    for line in lines:
        action, _, comment = line.removeprefix("- ").removeprefix("uses: ").partition("  # ")
        if COMMIT.fullmatch(action):
            assert re.fullmatch(r"v\d+\.\d+\.\d+", comment), line  # the release that the commit is
        else:
            assert MAJOR.fullmatch(action), line
            assert len(comment.split()) > 2, f"{line}: a major version needs a reason"
        pins.setdefault(action.split("@")[0], set()).add(f"{action} {comment}")
    assert all(len(versions) == 1 for versions in pins.values()), pins


def test_expressions_reach_scripts_through_the_environment_only() -> None:
    assert [place for place, step in steps() if "${{" in step.get("run", "")] == []


def test_steps_run_commands_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    wanted: dict[str, set[str]] = {}
    for place, step in steps():
        for command in re.findall(r"^\s*make\b([^|>\n]*)", step.get("run", ""), flags=re.MULTILINE):
            words = re.sub(r"-C \S+|--\S+|\S+=\S+", "", command).split()
            assert words, f"{place}: make without a target"
            wanted.setdefault(place.split("/")[0], set()).update(words)
    assert wanted["tests"] == {"setup", "test", "test-slow", "smoke", "faults", "report", "test-browser"}
    assert wanted["review"] == {"setup", "review", "report", "smoke"}
    assert wanted["oldest"] == {"wheel-test"}
    assert wanted["repro"] == {"self-check", "repro", "review"}
    assert wanted["verify"] == {"setup", "verify"}
    assert wanted["audit"] == {"setup", "audit"}
    assert set().union(*wanted.values()) <= targets


def test_the_wheel_is_tried_at_both_ends_every_week() -> None:
    workflow = load(FOLDER / "oldest.yml")
    tried = {(entry["python"], entry["lowest"]) for entry in workflow["jobs"]["wheel"]["strategy"]["matrix"]["include"]}
    requires = (ROOT / "pyproject.toml").read_text()
    assert 'requires-python = ">=3.11,<3.14"' in requires
    assert tried == {("3.11", "1"), ("3.13", "")}  # lower bounds on the oldest Python, the newest on the newest


@pytest.mark.parametrize(("name", "target"), [("verify", "verify"), ("audit", "audit"), ("oldest", "wheel-test")])
def test_what_may_break_without_a_change_is_asked_every_week(name: str, target: str) -> None:
    workflow = load(FOLDER / f"{name}.yml")
    assert re.fullmatch(r"\d+ \d+ \* \* \d", workflow["on"]["schedule"][0]["cron"])
    assert "workflow_dispatch" in workflow["on"]
    assert any(f" {target}" in step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"])


def test_the_cell_that_is_verified_is_drawn_where_none_is_named() -> None:
    (step,) = (s for place, s in steps() if place.startswith("verify/") and s.get("name") == "Verify")
    assert step["env"] == {"VARIANT": "${{ inputs.variant || 'random' }}"}


def test_the_audit_asks_of_every_lock_and_names_what_it_passes_over() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (recipe,) = re.findall(r"^audit:.*\n((?:\t.*\n)+)", makefile, flags=re.MULTILINE)
    locks = {path.name for path in ROOT.glob("requirements*.txt")}
    assert locks - set(re.findall(r"requirements[\w-]*\.txt", recipe)) == {"requirements-train.txt"}, "part of each"
    (unmended,) = re.findall(r"^UNMENDED := ([^#\n]*)#", makefile, flags=re.MULTILINE)
    said = (ROOT / "docs/trust.md").read_text()
    assert all(name in said for name in unmended.split())


def test_the_images_of_a_release_say_what_they_are() -> None:
    workflow = load(FOLDER / "images.yml")
    assert workflow["on"] == {"push": {"tags": ["v*"]}}
    job = workflow["jobs"]["publish"]
    targets = job["strategy"]["matrix"]["target"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert set(targets) == {"cpu", "gpu", "cpu-ray", "gpu-ray"}
    assert all(f" AS {target}\n" in dockerfile for target in targets)
    (build,) = (step["with"] for step in job["steps"] if step.get("id") == "build")
    assert (build["push"], build["provenance"], build["sbom"]) == ("true", "mode=max", "true")
    given = {line.partition("=")[0] for line in build["build-args"].splitlines()}
    assert given == set(re.findall(r"^ARG (REVISION|SOURCE)=", dockerfile, flags=re.MULTILINE))
    ingredients = re.search(r"ingredients=\(.*\)", script("images", "publish", "Names"))
    assert ingredients
    assert ingredients[0] in (ROOT / "container/build").read_text(), "one revision for both ways to build"


@pytest.mark.parametrize(
    ("tag", "version"), [("v1.2.0", "1.2.0"), ("v0.3.0rc1", "0.3.0rc1"), ("vain", ""), ("v1;x", "")]
)
def test_images_are_named_by_target_and_release(tmp_path: Path, tag: str, version: str) -> None:
    identity = "git -c user.name=a -c user.email=a@example.org"
    bash(f"git init -q . && touch Dockerfile && git add . && {identity} commit -qm x", tmp_path)
    done = bash(
        script("images", "publish", "Names"), tmp_path, check=False,
        GITHUB_REF_NAME=tag, GITHUB_REPOSITORY="Some/Where", TARGET="cpu-ray", GITHUB_OUTPUT="out",
    )  # fmt: skip
    assert (done.returncode == 0) == bool(version)
    if version:
        said = dict(line.split("=") for line in (tmp_path / "out").read_text().splitlines())
        assert said["rolling"].endswith("/some/where:cpu-ray")
        assert said["release"].endswith(f"/some/where:{version}-cpu-ray")
        assert re.fullmatch("[0-9a-f]{40}", said["revision"])


def test_workflows_cover_what_ci_runs_here() -> None:
    here = set(re.findall(r"^make ([a-z-]+)$", (ROOT / ".ci/run").read_text(), flags=re.MULTILINE))
    assert here
    run = {step["run"] for place, step in steps() if place.startswith("tests/") and "run" in step}
    assert {f"make {target}" for target in here} <= run


@pytest.mark.parametrize(
    ("place", "step"), [(p, s) for p, s in steps() if "run" in s], ids=lambda value: str(value)[:40]
)
def test_scripts_are_bash(place: str, step: dict[str, Any]) -> None:
    done = subprocess.run(["bash", "-n", "-c", step["run"]], text=True, capture_output=True)
    assert done.returncode == 0, f"{place}: {done.stderr}"


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ("make: x\ndigest aa\n", "digest aa\n", "**bit-identical**: predictions and metrics have the digest `aa`"),
        ("digest aa\n", "digest bb\n", "**results differ**: the digest was `aa`, it is `bb`"),
        ("make: *** Error 1\n", "digest bb\n", "The base gives no digest to compare `bb` with"),
        ("digest aa\n", "make: *** Error 1\n", "The head gives no digest"),
        ("", "", "The head gives no digest"),
    ],
)
def test_exact_tier_compares_the_digests(tmp_path: Path, base: str, head: str, expected: str) -> None:
    (tmp_path / "base.log").write_text(base)
    (tmp_path / "head.log").write_text(head)
    bash(script("review", "exact", "Compare"), tmp_path, GITHUB_STEP_SUMMARY="summary")
    text = (tmp_path / "exact.md").read_text()
    assert expected in text
    assert ("bit-identical**" in text) == ("aa" in base and "aa" in head)
    assert (tmp_path / "summary").read_text() == text


@pytest.mark.parametrize("review", ["# Review\n", None])
def test_summary_is_written_even_without_a_review(tmp_path: Path, review: str | None) -> None:
    if review is not None:
        (tmp_path / "review.md").write_text(review)
    bash(script("review", "review", "Summary"), tmp_path, GITHUB_STEP_SUMMARY="summary")
    assert (tmp_path / "summary").read_text() == (review or "No review was made: see the log of this job.\n")


def comment(folder: Path, ids: str, review: str | None, commands: str = "", place: str = "") -> tuple[list[str], str]:
    """The calls that the commenting step makes (`commands`, by default of review.yml), and the comment that it leaves.

    `place` is where the review lies too.
    """
    (folder / "gh").write_text(FAKE_GH)
    (folder / "gh").chmod(0o755)
    (folder / "ids").write_text(ids)
    for name, text in (("review", review), ("exact", "### Exact tier\n")):
        if text is not None:
            (folder / "artifacts" / name).mkdir(parents=True)
            (folder / "artifacts" / name / f"{name}.md").write_text(text)
    if place:
        (folder / place).write_text(review or "")
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    commands = commands or script("review", "comment", "Write or rewrite the comment")
    bash(commands, folder, PATH=path, GITHUB_REPOSITORY="some/where", NUMBER="7", RUN="https://example.org/run")
    return (folder / "calls").read_text().splitlines(), (folder / "comment.md").read_text()


def test_first_comment_is_posted(tmp_path: Path) -> None:
    calls, body = comment(tmp_path, "", "# Review\n")
    assert len(calls) == 2
    assert calls[0].startswith("api --paginate repos/some/where/issues/7/comments")
    assert calls[1] == "api --silent --method POST repos/some/where/issues/7/comments --field body=@comment.md"
    assert body.splitlines()[:2] == [MARKER, "# Review"]
    assert "### Exact tier" in body


def test_later_comments_replace_the_first(tmp_path: Path) -> None:
    calls, _ = comment(tmp_path, "41\n42\n", "# Review\n")
    assert calls[1] == "api --silent --method PATCH repos/some/where/issues/comments/41 --field body=@comment.md"


def test_comment_names_the_run_when_a_part_is_missing_or_too_long(tmp_path: Path) -> None:
    (tmp_path / "missing").mkdir()
    (tmp_path / "long").mkdir()
    _, missing = comment(tmp_path / "missing", "", None)
    assert "review.md was not made: [the run](https://example.org/run)." in missing
    assert "### Exact tier" in missing
    _, long = comment(tmp_path / "long", "", "x" * 70_000)
    assert len(long) < 300
    assert "[the summary of the run](https://example.org/run)" in long


HOSTILE = """@team and x@@team (@team) \\@team &#64;team &#x40;team &commat;team <p>&nbsp@team &#0064team &#64team</p>
/merge
  /assign @me
`train@dropout-0`, explore@a-1; a@example.org
</details>
"""


def mentions(markdown: str) -> set[str]:
    """Names that a forge would call: of text nodes, entities resolved as a browser does."""
    text = html.unescape(re.sub(r"\\([^\w\s])", r"\1", markdown))
    return set(re.findall(r"(?<![A-Za-z0-9_])@([A-Za-z0-9][\w-]*)", text))


def test_the_comment_mentions_nobody(tmp_path: Path) -> None:
    assert mentions(HOSTILE) == {"team", "me"}
    _, body = comment(tmp_path, "", HOSTILE)
    assert mentions(body) == set()
    assert "`train@dropout-0`, explore@a-1" in body, "what is to be copied stays whole"
    assert "</details>" in body


def test_the_comment_of_a_laid_down_workflow_mentions_nobody(tmp_path: Path) -> None:
    text = (ROOT / "valgap/init/review.yml").read_text()
    job = yaml.load(text, Loader=yaml.BaseLoader)["jobs"]["comment"]
    (run,) = (step["run"] for step in job["steps"] if step.get("name") == "Write or rewrite the comment")
    _, body = comment(tmp_path, "", HOSTILE, run, place="artifacts/review.md")
    assert "/merge" in body
    assert mentions(body) == set()
    assert "`train@dropout-0`" in body


@pytest.mark.parametrize(
    ("budget", "taken"),
    [("4h", True), ("1.5h", True), ("90m", True), ("$(shell id)", False), ("4h $(shell id)", False), ("", False)],
)
def test_budget_of_a_training_run_is_checked_before_make_reads_it(tmp_path: Path, budget: str, taken: bool) -> None:
    done = bash(script("repro", "train", "Check the budget"), tmp_path, check=False, ALLOWED=budget, GITHUB_ENV="env")
    assert (done.returncode == 0) == taken
    assert (tmp_path / "env").exists() == taken


def test_results_are_pushed_to_the_branch_and_nothing_else(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    bash(f"git init -q --bare {origin} && git clone -q {origin} {clone}", tmp_path)
    files = {"dvc.lock": "old", "reports/gone.csv": "1", "stages/code.py": "code"}
    for name, text in files.items():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(text)
    identity = "git -c user.name=a -c user.email=a@example.org"
    bash(f"git add . && {identity} commit -qm x && git push -q origin HEAD:topic && git checkout -q --detach", clone)
    for name, text in {"dvc.lock": "new", "reports/metrics.json": "{}", "stages/code.py": "evil"}.items():
        (clone / "results" / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / "results" / name).write_text(text)
    bash(script("repro", "push", "Commit and push"), clone, BRANCH="topic", GH_TOKEN="none")
    changed = bash("git diff --name-status topic~1 topic", origin).stdout.split()
    assert changed == [
        "M", "dvc.lock", "D", "reports/gone.csv", "A", "reports/metrics.json",
    ]  # fmt: skip
