"""The lock that one command at a time holds on a workspace."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from valgap.ground.calls import call
from valgap.ground.errors import SuiteError
from valgap.pipeline import lockfile
from valgap.pipeline.special import refuse_special

DVC_TMP = Path(".dvc/tmp")
_held: list[int] = []


def held() -> tuple[int, ...]:
    """Descriptors of the locks that this process holds: a child that inherits them holds them too."""
    return tuple(_held)


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Inside, no other command works in this workspace, and dvc.lock and DVC's own lock are as after no kill.

    The lock is given back when this process and every child that inherited it have left it or ended. Raises SuiteError
    when another process has it, and where DVC would wait for what is no file.
    """
    refuse_special()
    DVC_TMP.mkdir(exist_ok=True)
    lock = os.open(DVC_TMP / "workspace.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SuiteError(
                f"another {call('repro')} runs in this folder, or {call('plan')} or {call('more')}: wait for it, or "
                "end it"
            ) from None
        (DVC_TMP / "rwlock").unlink(missing_ok=True)
        if done := lockfile.mend():
            print(done, flush=True)
        _held.append(lock)
        yield
    finally:
        if lock in _held:
            _held.remove(lock)
        os.close(lock)
