"""`valgap report`: remake the report from the tables in Git, in seconds; or report on what is trained so far."""

import click

from valgap.cli.workspace import InWorkspace
from valgap.report import stage


@click.command(cls=InWorkspace, epilog="Example: valgap report --partial")
@click.option("--partial", is_flag=True, help="Report on the cells that are trained by now, while others still are.")
def command(partial: bool) -> None:
    """Remake reports/report.html and report.md from the tables in reports/. Needs no data and no runs.

    With --partial a page is made of the cells in runs/ that have the settings of params.yaml, marked as such:
    reports/partial.html. Nothing else is written, and training goes on undisturbed.
    """
    if not partial:
        stage.main()
        return
    from valgap.reporting import partial as page

    page.main()
