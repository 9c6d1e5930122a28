"""Files that were made to fill, hang or break whoever opens them: refused at once, and nothing of them stays."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

from tests.scratch import ROOT, user_environment
from valgap.check import files, loading, run
from valgap.check.loading import limits
from valgap.check.options import Options
from valgap.ground.errors import SuiteError

# Keras 3.15.1 saves a variable of TensorFlow's in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SIDE = 8


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for label in ("ant", "bee"):
            (tmp_path / "photos" / split / label).mkdir(parents=True)
            for number in range(6):
                pixels = rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "photos" / split / label / f"{split}{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made; to be empty in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def saved(path: Path) -> Path:
    keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]).save(path)
    return path


def check(model: Path, photos: Path, minutes: float | None = None) -> Any:
    return run.check(model, {"train": str(photos)}, Options(), apart=True, minutes=minutes)


def fill_and_die(*_: object) -> None:
    """In place of the first look: what a loader that was taken over could leave."""
    folder = Path(tempfile.mkdtemp())
    (folder / "unpacked").write_bytes(bytes(2**20))
    Path(tempfile.gettempdir(), "more").write_bytes(bytes(2**20))
    os.kill(os.getpid(), signal.SIGKILL)


def hang(*_: object) -> None:
    Path(tempfile.mkdtemp(), "unpacked").write_bytes(bytes(2**20))
    time.sleep(600)


@pytest.mark.parametrize(
    ("first", "minutes", "words"),
    [(fill_and_die, None, "was killed, or broke down"), (hang, 0.1, r"after 0\.1 minutes and was ended: .* --minutes")],
)  # fmt: skip
def test_nothing_of_a_loader_that_is_ended_stays(
    first: Callable[..., None], minutes: float | None, words: str, photos: Path, temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(files, "look_first", first)
    with pytest.raises(SuiteError, match=words):
        check(saved(photos.parent / "m.keras"), photos, minutes)
    assert list(temporary.iterdir()) == []


def test_nothing_of_a_check_that_is_terminated_stays(photos: Path, temporary: Path) -> None:
    model = saved(photos.parent / "m.keras")
    command = [sys.executable, "-m", "valgap", "check", str(model), str(photos)]
    environment = user_environment() | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    with subprocess.Popen(command, env=environment, cwd=photos.parent, stdout=subprocess.DEVNULL) as process:
        until = time.monotonic() + 300
        while not list(temporary.glob("*/box")) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []


def bomb(path: Path) -> None:
    saved(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"assets/{number}", bytes(2**26))


def crowd(path: Path) -> None:
    saved(path)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(limits.MOST_MEMBERS):
            archive.writestr(f"assets/{number}", b"")


def nested(levels: int) -> str:
    return '{"config": ' + "[" * levels + "]" * levels + ', "class_name": "Sequential"}'


def deep(levels: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        if path.suffix == ".h5":
            with h5py.File(path, "w") as file:
                file.attrs["model_config"] = nested(levels)
                file.attrs["keras_version"] = "3.15.1"
            return
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", nested(levels))
            archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))

    return write


def unpacked_with(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(saved(path.with_suffix(".whole.keras"))) as archive:
            archive.extractall(path)
        (path / name).unlink(missing_ok=True)
        make(path / name)

    return write


def sparse_config(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


MADE_TO_HARM: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "bomb": ("m.keras", bomb, r"and unpacks to 26[0-9],[0-9]{3},[0-9]{3} \(allowed: 20 times as many"),
    "crowd": ("m.keras", crowd, r"is an archive of 10,00[0-9] files \(allowed: 10,000\)"),
    "deep": ("m.keras", deep(limits.DEEPEST + 1), "nests over 200 levels deep"),
    "deeper": ("m.keras", deep(100_000), "nests over 200 levels deep"),
    "deep h5": ("m.h5", deep(5_000), "nests over 200 levels deep"),
    "pipe": ("m.keras", os.mkfifo, "no regular file but a pipe"),
    "device": ("m.keras", lambda path: path.symlink_to("/dev/zero"), "no regular file but a pipe, a device"),
    "pipe within": ("m", unpacked_with("model.weights.h5", os.mkfifo), "m/model.weights.h5 is no regular file"),
    "device within": ("m", unpacked_with("assets", lambda path: path.symlink_to("/dev/zero")), "m/assets is no reg"),
    "circle": ("m", unpacked_with("assets", lambda path: path.symlink_to("/")), "m/assets is a link to another folder"),
    "dangling": ("m", unpacked_with("model.weights.h5", lambda path: path.symlink_to("no")), "cannot be read: No such"),
    "sparse": ("m", unpacked_with("config.json", sparse_config), "has a config.json of over"),
}


@pytest.mark.parametrize("name", MADE_TO_HARM)
def test_what_was_made_to_harm_is_refused_before_it_can(name: str, tmp_path: Path, temporary: Path) -> None:
    file, write, words = MADE_TO_HARM[name]
    path = tmp_path / file
    write(path)
    for look in (loading.check_file, lambda path: loading.load_model(path, None)):
        began = time.monotonic()
        with pytest.raises(SuiteError, match=words):
            look(path)
        assert time.monotonic() - began < 30
    assert list(temporary.iterdir()) == []


def test_outside_of_the_box_no_hdf5_is_opened(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = photos.parent / "m.h5"
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros(3)

    def opened(*_: object) -> None:
        raise AssertionError("opened outside of the box")

    monkeypatch.setattr(h5py, "File", opened)
    with pytest.raises(SuiteError, match="an HDF5 file without a network in it"):
        check(path, photos)


@pytest.mark.parametrize("version", ["", "three", "3", "2.15.0", "3.x"])
def test_whatever_version_a_file_gives_is_no_traceback(version: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {}, "compile_config": "x"}))
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
    with pytest.raises(SuiteError):
        loading.load_model(tmp_path / "m.keras", None)
    assert loading.compiled_in_file(tmp_path / "m.keras") is None


def test_what_a_model_needs_in_memory_is_sized_by_what_it_unpacks_to(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.keras")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "m")
        size = sum(member.file_size for member in archive.infolist())
    assert limits.unpacked(path) == limits.unpacked(tmp_path / "m") == size
    h5 = saved(tmp_path / "m.h5")
    assert limits.unpacked(h5) == h5.stat().st_size
