"""`valgap init --here`: the files of the pipeline, laid down in a repository that is not the suite's.

Every file is written whole, dvc.yaml last: without it nothing runs. What is there already stays, but for lines that
.gitignore and .dvcignore lack, and a dvc.yaml that an earlier valgap laid down and nobody edited.
"""

from collections.abc import Iterator
from pathlib import Path

from valgap.ground.errors import SuiteError
from valgap.ground.files import write_whole
from valgap.ground.version import __version__
from valgap.init import ignoring, locking
from valgap.pipeline import definition, library, shipped
from valgap.pipeline.git import git, root

WORKFLOW = Path(".github/workflows/valgap-review.yml")
TEMPLATE = Path(__file__).with_name("review.yml")


def lay(workflows: bool) -> list[str]:
    """Lay the files down in the current folder, which `repository.refuse` let pass; return what was done, in lines.

    Raises SuiteError where one cannot be written.
    """
    try:
        return [*_before(workflows), *_definition(), *_notes()]
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"cannot lay the suite down here: {error}; mend that, and call it again") from None


def _before(workflows: bool) -> Iterator[str]:
    """All but dvc.yaml."""
    yield _lines(".gitignore", ignoring.IGNORED, ignoring.TITLE)
    yield _lines(".dvcignore", ignoring.NOT_HASHED, "# valgap: what no hash of its pipeline counts")
    for name in shipped.TEMPLATES:
        yield _kept(Path(name), shipped.text(name))
    yield from _locks()
    library.write()
    yield f"{definition.FOLDER}/: digests of the installed valgap {__version__}, which stages depend on"
    if workflows:
        yield _workflow()


def _lines(name: str, lines: tuple[str, ...], title: str) -> str:
    path = Path(name)
    text = path.read_bytes().decode("utf-8") if path.exists() else ""
    extended = ignoring.with_lines(text, lines, title)
    if extended == text:
        return f"{name}: has its lines"
    write_whole(path.resolve(), extended)
    return f"{name}: lines added" if text else f"{name}: written"


def _kept(path: Path, text: str) -> str:
    """Write a file unless there is one."""
    if path.exists():
        return f"{path}: as it was" if path.read_text(encoding="utf-8") == text else f"{path}: yours is kept"
    write_whole(path, text)
    return f"{path}: written"


def _locks() -> Iterator[str]:
    training, *others = shipped.LOCKS
    text, other = locking.lock(shipped.text(training), training)
    was_there = Path(training).exists()
    done = _kept(Path(training), text)
    if other and not was_there:
        listed = "; ".join(other[:3]) + (f" and {len(other) - 3} more" if len(other) > 3 else "")
        done += f", of the versions that are installed. The suite's own tests train with others ({listed})"
    yield done
    for name in others:
        yield _kept(Path(name), shipped.text(name))


def _workflow() -> str:
    """GitHub reads workflows in the root of the Git repository alone, which may be above."""
    prefix = git("rev-parse", "--show-prefix").stdout.decode().strip().rstrip("/")
    text = TEMPLATE.read_text(encoding="utf-8").replace("{version}", __version__)
    return _kept((root() or Path()) / WORKFLOW if prefix else WORKFLOW, text.replace("{folder}", prefix or "."))


def _definition() -> Iterator[str]:
    path, text = Path(shipped.DEFINITION), definition.of_user(shipped.text(shipped.DEFINITION))
    found = path.read_text(encoding="utf-8") if path.exists() else None
    if found == text or (found is not None and not definition.is_unedited(found)):
        yield f"{path}: has all stages"
        return
    write_whole(path, text)
    yield f"{path}: {'written' if found is None else 'written anew, as an earlier valgap had laid it down'}"


def _notes() -> Iterator[str]:
    if names := ignoring.hidden():
        yield (
            f"note: Git ignores {'; '.join(names)}. A review reads them from Git: behind that rule add lines that take "
            f"them back, such as !/{definition.FOLDER}/** and !/reports/**"
        )
