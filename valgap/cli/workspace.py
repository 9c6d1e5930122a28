"""Commands that work on a workspace: a clone of the suite, or a repository in which `valgap init --here` was called.

They are called in its root.
"""

from pathlib import Path
from typing import Any

import click

from valgap.ground import paths
from valgap.ground.errors import SuiteError

PIPELINE = (Path("dvc.yaml"), Path(".dvc"))


class InWorkspace(click.Command):
    """A command that runs only where params.yaml lies; its --help is shown anywhere."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises SuiteError outside of a workspace."""
        if not paths.PARAMS.exists():
            command = f"valgap {ctx.info_name}"
            raise SuiteError(
                f"no {paths.PARAMS} here: call `{command}` where one is, or lay down the suite in a repository of your "
                "own by `valgap init --here --data PATH`"
            )
        return super().invoke(ctx)


class InPipeline(InWorkspace):
    """A command that runs only where dvc.yaml and DVC's folder lie too."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises SuiteError outside of a pipeline."""
        if paths.PARAMS.exists() and not all(path.exists() for path in PIPELINE):
            missing = next(path for path in PIPELINE if not path.exists())
            command = f"valgap {ctx.info_name}"
            raise SuiteError(f"no {missing} here, which `{command}` needs: `valgap init --here` says what to do")
        return super().invoke(ctx)
