"""Files: written whole by one rename, .npz archives of stable bytes, JSON, and what a full disk is called."""

import contextlib
import errno
import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valgap.ground.errors import SuiteError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FULL_WORDS = tuple(os.strerror(number) for number in FULL)  # HDF5 puts them into errors of other types


def write_whole(path: Path, text: str) -> None:
    """Write a file, UTF-8 with the line ends of the text, by one rename; its folder is made where it is missing."""
    write_together({path: text})


def write_together(texts: Mapping[Path, str]) -> None:
    """Write files as `write_whole` does, all of them before the first is renamed: where one fails, none has changed."""
    partials = {path: path.with_name(f"{path.name}.partial") for path in texts}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partials[path].write_bytes(text.encode("utf-8"))
    except OSError:
        for partial in partials.values():
            with contextlib.suppress(OSError):
                partial.unlink()
        raise
    for path, partial in partials.items():
        partial.replace(path)


def sha256_of(path: Path) -> str:
    """sha256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def is_bytecode(path: Path) -> bool:
    """Whether Python keeps it beside code: a folder __pycache__, what lies in one (also half-written), a *.pyc file."""
    return path.suffix == ".pyc" or "__pycache__" in path.parts[-2:]


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file by name. Raises what NumPy raises, and leaves no file open."""
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as content:
        return dict(content)


def write_npz(target: Path | IO[bytes], arrays: Mapping[str, ArrayLike]) -> None:
    """Write an uncompressed .npz to a path or an open file.

    Its bytes depend on the arrays alone; those of np.savez depend on Python's version too.
    """
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getbuffer())


def json_text(content: Any) -> str:
    """JSON as all files of a run have it. Raises ValueError on a number that is not finite."""
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


@contextlib.contextmanager
def full_disk_named(of_node: str = "") -> Iterator[None]:
    """Raise SuiteError on Python's or HDF5's error that a disk, a quota or a limit of files is full."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if getattr(error, "errno", None) not in FULL and not any(words in str(error) for words in FULL_WORDS):
            raise
        raise SuiteError(
            f"no space left in {tempfile.gettempdir()}{of_node}: free some, or start with TMPDIR set to a folder that "
            f"has ({' '.join(str(error).split())[:200]})"
        ) from None
