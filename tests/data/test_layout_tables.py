"""A table of labels beside images: which columns are what, which files are meant, and what is asked."""

import time
from pathlib import Path

import pytest

from tests.data.test_layouts import classes, counted, fill
from valgap.data.layouts.layout import Layout
from valgap.data.layouts.understand import understand, understand_table
from valgap.ground.errors import SuiteError

IMAGES = [f"images/{number}.png" for number in range(1, 7)]
LABEL = ("cat", "dog", "cat", "dog", "cat", "dog")


def table(header: str, values: list[str], *more: list[str]) -> str:
    """Rows of values, the labels and more columns."""
    separator = next(mark for mark in ",;\t" if mark in header)
    return "\n".join([header, *(separator.join(row) for row in zip(values, LABEL, *more, strict=False))]) + "\n"


def read(root: Path, names: list[str], given: str = "", **tables: str) -> Layout:
    fill(root, names)
    for name, text in tables.items():
        (root / f"{name}.csv").write_text(text)
    return understand(root / given if given else root)


NAMED = {
    "path": ("path,label", [f"images/{number}.png" for number in range(1, 7)]),
    "file name": ("Filename,Class", [f"{number}.png" for number in range(1, 7)]),
    "id without suffix": ("image_id,category", [str(number) for number in range(1, 7)]),
    "a label of any name": ("id,has_cactus", [str(number) for number in range(1, 7)]),
    "semicolons": ("image;label", [f"{number}.png" for number in range(1, 7)]),
    "backslashes": ("file,label", [rf".\images\{number}.png" for number in range(1, 7)]),
    "another machine": ("path,label", [f"/content/drive/images/{number}.png" for number in range(1, 7)]),
    "spaces": ("File Name,Class Label", [f" {number}.png " for number in range(1, 7)]),
}


@pytest.mark.parametrize("title", NAMED)
@pytest.mark.parametrize("itself", [False, True])
def test_columns_are_found_and_said(tmp_path: Path, title: str, itself: bool) -> None:
    header, values = NAMED[title]
    found = read(tmp_path, IMAGES, "labels.csv" if itself else "", labels=table(header, values))
    assert counted(found) == {"cat": 3, "dog": 3}
    assert not found.unlabelled
    column, label = header.replace(";", ",").split(",")
    without = ", without their suffixes" if "id" in header else ""
    assert found.assumed == (
        f"`labels.csv` is the table of labels: column `{column}` names the files{without}, `{label}` the class.",
    )


def test_a_column_of_splits_is_read(tmp_path: Path) -> None:
    splits = ["train", "TRAIN", "Training", "training", "valid", "dev"]
    found = read(tmp_path, IMAGES, labels=table("path,label,subset", [name[7:] for name in IMAGES], splits))
    assert counted(found) == {"train cat": 2, "train dog": 2, "val cat": 1, "val dog": 1}
    assert found.assumed[0].endswith("`label` the class, `subset` the split.")


def test_splits_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="splits that are neither train, val nor test: `fold 1`"):
        read(tmp_path, IMAGES, labels=table("path,label,split", [name[7:] for name in IMAGES], ["fold 1"] * 6))
    other = read(tmp_path, IMAGES, labels=table("path,label,set", [name[7:] for name in IMAGES], ["A"] * 6))
    assert counted(other) == {"cat": 3, "dog": 3}


def test_a_table_of_each_split(tmp_path: Path) -> None:
    names = [name[7:] for name in IMAGES]
    found = read(tmp_path, IMAGES, train_labels=table("id,label", names[:4]), valid=table("id,label", names[4:]))
    assert counted(found) == {"train cat": 2, "train dog": 2, "val cat": 1, "val dog": 1}


def test_an_image_in_the_tables_of_two_splits_is_in_both(tmp_path: Path) -> None:
    names = [name[7:] for name in IMAGES]
    found = read(tmp_path, IMAGES, train=table("id,label", names), val=table("id,label", names[:2]))
    assert counted(found) == {"train cat": 3, "train dog": 3, "val cat": 1, "val dog": 1}


def test_folders_may_say_the_split_of_a_table(tmp_path: Path) -> None:
    names = [f"{split}/{number}.png" for split in ("train", "Valid") for number in (1, 2)]
    found = read(tmp_path, names, labels=table("path,label", names))
    assert counted(found) == {"train cat": 1, "train dog": 1, "val cat": 1, "val dog": 1}
    assert found.assumed[0].endswith("; the folders of the files say the split.")


def test_competitions(tmp_path: Path) -> None:
    names = ["train/1.png", "train/2.png", "train/3.png", "test/1.png", "test/4.png"]
    found = read(
        tmp_path, names, train=table("id,label", ["1", "2", "3"]), sample_submission="id,label\n1,cat\n4,cat\n",
        test="id\n1\n4\n",
    )  # fmt: skip
    assert [(entry.path, entry.label, entry.given) for entry in found.entries] == [
        ("train/1.png", "cat", "train"), ("train/2.png", "dog", "train"), ("train/3.png", "cat", "train"),
    ]  # fmt: skip
    assert [(one.path, one.files) for one in found.unlabelled] == [("test", 2)]
    assert found.lost == ()  # test images without labels were never meant to be learned from
    assert found.tables == ("train.csv",)
    assert found.said[-1] == "No images by their names, and not read: .csv (2)."


def test_what_table_and_files_do_not_share_is_said(tmp_path: Path) -> None:
    text = table("file,label", ["1.png", "2.png", "gone.png", "4.png", "4.png"]).replace("4.png,cat", "4.png,dog")
    found = read(tmp_path, IMAGES, labels=text + "5.png,\n")
    assert counted(found) == {"cat": 1, "dog": 2}
    assert [(one.path, one.files, one.why) for one in found.unlabelled] == [
        ("labels.csv", 1, "rows name files that are not there, such as `gone.png`"),
        ("labels.csv", 1, "rows have no label"),
        ("images", 3, "images that no row of `labels.csv` names"),
    ]
    assert found.assumed[1] == "1 rows of `labels.csv` say again what others say."
    assert [(one.name, one.why) for one in found.lost] == [
        ("gone.png", "in the table, but no file"),
        ("images/5.png", "has no label in the table"),
        ("images/3.png", "an image, but not in the table"),
        ("images/6.png", "an image, but not in the table"),
    ]


def test_a_table_that_says_what_folders_say_changes_nothing(tmp_path: Path) -> None:
    names = classes("train/") + classes("val/")
    rows = "".join(f"{name},{number % 4 // 2}\n" for number, name in enumerate(names))
    found = read(tmp_path, names, labels=f"path,label\n{rows}")
    assert counted(found) == {"train cat": 2, "train dog": 2, "val cat": 2, "val dog": 2}
    assert found.assumed == ("The tables beside the images say what the folders say.",)


def test_folders_that_are_parts_are_no_classes_where_a_table_says_others(tmp_path: Path) -> None:
    names = classes("", ("part_1", "part_2"))
    rows = "".join(f"{name},{label}\n" for name, label in zip(names, LABEL, strict=False))
    found = read(tmp_path, names, labels=f"path,label\n{rows}")
    assert counted(found) == {"cat": 2, "dog": 2}
    assert found.assumed[1] == "The folders' names say other labels, and are not read as such."


def test_a_table_that_does_not_matter_is_passed_over(tmp_path: Path) -> None:
    found = read(tmp_path, classes(""), history="epoch,label\n1,0.5\n2,0.3\n", empty="", one="path,label\n")
    assert counted(found) == {"cat": 2, "dog": 2}
    assert found.assumed == ("`cat` and `dog` are taken for the classes; no split is known.",)


def test_a_table_that_is_not_clear_is_said_to_be_passed_over(tmp_path: Path) -> None:
    found = read(tmp_path, ["a/1.png", "b/1.png", "b/2.png"], labels=table("name,label", ["1.png", "2.png"]))
    assert counted(found) == {"a": 1, "b": 2}
    assert found.assumed[1].startswith("A table is not read: labels.csv: column `name` names 1 files that there are")


def test_a_row_of_another_folder_means_no_file_of_the_same_name(tmp_path: Path) -> None:
    """Where the folders of some rows are those of the files, all of them are to be believed."""
    names = ["a/1.png", "a/2.png", "b/2.png"]
    rows = "a/1.png,cat\na/2.png,dog\n"
    found = read(tmp_path / "x", names, labels=f"path,label\n{rows}b/1.png,dog\n")
    assert counted(found) == {"cat": 1, "dog": 1}
    assert [one.name for one in found.lost] == ["b/1.png", "b/2.png"]
    elsewhere = read(tmp_path / "y", names[:2], labels=f"path,label\n{rows.replace('a/', 'photos/')}")
    assert counted(elsewhere) == {"cat": 1, "dog": 1}


def test_a_path_that_is_said_whole_is_clear(tmp_path: Path) -> None:
    found = read(tmp_path, ["1.png", "a/1.png", "2.png"], labels="path,label\n1.png,cat\n2.png,dog\na/1.png,dog\n")
    assert [(entry.path, entry.label) for entry in found.entries] == [
        ("1.png", "cat"),
        ("2.png", "dog"),
        ("a/1.png", "dog"),
    ]


SPLITS = classes("train/") + classes("val/")
REFUSED = {
    "folders and table differ": (
        SPLITS,
        {"labels": "path,label\n" + "".join(f"{name},{number % 2}\n" for number, name in enumerate(SPLITS))},
        "the folders and a table say different labels of the same images",
    ),
    "two tables": (
        IMAGES,
        {"labels": table("path,label", IMAGES), "other": table("path,label", IMAGES)},
        "several tables beside the images name them: `labels.csv` and `other.csv`; give the table that is meant itself",
    ),
    "two labels of a file": (
        IMAGES,
        {"labels": table("path,label", ["1.png", "1.png"])},
        "says two things of 1 files, such as `images/1.png`",
    ),
    "two columns of labels": (
        IMAGES,
        {"labels": table("path,label,category", IMAGES, ["x", "y", "y", "x", "y", "x"])},
        "several columns that may be the label, `label` and `category`",
    ),
    "names of several files": (
        ["a/1.png", "a/b/1.png", "a/2.png"], {"labels": table("name,label", ["1.png", "2.png"])},
        "names 1 files that there are several of, such as `1.png`: `a/1.png` and `a/b/1.png`; give their paths",
    ),
    "values that are no classes": (
        [f"{number}.png" for number in range(30)],
        {"labels": "path,label\n" + "".join(f"{number}.png,{number / 7}\n" for number in range(30))},
        "30 different labels of 30 images",
    ),
    "a column twice": (
        IMAGES, {"labels": table("path,label,label", IMAGES, ["x"] * 6)}, "has columns twice: label",
    ),
    "a row that is longer": (
        IMAGES, {"labels": table("path,label", IMAGES) + "1.png,a,b\n"}, "more cells than its header, path, label: 7",
    ),
    "one class": (IMAGES, {"labels": "path,label\n1.png,cat\n2.png,cat\n"}, "it has one class only, `cat`"),
    "a table of nothing": (IMAGES, {"labels": "path,label\n9.png,cat\n"}, "it has one class only, `images`"),
}  # fmt: skip


@pytest.mark.parametrize("title", REFUSED)
def test_what_a_table_does_not_tell_is_asked(tmp_path: Path, title: str) -> None:
    names, tables, message = REFUSED[title]
    with pytest.raises(SuiteError, match=message):
        read(tmp_path, names, **tables)


def test_a_table_that_is_given_must_name_images(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"labels\.csv': it names no image below its folder with a label"):
        read(tmp_path, IMAGES, "labels.csv", labels="path,label\n9.png,cat\n")
    (tmp_path / "labels.csv").write_bytes("path,label\n1.png,caf\xe9\n".encode("latin-1"))
    with pytest.raises(SuiteError, match="is not UTF-8"):
        understand(tmp_path / "labels.csv")


def test_of_several_tables_the_one_that_is_given_is_read(tmp_path: Path) -> None:
    other = table("path,label", IMAGES).replace("cat", "cow")
    found = read(tmp_path, IMAGES, "other.csv", labels=table("path,label", IMAGES), other=other)
    assert counted(found) == {"cow": 3, "dog": 3}


def test_a_table_of_many_rows_that_name_no_file_says_so_soon_and_what_was_looked_for(tmp_path: Path) -> None:
    fill(tmp_path, ["cat/1.png", "dog/2.png"])
    table = "path,label\n" + "".join(f"scans/p{row}/{row}.jpg,{'xy'[row % 2]}\n" for row in range(100_000))
    (tmp_path / "labels.csv").write_text(table)
    start = time.process_time()
    with pytest.raises(SuiteError, match=r"none of its rows \(100,000\) does; column `path` says `scans/p0/0\.jpg`"):
        understand_table(tmp_path, "labels.csv")
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("path,label\nx.jpg,a\n", "no file `x.jpg` lies below .*, where one is called `cat/1.png`"),
        ("image_id,label\n7,a\n", "no file `7`, with or without an image suffix, lies below"),
        (
            "path,label\n,a\n,b\n",
            "no column is called as one that names files, or it is empty: its columns are",
        ),
        ("path,label\ncat/1.png,\ndog/2.png,\n", "all 2 rows that name a file, such as `cat/1.png`, have no label"),
        ("path,x,y\ncat/1.png,a,b\n", "column `path` names files, but none is their label: its columns are path, x, y"),
    ],
)
def test_why_no_row_gives_an_image(tmp_path: Path, content: str, why: str) -> None:
    fill(tmp_path, ["cat/1.png", "dog/2.png"])
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(
        SuiteError, match=f"names no image below its folder with a label: .*{why}.*; one column, such as"
    ):
        understand_table(tmp_path, "labels.csv")
