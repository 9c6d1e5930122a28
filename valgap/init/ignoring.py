"""Lines of .gitignore and .dvcignore that the pipeline needs: which are missing, and what Git ignores wrongly."""

from collections.abc import Iterable, Sequence

from valgap.ground import paths
from valgap.pipeline.git import git

TITLE = "# valgap: what its pipeline writes and Git does not hold"
IGNORED = (
    *(f"/{path.as_posix()}/" for path in (paths.PREPARED, paths.DOWNLOADS, paths.RUNS, paths.STORE)),
    f"/{paths.PREPARED.with_name('prepared.partial').as_posix()}/",
    f"/{paths.MODELS_CHECKED.as_posix()}",
    f"/{paths.HTML.as_posix()}",
    f"/{paths.PARTIAL.as_posix()}",
    f"/{paths.EXPORT.as_posix()}/",
    *(f"/{name}.partial" for name in ("*", "library/*", "reports/**/*")),
    "__pycache__/",
    "*.pyc",
)
NOT_HASHED = (  # by DVC: bytecode, which appears as soon as Python runs; durations; finished replicates
    "__pycache__/",
    "*.pyc",
    f"/{paths.RUNS.as_posix()}/**/{paths.TELEMETRY}",
    f"/{paths.STORE.as_posix()}/",
)
IN_GIT = (  # what a review reads from Git, one of each kind
    "params.yaml", "dvc.yaml", "dvc.lock", ".dvcignore", ".dvc/plots/confusion_counts.json", "requirements-train.txt",
    "library/training.txt", "reports/results.csv", "reports/metrics.json", "reports/report.md",
    "reports/figures/differences.png", "reports/figures/differences.svg",
)  # fmt: skip


def with_lines(text: str, lines: Iterable[str], title: str) -> str:
    """The text of an ignore file with those of the lines that it lacks behind it, under a title; itself where none."""
    known = {line.strip() for line in text.splitlines()}
    missing = [line for line in lines if line not in known]
    if not missing:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    if text and not text.endswith("\n"):
        text += newline
    before = newline if text else ""
    return text + before + "".join(f"{line}{newline}" for line in (title, *missing))


def hidden(names: Sequence[str] = IN_GIT) -> list[str]:
    """Those of the files that Git ignores, each with the rule that says so."""
    done = git("check-ignore", "--verbose", "--no-index", "--", *names, check=False)
    found = (line.partition("\t") for line in done.stdout.decode(errors="replace").splitlines())
    return [f"{name} (by {rule})" for rule, _, name in found if not rule.rpartition(":")[2].startswith("!")]
