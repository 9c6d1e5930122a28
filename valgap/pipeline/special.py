"""Refuses what is neither a file nor a folder where DVC would hash it: it would wait for a pipe, or read a device, on
and on.

Reads params.yaml for the places, and lists them; opens nothing there.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from valgap.data.names import listing, readable
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.schema import read_yaml

KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
PLACES = ("data.path", "model.files")  # what dvc.yaml depends on that is a user's


def refuse_special(params: Path = paths.PARAMS) -> None:
    """Raise SuiteError, by name, on pipes, sockets, devices and links to such below the places that params.yaml names.

    What cannot be read of params.yaml, or listed, is left to those who need it.
    """
    try:
        content = read_yaml(params)
    except SuiteError:
        return
    for key in PLACES:
        place = _value(content, key)
        if isinstance(place, str) and (found := sorted(special(place))):
            named = [f"{readable(name)} ({kind})" for name, kind in found]
            raise SuiteError(
                key=key,
                value=repr(place),
                why=f"no file and no folder, and so would be read without end: {listing(named)}",
                cure="remove it" if len(found) == 1 else "remove them",
            )


def special(place: str) -> Iterator[tuple[str, str]]:
    """(path, what it is) of what is neither a file nor a folder at `place` or below, links to such too."""
    waiting, seen = [place], set[tuple[int, int]]()
    try:
        if kind := _kind(os.stat(place).st_mode):
            yield place, kind
            return
    except (OSError, ValueError):  # ValueError: a name with a NUL
        return
    while waiting:
        above = waiting.pop()
        try:
            status = os.stat(above)
            if not stat.S_ISDIR(status.st_mode) or (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(above) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        continue
                    if entry.is_dir():
                        waiting.append(entry.path)
                    elif kind := _kind_of(entry):
                        yield entry.path, f"a link to {kind}" if entry.is_symlink() else kind
        except OSError:
            continue


def _kind_of(entry: os.DirEntry[str]) -> str:
    try:
        return _kind(entry.stat().st_mode)
    except OSError:  # a link to nothing, which DVC names
        return ""


def _kind(mode: int) -> str:
    return KINDS.get(stat.S_IFMT(mode), "")


def _value(content: Any, key: str) -> object:
    for part in key.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content
