import os
import socket
from pathlib import Path

import pytest

from valgap.ground.errors import SuiteError
from valgap.pipeline import freshness, workspace
from valgap.pipeline.special import refuse_special, special


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with photos, and a model's code."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("data: {path: photos}\nmodel: {files: net}\n")
    for folder in ("photos/a", "net", ".dvc"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "photos/a/1.png").write_bytes(b"x")
    return tmp_path


def test_files_folders_and_links_to_them_are_let_pass(place: Path) -> None:
    (place / "photos/b").symlink_to("a")
    (place / "photos/a/up").symlink_to("..")
    (place / "photos/a/2.png").symlink_to("1.png")
    (place / "photos/nothing").symlink_to("not there")
    refuse_special()
    assert [*special("photos"), *special("not there"), *special("a\0b")] == []


def test_a_pipe_a_socket_and_a_device_are_refused_by_name(place: Path) -> None:
    os.mkfifo("photos/a/x.png")
    os.mkfifo("photos/.hidden")
    Path("photos/zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("photos/s")
    with pytest.raises(SuiteError) as raised:
        refuse_special()
    assert str(raised.value) == (
        "data.path = 'photos': no file and no folder, and so would be read without end: photos/.hidden (a pipe), "
        "photos/a/x.png (a pipe), photos/s (a socket), photos/zero (a link to a device); remove them"
    )


def test_so_is_a_place_that_is_one_itself_and_the_models(place: Path) -> None:
    os.mkfifo("net/weights.h5")
    with pytest.raises(SuiteError, match=r"model\.files = 'net': .* net/weights\.h5 \(a pipe\); remove it"):
        refuse_special()
    Path("params.yaml").write_text("data: {path: /dev/zero}\n")
    with pytest.raises(SuiteError, match=r"data\.path = '/dev/zero': .* /dev/zero \(a device\)"):
        refuse_special()


def test_who_holds_the_workspace_or_asks_what_is_stale_refuses_before_dvc_looks(place: Path) -> None:
    os.mkfifo("photos/a/x.png")
    Path("dvc.lock").write_text("")
    with pytest.raises(SuiteError, match="a pipe"), workspace.locked():
        raise AssertionError
    with pytest.raises(SuiteError, match="a pipe"):
        freshness.check()


@pytest.mark.parametrize("text", ["data: [", "data: 3", "- 1", "data: {path: 7}", "{}"])
def test_a_params_file_that_says_no_place_is_others_to_refuse(place: Path, text: str) -> None:
    Path("params.yaml").write_text(text)
    refuse_special()
