"""Whether the current folder can take the suite: a root of Git and DVC, with nothing of the user's in the way."""

import os
from collections.abc import Iterator
from pathlib import Path

import yaml

from valgap.ground import paths
from valgap.ground.calls import in_clone
from valgap.ground.errors import SuiteError
from valgap.pipeline import definition, shipped
from valgap.pipeline.git import root

DVC = Path(".dvc")
OWN = (paths.RUNS, paths.REPORTS, paths.PREPARED, paths.MODELS_CHECKED, definition.FOLDER)  # what stages write
APART = "lay the suite down in a folder of its own, such as: mkdir gap && cd gap && dvc init --subdir"


def refuse(data: str | None) -> None:
    """Raise SuiteError where the suite cannot be laid down here, and say what to do; `data` is where images will be."""
    if in_clone():
        raise SuiteError("this is a clone of the suite, which has all of it: `valgap init` writes params.yaml")
    _refuse_no_repository()
    laid = _laid_down()
    if not laid and (there := [str(path) for path in OWN if _holds_something(path)]):
        raise SuiteError(
            f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} here already, and the suite's stages would write "
            f"there: move it away, or {APART}"
        )
    if data:
        folder = Path(data).parent if Path(data).is_file() else Path(data)
        if inside := [str(path) for path in OWN if _is_below(path, folder)]:
            raise SuiteError(
                f"the images' folder {folder} would hold {inside[0]} too, which the suite's stages write: move the "
                f"images one level down, such as to {folder / 'images'}, or {APART}, and name them from there"
            )
    for file, out in _tracked():
        if inside := [str(path) for path in OWN if _is_below(path, out)]:
            raise SuiteError(
                f"{file} has DVC track the whole of {out}/, where the suite's stages write {inside[0]}: track the "
                f"images alone (dvc add {out}/images), or {APART}"
            )


def _refuse_no_repository() -> None:
    top = root()
    if top is None:
        raise SuiteError("this is no Git repository, and the suite keeps results in Git: `git init`, then `dvc init`")
    if not (DVC / "config").is_file():
        command = "dvc init" if top.resolve() == Path.cwd().resolve() else "dvc init --subdir"
        raise SuiteError(
            f"this is not the root of a DVC repository ({DVC} is missing): `{command}`, or call it where {DVC} lies"
        )


def _laid_down() -> bool:
    """Whether the dvc.yaml here is one that may be written anew, or that is right. Raises SuiteError on any other."""
    path = Path(shipped.DEFINITION)
    if not os.path.lexists(path):
        return False
    text = path.read_text(encoding="utf-8")
    if definition.is_unedited(text):
        return True
    try:
        names = definition.differing(text, definition.of_user(shipped.text(shipped.DEFINITION)))
    except (yaml.YAMLError, AttributeError):
        raise SuiteError(f"{path} cannot be read: mend it, or move it away") from None
    if not names:
        return True
    if definition.is_laid_down(text):
        raise SuiteError(
            f"{path} was laid down by `valgap init --here` and edited since, and is otherwise in {', '.join(names)}: "
            f"move it away (mv {path} {path}.edited), call this again, and bring your edits over"
        )
    raise SuiteError(f"{path} is here already, with a pipeline of yours, and is never overwritten: {APART}")


def _holds_something(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return any(path.iterdir())
    return os.path.lexists(path)


def _is_below(path: Path, folder: Path) -> bool:
    """Whether a path here is a folder or lies below it."""
    return path.resolve().is_relative_to(folder.resolve())


def _tracked() -> Iterator[tuple[Path, Path]]:
    """Files of `dvc add` around what the stages write, and what each tracks."""
    for file in sorted({*Path().glob("*.dvc"), *(each for own in OWN for each in own.parent.glob("*.dvc"))}):
        try:
            outs = yaml.safe_load(file.read_text(encoding="utf-8"))["outs"]
            yield from ((file, file.parent / out["path"]) for out in outs)
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            continue  # `.dvc` itself, or what DVC will complain of
