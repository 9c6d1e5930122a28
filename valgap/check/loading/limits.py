"""What a model's file may not be, whatever is in it: special, far larger once unpacked, nested without end."""

import os
import stat
import zipfile
from pathlib import Path
from typing import Any

from valgap.ground.errors import SuiteError

# Keras packs without compression, so its files unpack to their own size. Weights that were zipped again hold up to nine
# zeros in ten (pruned, or an optimizer's that never stepped); an archive made to fill a disk unpacks to 1,032 times.
MOST_UNPACKED = 20  # times the file
ALWAYS_UNPACKED = 100 * 2**20  # bytes
MOST_MEMBERS = 10_000  # of an archive or a folder; an asset a layer is all that a model adds to its three
# Each network within a network is six levels, each wrapper two; Keras itself gives up at about 400.
DEEPEST = 200


def refuse_special(folder: Path) -> None:
    """Raise SuiteError unless all in a folder is folders and regular files, or links to such files."""
    found = 0
    for parent, folders, files in os.walk(folder):
        found += len(folders) + len(files)
        if found > MOST_MEMBERS:
            raise SuiteError(f"MODEL = {folder} is a folder of over {MOST_MEMBERS:,} files: it is no model")
        for path in (Path(parent, name) for name in folders):
            if path.is_symlink():
                raise SuiteError(f"MODEL = {folder}: {path} is a link to another folder: copy what it leads to")
        for path in (Path(parent, name) for name in files):
            try:
                mode = path.stat().st_mode
            except OSError as error:
                raise SuiteError(f"MODEL = {folder}: {path} cannot be read: {error.strerror}") from None
            if not stat.S_ISREG(mode):
                raise SuiteError(
                    f"MODEL = {folder}: {path} is no regular file but a pipe, a device or a socket: it is not read"
                )


def unpacked(path: Path) -> int:
    """Bytes that a model's file or folder is once unpacked, as it says; its own size where it is no archive."""
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    if not zipfile.is_zipfile(path):
        return path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        return _size(archive)


def _size(archive: zipfile.ZipFile) -> int:
    return sum(member.file_size for member in archive.infolist())


def refuse_bomb(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise SuiteError where an archive would unpack to far more than it is, before anything of it is unpacked."""
    if (members := len(archive.infolist())) > MOST_MEMBERS:
        raise SuiteError(
            f"MODEL = {path} is an archive of {members:,} files (allowed: {MOST_MEMBERS:,}): it is no model"
        )
    size, packed = _size(archive), path.stat().st_size
    if size > max(ALWAYS_UNPACKED, MOST_UNPACKED * packed):
        raise SuiteError(
            f"MODEL = {path} has {packed:,} bytes and unpacks to {size:,} (allowed: {MOST_UNPACKED} times as many, "
            f"{ALWAYS_UNPACKED:,} always): it is not unpacked. If it is yours, save it again: Keras does not compress"
        )


def refuse_deep(path: Path, config: Any) -> None:
    """Raise SuiteError where a description nests deeper than any network."""
    level, depth = [config], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise SuiteError(too_deep(path))
        level = [
            value
            for part in level
            if isinstance(part, dict | list)
            for value in (part.values() if isinstance(part, dict) else part)
            if isinstance(value, dict | list)
        ]


def too_deep(path: Path) -> str:
    """What to tell of such a description."""
    return (
        f"MODEL = {path} has a description that nests over {DEEPEST} levels deep: it is no network, and is not loaded"
    )
