"""dvc.yaml of a user's repository: all of the suite's stages, none of its paths, and what of it was edited."""

import re

import pytest
import yaml

from tests.scratch import ROOT
from valgap.ground import paths
from valgap.pipeline import definition, library, shipped
from valgap.stage import STAGES

OWN = yaml.safe_load((ROOT / "dvc.yaml").read_text())
TEXT = definition.of_user((ROOT / "dvc.yaml").read_text())
USERS = yaml.safe_load(TEXT)
CODE = ("valgap/", "stages/")


def test_every_stage_is_there_and_the_library_comes_first() -> None:
    assert [*USERS["stages"]] == ["library", *OWN["stages"]]
    assert (USERS["plots"], USERS["vars"]) == (OWN["plots"], OWN["vars"])
    assert USERS["stages"]["library"]["always_changed"] is True


def test_no_path_of_the_suites_source_remains() -> None:
    assert not re.search(r"^\s*- (valgap|stages)/", TEXT, re.MULTILINE)
    assert "python -m stages" not in TEXT
    assert "make " not in TEXT.replace("make sure", "")


@pytest.mark.parametrize("name", OWN["stages"])
def test_a_stage_keeps_all_but_its_code(name: str) -> None:
    own, users = (content["stages"][name] for content in (OWN, USERS))
    own, users = own.get("do", own), users.get("do", users)
    assert {key: value for key, value in own.items() if key not in ("deps", "cmd")} == {
        key: value for key, value in users.items() if key not in ("deps", "cmd")
    }
    kept = [dep for dep in own["deps"] if not dep.startswith(CODE)]
    file = str(definition.file_of(name))
    assert [dep for dep in users["deps"] if dep != file] == kept
    assert users["deps"].count(file) == 1
    commands = [[text] if isinstance(text, str) else text for text in (own["cmd"], users["cmd"])]
    assert [text.replace("stages.", "valgap.stage ") for text in commands[0]] == commands[1]
    (word,) = (text.split("valgap.stage ")[1].split()[0] for text in commands[1] if "valgap.stage " in text)
    assert word in STAGES


def test_files_of_the_library_are_outputs_that_git_holds() -> None:
    outs = USERS["stages"]["library"]["outs"]
    assert sorted(map(str, library.rooms())) == [name for out in outs for name in out]
    assert all(out[name] == {"cache": False, "persist": True} for out in outs for name in out)
    used = {dep for stage in USERS["stages"].values() for dep in stage.get("do", stage).get("deps", [])}
    assert {name for out in outs for name in out} <= used


def test_training_depends_on_training_alone() -> None:
    assert library.rooms()[library.TRAINING] == (f"{paths.PACKAGE.name}/training",)
    assert {definition.file_of(name) for name in ("train", "explore", "more")} == {library.TRAINING}


def test_rooms_of_the_other_stages_are_those_of_the_suites_own() -> None:
    for name, stage in OWN["stages"].items():
        own = tuple(dep for dep in stage.get("do", stage)["deps"] if dep.startswith("valgap/"))
        assert library.rooms()[definition.file_of(name)] == own


def test_an_edit_shows_and_a_further_stage_is_no_difference() -> None:
    assert definition.is_unedited(TEXT)
    assert definition.differing(TEXT, TEXT) == []
    edited = TEXT.replace("stages.report", "").replace("exec python -m valgap.stage report", "true")
    assert not definition.is_unedited(edited)
    assert definition.is_laid_down(edited)
    assert definition.differing(edited, TEXT) == ["report"]
    more = TEXT.replace("\nplots:", "\n  mine:\n    cmd: true\n\nplots:")
    assert not definition.is_unedited(more)
    assert definition.differing(more, TEXT) == []
    assert definition.differing("stages: {mine: {cmd: true}}", TEXT) == ["library", *OWN["stages"]]
    assert definition.differing("", TEXT) == ["library", *OWN["stages"]]


def test_what_the_wheel_brings_is_named_and_lies_in_a_clone() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    for name in shipped.FILES:
        assert shipped.text(name) == (ROOT / name).read_text()
        place = name if not name.startswith(".dvc/plots/") else ".dvc/plots"
        assert f'"{place}" = "valgap/here/{place}"' in project
