"""Sources of a user's own images: folders, tables, arrays; and data sets by name, with their libraries played."""

import hashlib
import os
import pickle
import shutil
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data.test_decode import own_data
from valgap.data.names import listing
from valgap.data.sources import keras as keras_sets
from valgap.data.sources.images import Dropped, Images
from valgap.data.sources.registry import source as source_called
from valgap.ground.errors import SuiteError
from valgap.ground.naming import alike


def fill(root: Path, names: list[str], size: tuple[int, int] = (3, 2)) -> Path:
    """An image of its own grey at each name below `root`."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, number).save(path, format="PNG")
    return root


def load(source: str, path: Path, target: Path | None = None, **changes: Any) -> Images:
    data = own_data(source=source, path=str(path), **changes)
    return source_called(source).load(data, target or path.parent / "rows.npy")


def refused(source: str, path: Path, message: str, **changes: Any) -> None:
    with pytest.raises(SuiteError, match=message):
        load(source, path, **changes)


CLASSES = ["cat/1.png", "cat/2.png", "dog/1.png", "dog/deep/er/2.png"]
SPLITS = [f"train/{name}" for name in CLASSES] + ["val/cat/3.png", "test/dog/4.png"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return fill(tmp_path / "images", CLASSES)


# Folders


def test_folders_are_classes(images: Path) -> None:
    found = load("folder", images)
    assert found.class_names == ("cat", "dog")
    assert found.names == ("cat/1.png", "cat/2.png", "dog/1.png", "dog/deep/er/2.png")
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert found.labels.dtype == np.int64
    assert found.given.tolist() == [""] * 4
    assert found.images.shape == (4, 2, 3, 1)
    assert found.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert found.groups is None
    assert found.dropped == ()
    assert found.facts == {"sizes": {"3x2": 4}, "modes": {"L": 4}, "formats": {"PNG": 4}}
    assert np.array_equal(np.load(images.parent / "rows.npy"), found.images)


def test_given_splits_are_kept(tmp_path: Path) -> None:
    found = load("folder", fill(tmp_path / "images", SPLITS))
    assert dict(zip(found.names, found.given.tolist(), strict=True)) == {
        name: name.split("/")[0] for name in sorted(SPLITS)
    }
    assert found.class_names == ("cat", "dog")  # val lacks dogs, test lacks cats
    assert found.labels[found.given == "val"].tolist() == [0]
    shutil.rmtree(tmp_path / "images" / "val")
    assert load("folder", tmp_path / "images").given.tolist() == ["test", "train", "train", "train", "train"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([*SPLITS, "val/bird/1.png"], "validation or test images have but no training image: bird"),
        (
            [*SPLITS, "validation/cat/1.png", "validation/dog/1.png"],
            "`val` and `validation` are both validation by their names; .*rename the other; splits are",
        ),
        (
            [f"train/{name}" for name in CLASSES] + ["more/cat/1.png", "more/dog/1.png"],
            "`more` lies beside training, and holds class folders of the same names",
        ),
        (["val/cat/1.png", "val/dog/1.png", "test/cat/2.png", "test/dog/2.png"], "no folder that is training by its"),
        ([f"test/{name}" for name in CLASSES], "it holds test images alone, and none to train on"),
        (["cat/1.png", "cat/2.png", "Cat/1.png", "Cat/2.png"], "case or spaces alone: 'Cat' and 'cat'; rename"),
        (["cat/1.png", "cat/2.png", "cat /1.png", "cat /2.png"], "case or spaces alone"),
        (["caf\u00e9/1.png", "caf\u00e9/2.png", "cafe\u0301/1.png", "cafe\u0301/2.png"], "case or spaces alone"),
        (["cat/1.png", "cat/2.png"], "has one class only, `cat`"),
        ([*CLASSES, "owl/1.png"], "less than 2 images to train on: owl has 1; add"),
        ([*SPLITS, "train/owl/1.png", "val/owl/2.png"], "less than 2 images to train on: owl has 1"),
        (["1.png", "2.png"], "images lie right in it, without class folders or a table of labels"),
        ([], "cannot be listed"),
    ],
)
def test_folders_that_are_no_data_set_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    refused("folder", fill(tmp_path / "images", names), message)


def test_empty_folders_are_refused(tmp_path: Path, images: Path) -> None:
    (tmp_path / "nothing").mkdir()
    refused("folder", tmp_path / "nothing", "no image lies in it; give the folder that holds a folder for each class")
    refused("folder", images / "cat" / "1.png", "it is a file, no folder and no table; give the folder")
    (images / "owl" / "deep").mkdir(parents=True)
    (images / "owl" / ".gitkeep").touch()
    refused("folder", images, "1 files below .* cannot be used: owl: a folder without an image; mend or remove")
    assert load("folder", images, on_unreadable="skip").dropped == (Dropped("owl", "a folder without an image"),)


def test_a_class_may_be_called_like_a_split(tmp_path: Path) -> None:
    names = [f"{name}/{number}.png" for name in ("bus", "train", "ship") for number in range(2)]
    assert load("folder", fill(tmp_path / "images", names)).class_names == ("bus", "ship", "train")


def test_a_table_is_no_folder(images: Path) -> None:
    write(images, lines(*ROWS))
    refused("folder", images / "labels.csv", "a table, no folder; set data.source: table, .* data.table: labels.csv")


def test_what_systems_leave_behind_is_passed_over(images: Path) -> None:
    plain = load("folder", images)
    for name in (".DS_Store", ".gitignore", "cat/.DS_Store", "cat/Thumbs.db", "cat/._1.png", "dog/desktop.ini"):
        (images / name).write_text("left")
    fill(images, [".ipynb_checkpoints/1.png", "cat/.cache/1.png", "__MACOSX/cat/1.png"])
    again = load("folder", images)
    assert again.names == plain.names
    assert again.sha256 == plain.sha256
    assert again.dropped == ()


def test_unreadable_files_are_all_named_or_all_counted(images: Path) -> None:
    for number in range(25):
        (images / "cat" / f"x{number:02}.png").write_text("words")
    fill(images, ["0.png"])
    (images / "dog" / "new\nline.png").touch()
    refused(
        "folder", images,
        r"27 files below .* cannot be used: 0.png: lies in no class folder; cat/x00.png: no PNG.* and 7 more; mend",
    )  # fmt: skip
    found = load("folder", images, on_unreadable="skip")
    assert found.names == tuple(sorted(CLASSES))
    assert len(found.dropped) == 27
    assert found.dropped[0] == Dropped("0.png", "lies in no class folder")
    assert found.dropped[-1] == Dropped("dog/new\nline.png", "empty, 0 bytes")
    assert found.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_what_is_no_image_by_its_name_is_said(images: Path) -> None:
    plain = load("folder", images)
    for name in ("README.roboflow.txt", "cat/notes.TXT", "dog/labels\n.csv", "LICENSE", "cat/1.xml"):
        (images / name).write_text("words")
    found = load("folder", images)
    assert (found.names, found.sha256, found.dropped) == (plain.names, plain.sha256, ())
    said = "No images by their names, and not read: .txt (2), no suffix (1), .xml (1), .csv (1)."
    assert found.said == (*plain.said, said)
    assert plain.said == ("`cat` and `dog` are taken for the classes; no split is known.",)


def test_dropping_must_leave_every_class_two_images(images: Path) -> None:
    (images / "cat" / "1.png").write_text("words")
    refused("folder", images, "without 1 unreadable files with less than 2 .*: cat has 1", on_unreadable="skip")
    (images / "cat" / "2.png").write_text("words")
    refused("folder", images, "less than 2 .*: cat has 0", on_unreadable="skip")


def test_links_are_followed_and_loops_refused(tmp_path: Path, images: Path) -> None:
    fill(tmp_path / "elsewhere", ["1.png", "a.png"])
    (images / "cat" / "linked.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    (images / "owl").symlink_to(tmp_path / "elsewhere")
    found = load("folder", images)
    assert "cat/linked.png" in found.names
    assert "owl/1.png" in found.names
    (images / "dog" / "deep" / "back").symlink_to(images)
    refused("folder", images, "dog/deep/back and . below .* are the same folder, by a link: remove it")
    (images / "dog" / "deep" / "back").unlink()
    (images / "owl2").symlink_to(tmp_path / "elsewhere")
    refused("folder", images, "owl2 and owl below .* are the same folder")


STRANGE = [
    "a b.png", "it's \"1\".png", "new\nline.png", "<script>alert(1).png", "\u00e6\u0301\u6f22\U0001f600.png", "-rf.png",
    "$(x) `y` %s {0}.png",
]  # fmt: skip


def test_strange_names_work(tmp_path: Path) -> None:
    names = [f"{kind}/{name}" for kind in ("<b>", "two words") for name in STRANGE]
    found = load("folder", fill(tmp_path / "images", names))
    assert sorted(found.names) == sorted(names)
    assert found.class_names == ("<b>", "two words")


def test_names_that_are_not_utf8_are_readable(tmp_path: Path) -> None:
    fill(tmp_path / "images", [*CLASSES, os.fsdecode(b"cat\xff/b\xe9.png"), os.fsdecode(b"cat\xff/c.png")])
    found = load("folder", tmp_path / "images")
    assert found.class_names == ("cat", "cat\\xff", "dog")
    assert "cat\\xff/b\\xe9.png" in found.names
    for name in (*found.names, *found.class_names):
        name.encode("utf-8")
    fill(tmp_path / "images", ["cat\\xff/c.png"])
    refused("folder", tmp_path / "images", "not UTF-8 read like others: rename")


def test_sha256_is_of_names_and_contents(images: Path) -> None:
    digest = hashlib.sha256()
    for name in sorted(CLASSES):
        digest.update(f"{name}\0{hashlib.sha256((images / name).read_bytes()).hexdigest()}\n".encode())
    before = load("folder", images).sha256
    assert before == {str(images): digest.hexdigest()}
    (images / "cat" / "1.png").rename(images / "cat" / "0.png")
    assert load("folder", images).sha256 != before


def test_groups_are_numbered_by_what_the_pattern_finds(tmp_path: Path) -> None:
    root = fill(tmp_path / "images", ["cat/p2_1.png", "cat/p10_1.png", "dog/p10_2.png", "dog/p1/p1_1.png"])
    found = load("folder", root, group_pattern=r"(p\d+)_")
    assert found.names == ("cat/p10_1.png", "cat/p2_1.png", "dog/p1/p1_1.png", "dog/p10_2.png")
    assert found.groups is not None
    assert found.groups.tolist() == [1, 2, 0, 1]  # p1, p10, p2
    assert found.groups.dtype == np.int64
    assert load("folder", root, group_pattern="^([a-z]+)/").groups is not None  # below data.path
    fill(root, ["cat/alone.png", "dog/also.png"])
    refused(
        "folder", root, r"does not match the paths of 2 images: cat/alone.png, dog/also.png", group_pattern=r"(p\d+)_"
    )
    refused("folder", root, "does not match .* of 6", group_pattern="cat|dog(never)?")
    refused("folder", root, "is of data.source = table", group_column="patient")


def test_what_is_dropped_needs_no_group(images: Path) -> None:
    fill(images, ["stray.png"])
    found = load("folder", images, group_pattern=r"(\d)\.png", on_unreadable="skip")
    assert found.groups is not None
    assert found.groups.tolist() == [0, 1, 0, 1]


# Tables

ROWS = [
    ("cat/1.png", "cat", "p1"),
    ("cat/2.png", "cat", "p2"),
    ("dog/1.png", "NA", "p1"),
    ("dog/deep/er/2.png", "NA", "p3"),
]


def write(root: Path, content: str | bytes, name: str = "labels.csv") -> None:
    (root / name).write_bytes(content.encode() if isinstance(content, str) else content)


def lines(*rows: tuple[str, ...], header: str = "path,label,patient") -> str:
    return "\n".join([header, *(",".join(row) for row in rows)]) + "\n"


def table(root: Path, **changes: Any) -> Images:
    return load("table", root, **({"table": "labels.csv"} | changes))


def refused_table(root: Path, content: str | bytes, message: str, **changes: Any) -> None:
    write(root, content)
    refused("table", root, message, **({"table": "labels.csv"} | changes))


def test_table_names_classes_groups_and_splits(images: Path) -> None:
    write(images, lines(*reversed(ROWS)))
    found = table(images, group_column="patient")
    assert found.names == tuple(path for path, _, _ in ROWS)
    assert found.class_names == ("NA", "cat")
    assert found.labels.tolist() == [1, 1, 0, 0]
    assert found.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert found.groups is not None
    assert found.groups.tolist() == [0, 1, 0, 2]
    assert found.given.tolist() == [""] * 4
    assert found.sha256[str(images / "labels.csv")] == hashlib.sha256((images / "labels.csv").read_bytes()).hexdigest()
    assert len(found.sha256) == 2
    assert table(images).groups is None
    by_path = table(images, group_pattern="^(cat|dog)/").groups
    assert by_path is not None
    assert by_path.tolist() == [0, 0, 1, 1]


def test_labels_stay_text_and_split_is_read(images: Path) -> None:
    fill(images, ["3.png", "4.png"])
    rows = [(path, label, "train") for (path, *_), label in zip(ROWS, ("01", "01", "1", "1"), strict=True)]
    rows += [("./3.png", "1", "val"), ("4.png", "01", "")]
    write(images, b"\xef\xbb\xbf" + lines(*rows, header="path,label,split").replace(",", "\t").encode(), "all.tsv")
    found = table(images, table="all.tsv")
    assert found.class_names == ("01", "1")
    assert dict(zip(found.names, found.given.tolist(), strict=True))["3.png"] == "val"
    assert found.given.tolist().count("") == 1


def test_quoted_cells_may_hold_anything(tmp_path: Path) -> None:
    names = [f"{kind}/{name}" for kind in ("x", "y") for name in STRANGE]
    root = fill(tmp_path / "images", names)
    doubled = [name.replace('"', '""') for name in names]
    write(root, "path,label\n" + "".join(f'"{name}","{name[0]}, ""or so"""\n' for name in doubled))
    found = table(root)
    assert sorted(found.names) == sorted(names)
    assert found.class_names == ('x, "or so"', 'y, "or so"')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no row below a header"),
        ("path,label\n", "has no row below a header"),
        (
            "file,label\na,b\n",
            "names no image below its folder with a label: none of its rows .1. does; column `file` says `a`, but no "
            "file `a`, with or without an image suffix, lies below .*; one column, such as path",
        ),
        (
            "where,label\ncat/1.png,b\n",
            "names no image .*: its columns are where, label; one column, such as path",
        ),
        ("path,x,y\ncat/1.png,b,c\n", "names no image .* with a label: .* one, such as label, their classes"),
        ("path,label,label\na,b,c\n", "has columns twice: label; its first row is"),
        (lines(*ROWS) + "a,b,c,d\n", "rows with more cells than its header, path, label, patient: 5, the first below"),
        (lines(*ROWS).encode("utf-16"), "is not UTF-8"),
        ("path,label\ncat/1.png,caf\u00e9\n".encode("latin-1"), "is not UTF-8 .*: save it so"),
        (lines(*ROWS, (" ", "cat", "p")), "1 files .*: row 5 of labels.csv: names no file"),
        (lines(*ROWS, ("/etc/passwd", "cat", "p")), "1 files .*: /etc/passwd: in the table, but no file"),
        (lines(*ROWS, ("cat/../../a.png", "cat", "p")), r"1 files .*: cat/../../a.png: in the table, but no file"),
        (lines(*ROWS, ("./cat//1.png", "NA", "p")), "says two things of 1 files, such as `cat/1.png`"),
        (
            lines(*ROWS, ("cat/3.png", "cat", "p"), ("x", "cat", "p")),
            r"2 files below .*: cat/3.png: in the table, but no file; x: in the table, but no file; mend",
        ),
        (lines(*ROWS, ("cat", "cat", "p")), "1 files .*: cat: in the table, but no file"),
        (lines(*ROWS, ("owl/1.png", "cat", "p")), "1 files .*: owl/1.png: in the table, but no file"),
        (lines(*ROWS, ("n" * 300, "cat", "p")), r"1 files .*: n+: in the table, but no file"),
        (lines(*ROWS, header="path,label,split"), "splits that are neither train, val nor test: `p1`, `p2` and `p3`"),
        (lines(*((path, "cat", "") for path, _, _ in ROWS)), "has one class only"),
    ],
)
def test_tables_that_are_none_are_refused(images: Path, content: str | bytes, message: str) -> None:
    refused_table(images, content, message)


def test_table_must_lie_in_the_folder_and_name_its_format(tmp_path: Path, images: Path) -> None:
    write(tmp_path, lines(*ROWS), "out.csv")
    refused("table", images, "data.table = '../out.csv' leaves data.path", table="../out.csv")
    (images / "in.csv").symlink_to(tmp_path / "out.csv")
    refused("table", images, "data.table = 'in.csv' leaves data.path", table="in.csv")
    refused("table", images, "none.csv is no file", table="none.csv")
    write(images, lines(*ROWS), "labels.txt")
    refused("table", images, r"must end in .csv \(commas or semicolons\) or .tsv", table="labels.txt")


def test_links_in_a_table_may_not_leave_the_folder(tmp_path: Path, images: Path) -> None:
    fill(tmp_path / "outside", ["a.png"])
    (images / "a.png").symlink_to(tmp_path / "outside" / "a.png")
    refused_table(images, lines(*ROWS, ("a.png", "cat", "p")), "outside .*, by a link: a.png")
    (images / "a.png").unlink()
    (images / "away").symlink_to(tmp_path / "outside")
    refused_table(images, lines(*ROWS, ("away/a.png", "cat", "p")), "outside .*, by a link: away/a.png")
    (images / "away").unlink()
    (images / "again.png").symlink_to(images / "cat" / "1.png")
    refused_table(
        images, lines(*ROWS, ("again.png", "cat", "p")), "2 rows name a file that another row names, by a link"
    )


def test_tables_are_read_as_people_write_them(tmp_path: Path, images: Path) -> None:
    """As `check` reads them; a path that another has is the file's with the longest end in common."""
    plain = lines(*ROWS)
    write(images, plain)
    expected = table(images)
    for content in (
        plain.replace("path,label", "Filename,Class").replace(",", ";"),
        plain.replace("cat/", "C:\\data\\cat\\").replace("dog/", "/content/drive/dog/"),
        plain + "./cat//1.png,cat,p1\n" + "cat/../cat/2.png,cat,p2\n",
    ):
        write(images, content)
        found = table(images)
        assert (found.names, found.class_names) == (expected.names, expected.class_names)
        assert found.labels.tolist() == expected.labels.tolist()
    assert found.said[1] == "2 rows of `labels.csv` say again what others say."
    fill(images, ["cat/3.png"])
    write(
        images, lines(*ROWS, ("cat/3.png", "cat", "TRAIN"), header="path,label,subset")
        .replace("p1", "Training").replace("p2", "valid").replace("p3", "")
    )  # fmt: skip
    assert table(images).given.tolist() == ["train", "val", "train", "train", ""]
    write(images, plain)
    (images / "cat/3.png").unlink()
    (images / "meta").mkdir()
    write(images / "meta", plain)
    (images / "labels.csv").unlink()
    assert table(images, table="meta/labels.csv").names == expected.names


def test_a_file_of_two_groups_is_refused(images: Path) -> None:
    content = lines(*ROWS, ("cat/1.png", "cat", "p9"))
    write(images, content)
    assert table(images).names == tuple(path for path, _, _ in ROWS)
    refused_table(
        images, content, "says two things of 1 files, such as `cat/1.png`: .*one group", group_column="patient"
    )


def test_images_without_a_row_or_a_label_are_listed(images: Path) -> None:
    fill(images, ["3.png", "deep/4.png"])
    refused_table(
        images, lines(*ROWS, ("3.png", "", "p")), "2 files .*: 3.png: has no label in the table; deep/4.png: an"
    )
    refused_table(
        images, lines(*ROWS) + "3.png\n", "2 files .*: 3.png: has no label in the table; deep/4.png: an image, but"
    )


def test_group_column_must_be_there_and_filled(images: Path) -> None:
    message = r"'site' is no column of labels.csv \(it has path, label, patient\)"
    refused_table(images, lines(*ROWS), message, group_column="site")
    refused_table(images, lines(*ROWS[:3], (*ROWS[3][:2], "")), "1 rows have no patient: row 4", group_column="patient")


def test_what_table_and_folder_do_not_share_is_counted_on_demand(images: Path) -> None:
    fill(images, ["more.png", "dog/5.png"])
    (images / "notes.txt").write_text("no image, and not asked for")
    (images / "dog" / "5.png").write_text("words")
    write(images, lines(*ROWS, ("gone.png", "cat", "p"), ("dog/5.png", "NA", "p")))
    found = table(images, on_unreadable="skip")
    assert found.names == tuple(path for path, _, _ in ROWS)
    assert [(item.name, item.why) for item in found.dropped] == [
        ("dog/5.png", "no PNG, JPEG, BMP, GIF, WebP or TIFF image, or a damaged one"),
        ("gone.png", "in the table, but no file"),
        ("more.png", "an image, but not in the table"),
    ]


# Arrays

PIXELS = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
LABELS = np.array([2, 0, 1, 2, 0, 1])


def npz(tmp_path: Path, **arrays: Any) -> Path:
    path = tmp_path / "images.npz"
    np.savez_compressed(path, **({"images": PIXELS, "labels": LABELS} | arrays))
    return path


def test_arrays_come_as_they_are(tmp_path: Path) -> None:
    found = load("npz", npz(tmp_path))
    assert np.array_equal(found.images, PIXELS[..., np.newaxis])
    assert found.labels.tolist() == LABELS.tolist()
    assert found.class_names == ("0", "1", "2")
    assert found.given.tolist() == [""] * 6
    assert found.names[:2] == ("images[0]", "images[1]")
    assert found.groups is None
    assert found.facts == {"sizes": {"5x4": 6}, "modes": {"L": 6}, "formats": {"NumPy": 6}}
    assert list(found.sha256) == [str(tmp_path / "images.npz")]


@pytest.mark.parametrize("kind", ["float16", "float32", ">f8"])
def test_floats_are_rounded_to_bytes(tmp_path: Path, kind: str) -> None:
    floats = np.repeat((PIXELS / 255)[..., np.newaxis], 3, axis=3).astype(kind)
    found = load("npz", npz(tmp_path, images=np.asfortranarray(floats)))
    assert np.array_equal(found.images, np.repeat(PIXELS[..., np.newaxis], 3, axis=3))


def test_companions_are_read(tmp_path: Path) -> None:
    found = load(
        "npz",
        npz(
            tmp_path,
            labels=np.array(["b", "a", "a", "b", "a", "b"]),
            split=np.array(["train", "", "", "", "Validation", ""]),
            groups=np.array(["p9", "p1", "p9", "p2", "p2", "p1"]),
            class_names=np.array(["b", "a"]),
            names=np.array([b"one", b"two", b"three", b"four", b"five", b"\xff"]),
        ),
    )
    assert found.class_names == ("b", "a")
    assert found.labels.tolist() == [0, 1, 1, 0, 1, 0]
    assert found.given.tolist() == ["train", "", "", "", "val", ""]
    assert found.groups is not None
    assert found.groups.tolist() == [2, 0, 2, 1, 1, 0]
    assert found.names == ("one", "two", "three", "four", "five", "\\xff")


def test_gaps_in_labels_are_closed_unless_classes_are_named(tmp_path: Path) -> None:
    gaps = load("npz", npz(tmp_path, labels=np.array([7, 10, 7, 10, 2, 2], dtype=np.uint64)))
    assert gaps.class_names == ("2", "7", "10")
    assert gaps.labels.tolist() == [1, 2, 1, 2, 0, 0]
    named_ones = load("npz", npz(tmp_path, class_names=np.array(["x", "y", "z"])))
    assert named_ones.class_names == ("x", "y", "z")
    assert named_ones.labels.tolist() == LABELS.tolist()


def test_arrays_apart_are_the_given_splits(tmp_path: Path) -> None:
    path = tmp_path / "images.npz"
    np.savez(path, x_train=PIXELS, y_train=LABELS, x_test=PIXELS[:2] + 100, y_test=LABELS[:2])
    found = load("npz", path)
    assert found.given.tolist() == ["train"] * 6 + ["test"] * 2
    assert found.names[5:7] == ("x_train[5]", "x_test[0]")
    assert np.array_equal(found.images[6:, ..., 0], PIXELS[:2] + 100)
    assert found.labels[6:].tolist() == [2, 0]


def test_arrays_follow_size_and_color(tmp_path: Path) -> None:
    rgb = np.zeros((6, 4, 5, 3), np.uint8)
    rgb[..., 0] = 255
    found = load("npz", npz(tmp_path, images=rgb), color="grey", image_size=(3, 2), resize="crop")
    assert found.images.shape == (6, 3, 2, 1)
    assert (found.images == 76).all()
    assert load("npz", npz(tmp_path), color="rgb").images.shape == (6, 4, 5, 3)
    mixed = tmp_path / "mixed.npz"
    np.savez(mixed, x_train=PIXELS, y_train=LABELS, x_val=rgb, y_val=LABELS)
    assert load("npz", mixed).images.shape == (12, 4, 5, 3)
    np.savez(mixed, x_train=PIXELS, y_train=LABELS, x_val=PIXELS[:, :2], y_val=LABELS)
    refused("npz", mixed, r"have 2 sizes, .*5x4 \(6, such as .*x_train'\), 5x2")


def bad(value: float) -> np.ndarray:
    floats = PIXELS / 255
    floats[3, 2, 1] = value
    return floats


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": bad(np.nan)}, r"values from nan to nan at images 0 to 5; floats must lie in \[0, 1\]"),
        ({"images": bad(np.inf)}, "values from .* to inf"),
        ({"images": bad(1.5)}, r"values from 0.0 to 1.5 .*divide by 255"),
        ({"images": bad(-0.1)}, "values from -0.1"),
        ({"images": PIXELS.astype(np.int64)}, "images is int64, must be uint8, or float"),
        ({"images": PIXELS > 3}, "images is bool"),
        ({"images": PIXELS[0]}, r"images has 4 images for 6 labels"),
        ({"images": PIXELS.reshape(6, 20)}, r"shape \(6, 20\), must be \(n, height, width\)"),
        ({"images": PIXELS.reshape(6, 5, 2, 2)}, "with 1 or 3"),
        ({"images": np.zeros((6, 0, 4), np.uint8)}, r"shape \(6, 0, 4\)"),
        ({"images": np.uint8(3)}, r"shape \(\)"),
        ({"images": PIXELS[:5]}, "images has 5 images for 6 labels"),
        ({"images": PIXELS.astype(object)}, "cannot be read .*allow_pickle.*without objects"),
        ({"labels": LABELS.astype(object)}, "cannot be read .*allow_pickle"),
        ({"labels": LABELS.astype(float)}, r"labels is float64 of shape \(6,\), must be \(n,\) of whole numbers"),
        ({"labels": LABELS[:, np.newaxis]}, r"labels is int64 of shape \(6, 1\)"),
        ({"labels": LABELS - 1}, "labels run from -1 to 1, must be from 0"),
        ({"class_names": np.array(["x", "y"])}, "labels run from 0 to 2, must be from 0 to 1"),
        ({"class_names": np.array(["x", "y", "z", "none"])}, "less than 2 images to train on: none has 0"),
        ({"class_names": np.array(["x", "y", "x"])}, "'x' and 'x'; rename"),
        (
            {"labels": LABELS.astype(str), "class_names": np.array(["0", "1"])},
            "labels holds 2, which class_names lacks",
        ),
        ({"labels": np.array([], int), "images": PIXELS[:0]}, "has one class only"),
        ({"labels": LABELS * 0}, "has one class only"),
        ({"labels": np.array([0, 0, 1, 1, 1, 2])}, "2 has 1"),
        ({"split": np.array(["fold 1"] * 6)}, r"split holds fold 1 \(allowed: train, val, test, or nothing\)"),
        ({"split": np.array(["train"] * 5)}, "split has 5 entries for 6 labels"),
        ({"split": np.arange(6)}, "split is int64 .* of text"),
        ({"groups": np.arange(6) / 2}, "groups is float64"),
        ({"groups": np.arange(7)}, "groups has 7 entries"),
        ({"names": np.array(["a"])}, "names has 1 entries"),
        ({"group": np.arange(6)}, r"unknown keys: group \(allowed: images, labels, split, groups"),
        ({"x_train": PIXELS}, r"unknown keys: images, labels \(allowed: x_train"),
    ],
)
def test_arrays_that_are_no_data_set_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    refused("npz", npz(tmp_path, **arrays), message)
    assert not (tmp_path / "rows.npy").exists()


def test_halves_of_a_pair_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=PIXELS)
    refused("npz", tmp_path / "a.npz", r"lacks the key y_train \(it has x_train\)")
    np.savez(tmp_path / "a.npz", images=PIXELS)
    refused("npz", tmp_path / "a.npz", r"lacks the key labels")
    np.savez(tmp_path / "a.npz", x_train=PIXELS, y_train=LABELS, y_val=LABELS)
    refused("npz", tmp_path / "a.npz", r"lacks the key x_val")


def test_nothing_is_unpickled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Loud:
        def __reduce__(self) -> tuple[Any, ...]:
            return print, ("unpickled",)

    (tmp_path / "a.npz").write_bytes(pickle.dumps(Loud()))
    refused("npz", tmp_path / "a.npz", "cannot be read")
    np.savez(tmp_path / "b.npz", images=np.array([Loud()] * 6, dtype=object), labels=LABELS)
    refused("npz", tmp_path / "b.npz", "cannot be read .*write it with np.savez_compressed, of arrays without objects")
    assert "unpickled" not in capsys.readouterr().out
    pickle.loads((tmp_path / "a.npz").read_bytes())
    assert "unpickled" in capsys.readouterr().out  # the trap bites


@pytest.mark.parametrize(
    "damaged",
    [
        lambda whole: b"",
        lambda whole: b"words",
        lambda whole: whole[:300],
        lambda whole: whole[:-20],
        lambda whole: whole.replace(b"NUMPY", b"numpy"),
    ],
    ids=["empty", "words", "its start", "cut short", "no arrays"],
)
def test_damaged_npz_files_are_refused(tmp_path: Path, damaged: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, images=PIXELS, labels=LABELS)
    path.write_bytes(damaged(path.read_bytes()))
    refused("npz", path, "cannot be read")


def test_files_that_are_no_npz_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.save(tmp_path / "one.npy", PIXELS)
    refused("npz", tmp_path / "one.npy", "is one array, not an .npz file")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images", b"words")
        archive.writestr("labels", b"words")
    refused("npz", path, "labels is no array of NumPy")
    refused("npz", tmp_path, "Is a directory")
    refused("npz", tmp_path / "none.npz", "No such file")


@pytest.mark.parametrize(("source", "name"), [("npz", None), ("keras", "mnist"), ("tfds", "insects")])
def test_sources_without_files_have_no_groups_by_path(tmp_path: Path, source: str, name: str | None) -> None:
    refused(source, npz(tmp_path), r"group_pattern = '\(.\)' is of sources with files", group_pattern="(.)", name=name)
    refused(source, npz(tmp_path), "group_column = 'x' is of sources with files", group_column="x", name=name)


# Names of classes that other programs take for something else

HOSTILE = (
    "0",
    "1",
    "2",
    "01",
    "1e3",
    "1000",
    "-1",
    "True",
    "False",
    "NA",
    "nan",
    "None",
    "null",
    "inf",
    "=1+1",
)


def check_hostile(found: Images, labels: list[str]) -> None:
    assert found.class_names == tuple(sorted(HOSTILE))
    assert [found.class_names[label] for label in found.labels] == labels


def test_folders_keep_hostile_names(tmp_path: Path) -> None:
    found = load("folder", fill(tmp_path / "images", [f"{name}/{number}.png" for name in HOSTILE for number in "xy"]))
    check_hostile(found, [name.split("/")[0] for name in found.names])


@pytest.mark.parametrize(("name", "separator"), [("labels.csv", ","), ("labels.tsv", "\t")])
def test_tables_keep_hostile_names(tmp_path: Path, name: str, separator: str) -> None:
    label_of = {f"{number}.png": label for number, label in enumerate(HOSTILE * 2)}
    root = fill(tmp_path / "images", [*label_of])
    write(
        root, f"path{separator}label\n" + "".join(f'{path}{separator}"{label_of[path]}"\n' for path in label_of), name
    )
    found = table(root, table=name)
    check_hostile(found, [label_of[name] for name in found.names])


def test_arrays_keep_hostile_names(tmp_path: Path) -> None:
    labels = [*HOSTILE, *reversed(HOSTILE)]
    pixels = np.zeros((len(labels), 2, 2), np.uint8)
    check_hostile(load("npz", npz(tmp_path, images=pixels, labels=np.array(labels))), labels)
    check_hostile(load("npz", npz(tmp_path, images=pixels, labels=np.array(labels).astype(bytes))), labels)
    named = npz(
        tmp_path, images=pixels, labels=np.array([HOSTILE.index(label) for label in labels]),
        class_names=np.array(HOSTILE),
    )  # fmt: skip
    found = load("npz", named)
    assert found.class_names == HOSTILE  # in the order of the labels
    assert [found.class_names[label] for label in found.labels] == labels


def test_tfds_keeps_hostile_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played({"train": [example(number, number % 2) for number in range(4)]})
    played.info.features["species"].names = ["NA", "01"]
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", played)
    found = load("tfds", tmp_path / "none", tmp_path / "rows.npy", name="insects")
    assert found.class_names == ("NA", "01")


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_classes_without_a_readable_name_are_refused(tmp_path: Path, blank: str) -> None:
    labels = np.array(["a", "a", "b", "b", blank, blank])
    refused("npz", npz(tmp_path, labels=labels), "have a name that cannot be used: '.*' is blank; rename them")
    if blank:
        names = [f"{folder}/{number}.png" for folder in ("a", blank) for number in "xy"]
        refused("folder", fill(tmp_path / "images", names), "a name that cannot be used: '.*' is blank; rename them")


def test_hostile_names_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    labels = np.array(["nan", "nan", "NaN", "NaN", "x", "x"])
    refused("npz", npz(tmp_path, labels=labels), "'NaN' and 'nan'; rename one")


OF_CLASSES = {
    "a\x1b[2Jb": r"holds what does not print: '\\x1b'",
    "a\tb": r"holds what does not print: '\\t'",
    "c\nd": r"holds what does not print: '\\n'",
    "\u202eabc": r"holds what does not print: '\\u202e'",
    "CON": "is a name that Windows keeps for a device",
    "cat.": "ends in a dot, which Windows takes away",
    "d\u043eg": "has a word of Latin and Cyrillic letters that look alike",
    "x" * 101: "is 101 bytes long in UTF-8, over the limit of 100",
}


@pytest.mark.parametrize("name", OF_CLASSES)
def test_classes_that_not_every_system_or_reader_can_name_are_refused_whatever_says_them(
    tmp_path: Path, name: str
) -> None:
    message = f"have a name that cannot be used: '.*' {OF_CLASSES[name]}; rename them"
    refused("npz", npz(tmp_path, labels=np.array(["a", "a", name, name, "b", "b"])), message)
    refused("folder", fill(tmp_path / "images", [f"{kind}/{n}.png" for kind in ("a", name) for n in "xy"]), message)
    root = fill(tmp_path / "named", [f"{number}.png" for number in range(4)])
    write(root, "path,label\n0.png,a\n1.png,a\n" + "".join(f'{number}.png,"{name}"\n' for number in (2, 3)))
    with pytest.raises(SuiteError, match=message):
        table(root)


def test_classes_that_look_alike_are_refused_by_their_code_points(tmp_path: Path) -> None:
    labels = np.array(["\u0441\u0430\u0442", "cat", "\u0441\u0430\u0442", "cat", "x", "x"])  # Cyrillic, but for its T
    assert alike(sorted(set(labels.tolist()))) == []
    labels = np.array(["\u0441\u0430\u0440", "cap", "\u0441\u0430\u0440", "cap", "x", "x"])
    refused("npz", npz(tmp_path, labels=labels), r"'cap' and '.*' \(\\u0441\\u0430\\u0440\); rename one")


# Data sets by name


def play_keras(monkeypatch: pytest.MonkeyPatch, name: str, load_data: Any) -> None:
    monkeypatch.setitem(sys.modules, f"keras.datasets.{name}", types.SimpleNamespace(load_data=load_data))


def test_keras_sets_have_a_pool_and_a_test_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 3), dtype=np.uint8)
    labels = np.array([[number] for number in [*range(10), 3, 4]], np.uint8)
    play_keras(monkeypatch, "cifar10", lambda: ((rgb[:10], labels[:10]), (rgb[10:], labels[10:])))
    found = load("keras", tmp_path / "none", tmp_path / "rows.npy", name="cifar10")
    assert np.array_equal(found.images, rgb)
    assert found.labels.tolist() == [*range(10), 3, 4]
    assert found.given.tolist() == [""] * 10 + ["test"] * 2
    assert found.names[9:] == ("train[9]", "test[0]", "test[1]")
    assert found.class_names[3] == "cat"
    before = found.sha256
    rgb[0, 0, 0, 0] ^= 1
    assert load("keras", tmp_path / "none", tmp_path / "rows.npy", name="cifar10").sha256 != before


def test_keras_sets_that_cannot_be_had_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise Exception("URL fetch failure on https://example.org: None -- no route")

    play_keras(monkeypatch, "mnist", fail)
    refused(
        "keras", tmp_path, r"'mnist' of source keras cannot be had: URL fetch failure .*kept in ~/.keras", name="mnist"
    )
    refused("keras", tmp_path, r"'imdb' is no data set of source keras \(allowed: mnist, fashion_mnist", name="imdb")


def test_keras_knows_the_sets_and_their_numbers_of_classes() -> None:
    import keras.datasets

    assert {name: len(classes) for name, classes in keras_sets.SETS.items()} == {
        "mnist": 10, "fashion_mnist": 10, "cifar10": 10, "cifar100": 100,
    }  # fmt: skip
    for name, classes in keras_sets.SETS.items():
        assert callable(getattr(keras.datasets, name).load_data)
        assert len(set(classes)) == len(classes)


class Played:
    """TensorFlow Datasets, as far as a source calls it."""

    def __init__(self, sets: dict[str, list[tuple[np.ndarray, int]]]) -> None:
        self.sets = sets
        label = types.SimpleNamespace(names=["ant", "bee"])
        self.info = types.SimpleNamespace(features={"species": label}, supervised_keys=("image", "species"))

    def load(self, name: str, *, as_supervised: bool, with_info: bool, shuffle_files: bool) -> tuple[Any, Any]:
        assert (as_supervised, with_info, shuffle_files) == (True, True, False)
        if name != "insects":
            raise ValueError(f"Dataset {name} not found")
        return self.sets, self.info

    def as_numpy(self, examples: list[tuple[np.ndarray, int]]) -> Iterator[tuple[np.ndarray, np.int64]]:
        return ((image, np.int64(label)) for image, label in examples)


def example(value: int, label: int, size: tuple[int, int] = (4, 4)) -> tuple[np.ndarray, int]:
    return np.full((*size, 3), value, np.uint8), label


INSECTS = {
    "test": [example(7, 1)],
    "unlabelled": [example(8, 0)],
    "train": [example(number, number % 2) for number in range(4)],
    "validation": [example(5, 0)],
}


def test_tfds_sets_keep_their_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", Played(INSECTS))
    found = load("tfds", tmp_path / "none", tmp_path / "rows.npy", name="insects")
    assert found.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 5, 7]
    assert found.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert found.given.tolist() == ["train"] * 4 + ["val", "test"]
    assert found.class_names == ("ant", "bee")
    assert found.names[4:] == ("validation[0]", "test[0]")
    several = INSECTS | {"validation": [example(5, 0, (6, 9)), example(6, 0, (6, 9))]}
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", Played(several))
    message = r"2 sizes, .*4x4 \(5, such as 'image train\[0\] of insects'\), 9x6 \(2,"
    refused("tfds", tmp_path / "none", message, name="insects")
    resized = load("tfds", tmp_path / "none", tmp_path / "rows.npy", name="insects", image_size=(3, 3))
    assert resized.images.shape == (7, 3, 3, 3)


def test_tfds_that_is_missing_or_fails_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    refused("tfds", tmp_path, "which is not installed .*add tensorflow-datasets to requirements.in", name="insects")
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", Played(INSECTS))
    refused(
        "tfds",
        tmp_path,
        "'wasps' of source tfds cannot be had: Dataset wasps not found. .*~/tensorflow_datasets",
        name="wasps",
    )
    single = Played({"train": [(np.zeros((2, 2, 3), np.float64) + 2, 0)] * 2})
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", single)
    refused("tfds", tmp_path, r"values from 2.0 to 2.0", name="insects")
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", Played({"train": [example(1, 0)] * 3}))
    refused("tfds", tmp_path, "bee has 0", name="insects")


def test_names_and_lists_in_messages_stay_on_a_line() -> None:
    assert listing([f"{number}" for number in range(23)]).endswith("18, 19 and 3 more")
    assert listing(["a\nb", "c"]) == "'a\\nb', c"
