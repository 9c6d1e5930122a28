"""`valgap track --to mlflow|tensorboard`: what lies in reports/ and runs/ as runs of an experiment tracker.

Reads reports/, and runs/ where they are here; trains nothing. Writes a SQLite store or a folder, or what --out names.
"""

import sys

import click

from valgap.cli.workspace import InWorkspace
from valgap.ground import paths
from valgap.ground.calls import call
from valgap.report import inputs
from valgap.track import to_mlflow, to_tensorboard, tree

TRACKERS = {"mlflow": to_mlflow.write, "tensorboard": to_tensorboard.write}


@click.command(cls=InWorkspace, epilog="Example: valgap track --to mlflow --store sqlite:///mlflow.db")
@click.option("--to", type=click.Choice([*TRACKERS]), required=True, help="The tracker.")
@click.option(
    "--store",
    metavar="WHERE",
    help="MLflow: an address such as sqlite:///mlflow.db (the default) or https://...; TensorBoard: a folder.",
)
def command(to: str, store: str | None) -> None:
    """Write what lies in reports/ and runs/ into a tracker: a run a report, below it a run a variant and replicate."""
    found = inputs.read()
    if not paths.HTML.is_file():
        print(f"note: {paths.HTML} is not here, and so not written: {call('report')} makes it", file=sys.stderr)
    print(TRACKERS[to](tree.build(found, tree.scores()), store))
