"""`valgap report`: remake the report from the tables in Git, in seconds."""

import click

from valgap.cli.workspace import InWorkspace
from valgap.report import stage


@click.command(cls=InWorkspace, epilog="Example: valgap report")
def command() -> None:
    """Remake reports/report.html and report.md from the tables in reports/. Needs no data and no runs."""
    stage.main()
