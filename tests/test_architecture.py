"""The house as drawn: imports flow one way, and the declared dependencies are the imported ones."""

import ast
from pathlib import Path

import pytest
import yaml

from tests.scratch import ROOT
from valgap.data.sources import registry
from valgap.ground import paths

ROOMS = (  # of the library, in the order of valgap/__init__.py: one imports those before it alone
    "ground", "cli", "data", "findings", "training", "compute", "stats", "diagnostics", "models", "results", "document",
    "report", "pipeline", "costs",
)  # fmt: skip
# Commands that import stages: trials are the stages themselves, many in one process, or something else would be
# calibrated than what users run; a report on a part of the cells is made as that on all of them is.
STAGES_OF = {"calibrate": {"prepare", "train", "evaluate", "diagnose"}, "reporting": {"evaluate", "diagnose"}}
PACKAGE = paths.PACKAGE.relative_to(ROOT)
TRAINING = {"train", "explore", "more"}  # one command, for declared, exploratory and single cells
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES |= {name: STAGES[name]["do"] for name in ("more", "symptom")}
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / PACKAGE).rglob("*.py"))


def imported(path: Path) -> set[Path]:
    """The library's own modules that a file imports, anywhere in it, faces of packages aside."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path}: relative import"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    if path == PACKAGE / "data/sources/registry.py":  # imports them by name
        names |= {f"valgap.data.sources.{name}" for name in registry.NAMES}
    modules = {
        Path(*name.split(".")).with_suffix(".py") for name in names if name.split(".")[0] in ("stages", "valgap")
    }
    return {module for module in modules if (ROOT / module).is_file()}


def closure(path: Path) -> set[Path]:
    found, waiting = set(), {path}
    while waiting:
        found |= waiting
        waiting = {module for file in waiting for module in imported(file)} - found
    return found


def room(path: Path) -> str:
    """The room of a module, or the command or stage that it is."""
    return path.parts[1].removesuffix(".py")


def covered(path: Path, declared: set[Path]) -> bool:
    return path in declared or any(parent in declared for parent in path.parents)


def code(stage: str) -> set[Path]:
    return {Path(dep) for dep in STAGES[stage]["deps"] if dep.startswith(("stages/", "valgap/"))}


@pytest.mark.parametrize("path", [path for path in MODULES if path != PACKAGE / "__init__.py"], ids=str)  # the face
def test_imports_flow_one_way(path: Path) -> None:
    """A room imports rooms that stand before it; commands import rooms, never each other, but for STAGES_OF."""
    own = room(path)
    others = {room(module) for module in imported(path)} - {own}
    allowed = set(ROOMS[: ROOMS.index(own)] if own in ROOMS else ROOMS) | STAGES_OF.get(own, set())
    assert others <= allowed, f"{path} imports {sorted(others - allowed)}"


@pytest.mark.parametrize("name", sorted({room(path) for path in MODULES if len(path.parts) > 2}))
def test_no_circle_within_a_room(name: str) -> None:
    for path in MODULES:
        if room(path) == name:
            for module in imported(path):
                assert path not in closure(module), f"{path} and {module} import each other"


@pytest.mark.parametrize("stage", sorted(set(STAGES) - TRAINING))
def test_dependencies_of_a_stage_are_its_imports(stage: str) -> None:
    declared, entry = code(stage), Path(f"stages/{stage}.py")
    needed = closure(entry)
    assert entry in declared
    assert sorted(path for path in needed if not covered(path, declared)) == []
    unused = {dep for dep in declared if not any(covered(path, {dep}) for path in needed)}
    assert sorted(unused) == []


def test_training_is_one_dependency_and_one_digest() -> None:
    """What decides a replicate's bits lies in one folder, which stands on the ground alone."""
    folder = paths.TRAINING_CODE.relative_to(ROOT)
    for stage in TRAINING:
        assert code(stage) == {folder}
        assert {"requirements-train.txt", "requirements-gpu.txt"} <= set(STAGES[stage]["deps"])
    for path in MODULES:
        if room(path) == folder.name:
            assert {room(module) for module in closure(path)} <= {folder.name, "ground"}, path


def test_only_training_imports_tensorflow() -> None:
    others = ("repro", "plan", "review", "verify")
    entries = [Path(f"stages/{stage}.py") for stage in ("prepare", "evaluate", "diagnose", "report")]
    entries += [Path(f"valgap/{name}/command.py") for name in others]
    entries += [Path("valgap/more.py"), Path("valgap/ground/params/__main__.py"), Path("valgap/cli/__init__.py")]
    for entry in entries:
        for path in closure(entry):
            at_import = ast.parse((ROOT / path).read_text()).body
            names = {alias.name for node in at_import if isinstance(node, ast.Import) for alias in node.names}
            names |= {node.module or "" for node in at_import if isinstance(node, ast.ImportFrom)}
            assert not {name.partition(".")[0] for name in names} & {"tensorflow", "keras"}, path


def test_every_command_checks_the_parameters_first() -> None:
    for name in ("prepare", "symptom", "evaluate", "diagnose", *TRAINING):
        module = "train" if name in TRAINING else name
        assert STAGES[name]["cmd"][0] == "exec python -m valgap.ground.params"
        assert STAGES[name]["cmd"][1].startswith(f"exec python -m stages.{module}")


def test_stages_are_thin() -> None:
    for path in (ROOT / "stages").glob("*.py"):
        assert len(path.read_text().splitlines()) < 20, path


def test_results_in_git_survive_a_failing_stage() -> None:
    for name in ("evaluate", "diagnose", "report"):
        for out in STAGES[name]["outs"] + STAGES[name].get("metrics", []):
            if out != "reports/report.html":  # cached, not in Git
                assert next(iter(out.values())) == {"cache": False, "persist": True}
