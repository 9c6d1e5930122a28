"""`valgap fresh`: do dvc.lock and reports/ belong to the code beside them? Needs no data, no cache, no GPU."""

from collections.abc import Sequence

import click

from valgap.cli.workspace import InPipeline
from valgap.document import markdown
from valgap.document.markdown import Style
from valgap.document.parts import Document
from valgap.pipeline import freshness
from valgap.pipeline.freshness import Finding
from valgap.review import sections
from valgap.review.words import say


def build(found: Sequence[Finding]) -> Document:
    """What is stale, as a document."""
    return Document(say("freshness.title"), "", sections.freshness(found), ())


@click.command(cls=InPipeline, epilog="Example: valgap fresh")
def command() -> int:
    """Say what is stale and the command that cures it; ends with 1 where something is."""
    found = freshness.check()
    print(markdown.write(build(found), Style(open_rows=len(found), heading=2)), end="")
    return int(bool(found))
