"""The suite's source `folder` reads what `check` reads: layout by layout the same files, classes and splits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.data.test_decode import own_data
from tests.data.test_layouts import ASKED, classes, fill
from valgap.data.layouts.layout import Layout
from valgap.data.layouts.loading import load_layout
from valgap.data.layouts.understand import understand
from valgap.data.reading.decoding import KERAS
from valgap.data.sources.folder import load
from valgap.data.sources.images import Images
from valgap.ground.errors import SuiteError

LABEL = ("cat", "dog")
ROWS = [f"images/{number}.png" for number in range(8)]


def of_splits(*splits: str, beside: tuple[str, ...] = ()) -> Callable[[Path], None]:
    """Two images of two classes in each split."""
    return lambda root: void(fill(root, [*(name for split in splits for name in classes(f"{split}/")), *beside]))


def of_table(name: str, content: str, names: list[str]) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        fill(root, names)
        (root / name).write_text(content)

    return make


def void(_: object) -> None:
    """Of what is made, nothing."""


def rows(names: list[str], header: str = "path,label") -> str:
    return f"{header}\n" + "".join(f"{name},{LABEL[number % 2]}\n" for number, name in enumerate(names))


LAYOUTS: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "classes alone": (lambda root: void(fill(root, classes(""))), {""}),
    "a needless level": (lambda root: void(fill(root, classes("photos/"))), {""}),
    "train, val": (of_splits("train", "val"), {"train", "val"}),
    "train, val, test": (of_splits("train", "val", "test"), {"train", "val", "test"}),
    "train, test": (of_splits("train", "test"), {"train", "test"}),
    "training, validation": (of_splits("training", "validation"), {"train", "val"}),
    "training, validation, testing": (of_splits("training", "validation", "testing"), {"train", "val", "test"}),
    "Train, Valid, Test": (of_splits("Train", "Valid", "Test"), {"train", "val", "test"}),
    "TRAIN, DEV": (of_splits("TRAIN", "DEV"), {"train", "val"}),
    "training_set, test_set": (of_splits("training_set", "test_set"), {"train", "test"}),
    "train alone": (of_splits("train"), {"train"}),
    "a level twice": (of_splits("data/seg_train/seg_train", "data/seg_test/seg_test"), {"train", "test"}),
    "Training Set, Validation Data": (of_splits("Training Set", "Validation Data"), {"train", "val"}),
    "train2017, val2017": (of_splits("train2017", "val2017"), {"train", "val"}),
    "splits in classes": (
        lambda root: void(fill(root, [*classes("cat/", ("train", "test")), *classes("dog/", ("train", "test"))])),
        {"train", "test"},
    ),
    "images deeper": (of_splits("train", "val", beside=("train/cat/a/b/9.png",)), {"train", "val"}),
    "a class like a split": (lambda root: void(fill(root, classes("", ("bus", "ship", "train")))), {""}),
    "junk beside": (
        of_splits("train", "val", beside=("Thumbs.db", ".DS_Store", "train/.DS_Store", "__MACOSX/train/cat/1.png")),
        {"train", "val"},
    ),
    "notes beside": (of_splits("train", "val", beside=("README.dataset.txt", "train/cat/notes.txt")), {"train", "val"}),
    "test without labels": (of_splits("train", beside=("test/1.png", "test/2.png")), {"train"}),
    "predictions beside": (of_splits("train", "val", beside=("pred/1.png",)), {"train", "val"}),
    "classes spelt otherwise": (
        lambda root: void(fill(root, [*classes("train/"), *classes("val/", ("Cat", "DOG"))])),
        {"train", "val"},
    ),
    "a table beside": (of_table("labels.csv", rows(ROWS), ROWS), {""}),
    "a table of ids": (
        of_table("labels.csv", rows([str(number) for number in range(8)], "image_id,category"), ROWS), {""},
    ),
    "a table of splits": (
        of_table(
            "labels.csv",
            "path,label,subset\n" + "".join(
                f"{name},{LABEL[number % 2]},{'Validation' if number > 5 else 'training'}\n"
                for number, name in enumerate(ROWS)
            ),
            ROWS,
        ),
        {"train", "val"},
    ),
    "a table for training, test images without labels": (
        of_table(
            "train.csv",
            rows([f"train/{number}.png" for number in range(4)]),
            [f"{split}/{number}.png" for split in ("train", "test") for number in range(4)],
        ),
        {"train"},
    ),
}  # fmt: skip


def suite(root: Path, target: Path, on_unreadable: str = "error") -> Images:
    return load(own_data(path=str(root), on_unreadable=on_unreadable), target)


def check(root: Path, target: Path) -> tuple[Layout, Images]:
    layout = understand(root)
    return layout, load_layout(layout, KERAS, target)


def compare(one: Images, other: Images) -> None:
    assert one.names == other.names
    assert one.class_names == other.class_names
    assert one.labels.tolist() == other.labels.tolist()
    assert one.given.tolist() == other.given.tolist()


@pytest.mark.parametrize("title", LAYOUTS)
def test_both_doors_read_the_same(tmp_path: Path, title: str) -> None:
    make, splits = LAYOUTS[title]
    make(root := tmp_path / "images")
    layout, checked = check(root, tmp_path / "check.npy")
    found = suite(root, tmp_path / "suite.npy")
    compare(found, checked)
    assert set(found.given.tolist()) == splits
    assert found.said == layout.said
    assert found.dropped == ()
    assert np.array_equal(found.images, checked.images)  # of ordinary files, of one size


@pytest.mark.parametrize("title", ASKED)
def test_what_one_door_asks_the_other_asks(tmp_path: Path, title: str) -> None:
    names, message = ASKED[title]
    with pytest.raises(SuiteError, match=message) as caught:
        suite(fill(tmp_path / "images", names) if names else tmp_path, tmp_path / "rows.npy")
    assert caught.value.key == "data.path"
    assert caught.value.cure


def test_what_looks_lost_is_listed_and_then_left_out_as_by_check(tmp_path: Path) -> None:
    """`check` leaves it aside with a word; who trains for hours is asked first."""
    root = fill(
        tmp_path / "images", [*classes("train/"), *classes("val/"), "stray.png", "train/0.png", "val/eel/a.txt"]
    )
    lost = "stray.png: lies in no class folder; train/0.png: lies in .*; val/eel: a folder without an image"
    with pytest.raises(SuiteError, match=f"3 files below .* cannot be used: {lost}; mend or remove them, or set"):
        suite(root, tmp_path / "rows.npy")
    found = suite(root, tmp_path / "rows.npy", "skip")
    layout, checked = check(root, tmp_path / "check.npy")
    compare(found, checked)
    assert set(found.dropped) == set(layout.lost)
    assert found.said[-1] == "No images by their names, and not read: .txt (1)."


def test_one_of_several_tables_can_be_given(tmp_path: Path) -> None:
    root = fill(tmp_path / "images", ROWS)
    (root / "labels.csv").write_text(rows(ROWS))
    (root / "other.csv").write_text(rows(ROWS[::-1]))
    with pytest.raises(
        SuiteError, match=r"`labels.csv` and `other.csv`; give the table .* by data.source: table"
    ) as caught:
        suite(root, tmp_path / "rows.npy")
    assert caught.value.key == "data.path"


def test_an_image_of_two_splits_is_refused(tmp_path: Path) -> None:
    root = fill(tmp_path / "images", ROWS)
    (root / "train.csv").write_text(rows(ROWS))
    (root / "val.csv").write_text(rows(ROWS[:2]))
    with pytest.raises(SuiteError, match=r"2 images below .* are in several splits, by train.csv, val.csv: images/0"):
        suite(root, tmp_path / "rows.npy")


def test_a_table_beside_the_images_is_part_of_the_sha256(tmp_path: Path) -> None:
    make, _ = LAYOUTS["a table beside"]
    make(root := tmp_path / "images")
    before = suite(root, tmp_path / "rows.npy").sha256
    assert list(before) == [str(root), str(root / "labels.csv")]
    (root / "labels.csv").write_text(rows(ROWS[::-1]))
    after = suite(root, tmp_path / "rows.npy").sha256
    assert before[str(root)] == after[str(root)]
    assert before[str(root / "labels.csv")] != after[str(root / "labels.csv")]


def test_classes_that_look_like_splits_can_be_said_to_be_classes(tmp_path: Path) -> None:
    """By the cure that the refusal names."""
    names = [*classes("benign/", ("40X", "100X")), *classes("malignant/", ("40X", "100X"))]
    root = fill(tmp_path / "images", names)
    with pytest.raises(SuiteError, match="the whole folder is train, or move them into one of that name"):
        suite(root, tmp_path / "rows.npy")
    (root / "train").mkdir()
    for name in ("benign", "malignant"):
        (root / name).rename(root / "train" / name)
    found = suite(root, tmp_path / "rows.npy")
    assert found.class_names == ("benign", "malignant")
    assert set(found.given.tolist()) == {"train"}
