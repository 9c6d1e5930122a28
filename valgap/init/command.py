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
from valgap.init import laying, repository
from valgap.pipeline import library

HOUR = "1h"


def refuse_existing(out: Path) -> None:
    """Raise SuiteError where there is such a file already."""
    if out.exists() or out.is_symlink():
        raise SuiteError(
            f"{out} is there, and is never overwritten: move it away (mv {out} {out.stem}.before{out.suffix}), or "
            "write elsewhere with --out mine.yaml"
        )


@click.command(epilog="Example: valgap init --data photos --model my.net:build --budget 2h")
@click.option("--data", metavar="PATH", help="Folder of images, or a table of their labels.")
@click.option(
    "--model", default="cnn", metavar="BUILDER", help="cnn (a small one), resnet, applications:NAME, my.net:build."
)
@click.option("--weights", metavar="FILE", help="Pretrained weights that the builder loads, or `random`.")
@click.option("--files", metavar="PATH", help="Folder or file of the builder's code and weights, where not plain.")
@options.budget
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=paths.PARAMS,
    metavar="FILE",
    help="File to write: params.yaml.",
)
@click.option("--here", is_flag=True, help="Lay down the pipeline too, in a Git and DVC repository of your own.")
@click.option("--workflows", is_flag=True, help="With --here, also a GitHub workflow that reviews pull requests.")
def command(
    data: str | None,
    model: str,
    weights: str | None,
    files: str | None,
    budget: str | None,
    out: Path,
    here: bool,
    workflows: bool,
) -> None:
    """Look at your images and your network, and write a params.yaml whose run fits --budget, an hour if not said.

    Ends with the plan and the next command. What no program can answer stands in the file as FILL_IN.
    """
    if workflows and not here:
        raise click.UsageError("--workflows goes with --here")
    if not data and not here:
        raise click.UsageError("Missing option '--data'.")
    if here:
        repository.refuse(data or _path_of(out))
    if not data:
        _lay(workflows)
        print(f"\n{after_laying(out)}")
        return
    text = "".join((budget or HOUR).split())
    seconds = parse_budget(text)
    refuse_existing(out)
    from valgap.init.experiment import experiment  # after what ends in no time

    said = {"data": data, "model": model if model != "cnn" else None, "weights": weights, "files": files}
    said |= {"budget": budget and text}
    words = " ".join(f"--{name} {shlex.quote(value)}" for name, value in said.items() if value)
    with tempfile.TemporaryDirectory(prefix="valgap-init-") as folder:
        made = experiment(data, model, weights, files, seconds, f"valgap init {words}", Path(folder))
    refuse_existing(out)
    if here:
        _lay(workflows)
    write_whole(out, made.text)
    print("\n".join(made.said))
    print(f"\n{out} is written, {len(made.text.splitlines())} lines. {next_step(made.questions, out, seconds, text)}")


def _lay(workflows: bool) -> None:
    print("\n".join(f"- {line}" for line in laying.lay(workflows)), flush=True)


def _path_of(params: Path) -> str | None:
    """data.path of a params.yaml that is there already."""
    data = read_yaml(params).get("data") if params.exists() else None
    path = data.get("path") if isinstance(data, dict) else None
    return path if isinstance(path, str) else None


def after_laying(params: Path) -> str:
    """What to do once the pipeline is laid down: write params.yaml, mend it, or run."""
    if not params.exists():
        return "Next: `valgap init --data PATH`, which writes params.yaml for your images and your network"
    own, files = library.TRAINING.as_posix(), (read_yaml(params).get("model") or {}).get("files")
    if isinstance(files, str) and not Path(files).exists():
        return (
            f"Next: in {params}, model.files = {files} is not here: name what holds your builder, or write {own} with "
            "a builder of valgap's own; then `dvc repro`"
        )
    return "Next: `git add` what was written, then `dvc repro`, or `valgap plan` for what it takes"


def next_step(questions: Sequence[str], out: Path, seconds: float, budget: str) -> str:
    """What to do now: what `questions` of the file ask, by place, then the commands. `budget` is `seconds` as said."""
    repro = "valgap repro" if seconds <= UNASKED else f"valgap repro --budget {budget}"
    commands = ([] if out == paths.PARAMS else [f"mv {shlex.quote(str(out))} {paths.PARAMS}"]) + [repro]
    listed = ", then ".join(f"`{each}`" for each in commands)
    if not questions:
        return f"Next: {listed}"
    asked = "a question" if len(questions) == 1 else f"{len(questions)} questions"
    return f"Answer {asked} in it ({'; '.join(questions)}). Next: {listed}"
