"""Toy projects that a test run makes once, however many processes and files use them: each takes a copy."""

import contextlib
import fcntl
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.scratch import TOY, copy_repository, run


@dataclass(frozen=True)
class Toys:
    """What the processes of one test run share lies below `root`."""

    root: Path

    def copy(self, make: Callable[[Path], None], target: Path) -> Path:
        """A copy in the empty or absent folder `target` of what `make(folder)` made there once in this test run.

        Processes that need it meanwhile wait. `make` is known by its name; it has its own store and its own DVC cache.
        """
        name = f"{make.__module__}.{make.__qualname__}"
        made = self.root / name
        with _held(self.root / f"{name}.lock"):
            if not made.exists():
                partial = self.root / f"{name}.partial"
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                make(partial)
                partial.rename(made)
        return shutil.copytree(made, target, symlinks=True, dirs_exist_ok=True)

    def share_cache(self, folder: Path) -> Path:
        """Have a scratch copy use the DVC cache of this test run: what another one prepared is not prepared again.

        Not where a test asks what runs, or what DVC's cache holds: there is no telling what others left in it.
        """
        (folder / ".dvc/config.local").write_text(f"[cache]\n    dir = {self.root / 'cache'}\n")
        return folder


def two_variants(folder: Path) -> None:
    """The pipeline after one full run of the baseline and dropout: what most tests of finished results begin with."""
    copy_repository(folder, TOY, ["baseline", "dropout"])
    run(folder, "dvc", "repro")


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold a lock among processes."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
