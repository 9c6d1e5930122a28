"""Whether dvc.lock belongs to dvc.yaml, params.yaml and the code, and reports/ to dvc.lock: without data, cache or GPU.

`dvc status` cannot say so in a fresh clone: there it calls every output that is not in Git deleted. Here what
DVC caches is taken from dvc.lock, and what Git holds is hashed. Reads dvc.yaml, dvc.lock, params.yaml,
the code and reports/; writes nothing.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from dvc.dependency import Dependency
from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import PipelineStage

from valgap.document.text import named
from valgap.ground import paths
from valgap.ground.calls import call
from valgap.ground.errors import SuiteError
from valgap.ground.params.schema import ParamsError, read_yaml
from valgap.pipeline import definition, library
from valgap.pipeline.special import refuse_special
from valgap.results.provenance import read_provenance

LOCK = Path("dvc.lock")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is stale, the stages it makes stale, and the command that cures it."""

    what: str
    stages: tuple[str, ...]
    cure: str


def cure() -> str:
    """What brings everything up to date."""
    return f"{call('repro')}, then commit dvc.lock and reports/"


def check() -> list[Finding]:
    """Everything that is stale, each thing once; empty when all is fresh. DVC's own complaint is a finding too.

    Raises SuiteError where DVC would wait for what is no file.
    """
    refuse_special()
    if not LOCK.exists():
        return [Finding("dvc.lock is missing: no run belongs to this code", (), cure())]
    try:
        if paths.PARAMS.exists():
            read_yaml(paths.PARAMS)  # before DVC reads it, which takes whatever its aliases stand for
        with Repo(".") as repo:
            stages = [stage for stage in repo.index.stages if isinstance(stage, PipelineStage)]
            added = [out for stage in repo.index.stages if stage not in stages for out in stage.outs]
            return _merged([*_stages(stages, added), *_library(stages), *_predictions(stages)])
    except (DvcException, ParamsError, OSError, ValueError) as error:
        mended = f"after a merge conflict take either side of dvc.lock and reports/, then {call('repro')}; else mend it"
        why = " ".join(str(error).split())
        return [Finding(f"dvc.yaml, dvc.lock or params.yaml cannot be read: {why}", (), mended)]


def _stages(stages: list[PipelineStage], added: list[Output]) -> Iterator[Finding]:
    """What of the stages is stale; `added` is what `dvc add` tracks."""
    locked = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"]
    params = yaml.safe_load(paths.PARAMS.read_text(encoding="utf-8"))
    outs = {out.def_path: out for stage in stages for out in stage.outs}
    hashes = _Hashes()
    for stage in stages:
        if stage.name not in locked:
            yield Finding("declared in dvc.yaml, but never ran", (stage.name,), cure())
            continue
        if stage.cmd_changed:
            yield Finding("its command in dvc.yaml changed", (stage.name,), cure())
        for dep in stage.deps:
            if isinstance(dep, ParamsDependency):
                whats = _params(dep, params)
            else:
                whats = _added(dep, added, hashes) or _dependency(dep, outs, hashes)
            yield from (Finding(what, (stage.name,), cure()) for what in whats)
        yield from _outputs(stage, hashes)


def _params(dep: ParamsDependency, params: object) -> Iterator[str]:
    known = dep.hash_info.value or {}
    for key in {**dict.fromkeys(dep.params), **known}:
        value = params
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if key not in known:
            yield f"params.yaml: {key} is not in dvc.lock"
        elif value != known[key]:
            yield f"params.yaml: {key} differs from dvc.lock{_inner(value, known[key])}"


def _inner(value: Any, known: Any) -> str:
    """` (steps, width)`: the keys of two mappings that differ."""
    if not (isinstance(value, dict) and isinstance(known, dict)):
        return ""
    keys = [str(key) for key in {**known, **value} if known.get(key, ...) != value.get(key, ...)]
    return f" ({', '.join(keys)})"


def _dependency(dep: Dependency, outs: Mapping[str, Output], hashes: "_Hashes") -> Iterator[str]:
    """What is wrong with a file or folder that a stage reads: of the code, or made by another stage."""
    inside = [out for path, out in outs.items() if path.startswith(f"{dep.def_path}/")]
    if not dep.hash_info:
        yield f"{dep.def_path} is not in dvc.lock"
    elif dep.def_path in outs:
        if outs[dep.def_path].hash_info != dep.hash_info:
            yield f"{dep.def_path} was made anew since"
    elif inside:
        ran = all(out.hash_info for out in inside)  # else that is said already
        if ran and _totals(inside) != (dep.meta.size, dep.meta.nfiles):
            yield f"{dep.def_path}/ holds other runs or data since"
    elif not dep.exists and any(dep.def_path.startswith(f"{path}/") for path in outs):
        return  # a file of a cached folder, of which dvc.lock has one hash for all
    elif not dep.exists:
        yield f"{dep.def_path} is missing"
    elif hashes.of(dep) != dep.hash_info:
        yield f"{dep.def_path} changed"


def _added(dep: Dependency, added: list[Output], hashes: "_Hashes") -> Iterator[str] | None:
    """The same of what `dvc add` tracks as a whole or in part, and that is not here; None of anything else.

    A clone without DVC's cache lacks it: then its .dvc file says what it is.
    """
    path = Path(dep.fs_path)
    for out in added:
        tracked = Path(out.fs_path)
        if out.exists or not dep.hash_info or not (path.is_relative_to(tracked) or tracked.is_relative_to(path)):
            continue
        if tracked == path:
            return iter([f"{dep.def_path} was added anew since"] if out.hash_info != dep.hash_info else [])
        if tracked in path.parents or not dep.exists:  # part of it, or more: there is one hash for all
            return iter([])
        if hashes.of(dep) != dep.hash_info:
            return iter([f"{dep.def_path} cannot be compared, as {out} is not here (`dvc pull`)"])
    return None


def _totals(outs: list[Output]) -> tuple[int, int]:
    """Bytes and number of files of outputs, as dvc.lock gives them."""
    return sum(out.meta.size or 0 for out in outs), sum(out.meta.nfiles or 1 for out in outs)


def _outputs(stage: PipelineStage, hashes: "_Hashes") -> Iterator[Finding]:
    """What Git holds of a stage's outputs, if it is not what the stage wrote."""
    for out in stage.outs:
        if out.use_cache:
            continue
        if not out.hash_info:
            yield Finding(f"{out.def_path} is not in dvc.lock", (stage.name,), cure())
        elif not out.exists:
            yield Finding(f"{out.def_path} is missing", (stage.name,), named(f"git checkout -- {out.def_path}", 200))
        elif hashes.of(out) != out.hash_info:
            undo = named(f"git checkout -- {out.def_path}", 200)
            either = f"if you edited it, {undo}; if that is committed, {cure()}"
            yield Finding(f"{out.def_path} is not what the stage wrote", (stage.name,), either)


def _library(stages: list[PipelineStage]) -> Iterator[Finding]:
    """Stages that another valgap ran than the installed one, where their code differs."""
    deps = [(stage.name, Path(dep.def_path)) for stage in stages for dep in stage.deps]
    laid = {file for _, file in deps if file.parent == definition.FOLDER and file.is_file()}
    texts = library.texts() if laid else {}  # a clone of the suite has none, and no code to digest for it
    for name, file in deps:
        if file in laid and file in texts and library.differs(file, texts[file]):
            yield Finding(library.said(file, texts[file]), (name,), cure())


def _predictions(stages: list[PipelineStage]) -> Iterator[Finding]:
    """Variants whose tables were made from other predictions than dvc.lock lists."""
    made = {out.def_path: out.hash_info.value for stage in stages for out in stage.outs if out.hash_info}
    try:
        variants = read_provenance().variants
    except SuiteError:
        return  # a missing or edited provenance.json is found by its hash
    used = {
        paths.run_folder(name, int(block)) / paths.PREDICTIONS: value
        for name, entry in variants.items()
        for block, value in entry.predictions_md5.items()
    }
    for path, value in used.items():
        if made.get(path.as_posix()) != value:
            what = f"reports/ were not made from {path} as dvc.lock has it"
            yield Finding(what, ("evaluate",), cure())


def _merged(findings: list[Finding]) -> list[Finding]:
    """One finding a thing and cure, with all the stages it concerns."""
    found: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        found.setdefault((finding.what, finding.cure), []).extend(finding.stages)
    return [Finding(what, tuple(dict.fromkeys(names)), cure) for (what, cure), names in found.items()]


class _Hashes:
    """Hashes of paths on disk, each computed once: every cell of the matrix has the same code."""

    def __init__(self) -> None:
        self._known: dict[str, object] = {}

    def of(self, entry: Output) -> object:
        """DVC's hash of a dependency or output as it lies on disk."""
        if entry.def_path not in self._known:
            self._known[entry.def_path] = entry.get_hash()
        return self._known[entry.def_path]
