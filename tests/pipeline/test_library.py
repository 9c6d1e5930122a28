"""Digests of the installed library, which stages depend on in a user's repository."""

import shutil
import sys
from pathlib import Path

import pytest

from valgap import stage
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.version import __version__
from valgap.pipeline import library
from valgap.pipeline.library import TRAINING

REPORT, PREPARE = (TRAINING.with_name(f"{name}.txt") for name in ("report", "prepare"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    library.write()
    return tmp_path


@pytest.fixture
def other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another library than the one that wrote the files: a copy, to be edited."""
    copied = folder / "site-packages/valgap"
    shutil.copytree(paths.PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(paths, "PACKAGE", copied)
    return copied


def changed(folder: Path) -> list[str]:
    return [file.stem for file, text in library.texts().items() if library.differs(folder / file, text)]


def test_files_are_written_once_and_left_alone_where_they_are_right(folder: Path) -> None:
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.txt")} == set(map(str, library.rooms()))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.txt")}
    library.write()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.txt")} == before
    (folder / TRAINING).unlink()
    library.write()
    assert changed(folder) == []


def test_where_the_library_lies_and_its_bytecode_do_not_count(folder: Path, other: Path) -> None:
    (other / "training/__pycache__").mkdir()
    (other / "training/__pycache__/loop.cpython-311.pyc").write_bytes(b"1")
    assert changed(folder) == []


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("training/loop.py", ["training", "models", "looks"]),
        ("report/words.yaml", ["report"]),
        ("cli/__init__.py", []),
        ("ground/version.py", []),
        ("check/judging.py", ["symptom"]),
        ("stats/added.py", ["evaluate", "diagnose", "report", "symptom"]),
    ],
)
def test_an_edit_changes_the_files_of_the_stages_that_run_it(
    folder: Path, other: Path, file: str, stages: list[str]
) -> None:
    with (other / file).open("a") as handle:
        handle.write("# edited\n")
    assert sorted(changed(folder)) == sorted(stages)


def test_a_stage_refuses_to_run_with_another_library_than_dvc_was_told(
    folder: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.refuse_other("report")
    with (other / "report/words.yaml").open("a") as handle:
        handle.write("# edited\n")
    sentence = rf"report.txt is of other code than that of the installed valgap {__version__} \(valgap/report\)"
    with pytest.raises(SuiteError, match=sentence):
        library.refuse_other("report")
    monkeypatch.setattr(sys, "argv", ["stage", "report"])
    with pytest.raises(SuiteError, match=r"`dvc repro report` writes it first, without --single-item"):
        stage.main()
    library.refuse_other("train")
    (folder / TRAINING).unlink()
    with pytest.raises(SuiteError, match=r"training\.txt is missing"):
        library.refuse_other("train")


def test_a_scratch_copy_is_not_trained_by_another_library(folder: Path, other: Path) -> None:
    library.refuse_other_copy(folder)
    with (other / "report/words.yaml").open("a") as handle:
        handle.write("# edited\n")
    library.refuse_other_copy(folder)  # which decides nothing
    library.refuse_other_copy(folder / "a clone of the suite, without such files")
    (other / "training/loop.py").write_text("")
    with pytest.raises(SuiteError, match=r"training\.txt is of other code .*install the valgap that made it"):
        library.refuse_other_copy(folder)


@pytest.mark.parametrize("words", [[], ["training"], ["--help"]])
def test_stages_go_by_name(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", *words])
    with pytest.raises(SuiteError, match=r"usage: python -m valgap.stage library\|prepare\|"):
        stage.main()


def test_model_files_that_are_not_there_are_named_before_dvc_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "params.yaml").write_text("model: {files: valgap/training}\n")
    with pytest.raises(SuiteError, match=r"model.files = valgap/training: .* write library/training.txt"):
        library.main()
