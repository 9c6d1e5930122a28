"""The replicate store: finished replicates by a key of everything that decides them.

.replicates/done/<key>/ holds a replicate's files, their sha256 and the key; it appears by one rename, so a
killed run leaves none half-written. Deleting .replicates/ is always safe.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import is_bytecode, sha256_of

CHECKSUMS = "sha256.json"


def key(decides: dict[str, Any]) -> str:
    """Key of a replicate: sha256 of the canonical JSON of everything that decides its numbers."""
    return hashlib.sha256(json.dumps(decides, sort_keys=True, allow_nan=False).encode()).hexdigest()


def code_digest(path: Path, pattern: str = "*.py") -> str:
    """sha256 over the file `path`, or the files below it whose names match: their names below it, and content.

    Bytecode is left out. Where the folder lies does not count.
    """
    files = sorted([path] if path.is_file() else path.rglob(pattern))
    digest = hashlib.sha256()
    for file in files:
        if file.is_file() and not is_bytecode(file):
            digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
    return digest.hexdigest()


def find(replicate_key: str, root: Path = paths.STORE) -> Path | None:
    """Folder of a finished replicate; None when absent. One of another key, or altered, is removed and so None too.

    Altered is also one that holds a file without a checksum, and what is no folder.
    """
    folder = root / "done" / replicate_key
    if not os.path.lexists(folder):
        return None
    try:
        content = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        own, checksums = content["key"] == replicate_key, content["sha256"]
        whole = {path.name for path in folder.iterdir()} == {CHECKSUMS, *checksums}
        intact = (
            own
            and bool(checksums)
            and whole
            and all(sha256_of(folder / name) == value for name, value in checksums.items())
        )
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        intact = False
    if intact and not folder.is_symlink():
        return folder
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink()
    return None


def publish(files: dict[str, bytes], partial: Path, replicate_key: str, root: Path = paths.STORE) -> Path:
    """Write a replicate's files and their checksums to `partial`, move that into the store, return where it lies.

    Raises SuiteError when they cannot be written; nothing of them is in the store then.
    """
    try:
        return _publish(files, partial, root / "done" / replicate_key)
    except OSError as error:
        raise SuiteError(f"cannot write {root}: {error}; check its owner and free space") from None


def _publish(files: dict[str, bytes], partial: Path, target: Path) -> Path:
    partial.mkdir(parents=True)
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    for name, content in files.items():
        (partial / name).write_bytes(content)
    (partial / CHECKSUMS).write_text(json.dumps({"key": target.name, "sha256": checksums}, indent=1), encoding="utf-8")
    for file in partial.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(target)
    partial.rename(target)
    return target


@contextlib.contextmanager
def cell_scratch(variant: str, block: int, root: Path = paths.STORE) -> Iterator[Path]:
    """An empty scratch folder that one process at a time holds for one matrix cell; removed at the end.

    Raises SuiteError when the store cannot be written, or another process is training the cell.
    """
    name = f"{variant}-{block}"
    lock_path, scratch = root / "locks" / name, root / "partial" / name
    try:
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_path.open("w")
    except OSError as error:
        raise SuiteError(f"cannot write {root}: {error}; check its owner and free space") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SuiteError(f"{name} is being trained by another process: wait for it, or end it") from None
        shutil.rmtree(scratch, ignore_errors=True)  # what a killed run left
        scratch.mkdir(parents=True)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
