"""Reads the two sides of a review: reports/ of a revision through Git, without a checkout, and the workspace's."""

import dataclasses
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from stages.errors import SuiteError
from stages.paths import reports, runs
from stages.stats.files import SCHEMA
from stages.stats.references import REFERENCES

DEFAULTS = ("origin/main", "main")  # the base where none is named: the first that exists
Reader = Callable[[Path], bytes | None]


class NotComparableError(Exception):
    """One side holds no reports that this suite can read; the message says which and why. Not the user's mistake."""


@dataclasses.dataclass(frozen=True)
class Side:
    """One side of a review: results.csv and classes.csv without the references, provenance.json, verdict.json."""

    results: pd.DataFrame
    classes: pd.DataFrame
    provenance: dict[str, Any]
    verdict: dict[str, Any]

    @property
    def variants(self) -> dict[str, Any]:
        """The trained variants' entries of provenance.json, by name."""
        return self.provenance["variants"]


def git(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    """Run Git here. Raises SuiteError with Git's own words, or where Git is not installed."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True)
    except FileNotFoundError:
        raise SuiteError("git is not installed: a review reads the base revision through it") from None
    if check and done.returncode:
        raise SuiteError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done


def resolve(name: str | None) -> tuple[str, str]:
    """(name, commit) of the base; of origin/main, else main, where none is named. Raises SuiteError without such."""
    git("rev-parse", "--git-dir")
    for candidate in (name,) if name is not None else DEFAULTS:
        done = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}", check=False)
        if done.returncode == 0:
            return candidate, done.stdout.decode().strip()
    cure = "`git fetch`, or a branch, tag or commit of `git log --all`"
    if git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        cure = "this clone is shallow: `git fetch --unshallow`, or `git fetch --depth=1 origin <branch>:<branch>`"
    raise SuiteError(f"BASE = {name or ' or '.join(DEFAULTS)} is not a revision here; {cure}")


def is_behind(commit: str) -> bool:
    """Whether the base has commits that HEAD lacks, so that they show as undone. False where Git cannot know."""
    shallow = git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
    return not shallow and git("merge-base", "--is-ancestor", commit, "HEAD", check=False).returncode == 1


def of_revision(commit: str) -> Reader:
    """A reader of files as they are in a commit; None for one that it does not hold."""

    def read(path: Path) -> bytes | None:
        done = git("show", f"{commit}:./{path.as_posix()}", check=False)
        return done.stdout if done.returncode == 0 else None

    return read


def of_workspace(path: Path) -> bytes | None:
    """A file of the workspace; None where it is missing."""
    return path.read_bytes() if path.is_file() else None


def read_side(read: Reader, name: str) -> Side:
    """The reports of one side, which is called `name`. Raises NotComparableError naming what is missing or alien."""
    if read(reports.PROVENANCE) is None and read(reports.RESULTS) is None:
        raise NotComparableError(f"{name} holds no reports")
    try:
        provenance = json.loads(_present(read, reports.PROVENANCE, name))
        if (schema := provenance.get("schema")) != SCHEMA:
            raise NotComparableError(
                f"the reports of {name} are of schema {'(none)' if schema is None else schema!r}, "
                f"this suite compares schema {SCHEMA}"
            )
        verdict = json.loads(_present(read, reports.VERDICT, name))
        results, classes = (
            pd.read_csv(io.BytesIO(_present(read, path, name))) for path in (reports.RESULTS, reports.CLASSES)
        )
        results = results[~results.variant.isin(list(REFERENCES))]
        return Side(results, classes, provenance, verdict)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise NotComparableError(f"the reports of {name} cannot be read: {error}") from None


def read_params(read: Reader) -> dict[str, Any]:
    """The whole of params.yaml of a side, as plain values; empty where there is none or it is no mapping."""
    text = read(runs.PARAMS)
    try:
        content = yaml.safe_load(text) if text else {}
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def unpack(commit: str, folder: Path) -> None:
    """Write the files of a commit below `folder`. Raises SuiteError when Git cannot."""
    archive = git("archive", "--format=tar", commit, ".").stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def _present(read: Reader, path: Path, name: str) -> bytes:
    content = read(path)
    if content is None:
        raise NotComparableError(f"{name} holds no {path}")
    return content
