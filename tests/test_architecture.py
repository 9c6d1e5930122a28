"""The declared dependencies are the imported ones: nothing that decides a number escapes DVC."""

import ast
from pathlib import Path

import pytest
import yaml

from stages.paths import runs
from tests.scratch import ROOT

TRAINING = {"train", "explore", "more"}  # one command, for declared, exploratory and single cells
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES["more"] = STAGES["more"]["do"]
DOCSTRINGS_ONLY = {path.relative_to(ROOT) for path in (ROOT / "stages").rglob("__init__.py")}


def imported(path: Path) -> set[Path]:
    """The suite's own modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    modules = {Path(*name.split(".")).with_suffix(".py") for name in names if name.split(".")[0] == "stages"}
    return {module for module in modules if (ROOT / module).is_file()}


def closure(path: Path) -> set[Path]:
    found, waiting = set(), {path}
    while waiting:
        found |= waiting
        waiting = {module for file in waiting for module in imported(file)} - found
    return found


def covered(path: Path, declared: set[Path]) -> bool:
    return path in declared or any(parent in declared for parent in path.parents)


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_dependencies_of_a_stage_are_its_imports(stage: str) -> None:
    declared = {Path(dep) for dep in STAGES[stage]["deps"] if dep.startswith("stages")}
    entry = Path(f"stages/{'train' if stage in TRAINING else stage}.py")
    needed = closure(entry)
    assert entry in declared
    assert sorted(path for path in needed if not covered(path, declared)) == []
    unused = {dep for dep in declared if not any(covered(path, {dep}) for path in needed)}
    assert sorted(unused) == []


def test_store_keys_hash_the_code_that_dvc_hashes() -> None:
    for stage in TRAINING:
        declared = {Path(dep) for dep in STAGES[stage]["deps"] if dep.startswith("stages")}
        assert set(runs.TRAINING_CODE) == declared
        assert {"requirements-train.txt", "requirements-gpu.txt"} <= set(STAGES[stage]["deps"])


def test_package_files_hold_docstrings_only() -> None:
    assert DOCSTRINGS_ONLY
    for path in DOCSTRINGS_ONLY:
        body = ast.parse((ROOT / path).read_text()).body
        assert len(body) == 1, path
        assert isinstance(body[0], ast.Expr), path


def test_only_training_imports_tensorflow() -> None:
    others = ("repro", "plan", "more", "review", "verify", "params/__main__")
    for stage in ("prepare", "evaluate", "diagnose", "report", *others):
        for path in closure(Path(f"stages/{stage}.py")):
            text = (ROOT / path).read_text()
            assert "import tensorflow" not in text, path
            assert "import keras" not in text, path


def test_training_ignores_what_training_does_not_read() -> None:
    needed = closure(Path("stages/train.py"))
    for other in ("params/suite.py", "paths/reports.py", "stats/metrics.py", "render/charts.py", "evaluate.py"):
        assert Path("stages", other) not in needed


def test_every_command_checks_the_parameters_first() -> None:
    for name in ("prepare", "evaluate", "diagnose", *TRAINING):
        module = "train" if name in TRAINING else name
        assert STAGES[name]["cmd"][0] == "exec python -m stages.params"
        assert STAGES[name]["cmd"][1].startswith(f"exec python -m stages.{module}")


def test_results_in_git_survive_a_failing_stage() -> None:
    for name in ("evaluate", "diagnose", "report"):
        for out in STAGES[name]["outs"] + STAGES[name].get("metrics", []):
            if out != "reports/report.html":  # cached, not in Git
                assert next(iter(out.values())) == {"cache": False, "persist": True}
