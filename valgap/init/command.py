"""`valgap init --data photos`: looks at images and network, and writes a params.yaml that fits them and a budget.

Reads the folder and the builder's code. Writes one file, whole or not at all, and never over another. Prints what was
found, the plan and the next command.
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
@click.option("--data", required=True, metavar="PATH", help="Folder of images, or a table of their labels.")
@click.option(
    "--model", default="cnn", metavar="BUILDER", help="cnn (a small one), resnet, applications:NAME, my.net:build."
)
@click.option("--weights", metavar="FILE", help="Pretrained weights that the builder loads, or `random`.")
@click.option("--files", metavar="PATH", help="Folder or file of the builder's code and weights, where not plain.")
@options.budget
@options.out
def command(
    data: str, model: str, weights: str | None, files: str | None, budget: str | None, out: Path | None
) -> None:
    """Look at your images and your network, and write a params.yaml whose run fits --budget, an hour if not said.

    Ends with the plan and the next command. What no program can answer stands in the file as FILL_IN. Writes here, or
    into the folder --out; paths in the file are as seen from here.
    """
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
    write_whole(path, made.text)
    where = "" if PIPELINE.exists() else ", in the root of a clone of the suite"
    print("\n".join(made.said))
    print(f"\n{path} is written, {len(made.text.splitlines())} lines.")
    print(next_step(made.questions, commands_after(path, seconds, text), where))


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
