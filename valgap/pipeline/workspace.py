"""The lock that one command at a time holds on a workspace."""

import fcntl
import os
from pathlib import Path

from valgap.ground.errors import SuiteError
from valgap.pipeline import lockfile

DVC_TMP = Path(".dvc/tmp")


def lock_workspace() -> int:
    """Descriptor of the workspace's lock, held until it is closed. Raises SuiteError when another process has it."""
    DVC_TMP.mkdir(exist_ok=True)
    lock = os.open(DVC_TMP / "workspace.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise SuiteError(
            "another `make repro` runs in this folder, or `make plan` or `make more`: wait for it, or end it"
        ) from None
    (DVC_TMP / "rwlock").unlink(missing_ok=True)
    if done := lockfile.mend():
        print(done, flush=True)
    return lock
