"""Git from Python: revisions, files of a revision without a checkout."""

import io
import subprocess
import tarfile
from pathlib import Path

from valgap.ground.errors import SuiteError
from valgap.results.sides import Reader

DEFAULTS = ("origin/main", "main")  # the base where none is named: the first that exists


def git(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    """Run Git here. Raises SuiteError with Git's own words, or where Git is not installed."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True)
    except FileNotFoundError:
        raise SuiteError("git is not installed: a review reads the base revision through it") from None
    if check and done.returncode:
        raise SuiteError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done


def root() -> Path | None:
    """The folder of the Git repository around this one; None outside of any."""
    done = git("rev-parse", "--show-toplevel", check=False)
    return None if done.returncode else Path(done.stdout.decode().strip())


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


def unpack(commit: str, folder: Path) -> None:
    """Write the files of a commit below `folder`. Raises SuiteError when Git cannot."""
    archive = git("archive", "--format=tar", commit, ".").stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
