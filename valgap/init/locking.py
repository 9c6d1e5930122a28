"""requirements-train.txt of a user's repository: the suite's own lock where that is installed, else one of what is.

What is in it decides numbers: the pipeline trains again when it changes, and refuses to train in another environment.
"""

import importlib.metadata
import re
from collections.abc import Sequence

from packaging.requirements import Requirement

from valgap.compute import environment

ROOTS = ("tensorflow", "keras", "numpy")  # of requirements-train.in
EXTRAS = {"tensorflow": ("", "and-cuda")}  # of a package, whose requirements count where they are installed
HEAD = """\
# What is installed here and decides the numbers of a training run, as `valgap init --here` found it. Training depends
# on this file: it runs again when it changes, and refuses to run in another environment. Add what your builder imports.
# Elsewhere: pip install -r {name}
"""


def lock(shipped: str, name: str) -> tuple[str, tuple[str, ...]]:
    """The text of the lock, and what of the suite's own is not installed: nothing where that is the text."""
    other = environment.differences(shipped, name)
    if not other:
        return shipped, ()
    return HEAD.format(name=name) + "".join(f"{line}\n" for line in installed(ROOTS)), tuple(other)


def installed(roots: Sequence[str]) -> list[str]:
    """`name==version` of the installed packages of these names and of all that they need, by name."""
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = _canonical(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        waiting += _needed(name)
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _needed(name: str) -> list[str]:
    needed = map(Requirement, importlib.metadata.requires(name) or ())
    extras = EXTRAS.get(name, ("",))
    return [
        each.name
        for each in needed
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
