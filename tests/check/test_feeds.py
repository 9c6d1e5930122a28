"""Feeds and surveys of the objects that are passed to `fit`: what a pass sees, and what it leaves alone."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from valgap.check.feeds import BATCH, Feed, feed
from valgap.check.survey import Levels, survey
from valgap.diagnostics.pipeline.surveyed import Survey
from valgap.ground.errors import SuiteError

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (70, 8, 6, 3)).astype(np.uint8)
Y = RNG.integers(0, 5, 70)
X[0, 0, 0] = (0, 255, 255)
HOT = np.eye(5, dtype=np.float32)[Y]


class Sequence(keras.utils.PyDataset):  # type: ignore[misc]
    """Shuffles its order after each epoch, and alters images at random."""

    def __init__(self, augment: bool = False) -> None:
        super().__init__()
        self.order, self.augment, self.epochs = np.arange(len(X)), augment, 0

    def __len__(self) -> int:
        return 7

    def __getitem__(self, place: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        rows = self.order[10 * place : 10 * place + 10]
        light = np.random.uniform(0.5, 1) if self.augment else 1.0
        return (X[rows] / 255 * light).astype(np.float32), Y[rows]

    def on_epoch_end(self) -> None:
        self.epochs += 1
        np.random.shuffle(self.order)


def dataset(batched: bool = True, one_hot: bool = False) -> tf.data.Dataset:
    made = tf.data.Dataset.from_tensor_slices((X, HOT if one_hot else Y))
    return made.batch(16) if batched else made


def generator() -> Iterator[tuple[Any, Any]]:
    for start in range(0, 70, 20):
        yield X[start : start + 20], Y[start : start + 20]


def endless() -> Iterator[tuple[Any, Any]]:
    while True:
        yield from generator()


def image_generator(**settings: Any) -> Any:
    return keras.src.legacy.preprocessing.image.ImageDataGenerator(**settings)


def gathered(source: Feed) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    images, labels = zip(*source, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def surveyed(source: Feed, folder: Path) -> Survey:
    return survey(source, None, folder)


SAME: dict[str, Callable[[], Feed]] = {
    "arrays": lambda: feed((X, Y), name="train"),
    "arrays and labels": lambda: feed(X, Y, name="train"),
    "arrays with weights": lambda: feed((X, Y, np.ones(70)), name="train"),
    "column of labels": lambda: feed((X, Y[:, np.newaxis]), name="train"),
    "float labels": lambda: feed((X, Y.astype(np.float32)), name="train"),
    "one-hot": lambda: feed((X, HOT), name="train"),
    "smoothed one-hot": lambda: feed((X, HOT * 0.9 + 0.02), name="train"),
    "tensors": lambda: feed((tf.constant(X), tf.constant(Y)), name="train"),
    "lists": lambda: feed((list(X), list(Y)), name="train"),
    "dataset": lambda: feed(dataset(), name="train"),
    "dataset of single images": lambda: feed(dataset(batched=False), name="train"),
    "dataset of single images, one-hot": lambda: feed(dataset(batched=False, one_hot=True), name="train"),
    "dataset of dicts": lambda: feed(dataset().map(lambda x, y: {"image": x, "label": y}), name="train"),
    "dataset with weights": lambda: feed(dataset().map(lambda x, y: (x, y, y)), name="train"),
    "dataset with a named input": lambda: feed(dataset().map(lambda x, y: ({"pixels": x}, y)), name="train"),
    "endless dataset with steps": lambda: feed(dataset().repeat(), name="train", steps=5),
    "generator": lambda: feed(generator(), name="train"),
    "function of a generator": lambda: feed(generator, name="train"),
    "endless generator with steps": lambda: feed(endless(), name="train", steps=4),
    "list of batches": lambda: feed(list(generator()), name="train"),
    "image generator": lambda: feed(image_generator().flow(X, HOT, batch_size=16, shuffle=False), name="train"),
}


@pytest.mark.filterwarnings("ignore:Your `PyDataset` class:UserWarning")
@pytest.mark.parametrize("kind", SAME)
def test_every_kind_gives_the_same_images_and_labels(kind: str) -> None:
    images, labels = gathered(SAME[kind]())
    assert (str(images.dtype), str(labels.dtype)) == ("float32", "int64")
    assert np.array_equal(images, X)
    assert np.array_equal(labels, Y)


def test_a_feed_knows_the_type_and_the_width_of_what_comes() -> None:
    for thing, raw, width in (((X, Y), "uint8", None), ((X / 255, HOT), "float64", 5), (dataset(), "uint8", None)):
        source = feed(thing, name="train")
        gathered(source)
        assert (source.raw_dtype, source.width) == (raw, width)


def test_grey_images_get_a_channel() -> None:
    for thing in ((X[..., 0], Y), tf.data.Dataset.from_tensor_slices((X[..., 0], Y)).batch(9)):
        assert gathered(feed(thing, name="train"))[0].shape == (70, 8, 6, 1)


def test_images_that_come_one_by_one_are_dealt_in_batches() -> None:
    sizes = [len(labels) for _, labels in feed(dataset(batched=False), name="train")]
    assert sizes == [BATCH, BATCH, 70 - 2 * BATCH]


def test_class_names_are_found_and_survive_steps_of_a_dataset(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for number in range(3):
            keras.utils.save_img(tmp_path / name / f"{number}.png", X[number], scale=False)
    made = keras.utils.image_dataset_from_directory(tmp_path, image_size=(8, 6), verbose=False)
    assert feed(made.map(lambda x, y: (x / 255, y)).prefetch(1), name="val").class_names == ("ant", "bee")
    flow = image_generator().flow_from_directory(tmp_path, target_size=(8, 6))
    assert feed(flow, name="val").class_names == ("ant", "bee")
    assert feed((X, Y), name="val", class_names=["a", "b"]).class_names == ("a", "b")


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "images alone": (lambda: feed(X, name="val"), r"val is an array of images without labels; give the pair"),
    "string labels": (lambda: feed((X, Y.astype(str)), name="val"), r"labels are strings, such as .*numpy\.unique"),
    "other lengths": (lambda: feed((X, Y[:9]), name="val"), r"70 images and labels of shape \(9,\)"),
    "amounts": (lambda: feed((X, Y + 0.5), name="val"), "labels are not whole numbers"),
    "several classes": (lambda: feed((X, np.ones((70, 5))), name="val"), "no one-hot rows .*several classes an image"),
    "endless dataset": (lambda: feed(dataset().repeat(), name="val"), "val does not end; .*steps="),
    "endless generator": (lambda: gathered(feed(endless(), name="val")), "val does not end; .*steps="),
    "a path": (lambda: feed("photos", name="val"), "val = 'photos' is a path"),
    "a number": (lambda: feed(3, name="val"), r"val is a builtins\.int; give what is passed to `fit`"),
    "steps": (lambda: feed((X, Y), name="val", steps=0), "steps = 0 is no number of batches"),
    "flat images": (lambda: feed((X.reshape(70, -1), Y), name="val"), r"images have the shape \(70, 144\)"),
    "dataset of images": (
        lambda: feed(tf.data.Dataset.from_tensor_slices(X).batch(4), name="val"),
        "val gives a TensorSpec alone, without labels",
    ),
    "two inputs": (lambda: feed(dataset().map(lambda x, y: ((x, x), y)), name="val"), r"several inputs \(2\)"),
    "labels beside": (lambda: feed(dataset(), Y, name="val"), "labels= belong to an array"),
    "sizes": (lambda: gathered(feed([(X, Y), (X[:, :4], Y)], name="val")), "resize them to one size"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_with_a_cure(kind: str) -> None:
    act, words = REFUSED[kind]
    with pytest.raises(SuiteError, match=words):
        act()


def test_a_pipeline_that_fails_is_named_with_the_batch() -> None:
    def failing() -> Iterator[Any]:
        yield X[:3], Y[:3]
        raise RuntimeError("no such file")

    with pytest.raises(SuiteError, match="val fails at batch 1: RuntimeError: no such file"):
        gathered(feed(failing(), name="val"))


def test_a_generator_gives_one_pass_and_a_function_many() -> None:
    source = feed(generator(), name="val")
    gathered(source)
    with pytest.raises(SuiteError, match="gives one pass; give a function"):
        gathered(source)
    source = feed(generator, name="val")
    assert np.array_equal(gathered(source)[1], gathered(source)[1])


def test_two_passes_of_a_random_sequence_differ_and_chance_stays_where_it_was(tmp_path: Path) -> None:
    thing = Sequence(augment=True)
    random.seed(3)
    np.random.seed(3)
    tf.random.set_seed(3)
    expected = (random.random(), np.random.random(), float(tf.random.uniform(())))
    random.seed(3)
    np.random.seed(3)
    tf.random.set_seed(3)
    found = surveyed(feed(thing, name="val"), tmp_path)
    assert found.again is not None
    assert not np.isin(found.again.digests, found.digests).any()
    assert (random.random(), np.random.random(), float(tf.random.uniform(()))) == expected


def test_a_sequence_has_its_order_and_its_counters_back(tmp_path: Path) -> None:
    thing = Sequence()
    order = thing.order
    found = surveyed(feed(thing, name="train"), tmp_path)
    assert found.again is not None
    assert set(found.again.digests) == set(found.digests)
    assert not np.array_equal(found.again.labels, found.labels)  # shuffled by on_epoch_end, as in fit
    assert thing.order is order
    assert np.array_equal(order, np.arange(70))
    assert thing.epochs == 0


@pytest.mark.filterwarnings("ignore:Your `PyDataset` class:UserWarning")
def test_an_image_generator_goes_on_as_if_nobody_had_looked(tmp_path: Path) -> None:
    one, two = (image_generator(rotation_range=30).flow(X, Y, batch_size=16, seed=5) for _ in range(2))
    before = np.random.get_state()
    next(one), next(two)  # both in the middle of an epoch
    found = surveyed(feed(one, name="train"), tmp_path)
    assert (found.count, found.again is not None) == (70, True)
    assert one.total_batches_seen == two.total_batches_seen
    for _ in range(6):
        assert all(np.array_equal(a, b) for a, b in zip(next(one), next(two), strict=True))
    np.random.set_state(before)


def test_labels_and_images_shuffled_in_place_stay_together(tmp_path: Path) -> None:
    class InPlace(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.x, self.y = X.copy(), Y.copy()

        def __len__(self) -> int:
            return 1

        def __getitem__(self, place: int) -> Any:
            return self.x, self.y

        def on_epoch_end(self) -> None:
            order = np.random.permutation(len(self.y))
            self.x, self.y[:] = self.x[order], self.y[order]

    thing = InPlace()
    surveyed(feed(thing, name="train"), tmp_path)
    label = {image.tobytes(): int(own) for image, own in zip(X, Y, strict=True)}
    assert [label[image.tobytes()] for image in thing.x] == thing.y.tolist()


# Surveys


def test_a_survey_counts_measures_and_keeps_what_it_saw(tmp_path: Path) -> None:
    values = (X / 255).astype(np.float32)
    values[3, 0, 0, 0] = np.nan
    found = survey(feed((values, Y), name="train"), lambda images: images.reshape(len(images), -1)[:, :4], tmp_path)
    assert (found.low, found.high, found.grid, found.count) == (0, 1, "255", 70)
    assert found.finite.sum() == 69
    assert np.array_equal(np.delete(found.pixels, 3, axis=0), np.delete(X, 3, axis=0))
    assert found.outputs is not None
    assert found.outputs.shape == (70, 4)
    assert found.means == pytest.approx(np.nanmean(values, axis=(0, 1, 2)), abs=1e-6)
    assert found.stds == pytest.approx(np.nanstd(values, axis=(0, 1, 2)), abs=1e-6)
    assert found.batches.tolist() == [32, 32, 6]
    assert np.array_equal(found.labels, Y)


@pytest.mark.parametrize(
    ("values", "low", "high", "grid"),
    [
        (X, 0, 255, "1"),
        (X / 127.5 - 1, -1, 1, "127.5"),
        ((X - 120.0) / 60, -4, 4, None),
        (X - np.array([103.9, 116.8, 123.7]), -256, 256, None),
    ],
)
def test_pixels_are_quantised_to_a_range_that_holds_them(
    values: NDArray[Any], low: float, high: float, grid: str | None, tmp_path: Path
) -> None:
    found = surveyed(feed((values, Y), name="train"), tmp_path)
    assert (found.low, found.high, found.grid) == (low, high, grid)
    back = found.low + found.pixels.astype(np.float64) * (found.high - found.low) / 255
    assert np.abs(back - values).max() <= (high - low) / 255 / 2 + 1e-4


def test_a_range_that_a_later_batch_breaks_is_widened_for_all(tmp_path: Path) -> None:
    levels = Levels(tmp_path / "x")
    first, second = (np.array(value, np.float32).reshape(1, 1, 1, 1) for value in (0.5, -0.8))
    levels.add(first)
    levels.add(second)
    levels.file.close()
    found = levels.finish()
    assert list(levels.range) == [-1, 1]
    assert found.reshape(-1).tolist() == pytest.approx([(0.5 + 1) * 127.5, (-0.8 + 1) * 127.5], abs=1)


def test_a_feed_without_an_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="val gives no image"):
        surveyed(feed(lambda: iter(()), name="val"), tmp_path)


def test_empty_batches_are_counted(tmp_path: Path) -> None:
    found = surveyed(feed([(X[:9], Y[:9]), (X[:0], Y[:0]), (X[9:], Y[9:])], name="val"), tmp_path)
    assert found.batches.tolist() == [9, 0, 61]
    assert found.count == 70
