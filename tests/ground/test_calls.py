"""How a command is called: by make in a clone of the suite, as `valgap` elsewhere."""

from pathlib import Path

import pytest

from tests.scratch import ROOT
from valgap.ground.calls import CLONE, call, in_clone


def test_a_clone_has_a_makefile_with_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert in_clone()
    assert (ROOT / CLONE).is_file()
    assert call("repro") == "`make repro`"
    assert call("repro", budget="2h", jobs=2) == "`make repro BUDGET=2h JOBS=2`"


def test_elsewhere_there_is_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Makefile").touch()
    (tmp_path / "stages").mkdir()
    assert not in_clone()
    assert call("repro", budget="2h", jobs=2) == "`valgap repro --budget 2h --jobs 2`"
