"""`valgap init --data photos`: looks at images and network, and writes a params.yaml that fits them and a budget.

Reads the folder and the builder's code. Writes one file, whole or not at all, and never over another. Prints what was
found, the plan and the next command. With --here it first lays down the pipeline in a repository of the user's own.
"""

import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from valgap.cli import options
from valgap.costs.budget import UNASKED
from valgap.costs.estimate import parse_budget
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_whole
from valgap.ground.params.schema import read_yaml
from valgap.ground.terminal import safe
from valgap.init import laying, repository
from valgap.pipeline import library

HOUR = "1h"
PIPELINE = Path("dvc.yaml")


def refuse_existing(path: Path) -> None:
    """Raise SuiteError where there is such a file already."""
    if path.exists() or path.is_symlink():
        raise SuiteError(
            f"{path} is there, and is never overwritten: move it away (mv {path} {path.with_name('before.yaml')}), or "
            "write into a folder that has none with --out FOLDER"
        )


@click.command(epilog="Example: valgap init --data photos --model my.net:build --budget 2h")
@click.option("--data", metavar="PATH", help="Folder of images, or a table of their labels.")
@click.option(
    "--model", default="cnn", metavar="BUILDER", help="cnn (a small one), resnet, applications:NAME, my.net:build."
)
@click.option("--weights", metavar="FILE", help="Pretrained weights that the builder loads, or `random`.")
@click.option("--files", metavar="PATH", help="Folder or file of the builder's code and weights, where not plain.")
@options.budget
@options.out
@click.option("--here", is_flag=True, help="Lay down the pipeline too, in a Git and DVC repository of your own.")
@click.option("--workflows", is_flag=True, help="With --here, also a GitHub workflow that reviews pull requests.")
def command(
    data: str | None,
    model: str,
    weights: str | None,
    files: str | None,
    budget: str | None,
    out: Path | None,
    here: bool,
    workflows: bool,
) -> None:
    """Look at your images and your network, and write a params.yaml whose run fits --budget, an hour if not said.

    Ends with the plan and the next command. What no program can answer stands in the file as FILL_IN. Writes here, or
    into the folder --out; paths in the file are as seen from here.
    """
    if workflows and not here:
        raise click.UsageError("--workflows goes with --here")
    if here and out:
        raise click.UsageError("--here lays down all in the folder in which it is called: leave out --out")
    if not data and not here:
        raise click.UsageError("Missing option '--data'.")
    if here:
        repository.refuse(data or _said(paths.PARAMS, "data", "path"))
        if data and paths.PARAMS.exists():
            raise SuiteError(f"{paths.PARAMS} is there: leave out --data, and it is used as it is, or move it away")
    if not data:
        _lay(workflows)
        print(safe(f"\n{after_laying(paths.PARAMS)}"))
        return
    text = "".join((budget or HOUR).split())
    seconds, path = parse_budget(text), (out or Path()) / paths.PARAMS
    refuse_existing(path)
    from valgap.init.experiment import experiment  # after what ends in no time

    said = {"data": data, "model": model if model != "cnn" else None, "weights": weights, "files": files}
    said |= {"budget": budget and text}
    words = " ".join(f"--{name} {shlex.quote(value)}" for name, value in said.items() if value)
    with tempfile.TemporaryDirectory(prefix="valgap-init-") as folder:
        made = experiment(data, model, weights, files, seconds, f"valgap init {words}", Path(folder))
    refuse_existing(path)
    if here:
        _lay(workflows)
    write_whole(path, made.text)
    where = "" if PIPELINE.exists() else ", in a clone of the suite, or after `valgap init --here`"
    print(safe("\n".join(made.said)))
    print(safe(f"\n{path} is written, {len(made.text.splitlines())} lines."))
    print(safe(next_step(made.questions, commands_after(path, seconds, text), where)))


def _lay(workflows: bool) -> None:
    print(safe("\n".join(f"- {line}" for line in laying.lay(workflows))), flush=True)


def _said(params: Path, block: str, key: str) -> str | None:
    """A text that a params.yaml says, where there is one."""
    found = read_yaml(params).get(block) if params.exists() else None
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def after_laying(params: Path) -> str:
    """What to do once the pipeline is laid down: write params.yaml, mend it, or run."""
    if not params.exists():
        return "Next: `valgap init --data PATH`, which writes params.yaml for your images and your network"
    own, files = library.TRAINING.as_posix(), _said(params, "model", "files")
    if files and not Path(files).exists():
        return (
            f"Next: in {params}, model.files = {files} is not here: name what holds your builder, or write {own} with "
            "a builder of valgap's own; then `dvc repro`"
        )
    return "Next: `git add` what was written, then `dvc repro`, or `valgap plan` for what it takes"


def commands_after(path: Path, seconds: float, budget: str) -> tuple[str, ...]:
    """What is called next: what puts the file at `path` in place, and what trains; `budget` is `seconds` as said."""
    moved = () if path == paths.PARAMS else (f"mv {shlex.quote(str(path))} {paths.PARAMS}",)
    return (*moved, "valgap repro" if seconds <= UNASKED else f"valgap repro --budget {budget}")


def next_step(questions: Sequence[str], commands: Sequence[str], where: str = "") -> str:
    """What to do now, in a sentence: what `questions` of the file ask, by place, then the commands, and where."""
    listed = f"Next{where}: " + ", then ".join(f"`{each}`" for each in commands)
    if not questions:
        return listed
    asked = "a question" if len(questions) == 1 else f"{len(questions)} questions"
    return f"Answer {asked} in it ({'; '.join(questions)}). {listed}"
