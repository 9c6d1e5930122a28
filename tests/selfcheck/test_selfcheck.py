"""The self-check: one line where all is well; else what is in the way, with its cure."""

import os
from pathlib import Path

import pytest

from tests.scratch import TOY, copy_repository, read_params, run, write_params
from valgap import selfcheck
from valgap.compute import environment, placement
from valgap.ground import host
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Compute

AUTO, GPU = Compute(0, "auto", 0, None), Compute(0, "gpu", 0, None)
ELSEWHERE = Path("/dev/shm")  # another file system than any folder a test makes


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "requirements.txt").write_text("numpy==1\n")
    return tmp_path


def test_line_and_status_of_the_command(tmp_path: Path) -> None:
    folder = copy_repository(tmp_path, TOY, ["baseline"])
    done = run(folder, "python", "-m", "valgap", "selfcheck")
    line, *notes = done.stdout.splitlines()
    assert "TensorFlow 2." in line
    assert f"{host.usable_cores()} cores" in line
    assert all(note.startswith("note: ") for note in notes)  # this environment may be older than the lock
    write_params(
        folder, read_params(folder) | {"compute": {"workers": 0, "device": "gpu", "per_gpu": 0, "address": None}}
    )
    (folder / ".git").rename(folder / "git")
    done = run(folder, "env", "CUDA_VISIBLE_DEVICES=", "python", "-m", "valgap", "selfcheck", check=False)
    assert done.returncode == 1
    errors = done.stdout.splitlines()[1 + len(notes) :]
    assert [line.split(":")[0] for line in errors] == ["error"] * 3  # no clone, GPUs hidden, none there
    assert "this folder is no Git clone" in errors[0]
    assert errors[1] == f"error: {placement.HIDDEN}"
    assert "Traceback" not in done.stdout


def test_nothing_is_wrong_with_a_clone(clone: Path) -> None:
    assert list(selfcheck.workspace(clone)) == []
    assert list(selfcheck.file_systems(clone)) == []
    assert list(selfcheck.notes(clone, clone)) == []


@pytest.mark.parametrize(("user", "owner"), [(4242, 12345), (0, 12345), (4242, 0)])
def test_folder_of_another_user(clone: Path, monkeypatch: pytest.MonkeyPatch, user: int, owner: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(Path, "stat", lambda path, **_: os.stat_result((0o755, 0, 0, 1, owner, 7, 0, 0, 0, 0)))
    (fault,) = selfcheck.workspace(clone)
    assert f"belongs to user {owner}, and you are user {user}" in fault
    assert f"--user {owner}:7" in fault


def test_folder_that_is_no_clone_or_a_worktree(clone: Path) -> None:
    (clone / ".git").rmdir()
    (fault,) = selfcheck.workspace(clone)
    assert "no Git clone" in fault
    (clone / ".git").write_text("gitdir: /elsewhere/.git/worktrees/x\n")
    (fault,) = selfcheck.workspace(clone)
    assert "/elsewhere/.git/worktrees/x, which is not mounted" in fault
    (clone / "real").mkdir()
    (clone / ".git").write_text("gitdir: real\n")
    assert list(selfcheck.workspace(clone)) == []


@pytest.mark.parametrize("name", [".replicates", "runs", "data/prepared"])
def test_store_on_another_file_system(clone: Path, name: str) -> None:
    (clone / name).parent.mkdir(exist_ok=True)
    (clone / name).symlink_to(ELSEWHERE)
    (fault,) = selfcheck.file_systems(clone)
    assert fault.startswith(f"{name} lies on another file system")


@pytest.mark.parametrize("file", ["config", "config.local"])
def test_cache_on_another_file_system_is_a_note(clone: Path, file: str) -> None:
    (clone / ".dvc" / file).write_text(
        f"[core]\n    analytics = false\n[cache]\n    type = copy\n    dir = {ELSEWHERE}\n"
    )
    (note,) = selfcheck.notes(clone, clone)
    assert f"cache {ELSEWHERE} lies on another file system" in note
    (clone / ".dvc" / file).write_text("[cache]\n    dir = ../kept\n")
    assert selfcheck.dvc_cache(clone) == clone / ".dvc/../kept"
    (clone / ".dvc" / file).write_text("cache = no section\n")
    with pytest.raises(SuiteError, match="cannot be read"):
        selfcheck.dvc_cache(clone)


def test_environment_of_another_lock_file_is_a_note(clone: Path) -> None:
    (clone / "requirements.installed").write_text("numpy==1\n")
    assert list(selfcheck.notes(clone, clone)) == []
    (clone / "requirements.installed").write_text("numpy==2\n")
    (note,) = selfcheck.notes(clone, clone)
    assert "`make setup`" in note


def test_shared_memory(tmp_path: Path) -> None:
    assert list(selfcheck.shared_memory(tmp_path, least=1)) == []
    (fault,) = selfcheck.shared_memory(tmp_path, least=2**60)
    assert "--shm-size" in fault
    (fault,) = selfcheck.shared_memory(tmp_path / "missing")
    assert "has 0 MiB free" in fault


def test_gpu_that_is_not_there_or_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "NVIDIA_DEVICE", tmp_path / "nvidiactl")
    (fault,) = selfcheck.gpu(GPU)
    assert "compute.device = gpu" in fault
    assert "`docker run --gpus all`" in fault
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setattr(selfcheck, "DRIVER_LIBRARY", "libc.so.6")
    assert list(selfcheck.gpu(AUTO, ("libc.so.6",))) == []
    (fault,) = selfcheck.gpu(AUTO, ("libc.so.6", "libabsent.so.1", "libabsent.so.2"))
    assert "compute.device = auto" in fault
    assert "libabsent.so.1, libabsent.so.2 cannot be opened: take the image of `make image-gpu`" in fault
    monkeypatch.setattr(selfcheck, "DRIVER_LIBRARY", "libabsent.so.1")
    (fault,) = selfcheck.gpu(AUTO, ())
    assert "the driver's libabsent.so.1 cannot be opened" in fault


def test_memory_is_what_the_container_may_use(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    machine = host.memory(())
    for text, expected in (("1048576\n", 2**20), ("max\n", machine), (f"{2**62}\n", machine)):
        limit.write_text(text)
        assert host.memory((tmp_path / "missing", limit)) == expected


def test_run_records_say_image_and_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUITE_IMAGE_REVISION", raising=False)
    assert "image" not in environment.environment("cpu")
    monkeypatch.setenv("SUITE_IMAGE_REVISION", "0123abcd")
    information = tmp_path / "0000:01:00.0/information"
    information.parent.mkdir()
    information.write_text("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ: 7\n")
    monkeypatch.setattr(host, "GPUS", tmp_path)
    assert environment.environment("cpu")["image"] == "0123abcd"
    assert "gpu" not in environment.environment("cpu")
    assert environment.environment("gpu")["gpu"] == "NVIDIA H100 80GB HBM3"
    assert environment.environment("gpu")["nvidia-cudnn-cu12"] in ("none", environment._version("nvidia-cudnn-cu12"))


def test_lock_that_is_named_but_missing(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="SUITE_TRAINING_LOCK"):
        environment.check_installed(tmp_path / "requirements-gpu.txt")
