"""Images in shards are the images, in one file a node, which is removed when nobody reads it."""

import fcntl
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from valgap.compute.ray import shards
from valgap.compute.ray.shards import Shards, on_node
from valgap.ground.errors import SuiteError

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 4, 5, 3), dtype=np.uint8)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was put into the object store, whose references are places in this list."""
    kept: list[Any] = []

    def put(value: Any) -> int:
        kept.append(value)
        return len(kept) - 1

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(put=put, get=kept.__getitem__))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(shards, "SHARD_BYTES", 3 * 4 * 5 * 3 + 7)  # three images
    monkeypatch.setattr(shards, "arrays_digest", lambda: "these")
    shards._mapped.cache_clear()
    return kept


def put(stores: list[float]) -> Any:
    return shards.put(sys.modules["ray"], IMAGES, stores)


def test_images_that_fit_the_smallest_store_are_put_whole(store: list[Any]) -> None:
    assert put([1e9, IMAGES.nbytes / shards.SHARE + 1]) == 0
    assert np.array_equal(store[0], IMAGES)
    assert on_node(store[0]) is store[0]  # Ray hands over the array itself


def test_other_images_are_put_in_shards_and_read_from_one_file(store: list[Any]) -> None:
    found = put([1e9, IMAGES.nbytes / shards.SHARE - 1])
    assert isinstance(found, Shards)
    assert [len(part) for part in store] == [3, 3, 3, 1]
    mapped = on_node(found)
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(mapped, IMAGES)
    store.clear()  # the second replicate of the process, and other processes, ask for no shard
    shards._mapped.cache_clear()
    assert np.array_equal(on_node(found), IMAGES)


def test_files_of_earlier_runs_are_removed_unless_a_process_reads_them(store: list[Any], tmp_path: Path) -> None:
    found = put([1.0])
    folder = tmp_path / shards._folder().name
    for name in ("old", "read"):
        (folder / f"{name}.npy").write_bytes(b"x")
    with (folder / "read.lock").open("w") as reading:
        fcntl.flock(reading, fcntl.LOCK_SH)
        on_node(found)
    assert sorted(path.name for path in folder.glob("*.npy")) == ["read.npy", "these.npy"]


def test_a_full_disk_is_said_before_anything_is_written(
    store: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100))
    with pytest.raises(SuiteError, match=r"the images take 0.0 GB in .* set TMPDIR to another disk"):
        on_node(put([1.0]))
    assert not [*tmp_path.rglob("*.npy"), *tmp_path.rglob("*.partial")]


def test_a_folder_that_others_can_write_to_is_refused(store: list[Any], tmp_path: Path) -> None:
    folder = shards._folder()
    folder.chmod(0o777)
    with pytest.raises(SuiteError, match="is not a folder of its user alone"):
        on_node(put([1.0]))


def test_shards_that_are_lost_leave_no_file(store: list[Any], tmp_path: Path) -> None:
    found = put([1.0])
    store.clear()
    with pytest.raises(IndexError):
        on_node(found)
    assert not [*tmp_path.rglob("*.npy"), *tmp_path.rglob("*.partial")]
