"""The one exception that a user is meant to read, and how a program ends with it."""

import os
import sys
from collections.abc import Callable

from valgap.ground.lifetime import PARENT, die_with_parent


class SuiteError(Exception):
    """Something the user can mend: the message names the thing, the value and what is allowed."""


def run_program(main: Callable[[], None]) -> None:
    """Run `main`; end with status 1 and a plain message, not a traceback, on a `SuiteError`."""
    try:
        main()
    except SuiteError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main` as `run_program` does, in a process that dies with the DVC that started it."""
    # DVC may have died while this process imported: the parent is then another one than it names.
    die_with_parent(int(os.environ.pop(PARENT, os.getppid())))
    run_program(main)
