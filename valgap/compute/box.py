"""A process for a file that a stranger made: no network, a folder that goes with it, limits on what it takes.

It is no wall: code that runs in it may read and write what the user may. docs/strangers.md says what is one.
"""

import contextlib
import ctypes
import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from valgap.ground.errors import SuiteError
from valgap.ground.host import GIB, memory, usable_cores

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of unshare(2)
NO_NEW_PRIVILEGES = 38  # prctl(2): no program that it starts gains rights
REACHABLE = (
    "note: the model is loaded with the network in reach, for this system lets no process give it up ({}). For a model "
    "from someone you do not know: docs/strangers.md"
)
# Of loading. MobileNetV2 and ResNet50, .keras and .h5, took six times their unpacked file and under 0.1 GiB; VGG16, of
# 527 MiB, three quarters of it in one layer, over 6.6 times and under 8. Half as much again is left for others. Each
# thread of TensorFlow's reserves a stack of 8 MiB and a heap.
ROOM, ROOM_PER_CORE = 2 * GIB, 64 * 2**20
COPIES = 12
# Of the memory of the machine or container, for all that follows loading; a small one's own limits come first.
SHARE, LEAST = 0.9, 4 * GIB
SHORTEST, PER_IMAGE = 30 * 60, 10  # seconds: twice what a network of 75 GFLOP takes on one core for all its passes


@dataclasses.dataclass(frozen=True)
class Box:
    """Where a process may leave files, which whoever starts it removes; how long it may run, in seconds.

    `cure` is what helps where these are too few. `limited` is whether its memory is: on a GPU TensorFlow maps far more
    than it uses.
    """

    folder: Path
    seconds: float
    cure: str = ""
    limited: bool = True


def seconds(images: int, minutes: float | None) -> float:
    """How long loading a model and scoring so many images may take: what the user says, else a very generous guess."""
    return SHORTEST + PER_IMAGE * images if minutes is None else 60 * minutes


def enter(box: Box) -> None:
    """Put this process into the box, for good. It must have one thread still."""
    reason = cut_off()
    if reason:
        print(REACHABLE.format(reason), file=sys.stderr, flush=True)
    os.environ["TMPDIR"] = str(box.folder)
    tempfile.tempdir = str(box.folder)
    if sys.platform == "linux":
        import resource

        ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if box.limited:
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            most = max(LEAST, int(SHARE * memory()))
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def cut_off() -> str | None:
    """Leave this process no network but an unconnected one of its own; None, or why that cannot be.

    Root, who may, takes a network alone: in a user namespace root loses its right to others' files. Anyone else makes a
    user namespace for it, in which ids stay what they are.
    """
    if sys.platform != "linux":
        return f"{sys.platform} has no network namespaces"
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    if unshare is None:
        return "no unshare(2)"
    if unshare(NEW_NETWORK) == 0:
        return None
    user, group = os.geteuid(), os.getegid()
    if unshare(NEW_USER | NEW_NETWORK) != 0:
        return f"no user namespaces, {os.strerror(ctypes.get_errno())}"
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with contextlib.suppress(
            OSError
        ):  # where a system lets one make the namespace alone, ids lose their names, no more
            Path("/proc/self", name).write_text(text)
    return None


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """Inside, this process may take the memory that loading a model of `size` bytes explains, and no more.

    What goes beyond ends as MemoryError, or as TensorFlow's error of the same kind. Does nothing outside of a box that
    limits memory.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft != resource.RLIM_INFINITY:
        most = held() + ROOM + ROOM_PER_CORE * usable_cores() + COPIES * size
        resource.setrlimit(resource.RLIMIT_DATA, (min(most, soft), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def held() -> int:
    """Bytes of memory that this process may write and has to itself, as RLIMIT_DATA counts them."""
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(row.split()[1]) for row in rows if row.startswith("VmData:"))


def too_long(box: Box) -> SuiteError:
    """What to tell when the time is over."""
    minutes = round(box.seconds / 60, 1)
    return SuiteError(
        f"the process that loads and scores the model was still at it after {minutes:g} minutes and was ended{box.cure}"
    )


KILLED = (
    "the process that loads and scores the model was killed, or broke down for want of memory, or by a file that is "
    "damaged or was made to break it: run again; if it happens twice with a model of your own, free some memory"
)
