"""The command `valgap`: one table of subcommands, each a module of its own that is imported when it is called.

Exit status: 0 where all went well; 1 on what a user can mend, or where a gate failed; 2 on a usage error.
"""

import importlib.util
import os
import sys
from collections.abc import Sequence

import click

from valgap.ground.errors import SuiteError
from valgap.ground.version import __version__

COMMANDS = {  # by name: module, and what it does in a line
    "check": ("valgap.check.command", "A saved model on your images: what is wrong? Trains nothing."),
    "init": ("valgap.init.command", "Write a params.yaml for your images, network and budget; --here lays down all."),
    "params": ("valgap.params", "The whole of params.yaml, with every default."),
    "plan": ("valgap.plan.command", "What a run costs on this machine, and what it could show."),
    "repro": ("valgap.repro.command", "Run what is out of date of the pipeline."),
    "more": ("valgap.more", "Train a variant on fresh replicates."),
    "report": ("valgap.reporting.command", "Remake the report from the tables in reports/."),
    "export": ("valgap.export.command", "Train a variant once, on training and validation images, to keep."),
    "track": ("valgap.track.command", "Write reports and runs into MLflow or TensorBoard."),
    "review": ("valgap.review.command", "What this branch does to the results of a base revision."),
    "fresh": ("valgap.review.fresh", "Do dvc.lock and reports/ belong to the code beside them?"),
    "verify": ("valgap.verify.command", "Train variants again from nothing and compare with what is claimed."),
    "calibrate": ("valgap.calibrate.command", "Plant faults, diagnose them: how often is the diagnosis right?"),
    "selfcheck": ("valgap.selfcheck", "Can this machine train here?"),
}


ALONE = ("check", "init", "params", "selfcheck")  # commands that need no more than `pip install valgap` brings
SUITE = ("altair", "dvc", "vl_convert")  # modules that the others need too: the extra `suite` of pyproject.toml


class Commands(click.Group):
    """The table as a group that imports a command's module when it is called, and none for --help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; None of another. Raises SuiteError where a package that it needs is missing."""
        if cmd_name not in COMMANDS:
            return None
        missing = [] if cmd_name in ALONE else [name for name in SUITE if importlib.util.find_spec(name) is None]
        if missing:
            raise SuiteError(f"valgap {cmd_name} needs {', '.join(missing)}: pip install 'valgap[suite]'")
        found: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.command(
    cls=Commands,
    epilog="Example: valgap check my.keras photos",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def group() -> None:
    """A CNN does well on training data and poorly on validation data: why, and what to do."""


def run(words: Sequence[str] | None = None) -> int:
    """Exit status of the command line `words`, by default the process's own."""
    try:
        status = group.main(words, prog_name="valgap", standalone_mode=False)
    except SuiteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    return status if isinstance(status, int) else 0


def main() -> None:
    """Run the command line and end the process. Modules of the current folder can be named, as with `python -m`."""
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)
    sys.exit(run())
