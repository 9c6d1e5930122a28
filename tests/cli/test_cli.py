"""The command `valgap`: its table, its words and its exit status."""

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import valgap
from tests.scratch import ROOT
from valgap import cli
from valgap.cli import ALONE, COMMANDS, group

SPELLED = {"NAME": "--variant", "REV": "--base", "TIME": "--budget", "FOLDER": "--out"}  # by metavar, what it is
OTHERS = {  # other words for these things, and for the jobs at once
    "arm", "arms", "variants", "name", "rev", "revision", "against", "baseline", "time", "hours", "limit",
    "outdir", "folder", "dir", "target", "workers", "parallel", "processes", "cells", "n",
}  # fmt: skip
HEAVY = ("numpy", "pandas", "scipy", "sklearn", "dvc", "altair", "tensorflow", "keras", "pydantic", "yaml")


def command_of(name: str) -> click.Command:
    found = group.get_command(click.Context(group), name)
    assert found is not None
    return found


def options_of(name: str) -> list[click.Option]:
    return [option for option in command_of(name).params if isinstance(option, click.Option)]


def real(*words: str, cwd: Path, program: str = "-m valgap") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *shlex.split(program), *words], cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        capture_output=True,
    )  # fmt: skip


# The table


def test_the_table_has_the_commands_in_the_order_of_work() -> None:
    assert list(COMMANDS) == [
        "check", "init", "params", "plan", "repro", "more", "report", "export", "track", "review", "fresh", "verify",
        "calibrate", "selfcheck",
    ]  # fmt: skip
    assert set(ALONE) < set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example_that_the_command_takes(name: str) -> None:
    shown = CliRunner().invoke(group, [name, "--help"], prog_name="valgap")
    assert shown.exit_code == 0
    assert f"Usage: valgap {name}" in shown.output
    (example,) = (line for line in shown.output.splitlines() if line.strip().startswith("Example: "))
    program, called, *words = shlex.split(example.partition("Example: ")[2])
    assert (program, called) == ("valgap", name)
    command_of(name).make_context(name, words)  # raises a usage error on an option that is not there


@pytest.mark.parametrize("name", COMMANDS)
def test_one_thing_has_one_flag_everywhere(name: str) -> None:
    for option in options_of(name):
        assert option.help, option.opts
        (flag,) = option.opts
        assert flag.startswith("--"), flag
        assert flag.removeprefix("--") not in OTHERS
        if option.metavar in SPELLED:
            assert flag == SPELLED[option.metavar]
        if flag in SPELLED.values():
            assert SPELLED[str(option.metavar)] == flag


def test_flags_are_taken_from_one_place() -> None:
    """The same flag means the same: its metavar and, but for the one that takes several, its help."""
    seen: dict[str, tuple[Any, ...]] = {}
    for name in COMMANDS:
        for option in options_of(name):
            if option.opts[0] in ("--base", "--budget", "--jobs", "--out"):
                facts = (option.metavar, option.help, option.envvar, type(option.type))
                assert seen.setdefault(option.opts[0], facts) == facts
    assert sorted(seen) == ["--base", "--budget", "--jobs", "--out"]


# Exit status


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--help"], 0), (["--version"], 0), (["check", "--help"], 0), (["check", "absent.keras", "photos"], 1),
        (["check"], 2), (["check", "a.keras", "b", "--range=7"], 2), (["nonesuch"], 2), (["repro", "--jobs", "0"], 2),
        (["plan", "--hours", "2"], 2), (["verify", "--block", "x"], 2), (["more"], 2),
    ],
)  # fmt: skip
def test_status_is_0_or_1_for_what_can_be_mended_or_2_on_usage(
    words: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(words) == status
    shown = capsys.readouterr()
    assert bool(shown.err) == (status > 0)
    assert (status == 1) == shown.err.startswith("error: ")


@pytest.mark.parametrize(("words", "status"), [(["--help"], 0), (["selfcheck"], 1), (["nonesuch"], 2)])
def test_script_and_module_end_alike(words: list[str], status: int, tmp_path: Path) -> None:
    module = real(*words, cwd=tmp_path)
    script = real(*words, cwd=tmp_path, program="-c 'from valgap.cli import main; main()'")  # as installers write it
    assert (module.returncode, script.returncode) == (status, status)
    assert (module.stdout, module.stderr) == (script.stdout, script.stderr)
    assert "Traceback" not in module.stderr


def test_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(group, ["--version"], prog_name="valgap").output == f"valgap {valgap.__version__}\n"


def test_script_finds_modules_of_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "layers_of_mine.py").touch()
    program = (
        "import sys; sys.path.remove('')\n"
        "import valgap.cli; valgap.cli.run = lambda: __import__('layers_of_mine') and 0\n"
        "valgap.cli.main()"
    )
    assert real(cwd=tmp_path, program=f"-c {shlex.quote(program)}").returncode == 0


# What is missing


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_of_the_suite_say_which_extra_they_need(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("dvc", "altair") else known(name))
    assert cli.run([name, "--help"]) == (0 if name in ALONE else 1)
    said = capsys.readouterr().err
    assert said == ("" if name in ALONE else f"error: valgap {name} needs altair, dvc: pip install 'valgap[suite]'\n")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("check", "init")])
def test_commands_of_the_suite_end_with_a_sentence_outside_of_a_workspace(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"--to": "mlflow"}
    required = [
        word
        for option in options_of(name)
        if option.required
        for word in (option.opts[0], given.get(option.opts[0], "dropout"))
    ]
    assert cli.run([name, *required]) == 1
    said = capsys.readouterr()
    sentence = f"error: no params.yaml here: call `valgap {name}` where one is, or lay down the suite in a repository "
    assert said.err == f"{sentence}of your own by `valgap init --here --data PATH`\n"
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []
    assert cli.run([name, "--help"]) == 0


# What is imported


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    program = f"""
import sys
from valgap.cli import run
assert run(["--help"]) == 0
assert not {set(HEAVY)} & set(sys.modules), {set(HEAVY)} & set(sys.modules)
"""
    done = real(cwd=tmp_path, program=f"-c {shlex.quote(program)}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ALONE)
def test_commands_that_stand_alone_import_nothing_of_the_suite(name: str, tmp_path: Path) -> None:
    program = f"""
import sys
from valgap.cli import SUITE, run
assert run(["{name}", "--help"]) == 0
assert not set(SUITE) & set(sys.modules), set(SUITE) & set(sys.modules)
"""
    done = real(cwd=tmp_path, program=f"-c {shlex.quote(program)}")
    assert done.returncode == 0, done.stderr
