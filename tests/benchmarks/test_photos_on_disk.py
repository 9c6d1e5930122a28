"""The benchmark of photos that are bigger than memory: what it trains on, and its refusals."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import photos_on_disk
from benchmarks.images import BATCH
from tests.scratch import ROOT
from valgap.ground.errors import SuiteError


def test_it_trains_from_the_file_from_memory_and_a_whole_replicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for name, value in {"SHAPE": (12, 12, 3), "HELD": 64, "SCORED": 20}.items():
        monkeypatch.setattr(photos_on_disk, name, value)
    photos_on_disk.write_photos(file := tmp_path / "photos.npy", 200)
    images = np.load(file)
    assert (images.shape, images.dtype, len(np.unique(images))) == ((200, 12, 12, 3), np.uint8, 256)
    photos_on_disk.forget(file)
    assert np.array_equal(np.load(file), images)
    modes, _ = photos_on_disk.start(file)
    assert (modes["disk"](3), modes["memory"](2)) == (3 * BATCH, 2 * BATCH)
    assert modes[photos_on_disk.EPOCH](1) == 160 // BATCH * BATCH


@pytest.mark.parametrize("words", [["1999"], ["many"], ["2000", "2"], ["-1"]])
def test_other_numbers_of_images_are_refused(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["photos_on_disk", *words])
    with pytest.raises(SuiteError, match=r"usage: .*at least 2,000"):
        photos_on_disk.main()
