"""The box: what a process in it can reach, keep and take. In processes of their own, for nothing leaves it again."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.scratch import ROOT
from valgap.compute import box as boxes
from valgap.compute.box import Box
from valgap.compute.placement import Placement
from valgap.compute.pool import run_jobs
from valgap.ground.errors import SuiteError
from valgap.ground.host import GIB

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits and namespaces are Linux's")
BEFORE = """
import json, os, resource, socket, sys, tempfile
from pathlib import Path
from valgap.compute import box
from valgap.compute.box import Box
assert "numpy" not in sys.modules  # whose threads would keep the process out of a user namespace
"""
AFTER = """
box.enter(Box(Path(sys.argv[1]), 60))
made = tempfile.mkdtemp()
print(json.dumps({
    "network": socket.if_nameindex(), "made": made, "ids": [os.geteuid(), os.getegid()],
    "own": os.stat(sys.argv[1]).st_uid, "core": resource.getrlimit(resource.RLIMIT_CORE),
    "data": resource.getrlimit(resource.RLIMIT_DATA)[1], "threads": len(os.listdir("/proc/self/task")),
}))
"""


def in_box(folder: Path, code: str = AFTER, first: str = "") -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    command = [sys.executable, "-c", f"{BEFORE}{first}{code}", str(folder)]
    return subprocess.run(command, env=environment, text=True, capture_output=True, cwd=ROOT)


@LINUX
def test_a_process_in_the_box_has_a_folder_of_its_own_and_limits(tmp_path: Path) -> None:
    done = in_box(tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["made"]).parent == tmp_path
    assert found["ids"] == [os.geteuid(), os.getegid()]
    assert found["core"] == [0, 0]
    assert GIB / 4 < found["data"] < 2**62
    if "network in reach" in done.stderr:
        assert done.stderr.count("\n") == 1
    else:
        assert [name for _, name in found["network"]] == ["lo"]


@LINUX
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_who_is_not_root_stays_who_they_are() -> None:
    """In a user namespace of one's own ids keep their names, and files their owners."""
    with tempfile.TemporaryDirectory() as folder:  # not pytest's, which others may not enter
        own = Path(folder)
        os.chown(own, 65534, 65534)
        done = in_box(own, first="os.setgroups([]); os.setgid(65534); os.setuid(65534)\n")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ids"] == [65534, 65534]
    assert found["own"] == 65534
    assert Path(found["made"]).parent == own
    assert "network in reach" in done.stderr or [name for _, name in found["network"]] == ["lo"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [("sys.platform = 'darwin'", "darwin has no network namespaces"),
     ("box.ctypes.CDLL = lambda *_, **__: type('C', (), {'unshare': staticmethod(lambda _: -1)})()",
      "no user namespaces"),
     ("box.ctypes.CDLL = lambda *_, **__: object()", r"no unshare\(2\)")],
)  # fmt: skip
def test_where_the_network_stays_in_reach_one_line_says_so(changed: str, why: str, tmp_path: Path) -> None:
    done = in_box(tmp_path, f"{changed}\nprint(box.cut_off())\n")
    assert done.returncode == 0, done.stderr
    assert why.replace("\\", "") in done.stdout
    assert boxes.REACHABLE.format(why).count("\n") == 0
    assert "docs/strangers.md" in boxes.REACHABLE


@LINUX
def test_loading_has_the_memory_that_its_file_explains(tmp_path: Path) -> None:
    code = """
box.enter(Box(Path(sys.argv[1]), 60))
box.ROOM, box.ROOM_PER_CORE = 2**28, 0
def taken(size):
    try:
        return len(bytearray(size))
    except MemoryError:
        return 0
with box.room_for(2**20):
    print(taken(2**27) > 0, taken(2**29) > 0)
with box.room_for(2**27):
    print(taken(2**29) > 0)
print(taken(2**29) > 0)
"""
    done = in_box(tmp_path, code)
    assert done.stdout.split() == ["True", "False", "True", "True"], done.stderr


@LINUX
def test_outside_of_a_box_memory_is_not_limited() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with boxes.room_for(1):
        assert resource.getrlimit(resource.RLIMIT_DATA) == before


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


ONE = Placement("cpu", ("",), (0,))


def test_who_takes_too_long_is_ended(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(SuiteError, match=r"still at it after 0\.1 minutes and was ended: give it more"):
        list(run_jobs(sleep, [(600,)], ONE, Box(tmp_path, 6, ": give it more"), first=sleep))
    assert time.monotonic() - began < 60


def test_who_dies_in_the_box_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="by a file that is damaged or was made to break it"):
        list(run_jobs(sleep, [(0,)], ONE, Box(tmp_path, 600), first=die))


def test_time_is_half_an_hour_and_ten_seconds_an_image_or_what_the_user_says() -> None:
    assert boxes.seconds(0, None) == 1800
    assert boxes.seconds(360, None) == 5400
    assert boxes.seconds(360, 0.5) == 30
