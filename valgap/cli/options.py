"""Options that several commands take: one name for one thing everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

variant = click.option("--variant", required=True, metavar="NAME", help="A variant of params.yaml.")
base = click.option("--base", metavar="REV", help="A branch, tag or commit of Git.")
budget = click.option(
    "--budget",
    metavar="TIME",
    envvar="BUDGET",
    show_envvar=True,
    help="Time that may be spent, such as 2h, 1.5h, 90m or 45min.",
)


jobs = click.option(  # None without it: the command finds how many
    "--jobs",
    type=click.IntRange(min=1),
    envvar="JOBS",
    show_envvar=True,
    metavar="N",
    help="Variants, or trials, that train at once; by default one a core or slot.",
)
out = click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Where to write.")
