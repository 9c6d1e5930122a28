"""The package as it is imported and built: public names, and dependencies that are those of the code."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import valgap
from tests import wheel
from tests.scratch import ROOT
from tests.test_architecture import MODULES, closure
from valgap import cli

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTED = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml", "vl_convert": "vl-convert-python"}
OF_OTHERS = {"voluptuous": "dvc"}  # modules that come with another package, whose error they are


def python(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_import_is_cheap() -> None:
    python(
        "import sys; before = set(sys.modules); import valgap; dir(valgap); valgap.__version__\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
        "assert new == {'valgap'}, new"
    )


def test_public_names_are_listed_and_loaded_when_used() -> None:
    assert set(valgap.__all__) <= set(dir(valgap))
    python("from valgap import *; assert issubclass(SuiteError, Exception); assert callable(check)")
    for name in valgap.__all__:
        assert getattr(valgap, name)
    with pytest.raises(AttributeError, match="module 'valgap' has no attribute 'chekc'"):
        valgap.chekc  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    "imports",
    [
        "import valgap; one = valgap.check; import valgap.check.document; two = valgap.check",
        "import valgap.check.document; import valgap; one = valgap.check; from valgap import check as two",
        "from valgap.check import document; from valgap import check as one; import valgap; two = valgap.check",
    ],
)
def test_check_can_be_called_whatever_was_imported_first(imports: str) -> None:
    python(
        f"{imports}\n"
        "import inspect\n"
        "assert one is two\n"
        "names = [*inspect.signature(one).parameters]\n"
        "assert names[:6] == ['model', 'train', 'val', 'test', 'saw', 'history']\n"
        "try: one('absent.keras', 'photos')\n"
        "except valgap.SuiteError as error: assert 'absent.keras' in str(error)\n"
        "else: raise SystemExit('no error')"
    )


def test_version_is_in_one_place() -> None:
    assert PROJECT["dynamic"] == ["version"]
    assert "version" not in PROJECT
    assert Version(valgap.__version__).release == (0, 3, 0)


# Dependencies


def third_party(paths: set[Path]) -> set[str]:
    """Packages that modules import, anywhere in them."""
    names = set()
    for path in paths:
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
    names -= {*sys.stdlib_module_names, "valgap", "stages"}
    return {IMPORTED.get(name, OF_OTHERS.get(name, name)) for name in names}


def declared(requirements: list[str]) -> dict[str, Requirement]:
    return {Requirement(line).name: Requirement(line) for line in requirements}


def test_what_stands_alone_needs_what_is_declared_and_the_rest_the_extra() -> None:
    modules = {Path(cli.COMMANDS[name][0].replace(".", "/") + ".py") for name in cli.ALONE}
    alone = third_party(set().union(*map(closure, modules)))
    everything = third_party(set(MODULES))
    own, suite = declared(PROJECT["dependencies"]), declared(PROJECT["optional-dependencies"]["suite"])
    # One draws charts, and a check has none; the other mends dvc.lock inside a function that only a workspace calls.
    assert alone - {"vl-convert-python", "dvc"} <= set(own)
    tracker = set(declared(PROJECT["optional-dependencies"]["mlflow"])) - {"valgap"}  # and the suite
    assert everything - set(own) == set(suite) | tracker
    assert tracker == {"mlflow"}, "imported where it is asked for, and missed with a sentence"
    assert set(own) <= everything
    assert {IMPORTED.get(name, name) for name in cli.SUITE} == set(suite)


def test_dependencies_are_ranges_that_the_locked_environment_meets() -> None:
    text = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-ray.txt").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==([\w.]+)", text, flags=re.MULTILINE))
    extras = PROJECT["optional-dependencies"]
    for name, requirement in declared([*PROJECT["dependencies"], *extras["suite"], *extras["ray"]]).items():
        assert requirement.specifier.contains(locked[name]), f"{requirement} but {locked[name]} is locked"
        assert [bound.operator for bound in requirement.specifier] == ["==" if name == "dvc" else ">="]


def test_lower_bounds_are_read_from_the_wheel(tmp_path: Path) -> None:
    lines = [f"Requires-Dist: {line}" for line in PROJECT["dependencies"]]
    lines += ["Requires-Dist: altair>=6.0; extra == 'suite'", "", "Requires-Dist: not one, but a line of the readme"]
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as archive:
        archive.writestr("valgap-0.dist-info/METADATA", "\n".join(lines))
    bounds = wheel.lower_bounds(tmp_path / "x.whl")
    assert bounds == [line.replace(">=", "==") for line in PROJECT["dependencies"]]
    assert len(bounds) > 10
