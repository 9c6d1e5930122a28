"""Scratch copies of the workspace or of a revision, in which cells are trained without touching the workspace.

A copy holds what Git does. Images and weights that Git does not hold are links to where they lie: training only reads
them, and they may be large.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import is_bytecode
from valgap.ground.params.schema import read_yaml
from valgap.ground.params.suite import BASELINE
from valgap.ground.records import Plain
from valgap.pipeline import definition, library, processes
from valgap.pipeline.git import git, unpack
from valgap.pipeline.lockfile import LOCK

WRITTEN = (  # never by way of a link
    Path(".dvc"),
    paths.PREPARED,
    paths.MODELS_CHECKED,
    paths.RUNS,
    paths.STORE,
    paths.REPORTS,
    definition.FOLDER,
)


def copy_workspace(folder: Path) -> None:
    """Copy what Git tracks or would, as it lies in the workspace, below `folder`; link the inputs that it does not."""
    inputs = inputs_of(read_yaml(paths.PARAMS))
    new = [
        path
        for path in _listed("--others", "--exclude-standard")
        if not any(path.is_relative_to(each) for each in inputs)
    ]
    for path in (*_listed("--cached"), *new):
        if path.is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, folder / path)
    link_inputs(folder, inputs)


def copy_revision(commit: str, folder: Path) -> None:
    """Write the files of a commit below `folder`; link the inputs that it names and Git does not hold."""
    unpack(commit, folder)
    link_inputs(folder, inputs_of(read_yaml(folder / paths.PARAMS)))


def inputs_of(params: Plain) -> list[Path]:
    """What training reads beside code, as params.yaml names it: images, a builder, its weights, downloads.

    Relative to the workspace; of paths that lead out of it, none.
    """
    data, model = ((params.get(block) or {}) for block in ("data", "model"))
    named = [data.get("path"), model.get("files"), str(paths.DOWNLOADS)]
    if model.get("files") and model.get("weights"):
        named.append(os.path.join(model["files"], model["weights"]))
    return [Path(os.path.normpath(name)) for name in named if name and not _leads_out(name)]


def link_inputs(folder: Path, inputs: list[Path]) -> None:
    """Link what lies in the workspace at or below the inputs, and Git does not hold, into the copy of it.

    The copy loses its .dvc files: DVC would look after a link as after the files, and replace what it leads to.
    """
    for file in folder.rglob("*.dvc"):
        if file.is_file():
            file.unlink()
    for each in inputs:
        for path in _not_held(each):
            if path == each or not path.is_dir():
                _link(path, folder)
                continue
            for above, _, names in os.walk(path):  # file by file: no hash looks into links to folders
                for name in names:
                    _link(Path(above, name), folder)


def only(params: Plain, variants: list[str], block: int) -> Plain:
    """The parameters with these variants and this block alone. Raises SuiteError on a variant that is not declared."""
    declared = params["variants"] | params.get("exploratory", {})
    if missing := [name for name in variants if name not in declared]:
        raise SuiteError(f"{', '.join(missing)} cannot be trained: params.yaml of one side does not declare it")
    empty: Plain = {name: {} for name in ("exploratory", "extra", "causes") if name in params}
    empty |= {"symptom": {"files": {}}} if "symptom" in params else {}
    split = params["split"] | {"blocks": [block]} | ({"exploratory_blocks": []} if "exploratory" in params else {})
    return params | empty | {"split": split, "variants": {BASELINE: {}} | {name: declared[name] for name in variants}}


def retrain(folder: Path, variants: list[str], block: int) -> None:
    """Train the variants' cells in a scratch copy; what DVC says goes to standard error.

    Without a link to a store nothing that was trained before is used. Raises SuiteError when the training fails, and
    where the copy's results were made by another library than the installed one.
    """
    library.refuse_other_copy(folder)
    path = folder / paths.PARAMS
    params = only(yaml.safe_load(path.read_text(encoding="utf-8")), variants, block)
    for section, key in (("data", "path"), ("model", "files")):
        if _leads_out(params[section][key]):
            params[section] |= {key: os.path.abspath(params[section][key])}
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    (folder / LOCK).unlink(missing_ok=True)
    git("init", "-q", str(folder))
    words = ["dvc", "repro", *(f"train@{name}-{block}" for name in variants)]
    if processes.start(words, folder, stdout=sys.stderr).wait():
        raise SuiteError(f"`{' '.join(words)}` failed in the scratch copy; what it said is above")


def _leads_out(name: str) -> bool:
    """Whether a path leads out of the workspace."""
    return os.path.isabs(name) or os.path.normpath(name).split(os.sep)[0] == os.pardir


def _not_held(path: Path) -> Iterator[Path]:
    """The topmost files and folders at or below `path` of which Git tracks nothing, ignored ones among them."""
    linked = [each for each in (*reversed(path.parents), path) if each.is_symlink()]
    if linked:  # Git does not look behind it
        yield path
        return
    for each in _listed("--others", "--directory", "--", str(path)):
        found = path if path.is_relative_to(each) else each
        if not is_bytecode(found) and not any(
            found.is_relative_to(out) or out.is_relative_to(found) for out in WRITTEN
        ):
            yield found


def _listed(*arguments: str) -> list[Path]:
    """Paths that `git ls-files` lists."""
    text = git("--literal-pathspecs", "ls-files", "-z", *arguments).stdout.decode()
    return [Path(name) for name in text.split("\0") if name]


def _link(path: Path, folder: Path) -> None:
    """Link a file or a whole folder of the workspace into the copy of it, unless that has something there."""
    target = folder / path
    if path.exists() and not os.path.lexists(target) and not is_bytecode(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.resolve())
