"""`make repro`: one `dvc repro` a workspace. Arguments are passed on to it.

Holds .dvc/tmp/workspace.lock for DVC's whole life, then drops DVC's own rwlock file, which a reused
pid, a zombie or a truncated write can leave blocking for ever.
"""

import fcntl
import os
import sys
from pathlib import Path

from stages.errors import SuiteError, run_stage

DVC_TMP = Path(".dvc/tmp")


def main() -> None:
    """Become `dvc repro`. Raises SuiteError when another one runs here."""
    DVC_TMP.mkdir(exist_ok=True)
    lock = os.open(DVC_TMP / "workspace.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SuiteError("another `make repro` runs in this folder: wait for it, or end it") from None
    (DVC_TMP / "rwlock").unlink(missing_ok=True)
    os.set_inheritable(lock, True)  # the lock lives as long as DVC does
    os.execvp("dvc", ["dvc", "repro", *sys.argv[1:]])


if __name__ == "__main__":
    run_stage(main)
