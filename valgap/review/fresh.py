"""`valgap fresh`: do dvc.lock and reports/ belong to the code beside them? Needs no data, no cache, no GPU."""

import click

from valgap.cli.workspace import InWorkspace
from valgap.pipeline import freshness
from valgap.review import sections


@click.command(cls=InWorkspace, epilog="Example: valgap fresh")
def command() -> int:
    """Say what is stale and the command that cures it; ends with 1 where something is."""
    findings = freshness.check()
    print(sections.freshness(findings, None))
    return int(bool(findings))
