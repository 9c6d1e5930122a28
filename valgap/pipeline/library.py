"""The installed library as a dependency of stages, in a repository that is not the suite's: a small file a stage.

library/<stage>.txt has a line for each room that the stage runs, as the suite's own dvc.yaml lists them: its digest and
its path. The stage `library` writes these files before all others, so that `dvc repro` after an upgrade of valgap runs
again what the upgrade changed, and nothing else. Training has one file, library/training.txt, and one room.
"""

import difflib
import functools
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from valgap.compute.store import code_digest
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import is_bytecode, write_whole
from valgap.ground.params.schema import read_yaml
from valgap.ground.version import __version__
from valgap.pipeline import definition, shipped

TRAINING = definition.file_of("train")
VERSION = Path("ground/version.py")  # below the package: every upgrade changes it, and no stage writes it anywhere


@functools.cache
def rooms() -> Mapping[Path, tuple[str, ...]]:
    """By file below library/ the paths of the code that its stages run, from the folder of the package on."""
    stages = yaml.safe_load(shipped.text(shipped.DEFINITION))["stages"]
    found: dict[Path, tuple[str, ...]] = {}
    for name, stage in stages.items():
        deps = stage.get("do", stage)["deps"]
        own = tuple(dep for dep in deps if dep.startswith(f"{paths.PACKAGE.name}/"))
        assert found.setdefault(definition.file_of(name), own) == own, name
    return found


def text_of(file: Path) -> str:
    """What the installed library would write into a file below library/."""
    return "".join(f"{digest(paths.PACKAGE.parent / path)}  {path}\n" for path in rooms()[file])


def digest(path: Path) -> str:
    """sha256 over a file or all files below a folder, names and content; neither bytecode nor VERSION counts."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    counted = [each for each in files if not is_bytecode(each) and each != paths.PACKAGE / VERSION]
    lines = (f"{each.relative_to(path).as_posix()}\0{code_digest(each)}\n" for each in counted)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def texts() -> Mapping[Path, str]:
    """By file below library/ what the installed library would write there."""
    return {file: text_of(file) for file in rooms()}


def write(folder: Path = Path()) -> None:
    """Write the files that are not right yet, each whole, below a folder."""
    for file, text in texts().items():
        if not (folder / file).is_file() or differs(folder / file, text):
            write_whole(folder / file, text)


def differs(file: str | Path, text: str) -> bool:
    """Whether a file that is there holds another text."""
    return Path(file).read_text(encoding="utf-8", errors="replace") != text


def said(file: str | Path, text: str) -> str:
    """That a file is of another library than the one whose text this is, and in which rooms they differ."""
    before = Path(file).read_text(encoding="utf-8", errors="replace")
    lines = [line for line in difflib.ndiff(before.splitlines(), text.splitlines()) if line[0] in "+-"]
    changed = dict.fromkeys(match[1] for line in lines if (match := re.fullmatch(r"[+-] [0-9a-f]{64}  (\S+)", line)))
    where = f" ({', '.join(changed)})" if changed else ""
    return f"{file} is of other code than that of the installed valgap {__version__}{where}"


def refuse_other(stage: str) -> None:
    """Raise SuiteError where a stage would run other code than DVC is told."""
    file = definition.file_of(stage)
    if not file.is_file():
        raise SuiteError(f"{file} is missing: `dvc repro {stage}` writes it first, without --single-item")
    if differs(file, text := text_of(file)):
        raise SuiteError(f"{said(file, text)}: `dvc repro {stage}` writes it first, without --single-item")


def refuse_other_copy(folder: Path) -> None:
    """Raise SuiteError where a scratch copy was made by a library that prepares or trains otherwise.

    A clone of the suite has its code in the copy, and no such files.
    """
    for file in (definition.file_of("prepare"), TRAINING):
        if (folder / file).is_file() and differs(folder / file, text := text_of(file)):
            raise SuiteError(
                f"what is to be trained again was made by other code: {said(folder / file, text)}; install the valgap "
                "that made it, or compare with results of the installed one"
            )


def main() -> None:
    """The stage `library`: write its files; say where dvc.yaml is not that of the installed library."""
    _refuse_missing_files(read_yaml(paths.PARAMS).get("model"))
    write()
    found = Path(shipped.DEFINITION).read_text(encoding="utf-8")
    if names := definition.differing(found, definition.of_user(shipped.text(shipped.DEFINITION))):
        print(
            f"note: dvc.yaml is not as valgap {__version__} lays it down, in {', '.join(names)}; "
            "`valgap init --here` says more"
        )


def _refuse_missing_files(model: object) -> None:
    """DVC itself would say that a dependency is missing, and not why."""
    files = model.get("files") if isinstance(model, dict) else None
    if isinstance(files, str) and Path(files) != TRAINING and not Path(files).exists():
        raise SuiteError(
            key="params.yaml: model.files",
            value=files,
            why="there is no such file or folder here",
            cure=f"name what holds your builder and its weights; with a builder of valgap's own write {TRAINING}",
        )
