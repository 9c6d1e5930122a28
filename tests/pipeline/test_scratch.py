"""Scratch copies hold what Git does, and link the images and weights that it does not. Real Git, nothing trained."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from valgap.pipeline.git import git
from valgap.pipeline.scratch import copy_revision, copy_workspace, only


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def params(path: str, files: str = "mine", weights: str | None = None) -> str:
    content: dict[str, Any] = {"data": {"path": path}, "model": {"files": files, "weights": weights}}
    return yaml.safe_dump(content)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ignored images under `dvc add`, a builder in Git whose weights are ignored, downloads, and results."""
    folder = tmp_path / "workspace"
    write(folder, "photos/cat/1.png", "photos/cat/note.dvc", "photos.dvc", "mine/net.py", "mine/w/big.h5")
    write(folder, "mine/__pycache__/net.pyc", "valgap/x.py", "data/downloads/set.npz", "data/prepared/manifest.json")
    write(folder, "runs/a/0/run.json", ".dvc/tmp/lock")
    (folder / ".gitignore").write_text("/photos/\n*.h5\n__pycache__\n/data/\n/runs/\n/.dvc/\n")
    (folder / "params.yaml").write_text(params("photos", weights="w/big.h5"))
    monkeypatch.chdir(folder)
    git("init", "-q")
    git("add", "-A")
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "x")
    write(folder, "notes/new.txt", "valgap/new.py")
    return folder


def contents(folder: Path) -> dict[str, bool]:
    """Every path in a copy that is no folder, or a link to one; whether it is a link. Nothing of Git's own."""
    paths = [Path(above, name) for above, folders, names in os.walk(folder) for name in (*folders, *names)]
    return {
        str(path.relative_to(folder)): path.is_symlink() for path in paths if path.is_symlink() or not path.is_dir()
    }


TRACKED = {".gitignore": False, "params.yaml": False, "mine/net.py": False, "valgap/x.py": False}
LINKED = {"photos": True, "mine/w/big.h5": True, "data/downloads": True}


def test_what_git_does_not_hold_of_the_inputs_is_linked(workspace: Path, tmp_path: Path) -> None:
    copy_workspace(copy := tmp_path / "copy")
    assert contents(copy) == TRACKED | LINKED | {"notes/new.txt": False, "valgap/new.py": False}
    assert (copy / "photos/cat/1.png").read_text() == "photos/cat/1.png"
    assert (workspace / "photos/cat/note.dvc").exists()


def test_a_revision_gets_the_same_links_and_no_code_of_the_workspace(workspace: Path, tmp_path: Path) -> None:
    copy_revision("HEAD", copy := tmp_path / "copy")
    assert contents(copy) == TRACKED | LINKED


def test_new_images_that_nothing_ignores_are_linked_too(workspace: Path, tmp_path: Path) -> None:
    write(workspace, "new/cat/1.png", "new/cat/2.png")
    (workspace / "params.yaml").write_text(params("new/cat"))
    copy_workspace(copy := tmp_path / "copy")
    found = contents(copy)
    assert found["new/cat"]
    assert "photos" not in found


def test_images_of_which_git_holds_some_are_linked_one_by_one(workspace: Path, tmp_path: Path) -> None:
    write(workspace, "some/cat/1.png", "some/dog/2.png", "some/dog/3/4.png")
    (workspace / "params.yaml").write_text(params("some"))
    git("add", "some/cat/1.png")
    copy_workspace(copy := tmp_path / "copy")
    found = {name: link for name, link in contents(copy).items() if name.startswith("some")}
    assert found == {"some/cat/1.png": False, "some/dog/2.png": True, "some/dog/3/4.png": True}


def test_a_copy_that_trains_cells_asks_for_no_history_of_the_users() -> None:
    said = {"variants": {}, "split": {}, "symptom": {"files": {"history": "log.csv"}}}
    assert only(said, [], 0)["symptom"] == {"files": {}}
    assert "symptom" not in only({"variants": {}, "split": {}}, [], 0)


def test_what_stages_write_is_never_behind_a_link(workspace: Path, tmp_path: Path) -> None:
    (workspace / "params.yaml").write_text(params("data", files="."))
    copy_workspace(copy := tmp_path / "copy")
    assert not any((copy / name).exists() for name in (".dvc", "data/prepared", "runs"))


def test_images_behind_a_link_and_outside_are_found(workspace: Path, tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/train/cat/1.png")
    (workspace / "linked").symlink_to(tmp_path / "elsewhere")
    (workspace / "params.yaml").write_text(params("linked/train", files="../mine"))
    copy_workspace(copy := tmp_path / "copy")
    assert (copy / "linked/train").resolve() == tmp_path / "elsewhere/train"
