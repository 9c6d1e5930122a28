"""Images that are read when they are wanted are the same as those in memory, and so is what is trained on them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.recipes import recipe
from tests.training.test_training import CNN, SHAPE, SPLITS, TOY, variant
from valgap.ground.params.experiment import Augmentation
from valgap.training import examples as module
from valgap.training.examples import Examples, Feed, ahead, scored_at_once
from valgap.training.pixels import affine_of
from valgap.training.replicate import train_replicate, warped


@pytest.fixture
def mapped(tmp_path: Path) -> Examples:
    """Every second image of a file, backwards."""
    rng = np.random.default_rng(5)
    np.save(tmp_path / "images.npy", rng.integers(0, 256, (60, *SHAPE), dtype=np.uint8))
    rows = np.arange(0, 60, 2)[::-1]
    return Examples(np.load(tmp_path / "images.npy", mmap_mode="r"), rng.integers(0, 3, 30), rows)


def test_a_file_gives_what_its_array_gives(mapped: Examples) -> None:
    assert mapped.rows is not None
    every = np.array(mapped.images)[mapped.rows]
    places = np.array([3, 29, 3, 0])
    assert np.array_equal(mapped.read(places), every[places])
    assert [len(batch) for batch in mapped.batches(8)] == [8, 8, 8, 6]
    assert np.array_equal(np.concatenate([*mapped.batches(8)]), every)
    assert np.array_equal(mapped.first(7).read(np.arange(7)), every[:7])
    assert np.array_equal(mapped.at(places).read(np.array([1, 0])), every[[29, 3]])
    assert np.array_equal(mapped.at(places).labels, mapped.labels[places])


def test_a_part_of_a_memory_map_is_read_as_what_it_is(mapped: Examples) -> None:
    part = mapped.images[10:, ::-1]
    found = Examples(part, mapped.labels[:3], np.array([4, 0, 9])).read(np.arange(3))
    assert np.array_equal(found, np.array(part)[[4, 0, 9]])


def test_what_is_small_is_held_in_memory_and_what_is_large_is_not(
    mapped: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = mapped.held()
    assert held.rows is None
    assert not isinstance(held.images, np.memmap)
    assert np.array_equal(held.images, mapped.read(np.arange(30)))
    monkeypatch.setattr(module, "HELD", mapped.bytes - 1)
    assert mapped.held() is mapped


def test_a_file_that_ends_early_is_named(mapped: Examples) -> None:
    path = Path(str(mapped.images.filename))  # type: ignore[attr-defined]
    with path.open("r+b") as handle:
        handle.truncate(path.stat().st_size - 100 * int(np.prod(SHAPE)) // 10)
    with pytest.raises(OSError, match=r"images\.npy ends early: \d+ of 144 bytes of image 58"):
        mapped.read(np.array([0]))


def test_statistics_are_those_of_the_images_themselves(mapped: Examples) -> None:
    settings = variant(normalize="statistics")
    found, expected = affine_of(settings, mapped), affine_of(settings, mapped.held())
    assert found.factor == expected.factor
    assert found.offset == expected.offset


def test_steps_are_fed_by_windows_with_the_images_in_order(mapped: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 3 * 4 * int(np.prod(SHAPE)))  # three steps of four images
    order = np.random.default_rng(0).integers(0, 30, (8, 4)).astype(np.int32)
    every, steps, firsts = mapped.held(), [], []
    for images, targets, places, first in Feed(mapped, 3).steps(order, 100):
        assert images.shape == (12, *SHAPE)  # room for as many each time
        firsts.append(int(first))
        steps += [(images.numpy()[rows], targets.numpy()[rows]) for rows in places.numpy()]
    assert firsts == [100, 103, 106]
    assert len(steps) == 8
    for rows, (images, targets) in zip(order, steps, strict=True):
        assert np.array_equal(images, every.images[rows])
        assert np.array_equal(targets.argmax(1), every.labels[rows])
        assert targets.sum() == 4


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"augmentation": Augmentation(rotation_degrees=10.0), "normalize": "statistics", "mixup": 0.4},
        {"class_remedy": "oversampling", "early_stopping": True},
        {"evaluation_policies": {"turn": Augmentation(rotation_degrees=20.0)}},
    ],
)
def test_training_from_a_file_gives_the_bits_of_training_from_memory(
    tmp_path: Path, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = variant(**changes)
    expected = train_replicate(recipe(CNN, settings, TOY), 0, SPLITS, 3)
    np.save(tmp_path / "images.npy", np.concatenate([split.images for split in SPLITS.values()]))
    array, starts = np.load(tmp_path / "images.npy", mmap_mode="r"), iter((0, 40, 80))
    splits = {
        name: Examples(array, split.labels, np.arange(len(split.labels)) + next(starts))
        for name, split in SPLITS.items()
    }
    monkeypatch.setattr(module, "HELD", 0)
    monkeypatch.setattr(module, "WINDOW", 2 * 8 * int(np.prod(SHAPE)))
    found = train_replicate(recipe(CNN, settings, TOY), 0, {name: split.held() for name, split in splits.items()}, 3)
    assert found.history == expected.history
    assert found.probabilities.keys() == expected.probabilities.keys()
    for name, values in expected.probabilities.items():
        assert np.array_equal(found.probabilities[name], values), name


def test_a_policy_draws_the_same_warps_however_many_are_applied_at_once(mapped: Examples) -> None:
    policy = Augmentation(rotation_degrees=30.0, zoom=0.2)
    one, other = (np.concatenate([*warped(each, policy, 3)]) for each in (mapped, mapped.held()))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, mapped.held().images)


@pytest.mark.parametrize(
    ("shape", "count"),
    [((28, 28, 1), 100), ((64, 64, 3), 100), ((96, 96, 3), 44), ((150, 150, 3), 18), ((224, 224, 3), 16)],
)
def test_of_large_images_fewer_are_scored_at_once(shape: tuple[int, int, int], count: int) -> None:
    assert scored_at_once(shape) == count


def test_items_are_made_ahead_in_order_and_a_failure_reaches_the_reader() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number
        raise OSError("the disk is gone")

    reader = ahead(items(), 2)
    assert next(reader) == 0
    found = [0]
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(reader)
    assert len(made) == 5


def test_a_worker_of_many_images_takes_no_more_memory_than_of_few(tmp_path: Path) -> None:
    """Reading through 400 MB of images in batches leaves the process as large as it was, within a tenth of that."""
    shape = (224, 224, 3)
    array = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (2700, *shape))
    del array  # a file of zeros, which takes no disk
    examples = Examples(np.load(tmp_path / "images.npy", mmap_mode="r"), np.zeros(2700, np.int64), np.arange(2700))
    assert examples.bytes > 400e6
    process = psutil.Process()
    before = process.memory_info().rss
    assert sum(len(batch) for batch in examples.batches()) == 2700
    assert process.memory_info().rss - before < 90e6
