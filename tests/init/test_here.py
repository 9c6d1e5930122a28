"""`valgap init --here`: what is laid down in a repository that is not the suite's, and what is refused."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tests.scratch import ROOT
from valgap.compute import environment
from valgap.ground.errors import SuiteError
from valgap.init import builder, ignoring, laying, locking, repository
from valgap.init.command import command
from valgap.pipeline import definition, library, shipped

PARAMS = "data: {path: photos}\nmodel: {files: library/training.txt}\n"
WRITTEN = {
    ".dvc/plots/accuracy_by_variant.json", ".dvc/plots/confusion_counts.json", ".dvc/plots/learning_curves.json",
    ".dvcignore", ".gitignore", "dvc.yaml", "library/diagnose.txt", "library/evaluate.txt", "library/looks.txt",
    "library/models.txt", "library/prepare.txt", "library/report.txt", "library/symptom.txt", "library/training.txt",
    "requirements-gpu.txt", "requirements-train.txt",
}  # fmt: skip


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository of Git and DVC, the latter as far as it is looked at."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    return tmp_path


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found} | {}


def here(*words: str) -> str:
    done = CliRunner().invoke(command, ["--here", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_all_is_laid_down_but_params_and_the_next_step_is_said(folder: Path) -> None:
    said = here()
    assert set(files(folder)) - {".dvc/config"} == WRITTEN
    assert "Next: `valgap init --data PATH`" in said
    assert definition.is_unedited((folder / "dvc.yaml").read_text())
    assert (folder / "library/training.txt").read_text().endswith("  valgap/training\n")


def test_a_second_call_changes_nothing(folder: Path) -> None:
    (folder / "params.yaml").write_text(PARAMS)
    here("--workflows")
    before = files(folder)
    assert ".github/workflows/valgap-review.yml" in before
    said = here("--workflows")
    assert files(folder) == before
    assert "written" not in said.split("Next")[0]
    assert "`dvc repro`" in said


def test_what_is_there_is_kept(folder: Path) -> None:
    own = {
        "requirements-train.txt": "tensorflow==2.18.0\n", ".dvc/plots/confusion_counts.json": "{}",
        ".gitignore": "/photos", ".dvcignore": "*.tmp\n", ".github/workflows/valgap-review.yml": "on: push\n",
        "params.yaml": PARAMS, "reports.md": "mine",
    }  # fmt: skip
    for name, text in own.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    said = here("--workflows")
    now = files(folder)
    for name, text in own.items():
        assert now[name].startswith(text), name
        assert now[name] == text or name in (".gitignore", ".dvcignore")
    assert "requirements-train.txt: yours is kept" in said
    assert now[".gitignore"].splitlines()[:3] == ["/photos", "", ignoring.TITLE]


def test_gitignore_gets_the_lines_that_it_lacks_and_no_more() -> None:
    lines = ("/runs/", "*.pyc")
    assert ignoring.with_lines("", lines, "# t") == "# t\n/runs/\n*.pyc\n"
    assert ignoring.with_lines("a\n  *.pyc  \n", lines, "# t") == "a\n  *.pyc  \n\n# t\n/runs/\n"
    assert ignoring.with_lines("a\r\n", lines, "# t") == "a\r\n\r\n# t\r\n/runs/\r\n*.pyc\r\n"
    assert ignoring.with_lines("/runs/\n*.pyc", lines, "# t") == "/runs/\n*.pyc"


def test_git_ignores_what_stages_write_and_none_of_the_results(folder: Path) -> None:
    here()
    ignored = ("data/prepared/arrays/images.npy", "runs/a/0/run.json", ".replicates/done/x", "data/models.txt",
               "reports/report.html", "photosort/__pycache__/net.pyc", "params.yaml.partial",
               "export/baseline/model.keras")  # fmt: skip
    assert git("check-ignore", *ignored).split() == [*ignored]
    assert ignoring.hidden() == []
    suites = (ROOT / ".gitignore").read_text().splitlines()
    for line in suites:
        if line.startswith(("/data/", "/runs/", "/reports/", "/.replicates", "/export")):
            assert line in ignoring.IGNORED, line


@pytest.mark.parametrize(
    ("rule", "hidden"), [("*.csv", "reports/results.csv (by .gitignore:1:*.csv)"), ("library", "library/training.txt")]
)
def test_results_that_git_ignores_are_named_with_the_rule(folder: Path, rule: str, hidden: str) -> None:
    (folder / ".gitignore").write_text(f"{rule}\n")
    said = here()
    assert hidden in said
    assert "!/reports/**" in said


def test_a_rule_taken_back_hides_nothing(folder: Path) -> None:
    (folder / ".gitignore").write_text("*.csv\n!/reports/**\n")
    assert "note: Git ignores" not in here()


# dvc.yaml


def test_a_pipeline_of_ones_own_is_refused_and_nothing_is_written(folder: Path) -> None:
    (folder / "dvc.yaml").write_text("stages: {mine: {cmd: 'true'}}\n")
    before = files(folder)
    with pytest.raises(SuiteError, match=r"dvc\.yaml is here already, .* never overwritten: .*dvc init --subdir"):
        here()
    assert files(folder) == before


def test_one_of_an_earlier_valgap_is_renewed_unless_it_was_edited(folder: Path) -> None:
    here()
    text = (folder / "dvc.yaml").read_text()
    earlier = definition.of_user((ROOT / "dvc.yaml").read_text().replace("      - requirements-gpu.txt    # its", "#"))
    assert earlier != text
    (folder / "dvc.yaml").write_text(earlier)
    assert "written anew" in here()
    assert (folder / "dvc.yaml").read_text() == text
    (folder / "dvc.yaml").write_text(earlier.replace("      - reports/curves.csv\n", "", 1))
    with pytest.raises(SuiteError, match=r"edited since, and is otherwise in train, explore, more, report: "):
        here()


def test_a_stage_added_to_it_is_kept(folder: Path) -> None:
    here()
    text = (folder / "dvc.yaml").read_text().replace("\nplots:", "\n  mine:\n    cmd: 'true'\n\nplots:")
    (folder / "dvc.yaml").write_text(text)
    assert "dvc.yaml: has all stages" in here()
    assert (folder / "dvc.yaml").read_text() == text


@pytest.mark.parametrize("text", ["stages: [", "- a\n", "stages: 3\n", "stages: {a: }\n"])
def test_a_malformed_one_is_refused(folder: Path, text: str) -> None:
    (folder / "dvc.yaml").write_text(text)
    with pytest.raises(SuiteError, match=r"dvc\.yaml"):
        here()


# Where it cannot be


def test_a_clone_of_the_suite_has_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(SuiteError, match="this is a clone of the suite"):
        here()


def test_git_and_dvc_are_asked_for_by_their_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SuiteError, match=r"no Git repository.*`git init`, then `dvc init`"):
        here()
    git("init", "-q")
    with pytest.raises(SuiteError, match="`dvc init`, or"):
        here()
    (tmp_path / "gap").mkdir()
    monkeypatch.chdir(tmp_path / "gap")
    with pytest.raises(SuiteError, match="`dvc init --subdir`, or"):
        here()
    assert [*(tmp_path / "gap").iterdir()] == []


@pytest.mark.parametrize(
    "name", ["runs/exp1/weights.pt", "reports/figures/mine.png", "data/prepared/a.npy", "library/a.py"]
)
def test_folders_of_the_users_are_not_written_into(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True)
    (folder / name).touch()
    with pytest.raises(SuiteError, match=r"is here already, and the suite's stages would write there"):
        here()
    assert not (folder / "dvc.yaml").exists()


def test_empty_folders_are_in_nobodys_way_and_results_of_the_suite_neither(folder: Path) -> None:
    (folder / "reports").mkdir()
    here()
    (folder / "reports/results.csv").touch()
    here()


@pytest.mark.parametrize(("path", "words"), [("data", []), (".", []), ("./data/", []), ("", ["--data", "data"])])
def test_images_do_not_lie_around_what_stages_write(folder: Path, path: str, words: list[str]) -> None:
    (folder / "data/cat").mkdir(parents=True)
    if path:
        (folder / "params.yaml").write_text(yaml.safe_dump({"data": {"path": path}}))
    with pytest.raises(SuiteError, match=r"would hold .* too, .* move the images one level down, such as to .*images"):
        here(*words)


def test_a_table_in_the_root_is_a_folder_of_images_too(folder: Path) -> None:
    (folder / "labels.csv").write_text("path,label\n")
    with pytest.raises(SuiteError, match="one level down"):
        here("--data", "labels.csv")


def test_a_folder_that_dvc_tracks_whole_is_not_written_into(folder: Path) -> None:
    (folder / "data.dvc").write_text("outs:\n- path: data\n")
    with pytest.raises(SuiteError, match=r"data\.dvc has DVC track the whole of data/.*dvc add data/images"):
        here()
    (folder / "data.dvc").unlink()
    (folder / "photos.dvc").write_text("outs:\n- path: photos\n")
    here()


@pytest.mark.parametrize(
    ("words", "message"), [(["--workflows"], "--workflows goes with --here"), ([], "Missing option '--data'")]
)
def test_usage(words: list[str], message: str) -> None:
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 2
    assert message in done.output


def test_params_and_here_are_one_place(folder: Path) -> None:
    done = CliRunner().invoke(command, ["--here", "--out", "elsewhere"])
    assert done.exit_code == 2
    assert "leave out --out" in done.output
    (folder / "params.yaml").write_text(PARAMS)
    with pytest.raises(SuiteError, match=r"params\.yaml is there: leave out --data, and it is used as it is"):
        here("--data", "photos")
    assert not (folder / "dvc.yaml").exists()


# Model and environment


def test_a_builder_of_valgaps_own_has_a_file_to_watch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert builder.builder_of("cnn", None, None).keys["files"] == "library/training.txt"
    monkeypatch.chdir(ROOT)
    assert builder.builder_of("cnn", None, None).keys["files"] == "valgap/training"


def test_model_files_of_a_clone_are_named_as_what_is_not_here(folder: Path) -> None:
    (folder / "params.yaml").write_text(PARAMS.replace("library/training.txt", "valgap/training"))
    assert "model.files = valgap/training is not here" in here()


def test_the_suites_own_lock_is_laid_down_where_it_is_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "differences", lambda text, name: [])
    assert locking.lock("a==1\n", "requirements-train.txt") == ("a==1\n", ())


def test_else_a_lock_of_what_is_installed_which_the_pipeline_takes(tmp_path: Path) -> None:
    text, other = locking.lock("numpy==1.0\n", "requirements-train.txt")
    assert len(other) == 1
    assert "numpy" in other[0]
    (path := tmp_path / "requirements-train.txt").write_text(text)
    environment.check_installed(path)
    names = {line.partition("==")[0] for line in text.splitlines() if not line.startswith("#")}
    assert {"tensorflow", "keras", "numpy", "h5py", "protobuf"} <= names
    assert "dvc" not in names
    shipped_names = {
        line.partition("==")[0] for line in shipped.text("requirements-train.txt").splitlines() if "==" in line
    }
    assert names <= shipped_names, "what the suite locks covers what is needed"


# The workflow


@pytest.mark.parametrize("below", ["", "gap"])
def test_the_workflow_is_sound(folder: Path, monkeypatch: pytest.MonkeyPatch, below: str) -> None:
    (folder / "git").mkdir()
    if below:
        (folder / below / ".dvc").mkdir(parents=True)
        (folder / below / ".dvc/config").touch()
        monkeypatch.chdir(folder / below)
    here("--workflows")
    path = folder / laying.WORKFLOW
    text = path.read_text()
    assert "{folder}" not in text
    assert "{version}" not in text
    content = yaml.load(text, Loader=yaml.BaseLoader)
    review, comment = content["jobs"]["review"], content["jobs"]["comment"]
    assert review["defaults"]["run"]["working-directory"] == (below or ".")
    assert content["permissions"] == {"contents": "read"}
    assert comment["permissions"] == {"pull-requests": "write"}
    assert not [step for step in comment["steps"] if "checkout" in step.get("uses", "")]
    pinned = (ROOT / ".github/workflows/review.yml").read_text()
    assert all(line.strip().removeprefix("- ") in pinned for line in text.splitlines() if "uses:" in line)
    tools = Path(sys.executable).parent
    for words in (
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"], ["zizmor", "--offline", "--no-progress"]
    ):  # fmt: skip
        done = subprocess.run([tools / words[0], *words[1:], path], text=True, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
    for job in (review, comment):
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
            subprocess.run(["bash", "-n", "-c", step.get("run", "")], check=True)


def test_digests_are_those_that_the_stage_would_write(folder: Path) -> None:
    here()
    assert {Path(name): text for name, text in files(folder).items() if name.startswith("library/")} == library.texts()


def test_what_stages_write_is_known_to_the_refusals() -> None:
    stages = yaml.safe_load(definition.of_user(shipped.text("dvc.yaml")))["stages"].values()
    outs = [out for stage in stages for out in stage.get("do", stage).get("outs", [])]
    named = [Path(out) if isinstance(out, str) else Path(next(iter(out))) for out in outs]
    assert all(any(path.is_relative_to(own) for own in repository.OWN) for path in named)
