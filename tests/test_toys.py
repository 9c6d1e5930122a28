import subprocess
import sys
from pathlib import Path

import pytest

from tests.toys import Toys


def make_once(folder: Path) -> None:
    """Fails where two processes are in it at once, or one comes after another was done."""
    (folder.parent / "made").mkdir()
    (folder / "file").write_text("toy")


def test_processes_share_what_one_of_them_made_and_get_copies_of_their_own(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from tests.test_toys import *; "
    program += "Toys(Path(sys.argv[1])).copy(make_once, Path(sys.argv[2]))"
    (tmp_path / "toys").mkdir()
    copies = [tmp_path / "a", tmp_path / "b"]
    started = [subprocess.Popen([sys.executable, "-c", program, tmp_path / "toys", copy]) for copy in copies]
    assert [process.wait() for process in started] == [0, 0]
    (copies[0] / "file").write_text("changed")
    assert (copies[1] / "file").read_text() == "toy"
    assert (Toys(tmp_path / "toys").copy(make_once, tmp_path / "c") / "file").read_text() == "toy"


def test_what_was_half_made_is_no_toy(tmp_path: Path) -> None:
    state = {"fail": True}

    def make(folder: Path) -> None:
        assert list(folder.iterdir()) == []
        (folder / "file").write_text("toy")
        if state["fail"]:
            raise OSError("the disk is full")

    toys = Toys(tmp_path)
    with pytest.raises(OSError, match="full"):
        toys.copy(make, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    state["fail"] = False
    assert (toys.copy(make, tmp_path / "copy") / "file").read_text() == "toy"
