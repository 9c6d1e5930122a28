"""The Makefile's aliases: what users name reaches the command whole, and is never run. Python is a stub that lists."""

import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scratch import ROOT
from valgap.cli import COMMANDS

STUB = "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done\n"
HOSTILE = (
    "x'; touch y; '",
    "$(shell touch y)",
    "`touch y`",
    "$$(touch y)",
    '"; touch y; "',
    "a && touch y",
    "$(touch y)",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the Makefile, and an environment .venv that `setup` takes for installed."""
    for name in ("Makefile", "requirements.txt", "requirements-ray.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in ("python", "ruff", "mypy"):
        (tmp_path / ".venv/bin" / name).write_text(STUB)
        (tmp_path / ".venv/bin" / name).chmod(0o755)
    shutil.copy(ROOT / "requirements.txt", tmp_path / ".venv/requirements.installed")
    shutil.copy(ROOT / "requirements-ray.txt", tmp_path / ".venv/requirements-ray.installed")
    (tmp_path / "container").mkdir()
    (tmp_path / "container/build").write_text(STUB)
    (tmp_path / "container/build").chmod(0o755)
    return tmp_path


def make(folder: Path, *words: str, **environment: str) -> list[str]:
    """Lines that `make` prints: the words that the stub received, one a line."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "OPTION_"))}
    done = subprocess.run(
        ["make", *words, "VENV=.venv", "PYTHON=.venv/bin/python"], cwd=folder, env=outer | environment, text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def valgap(folder: Path, *words: str, **environment: str) -> list[str]:
    """What `python -m valgap` received."""
    received = make(folder, *words, **environment)
    assert received[:2] == ["-m", "valgap"]
    return received[2:]


def test_names_with_spaces_and_quotes_reach_check_whole(folder: Path) -> None:
    received = valgap(folder, "check", "MODEL=my model's.keras", "DATA=my photos", "GROUPS=(p[0-9]+)_$", "OUT=a b")
    assert received == ["check", "--groups", "(p[0-9]+)_$", "--out", "a b", "--", "my model's.keras", "my photos"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(("target", "option"), [("check", "MODEL"), ("check", "DATA"), ("more", "VARIANT")])
def test_nothing_that_users_name_is_run(folder: Path, target: str, option: str, text: str) -> None:
    before = sorted(folder.iterdir())
    assert valgap(folder, target, f"{option}={text}")[-1] == text
    assert valgap(folder, target, **{option: text})[-1] == text  # from the environment
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("target", ["repro", "test", "test-browser", "image", "image-gpu", "image-cpu-ray"])
def test_arguments_are_words_and_not_a_piece_of_shell(folder: Path, target: str, text: str) -> None:
    before = sorted(folder.iterdir())
    words = text.split()
    assert make(folder, target, f"ARGS={text} *")[-len(words) - 1 :] == [*words, "*"]
    assert sorted(folder.iterdir()) == before


def test_options_that_are_not_set_are_absent(folder: Path) -> None:
    leftover = {"OPTION_VARIANT": "dropout", "OPTION_ARGS": "left", "OPTION_BUDGET": "9h"}  # of a make around this one
    for environment in ({}, leftover, {"BUDGET": "", "ARGS": ""}):
        assert valgap(folder, "repro", **environment) == ["repro"]
        assert valgap(folder, "plan", **environment) == ["plan"]
        assert valgap(folder, "check", **environment) == ["check", "--"]
        assert valgap(folder, "more", **environment) == ["more"]
        assert make(folder, "image", **environment) == ["cpu"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["plan", "BUDGET=2 h"], ["plan", "--budget", "2 h"]),
        (["repro", "BUDGET=4h", "JOBS=2"], ["repro", "--budget", "4h", "--jobs", "2"]),
        (["repro", "ARGS=--dry  train@dropout-0"], ["repro", "--dry", "train@dropout-0"]),
        (["more", "VARIANT=dropout", "BLOCKS=2", "DRY=1"], ["more", "--variant", "dropout", "--blocks", "2", "--dry"]),
        (["more", "FOLLOW_UP=1"], ["more", "--follow-up"]),
        (["report"], ["report"]),
        (["export", "VARIANT=l2", "OUT=kept here"], ["export", "--variant", "l2", "--out", "kept here"]),
        (["review", "BASE=main", "OUT=o", "CONFIRM=1"], ["review", "--base", "main", "--confirm", "1", "--out", "o"]),
        (["review", "FORMAT=json"], ["review", "--format", "json"]),
        (["track", "TO=mlflow", "STORE=sqlite:///a b.db"], ["track", "--to", "mlflow", "--store", "sqlite:///a b.db"]),
        (["fresh"], ["fresh"]),
        (["verify", "VARIANT=l2", "BLOCK=0"], ["verify", "--variant", "l2", "--block", "0"]),
        (["self-check"], ["selfcheck"]),
        (["calibrate", "ONLY=rate_low", "JOBS=2"], ["calibrate", "--only", "rate_low", "--jobs", "2"]),
        (["calibrate", "HALF=judged"], ["calibrate", "--half", "judged"]),
    ],
)
def test_targets_are_aliases_of_the_commands(folder: Path, words: list[str], expected: list[str]) -> None:
    assert valgap(folder, *words) == expected


def test_the_whole_calibration_is_a_pipeline_of_its_own(folder: Path) -> None:
    (folder / "calibration").mkdir()
    stub = folder / ".venv/bin/dvc"
    stub.write_text("#!/bin/sh\nbasename $PWD\necho $JOBS $*\n")
    stub.chmod(0o755)
    assert make(folder, "calibrate", "JOBS=2") == ["calibration", "2 repro"]
    assert make(folder, "calibrate", JOBS="") == ["calibration", "repro"]


def every_target() -> list[str]:
    return re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[0].split()


def moved(folder: Path, name: str) -> Path:
    """All of a folder in one of that name inside of it."""
    inside, inner = [*folder.iterdir()], folder / name
    inner.mkdir()
    for item in inside:
        item.rename(inner / item.name)
    return inner


@pytest.mark.parametrize("target", every_target())
def test_every_target_works_in_a_clone_whose_path_has_spaces(folder: Path, target: str) -> None:
    spaced = moved(folder, "a  b's")
    (spaced / "calibration").mkdir()
    for name in ("uv", "dvc"):
        shutil.copy2(spaced / ".venv/bin/python", spaced / ".venv/bin" / name)
    assert make(spaced, target) or target in ("setup", "setup-ray")


@pytest.mark.parametrize("place", ["my environment", "../my environment", "/my environment"])
def test_an_environment_elsewhere_may_have_spaces_in_its_path(folder: Path, place: str) -> None:
    clone = moved(folder, "clone")
    named = f"{folder}{place}" if place.startswith("/") else place
    (clone / ".venv").rename(clone / named)
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "OPTION_"))}
    done = subprocess.run(["make", "fresh", f"VENV={named}"], cwd=clone, env=outer, text=True, capture_output=True)
    assert (done.stdout.splitlines(), done.stderr) == (["-m", "valgap", "fresh"], "")


def test_an_environment_that_is_a_link_is_no_file_of_the_repository(folder: Path) -> None:
    clone = moved(folder, "clone")
    (clone / ".venv").rename(folder / "elsewhere")
    (clone / ".venv").symlink_to(folder / "elsewhere")
    shutil.copy(ROOT / ".gitignore", clone)
    subprocess.run(["git", "init", "-q"], cwd=clone, check=True)
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listed, cwd=clone, text=True, capture_output=True, check=True).stdout.splitlines()
    assert "Makefile" in found
    assert not [name for name in found if name.startswith(".venv")]
    assert valgap(clone, "fresh") == ["fresh"]


SHOWN = [
    path
    for pattern in ("*.md", "docs/*.md", "valgap/**/*.py", "valgap/**/*.j2", "valgap/**/*.yaml", "examples/**/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"  # speaks of what was
]


def test_every_make_command_that_is_shown_takes_the_options_that_it_is_shown_with() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipes = dict(re.findall(r"^([a-z -]+):.*\n((?:\t.*\n)+)", makefile, flags=re.MULTILINE))
    recipes = {target: text for targets, text in recipes.items() for target in targets.split()}
    shown = set()
    for path in SHOWN:
        for target, words in re.findall(r"\bmake ([a-z-]+)((?:\s+\[?[A-Z]+=[^\s`]*)+)", path.read_text()):
            shown |= {(path.name, target, option) for option in re.findall(r"([A-Z]+)=", words)}
    assert len(shown) > 20
    words_of = {"ARGS": r"\$\(words\)"}
    unknown = {
        (name, target, option)
        for name, target, option in shown
        if not re.search(words_of.get(option, f",{option}[,)]"), recipes[target])
    }
    assert unknown == set()


def test_every_flag_of_a_command_that_is_shown_exists() -> None:
    shown = set()
    for path in SHOWN:
        for name, words in re.findall(r"\bvalgap ([a-z]+)((?: [^\s`|]+)*)", path.read_text()):
            if name in COMMANDS:
                shown |= {(path.name, name, flag) for flag in re.findall(r"(?<=\s)--[a-z-]+", words)}
    assert len(shown) > 5
    flags = {}
    for name, (module, _) in COMMANDS.items():
        command = importlib.import_module(module).command
        flags[name] = {flag for option in command.params for flag in option.opts} | {"--help"}
    assert {(place, name, flag) for place, name, flag in shown if flag not in flags[name]} == set()


def test_every_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    targets = {target for line in targets for target in line.split()}
    a_command = re.compile(r"`make ([a-z-]+)|^    make ([a-z-]+)(?=$|  | [A-Z])", re.MULTILINE)
    shown = {(path.name, either or other) for path in SHOWN for either, other in a_command.findall(path.read_text())}
    assert len(shown) > 20
    assert {(name, target) for name, target in shown if target not in targets} == set()
