"""dvc.yaml of a repository that is not the suite's, made from the suite's own. Pure functions on its text.

Commands are those of the installed package, `python -m valgap.stage <stage>`. In the place of the suite's code a stage
depends on a file of the folder library, which the stage `library` writes first (valgap/pipeline/library.py).
"""

import hashlib
import re
from pathlib import Path

import yaml

from valgap.ground.version import __version__

FOLDER = Path("library")
OF_TRAINING = ("train", "explore", "more")  # stages of one command, and of one file
TITLE = "# The suite's pipeline, laid down by `valgap init --here`"
HEAD = """{title} of valgap {version}; a later one lays down its own
# where nobody edited this file. prepare -> models -> train@<variant>-<block> -> evaluate, diagnose, looks -> report.
# Every command first checks the whole of params.yaml. `exec` makes a stage a child of DVC itself, which dies with it.
# sha256 of what follows: {digest}
"""
LIBRARY = """\
  library:           # writes what each stage runs of the installed valgap; DVC always asks, and runs what changed
    cmd: exec python -m valgap.stage library
    always_changed: true
    outs:
{outs}
"""
_STAGE = re.compile(r"^  (\w+):")
_CODE = re.compile(r"^\s+- (valgap|stages)/")
_DIGEST = re.compile(r"^# sha256 of what follows: ([0-9a-f]{64})\n", re.MULTILINE)


def file_of(stage: str) -> Path:
    """The file that holds the digests of the code that a stage runs."""
    return FOLDER / f"{'training' if stage in OF_TRAINING else stage}.txt"


def of_user(shipped: str) -> str:
    """The text of dvc.yaml for a user's repository, from that of the suite's."""
    head, start, rest = shipped.partition("\nstages:\n")
    assert start, "the suite's own dvc.yaml has stages"
    defaults = "".join(head.partition("\nvars:\n")[1:]).lstrip("\n")
    lines, files, stage, named = [], dict[Path, None](), "", False
    for line in rest.splitlines(keepends=True):
        if match := _STAGE.match(line):
            stage, named = match[1], False
        if not _CODE.match(line):
            lines.append(_command(line))
        elif not named:
            named = True
            files[file_of(stage)] = None
            lines.append(f"{line[: line.index('-')]}- {file_of(stage)}\n")
    outs = "\n".join(f"      - {file}: {{cache: false, persist: true}}" for file in sorted(files))
    body = f"{defaults}\nstages:\n{LIBRARY.format(outs=outs)}\n{''.join(lines)}"
    return HEAD.format(title=TITLE, version=__version__, digest=_sha256(body)) + body


def _command(line: str) -> str:
    line = line.replace("python -m stages.", "python -m valgap.stage ")
    return re.sub(r"`make (\w+)`", r"`valgap \1`", line)


def is_unedited(text: str) -> bool:
    """Whether this is a dvc.yaml that some valgap laid down, and that nobody edited since."""
    found = _DIGEST.search(text)
    return found is not None and text.startswith(TITLE) and _sha256(text[found.end() :]) == found[1]


def is_laid_down(text: str) -> bool:
    """Whether this is a dvc.yaml that some valgap laid down, edited or not."""
    return text.startswith(TITLE)


def differing(text: str, wanted: str) -> list[str]:
    """Names of the stages of `wanted` that `text` lacks or has otherwise; further stages and plots do not count."""
    found, expected = ((yaml.safe_load(each) or {}).get("stages") or {} for each in (text, wanted))
    return [name for name, stage in expected.items() if found.get(name) != stage]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
