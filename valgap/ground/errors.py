"""The one exception that a user is meant to read, and how a stage ends with it."""

import sys
from collections.abc import Callable


class SuiteError(Exception):
    """Something the user can mend: the message names the thing, the value and what is allowed."""


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`; end with status 1 and a plain message, not a traceback, on a `SuiteError`."""
    try:
        main()
    except SuiteError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
