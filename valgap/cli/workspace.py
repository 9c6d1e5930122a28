"""Commands that work on a workspace: a clone of the suite, in whose root they are called."""

from typing import Any

import click

from valgap.ground import paths
from valgap.ground.errors import SuiteError


class InWorkspace(click.Command):
    """A command that runs only where params.yaml lies; its --help is shown anywhere."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises SuiteError outside of a workspace."""
        if not paths.PARAMS.exists():
            command = f"valgap {ctx.info_name}"
            raise SuiteError(f"no {paths.PARAMS} here: call `{command}` in the root of a clone of the suite")
        return super().invoke(ctx)
