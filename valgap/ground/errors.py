"""The one exception that a user is meant to read, and how a program ends with it."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Self

from valgap.ground.lifetime import PARENT, die_with_parent


class SuiteError(Exception):
    """Something the user can mend: the message names the thing, the value and what is allowed.

    The message is plain, or composed of `key = value: why; cure`, of which value and cure may be missing. Who knows
    the key by another name renders it with `named`.
    """

    place = ""  # what a composed message begins with: the file that has the key

    def __init__(
        self,
        message: str | None = None,
        *,
        key: str | None = None,
        value: object = None,
        why: str | None = None,
        cure: str | None = None,
    ) -> None:
        composed = f"{self.place}{_composed(key, value, why, cure)}"
        super().__init__(composed if message is None else message)  # what pickle makes it again from
        self.key, self.value, self.why, self.cure = key, value, why, cure

    def named(self, names: Mapping[str, str], cures: Mapping[str, str] | None = None) -> Self:
        """The same error in the words of a front end: its name of the key, and its cure where it has one of its own.

        `names` and `cures` are by key. An error of no key, or of one that is not in `names`, is itself.
        """
        if self.key is None or self.key not in names:
            return self
        cure = (cures or {}).get(self.key, self.cure)
        text = _composed(names[self.key], self.value, self.why, cure)
        return type(self)(text, key=names[self.key], value=self.value, why=self.why, cure=cure)


def _composed(key: str | None, value: object, why: str | None, cure: str | None) -> str:
    subject = None if key is None else key if value is None else f"{key} = {value}"
    text = ": ".join(part for part in (subject, why) if part)
    return f"{text}; {cure}" if cure else text


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
