"""A process that dies with its parent: no orphan goes on writing after a kill of `dvc repro`."""

import ctypes
import os
import signal
import sys
import threading
import time

PARENT = "SUITE_PARENT"  # environment variable: the pid of what started a process, which may end while it imports
_PR_SET_PDEATHSIG = 1  # prctl(2)
_POLL_SECONDS = 0.5


def die_with_parent(parent: int) -> None:
    """Have this process killed when process `parent`, which started it, ends for whatever reason.

    On Linux the kernel sends SIGKILL; elsewhere a thread watches the parent's pid.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)


def end_orderly() -> None:
    """Have SIGTERM and SIGHUP end this process as an exception does, so that what it made for itself is removed."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
