"""A reading that was killed goes on where it was, to the same bytes, and never on rows of something else."""

import dataclasses
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from valgap.data.reading import journal, readers
from valgap.data.reading.decode import read
from valgap.data.reading.decoding import Decoding
from valgap.data.reading.journal import beside
from valgap.data.reading.readers import read_images
from valgap.ground.errors import SuiteError

SIZED = Decoding(size=(6, 6))


class KilledError(Exception):
    """Stands for what ends a run."""


def files(folder: Path, modes: Sequence[str]) -> list[Path]:
    """PNG images of noise, 7 x 7, one of each mode in turn; "bad" is a file that is none."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    paths = [folder / f"{number:03}.png" for number in range(len(modes))]
    for path, mode in zip(paths, modes, strict=True):
        noise = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8))
        if mode == "bad":
            path.write_text("no image")
        else:
            noise.convert(mode).save(path)
    return paths


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read. Every reading is noted at once."""
    names: list[str] = []

    def counting(path: Path, decoding: Decoding) -> Any:
        names.append(path.name)
        return read(path, decoding)

    monkeypatch.setattr(readers, "read", counting)
    monkeypatch.setattr(journal, "SECONDS", 0.0)
    return names


def killed_at(paths: list[Path], target: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read until the file of this number, and end there."""

    def dying(path: Path, decoding: Decoding) -> Any:
        if path == paths[number]:
            raise KilledError
        return read(path, decoding)

    with monkeypatch.context() as patch:
        patch.setattr(readers, "read", dying)
        with pytest.raises(KilledError):
            read_images(paths, SIZED, target, workers=1, resumed=True)


@pytest.mark.parametrize("killed", [1, 20, 25, 39])
def test_a_killed_reading_goes_on_to_the_same_bytes(
    tmp_path: Path, count: list[str], killed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grey images until number 22, which is in colour and widens all before; two cannot be read."""
    modes = ["L"] * 40
    modes[22], modes[5], modes[30] = "RGB", "bad", "bad"
    paths = files(tmp_path / "images", modes)
    whole, expected = read_images(paths, SIZED, tmp_path / "whole.npy", workers=1)
    killed_at(paths, tmp_path / "part.npy", killed, monkeypatch)
    count.clear()
    found, readings = read_images(paths, SIZED, tmp_path / "part.npy", workers=1, resumed=True)
    assert count == [path.name for path in paths[killed:]]
    assert readings == expected
    assert np.array_equal(found, whole)
    assert (tmp_path / "part.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    count.clear()
    again, readings = read_images(paths, SIZED, tmp_path / "part.npy", workers=1, resumed=True)  # nothing is left
    assert count == []
    assert readings == expected
    assert np.array_equal(again, whole)


@pytest.mark.parametrize("what", ["file", "time", "decoding", "order", "rows", "line", "header"])
def test_nothing_is_kept_where_anything_is_another(
    tmp_path: Path, count: list[str], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, target, decoding = files(tmp_path / "images", ["L"] * 12), tmp_path / "part.npy", SIZED
    killed_at(paths, target, 8, monkeypatch)
    if what == "file":
        paths[2].write_bytes(paths[3].read_bytes() + b" ")
    if what == "time":
        os.utime(paths[2], ns=(1, 1))
    if what == "decoding":
        decoding = Decoding(size=(5, 5))
    if what == "order":
        paths = paths[::-1]
    if what == "rows":
        os.truncate(target, target.stat().st_size - 1)
    if what == "line":
        beside(target).write_text(beside(target).read_text().replace('"why": ""', '"wy": ""', 1))
    if what == "header":
        target.write_bytes(b"x" + target.read_bytes()[1:])
    count.clear()
    found, readings = read_images(paths, decoding, target, workers=1, resumed=True)
    assert count == [path.name for path in paths]
    expected = read_images(paths, decoding, tmp_path / "whole.npy", workers=1)
    assert readings == expected[1]
    assert target.read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert np.array_equal(found, expected[0])


def test_a_line_that_was_cut_is_read_again(tmp_path: Path, count: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    paths, target = files(tmp_path / "images", ["L"] * 12), tmp_path / "part.npy"
    killed_at(paths, target, 8, monkeypatch)
    beside(target).write_text(beside(target).read_text()[:-20])
    count.clear()
    read_images(paths, SIZED, target, workers=1, resumed=True)
    assert count == [path.name for path in paths[7:]]
    read_images(paths, SIZED, tmp_path / "whole.npy", workers=1)
    assert target.read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_without_a_journal_nothing_is_left_behind(tmp_path: Path) -> None:
    paths = files(tmp_path / "images", ["L", "bad"])
    read_images(paths, SIZED, tmp_path / "rows.npy", workers=1)
    assert not beside(tmp_path / "rows.npy").exists()


def test_a_disk_without_room_is_said_before_anything_is_decoded(
    tmp_path: Path, count: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = files(tmp_path / "images", ["RGB"] * 10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10 * 6 * 6 * 3 - 1))
    with pytest.raises(SuiteError, match=r"10 images of 6x6x3 take 0.0 GB in .*: free some, or set a smaller data.ima"):
        read_images(paths, dataclasses.replace(SIZED, color="rgb"), tmp_path / "rows.npy", workers=1)
    assert count == []
    assert not (tmp_path / "rows.npy").exists()
