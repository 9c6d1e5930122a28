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


def refuse_existing(out: Path) -> None:
    """Raise SuiteError where there is such a file already."""
    if out.exists() or out.is_symlink():
        raise SuiteError(
            f"{out} is there, and is never overwritten: move it away (mv {out} {out.stem}.before{out.suffix}), or "
            "write elsewhere with --out mine.yaml"
        )


@click.command(epilog="Example: valgap init --data photos --model my.net:build --budget 2h")
@click.option("--data", required=True, metavar="PATH", help="Folder of images, or a table of their labels.")
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
def command(data: str, model: str, weights: str | None, files: str | None, budget: str | None, out: Path) -> None:
    """Look at your images and your network, and write a params.yaml whose run fits --budget, an hour if not said.

    Ends with the plan and the next command. What no program can answer stands in the file as FILL_IN.
    """
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
    write_whole(out, made.text)
    print("\n".join(made.said))
    print(f"\n{out} is written, {len(made.text.splitlines())} lines. {next_step(made.questions, out, seconds, text)}")


def next_step(questions: Sequence[str], out: Path, seconds: float, budget: str) -> str:
    """What to do now: what `questions` of the file ask, by place, then the commands. `budget` is `seconds` as said."""
    repro = "valgap repro" if seconds <= UNASKED else f"valgap repro --budget {budget}"
    commands = ([] if out == paths.PARAMS else [f"mv {shlex.quote(str(out))} {paths.PARAMS}"]) + [repro]
    listed = ", then ".join(f"`{each}`" for each in commands)
    if not questions:
        return f"Next: {listed}"
    asked = "a question" if len(questions) == 1 else f"{len(questions)} questions"
    return f"Answer {asked} in it ({'; '.join(questions)}). Next: {listed}"
