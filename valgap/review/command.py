"""`valgap review --base <rev>`: what this workspace does to the results of a base, as Markdown, JSON or metrics.

Reads reports/ and params.yaml of both sides, the base's through Git, and what `valgap.pipeline.freshness` reads;
imports no TensorFlow, needs no data, no GPU and no DVC remote. Ends with 0, with 1 where `review.fail_on` says so or on
what a user can mend, with 2 on a usage error.
"""

from pathlib import Path

import click

from valgap.cli import options
from valgap.cli.workspace import InPipeline
from valgap.ground.params import suite
from valgap.pipeline import freshness
from valgap.pipeline.git import resolve
from valgap.review import document, openmetrics, recording, result
from valgap.stats.measures import primary_measure

WRITERS = {"json": recording.text, "openmetrics": openmetrics.text}  # besides Markdown, which takes the link


@click.command(cls=InPipeline, epilog="Example: valgap review --base main --out review")
@options.base
@click.option("--confirm", type=int, default=0, metavar="N", help="Train what improved on the N-th fresh block.")
@options.out
@click.option("--link", metavar="URL", help="Address of the artifact that holds --out's folder, to link to.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", *WRITERS]),
    default="markdown",
    show_default=True,
    help="What is printed: for people, by docs/review.schema.json for programs, or numbers for a forge's metrics.",
)
def command(base: str | None, confirm: int, out: Path | None, link: str | None, form: str) -> int:
    """What this workspace does to the results of a base revision (origin/main, else main).

    Ends with 1 where review.fail_on of params.yaml says so.
    """
    params = suite.load()
    primary_measure(params.review)
    found = result.read(params, *resolve(base), freshness.check())
    if confirm:
        found = result.confirm(found, params.split.block_size, confirm)
    if out:
        document.save(found, out)
    print(WRITERS[form](found) if form in WRITERS else document.comment(found, link), end="")
    return found.status
