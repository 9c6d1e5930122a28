"""What a case is, the decorators that register it, and the place where it is built once."""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

Kind = Literal["fault", "healthy"]
Call = Callable[[], Any]

# A model that truly does better on its training images than on others is said to, whatever else is wrong.
OF_A_GAP = frozenset({"VG213", "VG210", "VG401", "VG403"})
GAP = 0.03  # of fair accuracies under the right reading, from which a finding of OF_A_GAP is true as well


@dataclasses.dataclass(frozen=True)
class Case:
    """One program as a user has it.

    `truth` are the codes that name the cause, any of them; `allowed` are true as well, and may be said beside it.
    `call` asks as the user would, and returns a report or raises SuiteError; where `refused` is not empty, a refusal
    is the right answer, and that pattern must be found in its words. `numbers` are what the user's own script prints.
    """

    name: str
    kind: Kind
    truth: frozenset[str]
    allowed: frozenset[str]
    call: Call
    refused: str = ""
    numbers: str = ""


class Place:
    """A folder in which a case is built; what takes long in it is made once."""

    def __init__(self, folder: Path, shared: Path) -> None:
        self.folder, self.shared = folder, shared
        self.numbers: dict[str, float] = {}
        self.also: set[str] = set()

    def once(self, name: str, make: Callable[[Path], None], *, shared: bool = False) -> Path:
        """The file or folder of this name, which `make` writes at the path it is given unless it is there.

        What is `shared` may serve several cases, and lies beside them.
        """
        path = (self.shared if shared else self.folder) / name
        if not path.exists():
            part = path.with_name(f"part{os.getpid()}-{path.name}")
            part.parent.mkdir(parents=True, exist_ok=True)
            make(part)
            if not path.exists():  # or a neighbour was quicker with what they share
                part.rename(path)
        return path

    def user_sees(self, make: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Numbers that the user's own script prints, in shares of images; computed once."""
        path = self.once("numbers.json", lambda part: _write(part, make()))
        self.numbers = json.loads(path.read_text())
        return self.numbers

    def fair(self, train: float, val: float) -> None:
        """Say what the model truly is right on: a gap that is real may be called one, whatever else is wrong."""
        if train - val >= GAP:
            self.also |= OF_A_GAP


def _write(path: Path, numbers: dict[str, float]) -> None:
    path.write_text(json.dumps({name: round(float(value), 4) for name, value in numbers.items()}))


@dataclasses.dataclass(frozen=True)
class Registered:
    """A builder of a case, and what is known of it without building."""

    name: str
    family: str
    kind: Kind
    truth: frozenset[str]
    allowed: frozenset[str]
    refused: str
    make: Callable[[Place], Call]

    @property
    def half(self) -> Literal["even", "odd"]:
        """The half of the cases it belongs to, for ever: rules may be changed on one, and are judged on the other."""
        return "odd" if hashlib.sha256(self.name.encode()).digest()[0] % 2 else "even"

    @property
    def story(self) -> str:
        """The first sentence of its docstring."""
        return " ".join((self.make.__doc__ or "").split()).partition(". ")[0].rstrip(".")

    def build(self, folder: Path, shared: Path) -> Case:
        """Build it in `folder`, or take what was built there. Raises AssertionError when the fault is not there."""
        place = Place(folder, shared)
        call = self.make(place)
        numbers = ", ".join(f"{name} {100 * value:.1f}%" for name, value in place.numbers.items())
        allowed = self.allowed | place.also
        return Case(self.name, self.kind, self.truth, allowed, call, refused=self.refused, numbers=numbers)


REGISTRY: dict[str, Registered] = {}


def fault(
    *truth: str, allowed: Iterable[str] = (), refused: str = ""
) -> Callable[[Callable[[Place], Call]], Callable[[Place], Call]]:
    """Register a builder of a fault that these codes name."""
    return functools.partial(_register, "fault", frozenset(truth), frozenset(allowed), refused)


def healthy(*allowed: str) -> Callable[[Callable[[Place], Call]], Callable[[Place], Call]]:
    """Register a builder of a program in which nothing is wrong; these codes may be worth a look."""
    return functools.partial(_register, "healthy", frozenset(), frozenset(allowed), "")


def _register(
    kind: Kind, truth: frozenset[str], allowed: frozenset[str], refused: str, make: Callable[[Place], Call]
) -> Callable[[Place], Call]:
    name, family = make.__name__, make.__module__.rpartition(".")[2]
    if name in REGISTRY:
        raise ValueError(f"two cases are called {name}")
    REGISTRY[name] = Registered(name, family, kind, truth, allowed, refused, make)
    return make


def asking(*given: Any, **options: Any) -> Call:
    """How the user calls the check: `valgap.check(*given, **options)`, once it is called."""

    def ask() -> Any:
        import valgap

        return valgap.check(*given, **options)

    return ask
