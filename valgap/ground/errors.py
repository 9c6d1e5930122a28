"""The one exception that a user is meant to read, and how a program ends with it."""

import dataclasses
import os
import sys
from collections.abc import Callable, Mapping
from typing import Self

from valgap.ground.lifetime import PARENT, die_with_parent
from valgap.ground.terminal import safe


@dataclasses.dataclass(frozen=True)
class Term:
    """What a front end calls a key, and its value and the cure where it has words of its own for them."""

    name: str
    value: str | None = None
    cure: str | None = None


class SuiteError(Exception):
    """Something the user can mend: the message names the thing, the value and what is allowed.

    The message is safe for a terminal. It is plain, or composed of `key = value: why; cure`, of which value and cure
    may be missing. Who knows the key by another name renders it with `named`.
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
        super().__init__(safe(composed if message is None else message))  # what pickle makes it again from
        self.key, self.value, self.why, self.cure = key, value, why, cure

    def named(self, terms: Mapping[str, Term]) -> Self:
        """The same error in the words of a front end, whose `terms` are by key.

        An error of no key, or of one that is not in `terms`, is itself.
        """
        if self.key is None or self.key not in terms:
            return self
        term = terms[self.key]
        value = self.value if term.value is None else term.value
        cure = self.cure if term.cure is None else term.cure
        text = _composed(term.name, value, self.why, cure)
        return type(self)(text, key=term.name, value=value, why=self.why, cure=cure)


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
